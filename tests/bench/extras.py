"""What is weighed or counted, not timed in rounds: memory of idle connections, 10,000 routes, log
lines, reloads under load. Each gives lines for the results: what, found, goal, met."""
import re
import signal
import socket
import ssl
import subprocess
import time

import load
import peers

PLAIN_CONNECTIONS, TLS_CONNECTIONS = 2_000, 1_000
ROUTES, UPSTREAMS = 10_000, 1_000
RELOAD_PORT, RELOAD_ADMIN, ROUTES_PORT = 19060, 19061, 19062
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


def _one_idle(port, context):
    client = socket.create_connection(("127.0.0.1", port), 10)
    if context:
        client = context.wrap_socket(client, server_hostname="localhost")
    client.sendall(REQUEST)
    if not client.recv(4096).startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"no answer on port {port}")
    return client


def _bytes_each(proxy, port, context, count):
    """Resident memory per idle connection that has had one request."""
    for one in [_one_idle(port, context) for _ in range(20)]:
        one.close()
    before = proxy.resident_kib()
    clients = [_one_idle(port, context) for _ in range(count)]
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
    for kind, count, goal in (("plain", PLAIN_CONNECTIONS, 700), ("TLS", TLS_CONNECTIONS, 15_000)):
        for one in compared:
            port = one.tls_port if kind == "TLS" else one.port
            if port is None or one.name == "relay":
                continue
            one.stop()
            one.start(folder)
            each = _bytes_each(one, port, context if kind == "TLS" else None, count)
            ours = one.name == "sluice"
            found.append(line(f"memory per idle {kind} connection, {one.name}", f"{each:,.0f} B",
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


def reloads(folder, count):
    """That many changed configurations while requests come: none fails, no idle connection is closed, memory
    stays."""
    text = (folder / "sluice.toml").read_text()
    text = text.replace(f"127.0.0.1:{peers.SLUICE_PORT + peers.TLS}", f"127.0.0.1:{RELOAD_PORT + 3}")
    text = text.replace(f"127.0.0.1:{peers.SLUICE_PORT}", f"127.0.0.1:{RELOAD_PORT}")
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
        return [line("reloads under load", "skipped: " + " ".join(said.split())[:120])]
    idle = _one_idle(RELOAD_PORT, None)
    target = f"http://127.0.0.1:{RELOAD_PORT}{load.SMALL}"
    command = ["taskset", "-c", str(peers.LOAD_CORE), "wrk", "-t", "1", "-c", "32", "-d", "3600s",
               "--timeout", "20s", target]
    traffic = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    memory, failed = [], 0
    try:
        for number in range(count):
            # Each differs from the one before in something that every request of a route uses.
            config.write_text(text.replace("service42\" }", f"service42-{number % 2}\" }}"))
            worked, said = _reload(config)
            failed += not worked
            if number in (count // 10, count - 1):
                memory.append(one.resident_kib())
        idle.sendall(REQUEST)
        kept = idle.recv(4096).startswith(b"HTTP/1.1 200")
    finally:
        traffic.send_signal(signal.SIGINT)      # wrk reports what it has
        output, _ = traffic.communicate(timeout=30)
        idle.close()
        one.stop()
    errors = re.search(r"Socket errors: (.*)|Non-2xx.*: (\d+)", output)
    requests = re.search(r"(\d+) requests in", output)
    grown = (memory[-1] - memory[0]) / 1024
    return [line(f"{count:,} reloads refused", str(failed), "0", failed == 0),
            line(f"requests that failed meanwhile, of {int(requests.group(1)):,}",
                 errors.group(0) if errors else "0", "0", errors is None),
            line("idle connection kept through all of them", "yes" if kept else "no", "yes", kept),
            line(f"memory from reload {count // 10:,} to {count:,}",
                 f"{memory[0] / 1024:.1f} to {memory[-1] / 1024:.1f} MiB", "flat (2 MiB)", grown <= 2)]
