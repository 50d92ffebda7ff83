"""Active health checks: who fails them gets no requests, who passes them again does, and clients notice nothing."""
import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import websockets
from support.client import ask
from support.gateway import settings
from support.h2_upstream import H2Upstream
from support.ports import free_port
from support.problem import assert_problem
from support.timing import SLOW, wait_until
from support.upstream import answer
from support.websocket import handshake

pytestmark = pytest.mark.threads
EVERY = 0.1 if SLOW == 2 else 0.2          # seconds
TIMEOUT = 0.3 if SLOW == 2 else 1.5
FALL, RISE = 2, 2


def health(more="", path='path = "/healthz"'):
    parts = [path, f'every = "{round(EVERY * 1000)}ms"', f'timeout = "{round(TIMEOUT * 1000)}ms"', f"fall = {FALL}",
             f"rise = {RISE}", more]
    return f"health = {{ {', '.join(part for part in parts if part)} }}"


def healthy(gateway, behind):
    return gateway.metric("sluice_upstream_endpoint_healthy", endpoint=behind.address)


def wait_for_state(gateway, behind, up):
    wait_until(lambda: healthy(gateway, behind) == up, f"{behind.address} is {'up' if up else 'down'}")


class Server:
    """A server of its own process, which can be killed and stopped; it answers 200 with its name."""
    CODE = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = sys.argv[2].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer.request_queue_size = 128
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

    def __init__(self, name):
        self.name, self.port = name, free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-c", self.CODE, str(self.port), self.name])
        wait_until(self.listens, f"{self.name} listens")

    def listens(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()


class Status:
    """A script: /healthz has this status, all else is 200."""

    def __init__(self, status=200):
        self.status = status

    def __call__(self, connection, received):
        answer(self.status if received.target == "/healthz" else 200)(connection, received)


@pytest.fixture
def servers():
    started = [Server("a"), Server("b")]
    yield started
    for one in started:
        one.stop()


def names(gateway, count=10):
    return {gateway.ask().body.decode() for _ in range(count)}


def test_a_server_that_is_killed_leaves_and_comes_back(gateway, servers):
    first, second = servers
    one = gateway(settings(first, second, upstream='balance = "round_robin"\n' + health()))
    wait_for_state(one, first, 1)
    assert names(one) == {"a", "b"}
    first.stop()
    began = time.monotonic()
    wait_for_state(one, first, 0)
    assert time.monotonic() - began < FALL * (EVERY * 1.1 + TIMEOUT) + SLOW
    log = one.wait_for_error_line(r"endpoint is unhealthy upstream=main endpoint=(\S+) reason=(.*)")
    assert log.group(1) == first.address and "connection" in log.group(2)
    assert names(one) == {"b"}
    connects = one.metric("sluice_upstream_connect_failures_total")
    assert all(one.ask().status == 200 for _ in range(20))
    assert one.metric("sluice_upstream_connect_failures_total") == connects       # nobody tries it any more
    first.start()
    wait_for_state(one, first, 1)
    one.wait_for_error_line("endpoint is healthy again")
    wait_until(lambda: names(one) == {"a", "b"}, "both serve again")


def test_a_server_that_is_frozen_leaves(gateway, servers):
    """The kernel still accepts for it: only a check notices."""
    first, second = servers
    one = gateway(settings(first, second, upstream='balance = "round_robin"\n' + health()))
    wait_for_state(one, second, 1)
    os.kill(second.process.pid, signal.SIGSTOP)
    wait_for_state(one, second, 0)
    one.wait_for_error_line("no whole answer in time")
    began = time.monotonic()
    assert names(one, 20) == {"a"}
    assert time.monotonic() - began < SLOW
    os.kill(second.process.pid, signal.SIGCONT)
    wait_for_state(one, second, 1)


def test_all_down_is_503_at_once_and_says_so(gateway, upstream):
    script = Status(503)
    behind = upstream(script)
    one = gateway(settings(behind, upstream=health(), more="""
[route.live]
match = { path = "/live", upgrade = "websocket" }
upstream = "main"
"""))
    wait_for_state(one, behind, 0)
    asked = len([each for each in behind.requests if each.target != "/healthz"])
    refused = one.ask(target="/x")
    assert_problem(refused, 503, "upstream_unhealthy")
    assert refused.get("Retry-After")
    assert_problem(one.ask(target="/live", fields=handshake()), 503, "upstream_unhealthy")
    assert len([each for each in behind.requests if each.target != "/healthz"]) == asked == 0
    assert ask(one.admin, "GET", "/readyz").status == 200                # the gateway is ready: its upstream is not
    assert one.metric("sluice_upstream_endpoint_up") == 0
    status = ask(one.admin, "GET", "/status").json()
    endpoint = status["upstreams"][0]["endpoints"][0]
    assert endpoint["state"] == "down" and endpoint["health"]["last_failure"] == "status 503"
    script.status = 204
    wait_for_state(one, behind, 1)
    assert one.ask(target="/x").status == 200
    assert ask(one.admin, "GET", "/status").json()["upstreams"][0]["endpoints"][0]["state"] == "up"
    assert one.metric("sluice_upstream_health_checks_total", result="passed") >= RISE
    assert one.metric("sluice_upstream_health_checks_total", result="failed") >= 1


def test_a_reload_keeps_what_is_known(gateway, upstream):
    good, bad = upstream(Status(200)), upstream(Status(500))
    text = settings(good, bad, upstream='balance = "round_robin"\n' + health("host = \"a.example\""))
    one = gateway(text)
    wait_for_state(one, bad, 0)
    failed = one.metric("sluice_upstream_health_checks_total", endpoint=bad.address, result="failed")
    for change in ("", "max_in_flight = 100\n"):          # of another table, and of this one
        one.reload(text.replace("[route.all]", f"{change}[route.more{len(change)}]\nmatch = {{ path = \"/more\" }}\n"
                                               'respond = { status = 200 }\n[route.all]'))
        asked = len([each for each in bad.requests if each.target == "/"])
        assert all(one.ask().status == 200 for _ in range(10))
        assert len([each for each in bad.requests if each.target == "/"]) == asked
        assert one.error_log().count("endpoint is unhealthy") == 1
        assert one.metric("sluice_upstream_health_checks_total", endpoint=bad.address, result="failed") >= failed
    assert {each.get("Host") for each in bad.requests if each.target == "/healthz"} == {"a.example"}
    one.reload(text.replace(health("host = \"a.example\""), ""))
    assert one.metrics().get("sluice_upstream_endpoint_healthy") is None
    wait_until(lambda: [one.ask() for _ in range(4)] and any(each.target == "/" for each in bad.requests), "all serve")


@pytest.mark.parametrize("protocol", ["h2c", "h2"])
def test_over_http2(gateway, authority, protocol):
    status = {"code": "200"}

    def script(connection, received):
        connection.answer(received, b"ok", status=status["code"])
    tls = None
    upstream = f'protocol = "{protocol}"\n' + health()
    if protocol == "h2":
        tls = authority.server_context("inner.example")
        tls.set_alpn_protocols(["h2"])
        upstream += f'\ntls = {{ ca = "{authority.cert}", sni = "inner.example" }}'
    with H2Upstream(script, tls=tls) as behind:
        one = gateway(settings(behind, upstream=upstream))
        wait_until(lambda: one.metric("sluice_upstream_health_checks_total", result="passed") >= 2, "it passes")
        checks = [dict(each.headers) for each in behind.requests]
        assert checks[0][":path"] == "/healthz" and checks[0][":method"] == "GET"
        assert checks[0][":authority"] == ("inner.example" if tls else behind.address)
        status["code"] = "500"
        wait_for_state(one, behind, 0)
        assert_problem(one.ask(), 503, "upstream_unhealthy")


def test_over_tls_with_our_certificate(gateway, upstream, authority):
    context = authority.server_context("inner.example")
    context.load_verify_locations(authority.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    cert, key = authority.leaf("gateway.example")
    behind = upstream(Status(200), tls=context)
    tls = f'tls = {{ ca = "{authority.cert}", sni = "inner.example", cert = "{cert}", key = "{key}" }}\n'
    one = gateway(settings(behind, upstream=tls + health()))
    wait_until(lambda: one.metric("sluice_upstream_health_checks_total", result="passed") >= 2, "it passes")
    assert not behind.failures
    one.reload(one.config_text.replace('sni = "inner.example"', 'sni = "other.example"'))
    wait_for_state(one, behind, 0)


class GrpcServer:
    """python3-grpcio with grpc.health.v1 by a generic handler; its status can be changed."""

    def __init__(self, implemented=True, tls=None):
        import grpc
        from concurrent import futures
        self.status, self.asked, self.delay = 1, [], threading.Event()
        self.delay.set()
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        if implemented:
            check = grpc.unary_unary_rpc_method_handler(self.check, lambda data: data, lambda data: data)
            self.server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check})])
        if tls:
            cert, key = (path.read_bytes() for path in tls)
            port = self.server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, cert)]))
        else:
            port = self.server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        self.server.start()

    def check(self, request, call):
        import grpc
        self.asked.append(request)
        self.delay.wait(10)
        if self.status is None:
            call.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return bytes([8, self.status])

    def stop(self):
        self.delay.set()
        self.server.stop(None)


