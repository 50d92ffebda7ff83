"""Limits that several gateways share through Redis, and what happens when Redis does not answer. The bound under load is in
test_one_shared_limit.py."""
import concurrent.futures
import datetime
import hashlib
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest
from support.client import Client, ask, request
from support.gateway import settings
from support.load import Load, most_beyond
from support.problem import assert_problem
from support.redis import Cluster, Far, Redis, Watched
from support.signing import Key, signed
from support.timing import SLOW, sanitizer, wait_until

FULL = bool(os.environ.get("SLUICE_FULL"))
LEASE_SECONDS = 0.5
UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
           ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]


def config(server, limit="", workers=2, more="", rate="100/1s", burst=20):
    place = f'url = "redis://127.0.0.1:{server.port}"' if isinstance(server, Redis) else server
    return settings(top='trusted_proxies = ["127.0.0.1"]', server=f"workers = {workers}", more=f"""
[redis.main]
{place}
[limit.shared]
key = "header.X-Name"
rate = "{rate}"
burst = {burst}
store = "main"
{limit}
[route.limited]
match = {{ path = "/limited" }}
respond = {{ status = 200 }}
limit = ["shared"]
[route.free]
match = {{ path = "/free" }}
respond = {{ status = 200 }}
{more}
""")


def patient(server, more=""):
    """A place with time for a machine that is busy: no decision without Redis is then Redis' fault alone."""
    return f'url = "redis://127.0.0.1:{server.port}"\ntimeout = {{ command = "700ms" }}\n{more}'


def up(one):
    one.wait_for_metric(1, "sluice_redis_up", redis="main")


@pytest.mark.parametrize("mode, extra", [("", LEASE_SECONDS), ("exact = true", 0)], ids=["leases", "exact"])
def test_gateways_keep_one_sliding_window(gateway, redis, mode, extra):
    """The bound of a window that moves on is that of a burst as large as its count."""
    server = redis()
    text = config(patient(server), f'algorithm = "sliding"\n{mode}', rate="100/1s").replace("burst = 20\n", "")
    gateways = [gateway(text) for _ in range(2)]
    for one in gateways:
        up(one)
    load, skew = Load(gateways[:1], threads=3, pause=0.002), Load(gateways[1:], threads=1, pause=0.02)
    start = time.monotonic()
    time.sleep(10 if FULL else 4)
    kept, second = server.ask("GET", server.ask("--scan")), time.time()     # it expires soon after the last request
    answers = load.stop() + skew.stop()
    took = max(b for _, b, _ in answers) - start
    assert {status for _, _, status in answers} == {200, 429}
    assert sum(results(one, "fallback") for one in gateways) == 0
    admitted = [(asked, answered) for asked, answered, status in answers if status == 200]
    assert most_beyond(admitted, 100) <= 100 + 100 * extra
    assert len(admitted) >= 0.8 * 100 * (took - 1), (len(admitted), took)
    number, current, before = map(int, kept.split())
    assert abs(number - second) < 60 and current <= 100 and before <= 100, kept


def test_a_sliding_window_in_redis_lets_go_little_by_little(gateway, redis):
    server, window = redis(), 30 * 86_400      # on the same day of the calendar for all: its edge is not met in a test
    text = config(patient(server), 'algorithm = "sliding"\nexact = true', rate="10/30d").replace("burst = 20\n", "")
    one, other = gateway(text), gateway(text)
    up(one)
    up(other)

    def ask_as(gateway, name):
        return gateway.ask(target="/limited", fields=[("X-Name", name)])
    seen = [ask_as((one, other)[turn % 2], "a") for turn in range(12)]
    assert [answer.status for answer in seen] == [200] * 10 + [429] * 2
    refused, left = seen[-1], window - time.time() % window
    assert abs(int(refused.get("Retry-After")) - (left + window / 10)) <= 60    # a tenth into the next window one of ten is out of sight
    assert f't={refused.get("Retry-After")}' in refused.get("RateLimit")
    assert abs(int(refused.get("X-RateLimit-Reset")) - (left + window)) <= 60
    assert ask_as(one, "b").status == 200
    name, = (name for name in server.ask("--scan").split() if server.ask("GET", name).split()[1] == "1")
    assert server.ask("SET", name, f"{int(time.time() // window) - 1} 10 0") == "OK"      # all of it in the window before
    passed = [ask_as(other, "b").status for _ in range(11)].count(200)
    assert passed == int(10 * (time.time() % window) / window)


