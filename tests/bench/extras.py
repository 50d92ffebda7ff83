"""What is weighed or counted, not timed in rounds: memory of idle connections, 10,000 routes, log
lines, reloads under load. Each gives lines for the results: what, found, goal, met."""
import re
import resource
import signal
import socket
import ssl
import subprocess
import time

import idle
import load
import peers
import protocols

PLAIN_CONNECTIONS, TLS_CONNECTIONS = 2_000, 1_000
ROUTES, UPSTREAMS = 10_000, 1_000
RELOAD_PORT, RELOAD_ADMIN, ROUTES_PORT, MANY_ECHO, BEHIND = 19060, 19061, 19062, 19064, 19065
REQUEST = b"GET /service42/items/7 HTTP/1.1\r\nHost: localhost\r\n\r\n"


def line(what, found, goal="", met=None):
    return {"what": what, "found": found, "goal": goal,
            "met": "" if met is None else "met" if met else "NOT MET"}


def log_lines(logging, folder):
    found = []
    for one in logging:
        missing = load.unlogged(one, folder)
        found.append(line(f"log lines missing after 20,000 requests, {one.proxy}", str(missing), "0",
                          missing == 0))
    return found


def _one_idle(port, context, request=REQUEST, status=b"200"):
    client = socket.create_connection(("127.0.0.1", port), 10)
    if context:
        client = context.wrap_socket(client, server_hostname="localhost")
    client.sendall(request)
    if not client.recv(4096).startswith(b"HTTP/1.1 " + status):
        raise SystemExit(f"no answer on port {port}")
    return client


def _one_socket(port, context, path=protocols.LIVE):
    return _one_idle(port, context, protocols.handshake(path), b"101")


def _bytes_each(proxy, port, context, count, make):
    """Resident memory per idle connection that has had one request."""
    for one in [make(port, context) for _ in range(20)]:
        one.close()
    before = proxy.resident_kib()
    clients = [make(port, context) for _ in range(count)]
    time.sleep(0.5)
    used = proxy.resident_kib() - before
    for one in clients:
        one.close()
    return used * 1024 / count


