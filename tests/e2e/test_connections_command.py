"""What is in flight: counted by route in /status, listed and closed by `sluice connections`."""
import hashlib
import json
import socket
import threading
import time

import pytest
from support.client import Client, ask, request
from support.gateway import run_command, settings
from support.h2_client import H2Client
from support.h2_websocket import H2WebSocket
from support.timing import wait_until
from support.websocket import WebSocket, echo, opened

pytestmark = pytest.mark.threads   # every worker is asked by the main thread


def held(release):
    """Answers a GET of /slow with a head and a piece at once, and with the rest when told to."""
    def answer(connection, asked):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
        release.wait(30)
        connection.send(b"56789")
    return answer


@pytest.fixture
def busy(gateway, upstream, tmp_path):
    """A gateway with two workers, a route for sockets with keys, one for slow answers, one that nobody uses."""
    keys = tmp_path / "keys.jsonl"
    keys.write_text("".join('{"sha256": "%s", "consumer": "%s", "id": "%s"}\n'
                            % (hashlib.sha256(key.encode()).hexdigest(), consumer, key)
                            for key, consumer in (("k-ada", "ada"), ("k-bob", "bob"), ("k-bob2", "bob"))))
    release = threading.Event()
    sockets, slow = upstream(opened(echo)), upstream(held(release))
    one = gateway(settings(server="workers = 2", listen='protocols = ["h1", "h2c"]', more=f"""
[upstream.sockets]
servers = ["{sockets.address}"]
[upstream.slow]
servers = ["{slow.address}"]
[auth.partners]
type = "api_key"
store = "file:{keys}"
[route.live]
match = {{ path = "/live", upgrade = "websocket" }}
upstream = "sockets"
auth = ["partners"]
[route.slow]
match = {{ path = "/slow" }}
upstream = "slow"
auth = "none"
[route.quiet]
match = {{ path = "/quiet" }}
upstream = "slow"
auth = "none"
"""))
    one.release = release
    yield one
    release.set()


def connections(one, *options):
    return run_command("connections", "--control", f"unix:{one.control_path}", *options, binary=one.binary)