@pytest.fixture
def grpc_server():
    pytest.importorskip("grpc")
    started = []

    def start(**options):
        started.append(GrpcServer(**options))
        return started[-1]
    yield start
    for one in started:
        one.stop()


@pytest.mark.parametrize("protocol", ["h2c", "h2"])
def test_grpc_health(gateway, grpc_server, authority, protocol):
    behind = grpc_server(tls=authority.leaf("inner.example") if protocol == "h2" else None)
    tls = f'tls = {{ ca = "{authority.cert}", sni = "inner.example" }}\n' if protocol == "h2" else ""
    asks = health('type = "grpc", service = "shop.Orders"', path="")
    one = gateway(settings(behind, upstream=f'protocol = "{protocol}"\n{tls}{asks}'))
    passed = lambda: one.metric("sluice_upstream_health_checks_total", result="passed")
    wait_until(lambda: passed() >= 2, "it passes")
    assert behind.asked[0] == b"\x0a\x0bshop.Orders"
    behind.status = 2
    wait_for_state(one, behind, 0)
    one.wait_for_error_line("reason=NOT_SERVING")
    behind.status = 1
    wait_for_state(one, behind, 1)
    behind.status = None
    wait_for_state(one, behind, 0)
    one.wait_for_error_line('reason="grpc-status 5"')
    behind.status = 1
    wait_for_state(one, behind, 1)
    behind.delay.clear()                    # it hangs
    wait_for_state(one, behind, 0)
    one.wait_for_error_line("no whole answer in time")