def idle_memory(compared, folder):
    """Each proxy begins anew: what it kept for the connections of an earlier load would be counted as nothing."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    found = []
    for kind, tls, make, count, goal in (
            ("plain connection", False, _one_idle, PLAIN_CONNECTIONS, 700),
            ("TLS connection", True, _one_idle, TLS_CONNECTIONS, 15_000),
            ("relayed WebSocket, both sides plain", False, _one_socket, PLAIN_CONNECTIONS, 1_500),
            ("relayed WebSocket, client over TLS", True, _one_socket, TLS_CONNECTIONS, 16_500)):
        for one in compared:
            port = one.tls_port if tls else one.port
            if port is None or one.name == "relay":
                continue
            one.stop()
            one.start(folder)
            each = _bytes_each(one, port, context if tls else None, count, make)
            ours = one.name == "sluice"
            found.append(line(f"memory per idle {kind}, {one.name}", f"{each:,.0f} B",
                              f"{goal:,} B" if ours else "", each <= goal if ours else None))
    return found


def many_routes(folder):
    """Time until it serves, and memory, with 10,000 routes and 1,000 upstreams."""
    text = [f'sluice = 1\n[server]\nworkers = 1\n[log.error]\nlevel = "error"\n'
            f'[listen.plain]\naddress = "127.0.0.1:{ROUTES_PORT}"\n']
    text += [f'[upstream.u{i}]\nservers = ["127.0.0.1:{peers.BACKEND}"]\n' for i in range(UPSTREAMS)]
    text += [f'[route.r{i}]\nmatch = {{ path = "/service{i}/{{kind}}/{{id}}" }}\n'
             f'upstream = "u{i % UPSTREAMS}"\n' for i in range(ROUTES)]
    config = folder / "routes.toml"
    config.write_text("".join(text))
    one = peers.Process("sluice-routes", [peers.SLUICE, "run", config], peers.PROXY_CORE, ROUTES_PORT)
    began = time.monotonic()
    one.start(folder)
    took = time.monotonic() - began
    try:
        memory = one.resident_kib() / 1024
    finally:
        one.stop()
    names = f"{ROUTES:,} routes and {UPSTREAMS:,} upstreams"
    return [line(f"load time of {names}", f"{took:.2f} s", "3 s", took <= 3),
            line(f"memory with {names}", f"{memory:.0f} MiB", "200 MiB", memory <= 200)]


def _reload(config):
    done = subprocess.run([peers.SLUICE, "reload", config], capture_output=True, text=True,
                          timeout=60)
    return done.returncode == 0, done.stdout + done.stderr


def _reloading(folder):
    """gives: a gateway that can be reloaded, its configuration's file and text; or why there is none"""
    text = (folder / "sluice.toml").read_text()
    text = text.replace(f"127.0.0.1:{peers.SLUICE_PORT + peers.TLS}", f"127.0.0.1:{RELOAD_PORT + 3}")
    text = text.replace(f"127.0.0.1:{peers.SLUICE_PORT}", f"127.0.0.1:{RELOAD_PORT}")
    text = text.replace("per_ip = 10_000", "per_ip = 20_000")
    text = text.replace(f'address = "127.0.0.1:{peers.ADMIN}"',
                        f'address = "127.0.0.1:{RELOAD_ADMIN}"\ncontrol = "unix:{folder}/control.sock"')
    config = folder / "reload.toml"
    config.write_text(text)
    one = peers.Process("sluice-reload", [peers.SLUICE, "run", config], peers.PROXY_CORE, RELOAD_PORT)
    try:
        one.start(folder)
        works, said = _reload(config)
    except SystemExit as why:
        works, said = False, str(why)
    if not works:
        one.stop()
        return None, config, " ".join(said.split())[:120]
    return one, config, text


def _changed(text, number):
    """Each differs from the one before in something that every request of a route uses."""
    return text.replace("service42\" }", f"service42-{number % 2}\" }}")


