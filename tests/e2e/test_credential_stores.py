"""API keys and revocations of tokens in Redis: who comes in, how soon one who is out is out, and what a dead Redis means."""
import datetime
import hashlib
import json
import time

import pytest
from support.gateway import settings
from support.issuer import Issuer, Key, key_set
from support.problem import assert_problem
from support.redis import Redis
from support.revocation import assert_revoked
from support.timing import SLOW, wait_until

ROUTE = """
[route.all.headers.request]
set = { X-Consumer = "{consumer}", X-Subject = "{identity}" }
[route.open]
match = { path = "/open" }
upstream = "main"
auth = "none"
"""


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path / "redis")
    yield server
    server.kill()


@pytest.fixture
def guarded(gateway, upstream, redis):
    def start(auth, server="workers = 2", login=""):
        behind = upstream()
        one = gateway(settings(behind, server=server, route='auth = ["it"]' + ROUTE, more=f"""
[redis.main]
url = "redis://127.0.0.1:{redis.port}"
timeout = {{ command = "700ms" }}
{login}
[auth.it]
{auth}
"""))
        one.wait_for_metric(1, "sluice_redis_up", redis="main")
        return one, behind
    return start


def name_of(key):
    return "sluice:key:" + hashlib.sha256(key.encode()).hexdigest()


def last_use(redis, key):
    return redis.ask("GET", name_of(key).replace(":key:", ":used:"))


def keep_keys(redis, *keys):
    for key in keys:
        assert redis.ask("SET", name_of(key), json.dumps({"id": "k1", "consumer": "acme"})) == "OK"


def sets(redis):
    """gives: how many SETs were asked of this Redis, by whomever"""
    stats = redis.ask("INFO", "commandstats")
    return int(stats.split("cmdstat_set:calls=")[1].split(",")[0]) if "cmdstat_set:" in stats else 0


def statuses(one, fields, times=8):
    return {one.ask("GET", "/", fields).status for _ in range(times)}


# What a worker knows is asked about anew when it is used: an end must be seen either way.
USED = pytest.mark.parametrize("in_use", [True, False], ids=["in use", "idle"])


@pytest.mark.threads
@USED
def test_keys_in_redis_count_at_once_and_end_within_a_second(guarded, redis, in_use):
    one, behind = guarded('type = "api_key"\nstore = "main"')
    redis.ask("SET", name_of("good"), json.dumps({"id": "k1", "consumer": "acme"}))
    redis.ask("SET", name_of("old"), json.dumps({"id": "k1", "consumer": "acme", "expires": "2020-01-01"}))
    redis.ask("SET", name_of("far"), json.dumps({"id": "k1", "consumer": "acme", "allow_ips": ["203.0.113.0/24"]}))
    redis.ask("SET", name_of("broken"), "{")
    good = [("X-Api-Key", "good")]
    assert statuses(one, good) == {200}
    assert behind.requests[-1].all("X-Consumer") == ["acme"] and not behind.requests[-1].has("X-Api-Key")
    for key, status, code in (("unknown", 401, "api_key_unknown"), ("old", 401, "api_key_expired"),
                              ("far", 403, "credential_address"), ("broken", 503, "credential_store_unavailable")):
        assert_problem(one.ask("GET", "/", [("X-Api-Key", key)]), status, code)
    one.wait_for_error_line("key in redis refused")
    assert "good" not in one.error_log()
    assert_revoked(one, behind, lambda: redis.ask("DEL", name_of("good")), good, in_use=in_use)


def test_without_redis_nobody_whose_key_is_there_passes(guarded, redis):
    one, _ = guarded('type = "api_key"\nstore = "main"', server="workers = 1")
    redis.ask("SET", name_of("good"), json.dumps({"id": "k1", "consumer": "acme"}))
    assert statuses(one, [("X-Api-Key", "good")]) == {200}
    redis.kill()
    wait_until(lambda: statuses(one, [("X-Api-Key", "good")]) == {503}, "the store is away")
    assert_problem(one.ask("GET", "/", [("X-Api-Key", "good")]), 503, "credential_store_unavailable")
    assert one.ask("GET", "/open").status == 200
    redis.start()
    redis.ask("SET", name_of("good"), json.dumps({"id": "k1", "consumer": "acme"}))
    wait_until(lambda: statuses(one, [("X-Api-Key", "good")]) == {200}, "the store is back", 20 * SLOW)
    keep_keys(redis, "later")
    assert statuses(one, [("X-Api-Key", "later")]) == {200}
    wait_until(lambda: last_use(redis, "later"), "uses are written again")