def test_leases_spare_redis_and_names_keep_counts_apart(gateway, redis):
    server = redis()
    one = gateway(config(server, rate="1_000/1s", burst=500))
    up(one)
    with one.client() as client:
        for _ in range(300):
            assert client.ask(target="/limited", fields=[("X-Name", "a")]).status == 200
    calls = int(server.ask("INFO", "commandstats").split("cmdstat_evalsha:calls=")[1].split(",")[0])
    assert calls < 100, calls
    names = server.ask("--scan").split()
    assert len(names) == 1 and names[0].startswith("sluice:limit:shared:")
    assert "a" != names[0].rsplit(":", 1)[1] and len(names[0].rsplit(":", 1)[1]) == 40
    assert one.ask(target="/free").status == 200
    assert int(server.ask("INFO", "commandstats").split("cmdstat_evalsha:calls=")[1].split(",")[0]) == calls


def test_what_a_limit_of_our_own_refuses_uses_nothing_of_the_shared_one(gateway, redis):
    one = gateway(config(patient(redis()), workers=1, rate="20/1h", more='''
[limit.few]
key = "header.X-Other"
rate = "3/1h"
burst = 3
[route.both]
match = { path = "/both" }
respond = { status = 200 }
limit = ["shared", "few"]
'''))
    up(one)

    def ask_as(other):
        return one.ask(target="/both", fields=[("X-Name", "a"), ("X-Other", other)]).status
    assert [ask_as("x") for _ in range(30)] == [200] * 3 + [429] * 27
    passed = [ask_as(f"y{i}") for i in range(20)].count(200)
    assert 10 <= passed <= 17, passed     # 20 in all; what was given back and not spent within half a second is lost


def test_a_script_that_redis_has_lost_is_sent_again(gateway, redis):
    server = redis()
    one = gateway(config(server, "exact = true"))
    up(one)
    for _ in range(3):
        assert one.ask(target="/limited").status == 200
        server.ask("SCRIPT", "FLUSH")
    assert one.ask(target="/limited").status == 200
    assert one.metric("sluice_limit_requests_total", limit="shared", result="fallback") == 0


ROUTES_OF_A_USER = """
[limit.long]
key = "route"
algorithm = "quota"
rate = "100/1d"
store = "main"
exact = true
[limit.moving]
key = "route"
algorithm = "sliding"
rate = "100/1d"
store = "main"
exact = true
[auth.keys]
type = "api_key"
store = "main"
[auth.bank]
type = "signature"
replay = "main"
[auth.sockets]
type = "ticket"
query = "ticket"
store = "main"
[consumer.acme]
signing_keys = [SIGNING_KEY]
[upstream.sockets]
servers = ["ADDRESS"]
[route.tickets]
match = { path = "/ticket", methods = ["POST"] }
auth = ["keys"]
ticket = "sockets"
limit = ["shared", "long", "moving"]
[route.socket]
match = { path = "/socket", upgrade = "websocket" }
upstream = "sockets"
auth = ["sockets"]
[route.signed]
match = { path = "/signed" }
respond = { status = 200 }
auth = ["bank"]
[log.audit]
file = "@dir@/audit.log"
redis = { store = "main" }
"""


