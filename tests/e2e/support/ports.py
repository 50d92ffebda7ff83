"""Free ports for programs that must be told one."""
import random
import socket

# Below the kernel's range for outgoing connections (32768 and up): no client socket can take them
# meanwhile.
_FIRST, _LAST = 20_000, 32_000
_given = set()


def free_port(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(200):
        port = random.randint(_FIRST, _LAST)
        if port in _given:
            continue
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise AssertionError("no free port")
