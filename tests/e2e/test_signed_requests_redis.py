"""Signed requests that pass once at all gateways: two of them with two workers each, one Redis."""
import threading
import time

import pytest
from support.client import Client, request
from support.gateway import settings
from support.problem import assert_problem
from support.signing import Key, signed
from support.timing import SLOW

KEY = Key("s1", "hmac-sha256")


@pytest.fixture
def site(gateway, upstream, redis, tmp_path):
    """gives: (redis, two gateways, the upstream behind both)"""
    server = redis()
    behind = upstream()
    config = settings(behind, server="workers = 2", route="""
auth = ["bank"]
[route.lenient]
match = { path = "/lenient/**" }
upstream = "main"
auth = ["lenient"]
""", more=f"""
[redis.main]
url = "redis://127.0.0.1:{server.port}"
[auth.bank]
type = "signature"
replay = "main"
[auth.lenient]
type = "signature"
replay = "main"
on_store_down = "local"
[consumer.acme]
signing_keys = [{KEY.entry(tmp_path)}]
""")
    ones = [gateway(config), gateway(config)]
    for one in ones:
        one.wait_for_metric(1, "sluice_redis_up", redis="main")
    return server, ones, behind


def send_everywhere(ones, target, each=6):
    """The same signed request, to every worker of every gateway at once. gives: the codes, sorted"""
    fields = signed(KEY, target=target, host="api.example")
    data = request("GET", target, fields, host="api.example")
    clients = [Client(one.port) for one in ones for _ in range(each)]
    start = threading.Barrier(len(clients))
    codes = []

    def send(client):
        start.wait()
        response = client.send(data).response()
        codes.append("200" if response.status == 200 else response.json()["code"])

    threads = [threading.Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.socket.close()
    return sorted(codes)


@pytest.mark.threads
def test_a_signed_request_passes_exactly_once_at_all_gateways(site):
    server, ones, behind = site
    for round in range(4):
        for target in (f"/a/{round}", f"/lenient/{round}"):
            assert send_everywhere(ones, target) == ["200"] + ["signature_replayed"] * 11
    assert len(behind.requests) == 8
    keys = server.ask("--raw", "KEYS", "sluice:nonce:*").split()
    assert len(keys) == 8 and all(0 < int(server.ask("TTL", key)) <= 300 for key in keys)
    # A client that goes away while it is asked leaves nothing behind.
    server.freeze()
    with Client(ones[0].port) as client:
        client.send(request("GET", "/gone", signed(KEY, target="/gone")))
        time.sleep(0.02)
        client.reset()
    server.thaw()
    assert ones[0].ask("GET", "/b", signed(KEY, target="/b")).status == 200


@pytest.mark.threads
def test_without_redis_it_is_closed_or_each_gateways_own_affair(site):
    server, ones, behind = site
    server.freeze()
    begun = time.monotonic()
    assert_problem(ones[0].ask("GET", "/a", signed(KEY, target="/a")), 503, "signature_store_unavailable")
    assert time.monotonic() - begun < 0.5 * SLOW
    server.thaw()
    server.kill()
    for one in ones:
        one.wait_for_metric(0, "sluice_redis_up", redis="main")
        assert_problem(one.ask("GET", "/a", signed(KEY, target="/a")), 503, "signature_store_unavailable")
    assert behind.requests == []
    assert send_everywhere(ones, "/lenient/a") == ["200"] * 2 + ["signature_replayed"] * 10
    server.start()
    for one in ones:
        one.wait_for_metric(1, "sluice_redis_up", redis="main")
    assert send_everywhere(ones, "/a") == ["200"] + ["signature_replayed"] * 11