def test_a_user_of_the_documented_commands_runs_all_that_asks_redis(redis, gateway, upstream, tmp_path):   # which ends first
    server, key = redis(), Key("s1", "hmac-sha256")
    text = (Path(__file__).parents[2] / "docs" / "redis.md").read_text()
    rule = re.search(r"^ACL SETUSER (sluice .*)$", text, re.MULTILINE).group(1).replace("PASSWORD", "word").split()
    assert server.ask("ACL", "SETUSER", *rule) == "OK"
    (tmp_path / "word").write_text("word")
    place = patient(server, f'user = "sluice"\npassword = {{ secret = "file:{tmp_path}/word" }}')
    text = config(place, "exact = true", more=ROUTES_OF_A_USER.replace("SIGNING_KEY", key.entry(tmp_path))
                  .replace("ADDRESS", upstream().address))
    one = gateway(text.replace("respond = { status = 200 }\nlimit", 'respond = { status = 200 }\nauth = "none"\nlimit')
                  .replace('"/free" }', '"/free" }\nauth = "none"'))
    up(one)
    name = "sluice:key:" + hashlib.sha256(b"good").hexdigest()
    assert server.ask("SET", name, json.dumps({"id": "k1", "consumer": "acme"})) == "OK"
    for _ in range(3):
        ticket = one.ask("POST", "/ticket", [("X-Api-Key", "good"), ("X-Name", "a")])
        assert ticket.status == 200, ticket.body
        target = "/socket?ticket=" + ticket.json()["ticket"]
        assert [one.ask(target=target, fields=UPGRADE).status for _ in range(2)] == [200, 401]
        fields = signed(key, target="/signed")
        assert [one.ask(target="/signed", fields=fields).status for _ in range(2)] == [200, 401]
    wait_until(lambda: int(server.ask("XLEN", "sluice:audit")) >= 12, "the records are in the stream")
    for limit in ("shared", "long", "moving"):
        assert one.metric("sluice_limit_requests_total", limit=limit, result="fallback") == 0
        assert one.metric("sluice_limit_requests_total", limit=limit, result="allowed") == 3
    assert "redis refuses" not in one.error_log()
    assert server.ask("ACL", "SETUSER", "sluice", "-time") == "OK"
    assert one.ask(target="/limited").status == 200      # counted here
    one.wait_for_error_line(r'redis refuses a command redis=main reason=.*can.t run this command')


@pytest.mark.parametrize("mode", ["", "exact = true"], ids=["leases", "exact"])
def test_a_redis_that_forgets_everything_again_and_again_makes_no_error(gateway, redis, mode):
    server = redis()
    one = gateway(config(patient(server), mode, rate="500/1s", burst=100))
    up(one)
    load = Load([one], threads=3, pause=0.001)
    for _ in range(40):
        assert server.ask("FLUSHALL") == "OK" and server.ask("SCRIPT", "FLUSH") == "OK"
        time.sleep(0.01)     # a moment of traffic in between
    answers = load.stop()
    assert len(answers) > 50 and {status for _, _, status in answers} <= {200, 429}
    assert results(one, "fallback") == 0


def test_a_shared_limit_tells_costs_and_shadows_as_any_other(gateway, redis):
    server = redis()
    one = gateway(config(patient(server), "exact = true", rate="10/1h", burst=10, more='''
[limit.tried]
key = "route"
algorithm = "quota"
rate = "2/1d"
store = "main"
shadow = true
[route.dear]
match = { path = "/dear" }
respond = { status = 200 }
limit = [{ name = "shared", cost = 4 }, "tried"]
'''))
    up(one)
    seen = [one.ask(target="/dear") for _ in range(3)]
    assert [answer.status for answer in seen] == [200, 200, 429]
    assert [answer.get("X-RateLimit-Remaining") for answer in seen] == ["6", "2", "0"]
    assert {answer.get("RateLimit-Policy") for answer in seen} == {'"shared";q=10;w=3600'}
    assert 600 <= int(seen[2].get("Retry-After")) <= 720     # two more of ten an hour
    cheap = one.ask(target="/limited")
    assert cheap.status == 200 and cheap.get("RateLimit").startswith('"shared";r=1;')    # one count for both routes
    assert one.metric("sluice_limit_requests_total", limit="tried", result="allowed") == 2
    for _ in range(2):
        one.ask(target="/dear", fields=[("X-Name", "other")])
    assert one.metric("sluice_limit_requests_total", limit="tried", result="shadowed") > 0


