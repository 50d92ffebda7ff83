"""Does a route's place matter? Instructions per request for the first, the middle and the last of 10,000
routes, counted by callgrind: the same whatever else the machine does. Part of `make bench`."""
import itertools
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import peers

ROUTES, WARM_UP, COUNTED = 10_000, 200, 2_000
PORT = 19050
HEAD = f"""sluice = 1
[server]
workers = 1
drain_delay = "0s"
[log.error]
level = "error"
[listen.plain]
address = "127.0.0.1:{PORT}"
[upstream.backend]
servers = ["127.0.0.1:@backend@"]
"""
ROUTE = """[route.r{0:05}]
match = {{ path = "/service{0:05}/{{kind}}/{{id}}" }}
upstream = "backend"
[route.r{0:05}.headers.request]
set = {{ X-Service = "r{0:05}" }}
"""


class Backend(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True   # head and body are two writes

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """The gateway's end resets its connections: nothing to report."""


def connected(port=PORT):
    return socket.create_connection(("127.0.0.1", port), 60)


def ask(client, path, times, fields):
    for _ in range(times):
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{next(fields)}\r\n".encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\nok"):
            piece = client.recv(65536)
            if not piece:
                raise SystemExit(f"closed after {answer!r}")
            answer += piece
            if b" 200 " not in answer[:20]:
                raise SystemExit(f"{path} was refused: {answer!r}")


def instructions(config, path, fields=itertools.repeat(""), connect=connected):
    """fields: of one request after the other
    gives: instructions of one request; start and end of the process and of the connection left out"""
    dump = config.with_suffix(".callgrind")
    gateway = subprocess.Popen(["valgrind", "--tool=callgrind", f"--callgrind-out-file={dump}",
                                peers.SLUICE, "run", config],
                               stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_for(gateway)
        with connect() as client:
            ask(client, path, WARM_UP, fields)
            control(gateway, "--zero")
            ask(client, path, COUNTED, fields)
            control(gateway, "--dump")
    finally:
        gateway.terminate()
        gateway.wait(60)
    return int(re.search(r"^totals: (\d+)", Path(f"{dump}.1").read_text(), re.MULTILINE)[1]) / COUNTED


def wait_for(gateway):
    end = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", PORT), 1).close()
            return
        except OSError:
            if time.monotonic() > end or gateway.poll() is not None:
                raise SystemExit("the gateway did not start under valgrind") from None
            time.sleep(0.1)


def control(gateway, order):
    subprocess.run(["callgrind_control", order, str(gateway.pid)], check=True, timeout=60,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure():
    """gives: instructions per request by place"""
    server = Server(("127.0.0.1", 0), Backend)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="sluice-places-") as folder:
        config = Path(folder) / "sluice.toml"
        text = HEAD.replace("@backend@", str(server.server_port))
        config.write_text(text + "".join(ROUTE.format(i) for i in range(ROUTES)))
        found = {}
        for name, number in (("first", 0), ("middle", ROUTES // 2), ("last", ROUTES - 1)):
            found[name] = instructions(config, f"/service{number:05}/items/7")
    server.shutdown()
    return found


def text():
    found = measure()
    ratio = found["last"] / found["first"]
    shown = ", ".join(f"{place} {count:,.0f}" for place, count in found.items())
    return (f"Instructions per proxied request by the route's place among {ROUTES:,} routes: {shown}; last over "
            f"first {ratio:.3f} (goal: within 5 %).\n")


if __name__ == "__main__":
    sys.stdout.write(text())