def test_a_grpc_server_without_the_health_service_is_down(gateway, grpc_server):
    behind = grpc_server(implemented=False)
    one = gateway(settings(behind, upstream='protocol = "h2c"\n' + health('type = "grpc"', path="")))
    wait_for_state(one, behind, 0)
    one.wait_for_error_line('reason="grpc-status 12"')


class SocketServer:
    """python3-websockets on a thread of its own; it can be told to refuse, and never to answer a ping."""

    def __init__(self, tls=None):
        self.tls, self.refuses, self.mute, self.opened, self.codes = tls, False, False, [], []
        self.loop, self.ready = asyncio.new_event_loop(), threading.Event()
        threading.Thread(target=self.run, daemon=True).start()
        self.ready.wait(10)

    def run(self):
        self.loop.run_until_complete(self.serve())

    async def serve(self):
        self.over = asyncio.Event()
        async with websockets.serve(self.talk, "127.0.0.1", 0, ssl=self.tls, process_request=self.judge) as server:
            self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            self.ready.set()
            await self.over.wait()

    async def judge(self, path, headers):
        self.opened.append((path, headers.get("Host")))
        return (403, [], b"no") if self.refuses else None

    async def talk(self, socket, _):
        if self.mute:
            socket.transport.pause_reading()
        await socket.send("welcome")               # what is no pong is no harm
        await socket.wait_closed()
        self.codes.append(socket.close_code)

    def stop(self):
        self.loop.call_soon_threadsafe(self.over.set)