def test_counts_outlive_a_gateway(gateway, redis):
    server = redis()
    limit = 'algorithm = "quota"\nexact = true'
    text = config(server, limit, rate="5/1d").replace("burst = 20\n", "")
    one = gateway(text)
    up(one)
    assert [one.ask(target="/limited").status for _ in range(3)] == [200] * 3
    other = gateway(text)
    up(other)
    assert [other.ask(target="/limited").status for _ in range(4)] == [200] * 2 + [429] * 2
    refused = one.ask(target="/limited")
    assert refused.status == 429 and 86_000 <= int(refused.get("Retry-After")) <= 86_400


@pytest.mark.plain_build   # a sanitizer wants to be the first library
@pytest.mark.parametrize("kind, longest", [('algorithm = "quota"', 86_400), ('algorithm = "sliding"', 2 * 86_400),
                                           ("burst = 5", 86_400)], ids=["quota", "sliding", "gcra"])
def test_gateways_whose_clocks_differ_by_an_hour_keep_one_limit(gateway, redis, tmp_path, kind, longest):
    """C4."""
    library = tmp_path / "clock_ahead.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror",
                    str(Path(__file__).with_name("clock_ahead.c")), "-o", str(library)], check=True)
    text = config(patient(redis()), f"{kind}\nexact = true", rate="5/1d").replace("burst = 20\n", "")
    ones = [gateway(text), gateway(text, environment={"LD_PRELOAD": str(library)})]
    for one in ones:
        up(one)
    here, ahead = (datetime.datetime.fromisoformat(json.loads(ask(one.admin, target="/status").body)["started_at"])
                   for one in ones)
    assert abs((ahead - here).total_seconds() - 3600) < 60, "the clock that is ahead"
    seen = [ones[turn % 2].ask(target="/limited") for turn in range(10)]
    assert [answer.status for answer in seen] == [200] * 5 + [429] * 5
    for one in ones:
        assert results(one, "fallback") == 0
    waits = [int(answer.get("Retry-After")) for answer in seen[5:]]
    assert max(waits) - min(waits) < 60 and max(waits) <= longest, waits     # both tell Redis' time


@pytest.mark.parametrize("down, statuses", [("local", {200, 429}), ("open", {200}), ("closed", {503})])
def test_what_holds_while_redis_is_away(gateway, redis, down, statuses):
    server = redis()
    one = gateway(config(server, f'on_store_down = "{down}"\nnodes = 2', rate="10/1h", burst=10))
    up(one)
    wait_until(lambda: ask(one.admin, target="/readyz").body == b"ready\n", "Redis has answered")
    assert one.ask(target="/limited").status == 200
    server.kill()
    wait_until(lambda: one.metric("sluice_redis_up", redis="main") == 0, "Redis is missed")
    time.sleep(LEASE_SECONDS)          # what was leased is spent or lost
    seen = [one.ask(target="/limited", fields=[("X-Name", "new")]) for _ in range(8)]
    assert {answer.status for answer in seen} == statuses
    if down == "local":                # half of 10: two gateways share it
        assert [answer.status for answer in seen] == [200] * 5 + [429] * 3
    if down == "closed":
        assert_problem(seen[0], 503, "dependency_unavailable")
    readiness = ask(one.admin, target="/readyz")
    assert (readiness.status, readiness.body) == (200, b"ready; redis.main away\n")   # C2
    assert one.metric("sluice_limit_requests_total", limit="shared", result="fallback") >= 8


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_redis_gone_under_load_makes_no_error_and_the_fallback_stands_within_100_ms(gateway, redis, fault):
    """C1."""
    server = redis()
    one = gateway(config(server, rate="2_000/1s", burst=2_000))
    up(one)
    limited, free = Load([one], threads=2, pause=0.001), Load([one], threads=1, pause=0.001, target="/free")
    time.sleep(0.7)
    at = time.monotonic()
    server.kill() if fault == "kill" else server.freeze()
    time.sleep(1.5)
    answers, others = limited.stop(), free.stop()
    assert {status for _, _, status in answers + others} == {200}
    slowest = max(b - a for a, b, _ in answers)
    assert slowest < 0.1 * SLOW + 0.05, f"{slowest * 1000:.0f} ms"
    after = [b - a for a, b, _ in others if a > at]
    assert sorted(after)[int(len(after) * 0.99)] < 0.05 * SLOW
    one.wait_for_error_line(r"redis")
    wait_until(lambda: one.metric("sluice_limit_requests_total", limit="shared", result="fallback") > 0, "it fell back")


