"""HTTP/2, gRPC and WebSockets: their backends, variants of the proxies, and what load.py sends."""
import base64
import shutil
import subprocess

import peers

LIVE, CALL = "/live", "/bench.Echo/Say"
ECHO_BACKEND, H2_BACKEND, CALL_BACKEND, NGHTTPX = 19002, 19003, 19004, 19050
MESSAGE = bytes(100)            # of a call, and of its answer
H2_STREAMS = 512                # that the backend takes on a connection
NGHTTPX_TIMES = [f"--{side}-{what}-timeout=1h" for side in ("frontend", "backend") for what in ("read", "keep-alive")]


def framed(message):
    return b"\0" + len(message).to_bytes(4, "big") + message


def prepare(folder):
    """Programs, and the message of a call."""
    for name in ("ws_load", "ws_echo"):
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-Wall", "-Werror", "-o", folder / name, peers.HERE / f"{name}.c",
                        "-lcrypto"], check=True)
    (folder / "call").write_bytes(framed(MESSAGE))
    put(folder / "calls" / CALL[1:], framed(MESSAGE))
    put(folder / "small" / peers.SMALL[1:], peers.ANSWER)


def put(file, content):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def call_options(folder):
    return ["-d", folder / "call", "-H", "content-type: application/grpc", "-H", "te: trailers"]


def backends(folder):
    """An echo of WebSockets, and two servers of HTTP/2: nghttpd, which is quicker at it than what it is to keep busy; one
    answers gRPC calls, with grpc-status in its trailers."""
    found = [peers.Process("ws-echo", [folder / "ws_echo", ECHO_BACKEND], peers.LOAD_CORE, ECHO_BACKEND)]
    if shutil.which("nghttpd"):
        for name, port, more in (("small", H2_BACKEND, []), ("calls", CALL_BACKEND, ["--trailer", "grpc-status: 0"])):
            command = [shutil.which("nghttpd"), port, "--no-tls", "-d", folder / name, *more, "-a", "127.0.0.1", f"-m{H2_STREAMS}"]
            found.append(peers.Process(name, command, peers.LOAD_CORE, port))
    return found


def variants(folder):
    """Processes named as load.py's workloads ask for them."""
    found = []
    config = peers.variant(folder, "nginx.conf", "h2", 6, [("ssl backlog=4096", "ssl http2 backlog=4096")])
    found.append(peers.nginx("nginx-h2", config, folder, 6, proxy="nginx"))
    config = peers.variant(folder, "haproxy.cfg", "h2", 300, [("alpn http/1.1", "alpn h2")])
    found.append(peers.haproxy("haproxy-h2", config, 300, proxy="haproxy"))
    config = peers.variant(folder, "sluice.toml", "h2c", 320, [
        (f'servers = ["127.0.0.1:{peers.BACKEND}"]\n', f'servers = ["127.0.0.1:{H2_BACKEND}"]\nprotocol = "h2c"\n')])
    found.append(peers.sluice("sluice-h2c", config, 320, proxy="sluice"))
    config = peers.variant(folder, "sluice.toml", "messages", 324, [
        ('websocket = { idle = "1h" }', 'websocket = { idle = "1h", max_message = "64KiB", rate = "1_000_000/1s", ping = "30s" }')])
    found.append(peers.sluice("sluice-messages", config, 324, proxy="sluice"))
    config = peers.variant(folder, "sluice.toml", "grpc", 322, [
        ("[route.service0]", f"""[upstream.calls]
servers = ["127.0.0.1:{CALL_BACKEND}"]
protocol = "h2c"
timeout = {{ connect = "1s", response = "15s", body = "60s" }}
[route.calls]
match = {{ path = "{CALL}" }}
upstream = "calls"
[route.service0]""")])
    found.append(peers.sluice("sluice-grpc", config, 322, proxy="sluice"))
    config = peers.variant(folder, "nginx.conf", "grpc", 8, [
        ("ssl backlog=4096", "ssl http2 backlog=4096"),
        ("upstream sink {", f"upstream calls {{ server 127.0.0.1:{CALL_BACKEND}; keepalive 64; "
                            "keepalive_requests 1000000000; keepalive_timeout 3600s; }\n  upstream sink {"),
        ("location /upload/", f"location {CALL} {{ grpc_pass grpc://calls; }}\n    location /upload/")])
    found.append(peers.nginx("nginx-grpc", config, folder, 8, proxy="nginx"))
    config = peers.variant(folder, "haproxy.cfg", "grpc", 302, [
        ("alpn http/1.1", "alpn h2"),
        ("  use_backend sink if", f"  use_backend calls if {{ path {CALL} }}\n  use_backend sink if"),
        ("backend sink\n", f"backend calls\n  server one 127.0.0.1:{CALL_BACKEND} proto h2 pool-max-conn -1 "
                           "pool-purge-delay 3600s\nbackend sink\n")])
    found.append(peers.haproxy("haproxy-grpc", config, 302, proxy="haproxy"))
    if shutil.which("nghttpx"):
        found.append(nghttpx("nghttpx", folder, NGHTTPX + 4, [f"127.0.0.1,{peers.BACKEND}", f"127.0.0.1,{ECHO_BACKEND};{LIVE}"],
                             NGHTTPX + 5))
        found.append(nghttpx("nghttpx-h2", folder, None, [f"127.0.0.1,{peers.BACKEND}"], NGHTTPX))
        found.append(nghttpx("nghttpx-grpc", folder, None, [f"127.0.0.1,{CALL_BACKEND};;proto=h2"], NGHTTPX + 2))
    return found


def nghttpx(name, folder, port, backends, tls_port=None):
    """One worker, connections kept as long as the other proxies keep theirs, no access log. `backends`: as its -b takes them.
    needs: a port or a tls_port"""
    ports = [f"-f127.0.0.1,{port};no-tls"] if port else []
    ports += [f"-f127.0.0.1,{tls_port}"] if tls_port else []
    command = [shutil.which("nghttpx"), "--conf=/dev/null", "--workers=1", "--no-ocsp", "--single-process", *NGHTTPX_TIMES, *ports,
               *(f"-b{one}" for one in backends), f"--errorlog-file={folder}/{name}.log", folder / "bench.key", folder / "bench.crt"]
    return peers.Process(name, command, peers.PROXY_CORE, port or tls_port, tls_port, proxy="nghttpx")


def handshake(path=LIVE):
    """gives: a request for a WebSocket"""
    key = base64.b64encode(b"the sample nonce").decode()
    return (f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode()
