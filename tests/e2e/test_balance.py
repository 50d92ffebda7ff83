"""Which server gets a request; names as servers."""
import threading

import pytest
from support.client import request
from support.gateway import settings
from support.problem import assert_problem
from support.timing import wait_until
from support.upstream import answer


def test_round_robin_takes_turns(gateway, upstream):
    behind = [upstream(), upstream(), upstream()]
    one = gateway(settings(*behind, upstream='balance = "round_robin"'))
    with one.client() as client:
        for _ in range(30):
            assert client.ask().status == 200
    assert [len(each.requests) for each in behind] == [10, 10, 10]


@pytest.mark.parametrize("balance", ["round_robin", "least_loaded"])
def test_weights_count(gateway, upstream, balance):
    """least_loaded weighs what is under way, so it is asked with all requests held at once."""
    heavy, light = upstream(), upstream()
    release = threading.Event()

    def hold(connection, received):
        connection.stall(release)
        answer()(connection, received)
    heavy.script = light.script = hold
    one = gateway(settings(f'{{ address = "{heavy.address}", weight = 3 }}', light,
                           upstream=f'balance = "{balance}"'))
    clients = []
    for number in range(40):
        clients.append(one.client().send(request()))
        total = number + 1
        upstream_total(heavy, light, total)
    release.set()
    for client in clients:
        assert client.response().status == 200
        client.socket.close()
    assert abs(len(heavy.requests) - 30) <= 1


def upstream_total(heavy, light, count):
    wait_until(lambda: len(heavy.requests) + len(light.requests) >= count, f"{count} requests")


def test_least_loaded_avoids_the_busy_server(gateway, upstream):
    busy, free = upstream(), upstream()
    release = threading.Event()

    def hold(connection, received):
        connection.stall(release)
        answer()(connection, received)
    busy.script = hold
    one = gateway(settings(busy, free, upstream='balance = "least_loaded"'))
    waiting = []
    while not busy.requests:
        waiting.append(one.client().send(request()))
        upstream_total(busy, free, len(waiting))
    with one.client() as client:
        for _ in range(20):
            assert client.ask().status == 200
    assert len(busy.requests) <= 2
    release.set()
    for client in waiting:
        client.response()
        client.socket.close()


def test_a_name_is_resolved(gateway, upstream):
    behind = upstream()
    one = gateway(settings(f"localhost:{behind.port}"))
    assert one.ask().status == 200


def test_a_name_that_does_not_resolve_harms_only_its_own_routes(gateway, upstream):
    """A5: nothing outside the process is required to start."""
    behind = upstream()
    one = gateway(settings(behind, more="""
[upstream.nowhere]
servers = ["no-such-name.invalid:80"]
[route.nowhere]
match = { path = "/nowhere/**" }
upstream = "nowhere"
"""))
    assert one.ask().status == 200
    assert_problem(one.ask(target="/nowhere/x"), 503, "upstream_unresolved")