@pytest.mark.threads
def test_the_last_use_of_a_key_in_redis_is_written_there_once_a_minute(guarded, redis):
    one, _ = guarded('type = "api_key"\nstore = "main"')
    keep_keys(redis, "good", "unused", "other")
    redis.ask("SET", name_of("old"), json.dumps({"id": "k1", "consumer": "acme", "expires": "2020-01-01"}))
    before, start = sets(redis), time.time()
    assert statuses(one, [("X-Api-Key", "good")]) == {200}
    wait_until(lambda: last_use(redis, "good"), "the use is written")
    used = datetime.datetime.fromisoformat(last_use(redis, "good").replace("Z", "+00:00")).timestamp()
    assert start - 1 < used < time.time() + 1
    while time.time() < start + 2:                  # each worker has asked for the key anew meanwhile
        assert statuses(one, [("X-Api-Key", "good")], times=50) == {200}
    assert statuses(one, [("X-Api-Key", "other")]) == {200}
    for key in ("old", "unknown"):
        assert statuses(one, [("X-Api-Key", key)]) == {401}
    wait_until(lambda: last_use(redis, "other"), "another key's use is written")
    assert sets(redis) == before + 2
    assert [last_use(redis, key) for key in ("old", "unknown", "unused")] == [""] * 3
    assert int(redis.ask("TTL", name_of("good").replace(":key:", ":used:"))) > 399 * 86_400


@pytest.mark.threads
@pytest.mark.parametrize("rights", [["~sluice:key:*", "+get"], ["~sluice:*", "+get", "+evalsha", "+eval"]],
                         ids=["read only", "scripts without set"])
def test_a_redis_user_who_may_only_read_lets_keys_in_and_is_refused_once(guarded, redis, tmp_path, rights):
    assert redis.ask("ACL", "SETUSER", "reader", "on", ">word", *rights) == "OK"
    (tmp_path / "word").write_text("word")
    keys = [f"key{i}" for i in range(10)]
    keep_keys(redis, *keys)
    login = f'user = "reader"\npassword = {{ secret = "file:{tmp_path}/word" }}'
    one, _ = guarded('type = "api_key"\nstore = "main"', login=login)
    for _ in range(3):
        for key in keys:
            assert statuses(one, [("X-Api-Key", key)]) == {200}
    one.wait_for_error_line(r"last uses of keys are not kept auth=it redis=main reason=.*(NOPERM|run this command)")
    assert one.error_log().count("last uses of keys are not kept") == 1
    assert one.error_log().count("redis refuses a command") <= 1
    assert one.metric("sluice_redis_command_failures_total", redis="main", reason="refused") <= 1
    assert {last_use(redis, key) for key in keys} == {""}


@pytest.mark.parametrize("unfit", [["CONFIG", "SET", "maxmemory", "1"], ["REPLICAOF", "127.0.0.1", "1"]], ids=["full", "a replica"])
def test_a_redis_that_cannot_write_lets_keys_in(guarded, redis, unfit):
    one, _ = guarded('type = "api_key"\nstore = "main"', server="workers = 1")
    keys = [f"key{i}" for i in range(20)]
    keep_keys(redis, *keys)
    assert redis.ask(*unfit) == "OK"
    for key in keys:
        assert statuses(one, [("X-Api-Key", key)], times=2) == {200}, key
    assert one.metric("sluice_redis_connects_total", redis="main") == 1
    assert one.metric("sluice_redis_up", redis="main") == 1
    assert "redis away" not in one.error_log() and "last uses" not in one.error_log()
    assert {last_use(redis, key) for key in keys} == {""}


@pytest.mark.threads
@USED
def test_a_token_that_redis_calls_revoked_is_refused_within_a_second(guarded, redis, tmp_path, in_use):
    key = Key(tmp_path, "k1", "ES256")
    (tmp_path / "set.json").write_text(key_set(key))
    one, behind = guarded('type = "jwt"\nissuer = "https://id.example"\naudience = "orders"\nstore = "main"\n'
                          f'jwks_file = "{tmp_path}/set.json"')

    def bearer(**claims):
        return [("Authorization", f"Bearer {Issuer().token(key, **claims)}")]
    first, second, nameless = bearer(jti="t1"), bearer(jti="t2", sub="bob"), bearer(sub=None)
    for token in (first, second, nameless):
        assert statuses(one, token) == {200}

    def revoke():
        redis.ask("SET", "sluice:revoked:jti:t1", "", "EX", "60")
        redis.ask("SET", "sluice:revoked:sub:bob", str(int(time.time()) + 60))
    assert_revoked(one, behind, revoke, first, second, in_use=in_use)
    assert statuses(one, nameless) == {200}
    assert_problem(one.ask("GET", "/", first), 401, "token_revoked")
    redis.ask("SET", "sluice:revoked:sub:bob", str(int(time.time()) - 60))   # issued since
    wait_until(lambda: statuses(one, second) == {200}, "the newer token")
    redis.kill()
    wait_until(lambda: statuses(one, first) == {503}, "the store is away")
    assert statuses(one, nameless) == {200}   # has nothing by which it could be revoked
