"""Any reload that leaves a route as it was leaves its WebSockets as they were: none is closed, no message is lost, while
workers, listeners, certificates and servers come and go."""
import contextlib
import json
import threading
import time

import pytest
from support.client import Client, ask
from support.h2_websocket import H2Sockets
from support.timing import DEADLINE_SECONDS, wait_until
from support.websocket import TEXT, frame, switching
from test_websocket_http2 import CLIENTS, LISTEN, dial, live, serve, serve_h1

pytestmark = pytest.mark.threads
UPSTREAMS = ["h1", "h2c"]
EACH = 2                # sockets of each mix: either worker has some
AHEAD = 4               # messages that are under way at the same time
WORKERS = "workers = 2"
LIMITS = 'limits = { per_ip = 1, streams = 1, header = "4KiB" }\ntimeout = { idle = "100ms", header = "200ms", write = "1s" }'


@pytest.fixture(scope="module")
def servers(shared_upstream):
    """One of each kind that the sockets are opened to, and one of each that may take its place."""
    greeting = frame(TEXT, "welcome")

    def script(connection, asked):
        connection.send(switching(asked) + greeting)
        serve_h1(connection)
    script.early = True
    with H2Sockets(serve, behind=greeting) as first, H2Sockets(serve, behind=greeting) as other:
        yield [{"h1": shared_upstream(script), "h2c": one} for one in (first, other)]


class Talk(threading.Thread):
    """Messages on one socket, some of them always under way, until it is told to end."""

    def __init__(self, socket):
        super().__init__(daemon=True)
        self.socket, self.sent, self.heard, self.over, self.fault = socket, 0, 0, False, None
        self.start()

    def run(self):
        try:
            while not self.over or self.heard < self.sent:
                while not self.over and self.sent < self.heard + AHEAD:
                    self.socket.send(f"{self.sent}")
                    self.sent += 1
                said = self.socket.message()
                assert said == f"{self.heard}".encode(), f"{said} in the place of {self.heard}"
                self.heard += 1
                time.sleep(0.005)
            self.socket.close(4000, "done")
            assert self.socket.close_code() == (4000, "done")
        except Exception as fault:
            self.fault = repr(fault)


@contextlib.contextmanager
def talking(one, authority):
    """Sockets of every mix, that talk as long as this lasts; fails unless each has all it sent back, in its order, and
    an end of its client's own."""
    with contextlib.ExitStack() as stack:
        talks = {f"{client} to {upstream}, {n}":
                 Talk(stack.enter_context(dial(one, client, f"/{upstream}/a", authority=authority)))
                 for client in CLIENTS for upstream in UPSTREAMS for n in range(EACH)}
        go_on(talks)
        yield talks
        go_on(talks)
        for talk in talks.values():
            talk.over = True
        for talk in talks.values():
            talk.join(DEADLINE_SECONDS)
        assert {name: talk.fault for name, talk in talks.items() if talk.fault or talk.is_alive()} == {}


def go_on(talks):
    """Waits until each has exchanged more messages than are under way, or has failed."""
    before = {name: talk.heard for name, talk in talks.items()}
    wait_until(lambda: all(talk.heard > before[name] + AHEAD or talk.fault for name, talk in talks.items()),
               "all sockets go on")


def opens(one, authority, client="h1", upstream="h1"):
    with dial(one, client, f"/{upstream}/a", authority=authority) as socket:
        return socket.send("x").message() == b"x"


def workers(one):
    return json.loads(ask(one.admin, target="/status").body)["workers"]


def certificate(one, authority):
    """gives: the serial number of what a new connection is shown"""
    with Client(one.tls, tls=authority.client_context()) as client:
        return client.socket.getpeercert()["serialNumber"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_workers_changes(gateway, servers, authority, count):
    usual = {**servers[0], "authority": authority}
    one = gateway(live(**usual, server=WORKERS))
    with talking(one, authority) as talks:
        for number in (count, 2, count):
            one.reload(live(**usual, server=f"workers = {number}"))
            assert workers(one) == number
            go_on(talks)
        assert opens(one, authority)


def test_a_listeners_limits_and_timeouts_change(gateway, servers, authority):
    usual = {**servers[0], "authority": authority, "server": WORKERS}
    one = gateway(live(**usual))
    with talking(one, authority) as talks:
        one.reload(live(**usual, listen=f"{LISTEN}\n{LIMITS}", secure=LIMITS))
        for port, context in ((one.port, None), (one.tls, authority.client_context())):
            assert ask(port, target="/plain", tls=context).status == 503   # one connection of an address, and there are more
        time.sleep(0.5)                                                    # all the time-outs but one pass
        go_on(talks)


def test_a_listeners_certificate_and_profile_change(gateway, servers, authority, tmp_path):
    usual = {**servers[0], "authority": authority, "server": WORKERS}
    one = gateway(live(**usual))
    pair = authority.leaf("localhost", stem=tmp_path / "other")
    before = certificate(one, authority)
    with talking(one, authority):
        others = '[tls.other]\nprofile = "modern"\ncertificates = [{{ cert = "{}", key = "{}" }}]\n'.format(*pair)
        one.reload(live(**usual, more=others).replace('tls = "site"', 'tls = "other"'))
        assert certificate(one, authority) != before
        assert opens(one, authority, "wss") and opens(one, authority, "h2")


def test_an_identical_configuration_is_none(gateway, servers, authority):
    usual = {**servers[0], "authority": authority, "server": WORKERS}
    one = gateway(live(**usual))
    with talking(one, authority) as talks:
        before = one.metric("sluice_tunnels")
        for _ in range(3):
            assert one.reload(live(**usual)).startswith("unchanged")
            go_on(talks)
        assert one.metric("sluice_tunnels") == before == len(talks)


@pytest.mark.parametrize("websocket", ["", 'max_message = "1KiB"'], ids=["followed", "read"])
def test_servers_leave_while_sockets_to_them_are_open(gateway, servers, authority, websocket):
    first, other = servers
    usual = {"authority": authority, "server": WORKERS, "websocket": websocket}
    one = gateway(live(**first, **usual))
    with talking(one, authority) as talks:
        for now in (other, first, other):
            one.reload(live(**now, **usual))
            before = {upstream: len(now[upstream].requests) for upstream in UPSTREAMS}
            for client, upstream in zip(("h1", "h2c"), UPSTREAMS):
                assert opens(one, authority, client, upstream)
            assert all(len(now[upstream].requests) == before[upstream] + 1 for upstream in UPSTREAMS)
            go_on(talks)


def test_the_listeners_that_sockets_came_by_go(gateway, servers, authority):
    usual = {**servers[0], "server": WORKERS}
    one = gateway(live(**usual, authority=authority))
    with talking(one, authority) as talks:
        moved = live(**usual).replace("@port@", "@elsewhere@")   # and none with TLS
        one.reload(moved)
        for port in (one.port, one.tls):
            with pytest.raises(ConnectionRefusedError):
                Client(port)
        assert ask(one.elsewhere, target="/plain").status == 200
        go_on(talks)
        assert one.metric("sluice_tunnels") == len(talks)