@pytest.fixture
def socket_server():
    started = []

    def start(**options):
        started.append(SocketServer(**options))
        return started[-1]
    yield start
    for one in started:
        one.stop()


SOCKETS = health('type = "websocket"', path='path = "/live"')


def threads_of(gateway):
    return [Path(f"/proc/{gateway.pid}/task/{each}/comm").read_text().strip() for each in os.listdir(f"/proc/{gateway.pid}/task")]


def test_websocket_servers_are_asked_by_a_ping(gateway, socket_server):
    behind = socket_server()
    text = settings(behind, upstream=SOCKETS)
    one = gateway(text)
    wait_until(lambda: one.metric("sluice_upstream_health_checks_total", result="passed") >= 3, "it passes")
    assert set(behind.opened) == {("/live", behind.address)} and set(behind.codes) == {1000}
    behind.refuses = True
    wait_for_state(one, behind, 0)
    behind.refuses = False
    wait_for_state(one, behind, 1)
    behind.mute = True                              # it takes sockets, and hears nothing
    wait_for_state(one, behind, 0)
    one.wait_for_error_line('reason="no pong in time"')
    behind.mute = False
    wait_for_state(one, behind, 1)
    assert "health checks" in threads_of(one)
    files = one.open_files()
    checks = one.metric("sluice_upstream_health_checks_total")
    wait_until(lambda: one.metric("sluice_upstream_health_checks_total") >= checks + 10, "ten more")
    assert one.open_files() <= files + 3            # one under way, one closing
    one.reload(text.replace(SOCKETS, ""))
    wait_until(lambda: "health checks" not in threads_of(one), "the thread has ended")
    one.reload(text)
    wait_for_state(one, behind, 1)


def test_websocket_servers_over_tls(gateway, socket_server, authority, stranger):
    tls = authority.server_context("inner.example")
    behind = socket_server(tls=tls)
    text = settings(behind, upstream=f'tls = {{ ca = "{authority.cert}", sni = "inner.example" }}\n{SOCKETS}')
    one = gateway(text)
    wait_until(lambda: one.metric("sluice_upstream_health_checks_total", result="passed") >= 3, "it passes")
    assert set(behind.opened) == {("/live", "inner.example")}
    one.reload(text.replace("inner.example", "other.example"))
    wait_for_state(one, behind, 0)
    one.reload(text)
    wait_for_state(one, behind, 1)
    one.reload(text.replace(str(authority.cert), str(stranger.cert)))
    wait_for_state(one, behind, 0)
    one.reload(text.replace('sni = "inner.example"', 'sni = "other.example", verify = false'))
    wait_for_state(one, behind, 1)


def test_a_websocket_server_that_is_frozen_or_gone_is_down(gateway, servers):
    """One that speaks HTTP only says no."""
    first, second = servers
    one = gateway(settings(first, second, upstream=SOCKETS))
    wait_for_state(one, first, 0)
    os.kill(second.process.pid, signal.SIGSTOP)
    wait_for_state(one, second, 0)
    second.stop()
    wait_until(lambda: one.metric("sluice_upstream_health_checks_total", result="failed") >= 5, "more failures")