def listed(one, *options):
    done = connections(one, "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def opening(one, key):
    return WebSocket(one.port, "/live", [("X-Api-Key", key)])


def slow_answer(one):
    client = Client(one.port)
    client.send(request("GET", "/slow"))
    wait_until(lambda: client.socket.recv(4096, socket.MSG_PEEK).endswith(b"01234"), "a piece of the answer")
    return client


def test_status_counts_what_is_in_flight_by_route(busy):
    with opening(busy, "k-ada") as ada, opening(busy, "k-bob") as bob, slow_answer(busy):
        assert ada.send("four").message() == b"four"
        status = json.loads(ask(busy.admin, target="/status").body)
        routes = {route["name"]: route for route in status["routes"]}
        assert set(routes) == {"live", "slow"}   # not those where nothing is
        live = routes["live"]
        assert (live["requests"], live["sockets"]) == (0, 2)
        assert (live["request_bytes"], live["response_bytes"]) == (4 + 6, 4 + 2)   # a frame's header, with its mask
        assert (routes["slow"]["requests"], routes["slow"]["response_bytes"]) == (1, 5)
        assert status["silent_workers"] == 0
        bob.close()


def test_they_are_listed_with_who_is_behind_them(busy):
    with opening(busy, "k-ada") as ada, opening(busy, "k-bob"), slow_answer(busy):
        assert ada.send("four").message() == b"four"
        rows = listed(busy)
        assert rows["found"] == 3 and rows["silent_workers"] == 0
        by_who = {row.get("credential", row["path"]): row for row in rows["connections"]}
        assert set(by_who) == {"k-ada", "k-bob", "/slow"}
        first = by_who["k-ada"]
        assert {name: first[name] for name in ("kind", "route", "upstream", "auth", "consumer", "client", "path",
                                               "response_bytes")} == {
            "kind": "websocket", "route": "live", "upstream": "sockets", "auth": "partners", "consumer": "ada",
            "client": "127.0.0.1", "path": "/live", "response_bytes": 6}
        assert by_who["/slow"]["kind"] == "request" and "consumer" not in by_who["/slow"]
        assert by_who["/slow"]["endpoint"] and first["request_id"] != by_who["k-bob"]["request_id"]
        table = connections(busy, "--consumer", "ada")
        assert table.returncode == 0 and "k-ada" in table.stdout and "k-bob" not in table.stdout
        assert table.stdout.endswith("1 in flight\n")
        assert listed(busy, "--rows", "1")["found"] == 3 and len(listed(busy, "--rows", "1")["connections"]) == 1
        assert connections(busy, "--rows", "1").stdout.endswith("3 in flight, 1 of them above\n")


def test_they_grow_older(busy):
    began = time.monotonic()
    with opening(busy, "k-ada"), slow_answer(busy):
        def ages():
            return {row["kind"]: row["age_seconds"] for row in listed(busy)["connections"]}
        found = wait_until(lambda: min((both := ages()).values()) >= 1 and both, "both are a second old")
        assert set(found) == {"websocket", "request"} and began + 1 <= time.monotonic()
        assert max(found.values()) <= time.monotonic() - began
        routes = {route["name"]: route for route in json.loads(ask(busy.admin, target="/status").body)["routes"]}
        assert routes["live"]["oldest_seconds"] >= 1 and routes["slow"]["oldest_seconds"] >= 1


def test_those_over_http2_are_found_and_closed(busy):
    with H2Client(busy.port) as client, opening(busy, "k-bob") as bob:
        ada = H2WebSocket(0, "/live", [("X-Api-Key", "k-ada")], client=client)
        slow = client.begin("GET", "/slow")
        client.wait(lambda: client.replies[slow].body == b"01234", "a piece of the answer")
        assert listed(busy)["found"] == 3 and listed(busy, "--route", "live")["found"] == 2
        row, = listed(busy, "--subject", "ada")["connections"]
        assert (row["kind"], row["subject"], row["route"]) == ("websocket", "ada", "live")
        assert listed(busy, "--subject", "ada", "--close")["found"] == 1
        assert ada.close_code() == (1012, "closed by the operator")
        assert client.replies[slow].reset is None and bob.send("x").message() == b"x"
        assert listed(busy, "--route", "slow", "--close")["found"] == 1
        assert client.finish(slow).reset is not None
        assert listed(busy, "--route", "live", "--close")["found"] >= 1   # the one that has not said Close yet too
        assert bob.close_code() == (1012, "closed by the operator")
        assert client.ask("GET", "/nowhere").status == 404                # the connection goes on


def test_those_of_an_identity_a_credential_or_a_route_are_closed(busy):
    with opening(busy, "k-ada") as ada, opening(busy, "k-bob") as bob, opening(busy, "k-bob2") as bob2, \
            slow_answer(busy) as slow:
        assert listed(busy, "--credential", "k-bob2", "--close")["found"] == 1
        assert bob2.close_code() == (1012, "closed by the operator")
        bob2.close()
        wait_until(lambda: listed(busy)["found"] == 3, "one less")   # it stays until both sides have said Close
        done = connections(busy, "--consumer", "bob", "--close")
        assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 closed")
        assert bob.close_code() == (1012, "closed by the operator")
        assert ada.send("x").message() == b"x"
        bob.close()
        assert listed(busy, "--route", "slow", "--close")["found"] == 1
        slow.socket.settimeout(10)
        with pytest.raises(ConnectionError):   # in the middle of its body: only a reset tells that it is not whole
            while slow.socket.recv(4096):
                pass
            raise ConnectionError   # an end before Content-Length tells it as well
        wait_until(lambda: listed(busy)["found"] == 1, "one left")
        only = listed(busy)["connections"][0]["request_id"]
        assert listed(busy, "--id", only, "--close")["found"] == 1
        assert ada.close_code()[0] == 1012
        wait_until(lambda: listed(busy)["found"] == 0, "nothing in flight")
    closed = [line for line in busy.access_log(7) if line.get("closed")]
    assert {line["closed"] for line in closed} == {"operator"} and len(closed) == 3
    assert any(line.get("aborted") == "gateway" and line["path"] == "/slow" for line in busy.access_log(7))


def test_what_closes_needs_to_be_told_what(busy):
    done = connections(busy, "--close")
    assert done.returncode == 1 and "say which" in done.stderr
    for name in ("--route", "--subject", "--consumer", "--credential", "--id"):   # a variable that is not set
        done = connections(busy, name, "", "--close")
        assert done.returncode == 64 and "must not be empty" in done.stderr
    for query, word in (("?color=red", "unknown parameter: color"), ("?rows=10001", "rows"), ("?route=", "route: empty"),
                        ("?rows=-1", "rows")):
        refused = ask(busy.control_path, target="/connections" + query)
        assert refused.status == 400 and word in refused.body.decode()
    assert ask(busy.control_path, "GET", "/connections/close?route=live").status == 405
    assert ask(busy.control_path, "POST", "/connections?route=live").status == 405


def test_only_the_control_socket_tells_and_who_asked_is_on_record(busy):
    assert ask(busy.admin, target="/connections").status == 404
    assert ask(busy.admin, "POST", "/connections/close?route=live").status == 404
    listed(busy)
    busy.wait_for_error_line(r"control request action=connections uid=\d+ pid=\d+")
    listed(busy, "--subject", 'a "strange" one&x', "--close")
    busy.wait_for_error_line(r"control request action=close_connections uid=\d+ pid=\d+")