def test_redis_that_comes_back_is_used_again(gateway, redis):
    server = redis()
    one = gateway(config(server, "exact = true", rate="5/1h", burst=5))
    up(one)
    assert [one.ask(target="/limited").status for _ in range(5)] == [200] * 5
    server.freeze()
    assert one.ask(target="/limited").status in (200, 429)
    server.thaw()
    wait_until(lambda: one.ask(target="/limited").status == 429, "Redis' count holds again")


def test_a_redis_that_is_far_does_not_slow_leases(gateway, redis):
    """C6: +50 ms for those below the limit, once it is known how busy their key is."""
    server = redis()
    with Far(server, 0.025) as far:
        one = gateway(config(patient(far), rate="1_000/1s", burst=1_000))
        up(one)
        load = Load([one], threads=4, pause=0.01)
        time.sleep(3)
        answers = load.stop()
    assert {status for _, _, status in answers} == {200}
    assert one.metric("sluice_limit_requests_total", result="fallback") == 0
    began = answers[0][0]
    times = sorted(b - a for a, b, _ in answers if a > began + 1)
    assert len(times) > 100
    assert times[int(len(times) * 0.9)] < 0.01 * SLOW


def test_parked_requests_whose_clients_go_away_are_forgotten(gateway, redis):
    server = redis()
    one = gateway(config(server))
    up(one)
    server.freeze()
    for i in range(50):
        client = one.client()
        client.send(request(target="/limited", fields=[("X-Name", str(i))]))
        client.reset()
    server.thaw()
    wait_until(lambda: one.ask(target="/limited").status == 200, "it serves on")


def test_ten_thousand_keys_leave_memory_flat(gateway, redis):
    """T3.5"""
    server = redis()
    one = gateway(config(server))
    up(one)

    def churn(first):
        with one.client() as client:
            for i in range(first, first + 5_000, 100):
                client.send(b"".join(request(target="/limited", fields=[("X-Name", str(i + j))]) for j in range(100)))
                for _ in range(100):
                    assert client.response().status == 200
    rounds = 6 if FULL else 3
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(churn, range(0, 20_000, 5_000)))
        before = one.resident_bytes()
        for again in range(1, rounds):
            list(pool.map(churn, range(again * 20_000, again * 20_000 + 20_000, 5_000)))
    if not sanitizer():     # which keeps what was freed
        assert one.resident_bytes() - before < 8 << 20


@pytest.mark.parametrize("unfit", [["CONFIG", "SET", "maxmemory", "1"], ["REPLICAOF", "127.0.0.1", "1"]],
                         ids=["out-of-memory", "read-only"])
def test_a_redis_that_cannot_do_its_work_is_away(gateway, redis, unfit):
    """T3.3"""
    server = redis()
    one = gateway(config(server, "exact = true", rate="10/1h", burst=10))
    up(one)
    assert one.ask(target="/limited").status == 200
    server.ask(*unfit)
    assert [one.ask(target="/limited").status for _ in range(20)].count(200) >= 10
    assert one.metric("sluice_limit_requests_total", limit="shared", result="fallback") > 0


