"""Free ports for programs that must be told one."""
import fcntl
import os
import socket
import tempfile

# Below the kernel's range for outgoing connections (32768 and up): no client socket can take them
# meanwhile.
_FIRST, _LAST = 10_000, 32_000
_BLOCK = 500
_blocks = []          # files, locked for as long as this process lives
_next = iter(())


def free_port(host="127.0.0.1"):
    """A port that no other process of any test run is given: a probe alone would leave the time
    until the program listens there to somebody else's."""
    global _next
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        for port in _next:
            if _is_free(family, host, port):
                return port
        _next = iter(_take_block())


def _is_free(family, host, port):
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, port))
            return True
        except OSError:
            return False


def _take_block():
    """Locks a block of ports that nobody has; the lock goes with the process."""
    for first in range(_FIRST, _LAST, _BLOCK):
        path = os.path.join(tempfile.gettempdir(), f"sluice-test-ports-{first}")
        try:
            lock = open(path, "a")
        except PermissionError:      # another user's
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        _blocks.append(lock)
        return range(first, first + _BLOCK)
    raise AssertionError("no free port")
