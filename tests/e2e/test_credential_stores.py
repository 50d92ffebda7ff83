"""API keys and revocations of tokens in Redis: who comes in, how soon one who is out is out, and what a dead Redis means."""
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
    def start(auth, server="workers = 2"):
        behind = upstream()
        one = gateway(settings(behind, server=server, route='auth = ["it"]' + ROUTE, more=f"""
[redis.main]
url = "redis://127.0.0.1:{redis.port}"
timeout = {{ command = "700ms" }}
[auth.it]
{auth}
"""))
        one.wait_for_metric(1, "sluice_redis_up", redis="main")
        return one, behind
    return start


def name_of(key):
    return "sluice:key:" + hashlib.sha256(key.encode()).hexdigest()


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