def reloads(folder, count):
    """That many changed configurations while requests come: none fails, no idle connection is closed (plain, over TLS,
    of HTTP/2), memory stays."""
    one, config, text = _reloading(folder)
    if one is None:
        return [line("reloads under load", f"skipped: {text}")]
    kept = idle.Idle(RELOAD_PORT, RELOAD_PORT + 3)
    target = f"http://127.0.0.1:{RELOAD_PORT}{peers.SMALL}"
    command = ["taskset", "-c", str(peers.LOAD_CORE), "wrk", "-t", "1", "-c", "32", "-d", "3600s",
               "--timeout", "20s", target]
    traffic = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    memory, failed = [], 0
    try:
        for number in range(count):
            config.write_text(_changed(text, number))
            worked, said = _reload(config)
            failed += not worked
            if number in (count // 10, count - 1):
                memory.append(one.resident_kib())
        still = kept.kept()
    finally:
        traffic.send_signal(signal.SIGINT)      # wrk reports what it has
        output, _ = traffic.communicate(timeout=30)
        kept.close()
        one.stop()
    errors = re.search(r"Socket errors: (.*)|Non-2xx.*: (\d+)", output)
    requests = re.search(r"(\d+) requests in", output)
    grown = (memory[-1] - memory[0]) / 1024
    return [line(f"{count:,} reloads refused", str(failed), "0", failed == 0),
            line(f"requests that failed meanwhile, of {int(requests.group(1)):,}",
                 errors.group(0) if errors else "0", "0", errors is None),
            line(f"idle connections kept through all of them, of {len(kept.all)}", str(still), str(len(kept.all)),
                 still == kept.made == len(kept.all)),
            line(f"memory from reload {count // 10:,} to {count:,}",
                 f"{memory[0] / 1024:.1f} to {memory[-1] / 1024:.1f} MiB", "flat (2 MiB)", grown <= 2)]


LIVE_ROUTE = """
[route.{name}]
match = {{ path = "{path}", upgrade = "websocket" }}
upstream = "{name}"
websocket = {{ idle = "1h" }}
[upstream.{name}]
servers = ["127.0.0.1:{port}"]
"""
SHARED = "/shared"              # a route whose sockets share connections to the gateway behind


def _gateway_behind(folder):
    """gives: a gateway that takes WebSockets over HTTP/2 (RFC 8441) and opens each to the echo"""
    config = folder / "behind.toml"
    config.write_text('sluice = 1\n[server]\nworkers = 1\n[log.error]\nlevel = "warn"\n[listen.h2c]\n'
                      f'address = "127.0.0.1:{BEHIND}"\nprotocols = ["h2c"]\ntimeout = {{ idle = "1h" }}\n'
                      + LIVE_ROUTE.format(name="shared", path=SHARED, port=MANY_ECHO))
    return peers.Process("sluice-behind", [peers.SLUICE, "run", config], peers.LOAD_CORE, BEHIND)


def socket_reloads(folder, count, sockets=10_000):
    """That many changed configurations while so many WebSockets are open, and some of them talk: none is closed, no message is
    lost, memory stays. Where this machine does not allow the gateway two file descriptors for each, those beyond share
    HTTP/2 connections to a second gateway."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))      # what is started from here on inherits it
    alone = sockets if hard == resource.RLIM_INFINITY else min(sockets, hard - 1_000 - sockets)
    echo = peers.Process("ws-echo-many", [folder / "ws_echo", MANY_ECHO], peers.LOAD_CORE, MANY_ECHO)
    echo.start(folder)
    one, config, text = _reloading(folder)
    if one is None:
        echo.stop()
        return [line("WebSockets over reloads", f"skipped: {text}")]
    behind = _gateway_behind(folder)
    text = text.replace(f"127.0.0.1:{protocols.ECHO_BACKEND}", f"127.0.0.1:{MANY_ECHO}")
    text += LIVE_ROUTE.format(name="shared", path=SHARED, port=BEHIND) + 'protocol = "h2c"\n'
    config.write_text(text)
    clients, memory, lost, refused = [], [], 0, 0
    try:
        behind.start(folder)
        refused += not _reload(config)[0]
        clients = [_one_socket(RELOAD_PORT, None, protocols.LIVE if number < alone else SHARED) for number in range(sockets)]
        for number in range(count):
            config.write_text(_changed(text, number))
            talking = clients[number % sockets::sockets // 10]
            sent = [(client, f"{number:08}".encode()) for client in talking]
            for client, word in sent:
                client.sendall(b"\x82\x88" + bytes(4) + word)      # its mask is zero
            refused += not _reload(config)[0]
            for client, word in sent:
                lost += client.recv(100) != b"\x82\x08" + word
            if number in (count // 10, count - 1):
                memory.append(one.resident_kib())
        closed = 0
        for client in clients:
            client.sendall(b"\x82\x81" + bytes(4) + b"x")
        for client in clients:
            client.settimeout(5)
            try:
                closed += client.recv(100) != b"\x82\x01x"
            except OSError:
                closed += 1
    finally:
        for client in clients:
            client.close()
        one.stop()
        behind.stop()
        echo.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    grown = (memory[-1] - memory[0]) / 1024
    what = f"{sockets:,} open WebSockets, {count:,} reloads"
    return [line(f"{what}: refused reloads", str(refused), "0", refused == 0),
            line(f"{what}: closed sockets", str(closed), "0", closed == 0),
            line(f"{what}: lost messages, of {10 * count + sockets:,}", str(lost), "0", lost == 0),
            line(f"{what}: memory from reload {count // 10:,} to {count:,}",
                 f"{memory[0] / 1024:.1f} to {memory[-1] / 1024:.1f} MiB", "flat (2 MiB)", grown <= 2)]