def test_a_redis_frozen_under_load_leaves_memory_flat(gateway, redis):
    """T3.6"""
    server = redis()
    one = gateway(config(server, 'on_store_down = "open"'))
    up(one)
    loads = [Load([one], threads=1, name=str(i), pause=0.001) for i in range(4)]
    time.sleep(0.5)
    before = one.resident_bytes()
    server.freeze()
    time.sleep(10 if FULL else 1.5)
    grown = one.resident_bytes() - before
    server.thaw()
    for load in loads:
        assert {status for _, _, status in load.stop()} <= {200, 429}
    assert grown < 4 << 20, f"{grown >> 10} KiB"


def results(one, result):
    return one.metric("sluice_limit_requests_total", limit="shared", result=result)


@pytest.fixture
def watched(redis, tmp_path):
    return Watched(redis, tmp_path)


def test_a_failover_under_load_makes_no_error_and_the_new_master_counts(gateway, watched):
    one = gateway(config(f'sentinel = ["127.0.0.1:{watched.sentinel.port}"]\nmaster = "main"', rate="500/1s", burst=500))
    up(one)
    load = Load([one], threads=2, pause=0.001)
    time.sleep(0.5)
    watched.fail_over()
    # It had the key before, as a replica; scripts come to a master alone.
    wait_until(lambda: "cmdstat_evalsha:" in watched.replica.ask("INFO", "commandstats"), "the new master counts")

    def counts_for_every_worker():    # each finds it by itself: for half a second of load no one decides alone
        fallbacks, decided = results(one, "fallback"), results(one, "allowed") + results(one, "limited")
        time.sleep(0.5)
        return results(one, "fallback") <= fallbacks + 5 and results(one, "allowed") + results(one, "limited") > decided + 50
    wait_until(counts_for_every_worker, "the limit is the new master's again")
    assert {status for _, _, status in load.stop()} <= {200, 429}


def test_a_master_that_dies_under_load_makes_no_error_and_the_next_one_counts(gateway, watched):
    one = gateway(config(f'sentinel = ["127.0.0.1:{watched.sentinel.port}"]\nmaster = "main"', rate="500/1s", burst=500))
    up(one)
    load = Load([one], threads=2, pause=0.001)
    wait_until(lambda: results(one, "allowed") > 20, "load")
    watched.master.kill()
    wait_until(lambda: "sluice:limit:shared:" in watched.replica.ask("--scan") and
               "role:master" in watched.replica.ask("INFO", "replication") and
               one.metric("sluice_redis_up", redis="main") == 1, "the new master counts", 20 * SLOW)
    calls = int(watched.replica.ask("INFO", "commandstats").split("cmdstat_evalsha:calls=")[1].split(",")[0])
    wait_until(lambda: int(watched.replica.ask("INFO", "commandstats").split("cmdstat_evalsha:calls=")[1].split(",")[0]) >
               calls, "it is asked on")
    answers = load.stop()
    assert {status for _, _, status in answers} <= {200, 429}
    assert max(b - a for a, b, _ in answers) < 0.1 * SLOW + 0.3     # nobody waited for the failover


@pytest.fixture
def cluster(redis):
    return Cluster(redis)


def test_a_cluster_counts_each_key_on_its_node_and_one_node_less_makes_no_error(gateway, cluster):
    places = ", ".join(f'"127.0.0.1:{node.port}"' for node in cluster.nodes[:2])
    place = f'cluster = [{places}]\ntimeout = {{ command = "700ms" }}'     # as `patient`
    one = gateway(config(place, "exact = true", rate="5/1h", burst=5))
    up(one)

    def ask(name):
        return one.ask(target="/limited", fields=[("X-Name", name)]).status
    for name in range(30):
        assert [ask(f"n{name}") for _ in range(6)] == [200] * 5 + [429], name
    assert sum(len(node.ask("--scan").split()) for node in cluster.nodes) == 30
    assert all(node.ask("--scan") for node in cluster.nodes)
    load = Load([one], threads=2, name="m", pause=0.001)
    cluster.nodes[2].kill()
    time.sleep(0.3)
    seen = {ask(f"after{name}") for name in range(30)}
    assert seen | {status for _, _, status in load.stop()} <= {200, 429}
