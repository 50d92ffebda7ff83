"""Tokens: who comes in, keys from files and from the network that change and go away, revocation."""
import hashlib
import hmac
import json
import os
import socket
import subprocess
import time

import pytest
from support.gateway import settings
from support.issuer import Issuer, Key, Provider, b64, key_set
from support.problem import assert_problem
from support.revocation import assert_revoked
from support.timing import BINARY, SLOW, wait_until

ROUTE = """
auth = ["customers"]
[route.all.headers.request]
set = { X-Subject = "{identity}", X-Tenant = "{claim.tenant}" }
"""


def jwt(*lines, issuer="https://id.example"):
    return "\n".join(["[auth.customers]", 'type = "jwt"', f'issuer = "{issuer}"', 'audience = "orders"', *lines])


def bearer(token):
    return [("Authorization", f"Bearer {token}")]


def replace(path, text):
    fresh = path.with_suffix(".fresh")
    fresh.write_text(text)
    os.replace(fresh, path)


@pytest.fixture
def keys(tmp_path):
    """Makes the key of that name."""
    return lambda kid, algorithm="ES256": Key(tmp_path, kid, algorithm)


def statuses(one, token, times=8):
    return {one.ask("GET", "/", bearer(token)).status for _ in range(times)}


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "HS256"])
def test_a_good_token_comes_in_and_goes_no_further(gateway, upstream, keys, tmp_path, algorithm):
    key, behind = keys("k1", algorithm), upstream()
    (tmp_path / "set.json").write_text(key_set(key))
    more = jwt(f'jwks_file = "{tmp_path}/set.json"', f'algorithms = ["{algorithm}"]')
    one = gateway(settings(behind, route=ROUTE, more=more))
    token = Issuer().token(key, tenant="gold")
    for _ in range(2):   # the second time out of the cache
        response = one.ask("GET", "/a", [*bearer(token), ("X-Subject", "root")])
        assert response.status == 200
        request = behind.requests[-1]
        assert request.all("X-Subject") == ["alice"] and request.all("X-Tenant") == ["gold"]
        assert not request.has("Authorization")
    assert token not in one.error_log() and token not in (one.folder / "access.log").read_text()


def test_a_claim_within_a_claim_is_a_fact_and_may_be_asked_for(gateway, upstream, keys, tmp_path):
    key, behind = keys("k1"), upstream()
    (tmp_path / "set.json").write_text(key_set(key))
    route = """
auth = ["customers"]
allow = { claims = { "tenant.groups" = "staff" } }
[route.all.headers.request]
set = { X-Tenant = "{claim.tenant.id}" }
"""
    one = gateway(settings(behind, route=route, more=jwt(f'jwks_file = "{tmp_path}/set.json"')))
    for _ in range(2):   # the second time out of the cache
        assert one.ask("GET", "/", bearer(Issuer().token(key, tenant={"id": "t9", "groups": ["staff"]}))).status == 200
        assert behind.last.all("X-Tenant") == ["t9"]
    assert one.ask("GET", "/", bearer(Issuer().token(key, tenant={"id": "t9", "groups": ["guests"]}))).status == 403
    assert one.ask("GET", "/", bearer(Issuer().token(key, tenant="staff"))).status == 403


def test_a_token_in_a_cookie_comes_in_and_the_other_cookies_go_on(gateway, upstream, keys, tmp_path):
    key, behind = keys("k1"), upstream()
    (tmp_path / "set.json").write_text(key_set(key))
    one = gateway(settings(behind, route=ROUTE, more=jwt(f'jwks_file = "{tmp_path}/set.json"', 'cookie = "session"')))
    token = Issuer().token(key)

    def ask(*cookies, fields=()):
        return one.ask("GET", "/a", [*(("Cookie", cookie) for cookie in cookies), *fields])
    assert ask(f"theme=dark; session={token}; lang=en").status == 200
    assert behind.last.all("Cookie") == ["theme=dark; lang=en"] and behind.last.all("X-Subject") == ["alice"]
    assert ask("theme=dark", f'session="{token}"').status == 200
    assert behind.last.all("Cookie") == ["theme=dark"]
    assert one.ask("GET", "/a", bearer(token)).status == 200
    count = len(behind.requests)
    assert_problem(ask("session=; theme=dark"), 401, "credentials_missing")
    assert_problem(ask(f"Session={token}"), 401, "credentials_missing")
    assert_problem(ask("session=x"), 401, "token_malformed")
    assert_problem(ask(f"session={token}", fields=bearer(token)), 401, "credentials_ambiguous")
    assert_problem(ask(f"session={token}; session=x"), 401, "credentials_ambiguous")
    assert len(behind.requests) == count
    assert token not in one.error_log() and token not in (one.folder / "access.log").read_text()


def test_a_secret_by_reference_serves_and_is_read_anew_by_a_reload(gateway, upstream, keys, tmp_path):
    key, place = keys("k1", "HS256"), tmp_path / "tokens.secret"
    key.secret = b"a secret of a test, of more than enough bytes"
    place.write_bytes(key.secret + b"\n")
    one = gateway(settings(upstream(), route=ROUTE, more=jwt(f'secret = {{ secret = "file:{place}" }}')))
    old = Issuer().token(key)
    assert statuses(one, old) == {200}
    assert_problem(one.ask("GET", "/", bearer(Issuer().token(keys("k2", "RS256")))), 401, "token_algorithm")
    key.secret = b"another secret of a test, of more than enough bytes"
    place.write_bytes(key.secret)
    assert statuses(one, Issuer().token(key)) == {401}
    assert "with new secrets" in one.reload()
    wait_until(lambda: statuses(one, Issuer().token(key)) == {200} and statuses(one, old) == {401}, "the new secret")
    place.write_bytes(b"short")
    assert "has less than 32 bytes" in one.reload(code=1)
    assert statuses(one, Issuer().token(key)) == {200}   # what is not good changes nothing


def test_a_token_that_lacks_a_scope_is_told_so(gateway, upstream, keys, tmp_path):
    key = keys("k1")
    (tmp_path / "set.json").write_text(key_set(key))
    one = gateway(settings(upstream(), route=ROUTE, more=jwt(f'jwks_file = "{tmp_path}/set.json"')).replace(
        'auth = ["customers"]', 'auth = ["customers"]\nallow = { scopes = ["orders:write"] }'))
    refused = one.ask("GET", "/", bearer(Issuer().token(key, scope="orders:read")))
    assert_problem(refused, 403, "not_allowed")
    assert refused.all("WWW-Authenticate") == ['Bearer realm="customers", error="insufficient_scope"']
    assert one.ask("GET", "/", bearer(Issuer().token(key, scope="orders:read orders:write"))).status == 200


def test_a_public_key_in_pem_serves_tokens_of_any_key_id(gateway, upstream, keys, tmp_path):
    key = keys("k1", "RS256")
    (tmp_path / "issuer.pem").write_text(key.pem())
    one = gateway(settings(upstream(), route=ROUTE, more=jwt(f'public_key = "{tmp_path}/issuer.pem"')))
    assert statuses(one, Issuer().token(key, header={"kid": "whatever"})) == {200}
    # A MAC with the text of the public key: the oldest trick there is.
    message = (b64(b'{"alg":"HS256"}') + "." + Issuer().token(key).split(".")[1]).encode()
    forged = message.decode() + "." + b64(hmac.new(key.pem().encode(), message, hashlib.sha256).digest())
    assert_problem(one.ask("GET", "/", bearer(forged)), 401, "token_algorithm")


@pytest.mark.parametrize("claims, header, code", [
    ({"exp": 1}, {}, "token_expired"),
    ({"exp": None}, {}, "token_claims"),
    ({"aud": "billing"}, {}, "token_audience"),
    ({"iss": "https://other.example"}, {}, "token_issuer"),
    ({"nbf": 4_000_000_000}, {}, "token_not_yet_valid"),
    ({}, {"kid": "other"}, "token_key_unknown"),
    ({}, {"typ": "logout+jwt"}, "token_type"),
    ({}, {"alg": "none"}, "token_algorithm"),
    ({}, {"crit": ["exp"]}, "token_malformed"),
    ({}, {"alg": "ES384"}, "token_algorithm"),
    ({"tenant": None}, {}, "token_claims"),
])
def test_a_token_that_is_not_good_is_refused_by_name(gateway, upstream, keys, tmp_path, claims, header, code):
    key, behind = keys("k1"), upstream()
    (tmp_path / "set.json").write_text(key_set(key))
    one = gateway(settings(behind, route=ROUTE,
                           more=jwt(f'jwks_file = "{tmp_path}/set.json"', 'required = ["tenant"]')))
    response = one.ask("GET", "/", bearer(Issuer().token(key, header=header, **{"tenant": "gold", **claims})))
    problem = assert_problem(response, 401, code)
    assert response.all("WWW-Authenticate") == [
        f'Bearer realm="customers", error="invalid_token", error_description="{problem["detail"]}"']
    assert behind.requests == []


def test_without_a_token_the_challenge_says_only_what_is_missing(gateway, upstream, keys, tmp_path):
    (tmp_path / "set.json").write_text(key_set(keys("k1")))
    one = gateway(settings(upstream(), route=ROUTE, more=jwt(f'jwks_file = "{tmp_path}/set.json"')))
    for fields in ([], [("Authorization", "Basic YTpi")]):
        response = one.ask("GET", "/", fields)
        assert_problem(response, 401, "credentials_missing")
        assert response.all("WWW-Authenticate") == ['Bearer realm="customers"']


def test_several_issuers_share_a_route(gateway, upstream, keys, tmp_path):
    ours, theirs = keys("k1"), keys("k2")
    (tmp_path / "ours.json").write_text(key_set(ours))
    (tmp_path / "theirs.json").write_text(key_set(theirs))
    more = jwt(f'jwks_file = "{tmp_path}/ours.json"') + f"""
[auth.partners]
type = "jwt"
issuer = "https://partner.example"
audience = "orders"
jwks_file = "{tmp_path}/theirs.json"
"""
    one = gateway(settings(upstream(), route=ROUTE.replace('["customers"]', '["customers", "partners"]'), more=more))
    partner = Issuer("https://partner.example")
    assert statuses(one, Issuer().token(ours)) == {200} and statuses(one, partner.token(theirs)) == {200}
    expired = one.ask("GET", "/", bearer(partner.token(theirs, exp=1)))
    assert_problem(expired, 401, "token_expired")   # not: another issuer's
    assert statuses(one, partner.token(ours)) == {401} and statuses(one, Issuer().token(theirs)) == {401}


def test_a_claim_that_only_looks_like_a_list_grants_nothing(gateway, upstream, keys, tmp_path):
    key = keys("k1")
    (tmp_path / "set.json").write_text(key_set(key))
    route = ROUTE.replace("[route.all.headers", 'allow = { claims = { teams = "admins" } }\n[route.all.headers')
    one = gateway(settings(upstream(), route=route, more=jwt(f'jwks_file = "{tmp_path}/set.json"')))
    for teams, status in ((["users", "admins"], 200), ("admins", 200), (["users"], 403), ('["admins"]', 403), ('["users","admins"]', 403)):
        assert statuses(one, Issuer().token(key, teams=teams), 2) == {status}, teams   # remembered, too


@pytest.mark.threads
def test_a_key_that_is_withdrawn_is_refused_a_second_later(gateway, upstream, keys, tmp_path):
    old, new, store, behind = keys("old"), keys("new"), tmp_path / "set.json", upstream()
    store.write_text(key_set(old))
    one = gateway(settings(behind, server="workers = 2", route=ROUTE, more=jwt(f'jwks_file = "{store}"')))
    first, second = Issuer().token(old), Issuer().token(new)
    assert statuses(one, first) == {200} and statuses(one, second) == {401}
    replace(store, key_set(old, new))
    wait_until(lambda: statuses(one, second) == {200}, "the new key")
    assert_revoked(one, behind, lambda: replace(store, key_set(new)), bearer(first))
    assert statuses(one, first) == {401} and statuses(one, second) == {200}
    store.write_text("{broken")
    wait_until(lambda: "files refused: what is in use stays" in one.error_log(), "the refusal")
    assert statuses(one, second) == {200}


@pytest.mark.threads
def test_a_token_that_is_revoked_is_refused_a_second_later_on_every_worker(gateway, upstream, keys, tmp_path):
    key, revoked, behind = keys("k1"), tmp_path / "revoked.jsonl", upstream()
    (tmp_path / "set.json").write_text(key_set(key))
    revoked.write_text("# nothing yet\n")
    one = gateway(settings(behind, server="workers = 2", route=ROUTE,
                           more=jwt(f'jwks_file = "{tmp_path}/set.json"', f'revoked = "{revoked}"')))
    first, second = Issuer().token(key, jti="t1"), Issuer().token(key, jti="t2", sub="bob")
    assert statuses(one, first) == {200} and statuses(one, second) == {200}
    assert_revoked(one, behind, lambda: replace(revoked, json.dumps({"jti": "t1"}) + "\n"), bearer(first))
    assert statuses(one, first) == {401} and statuses(one, second) == {200}
    assert_problem(one.ask("GET", "/", bearer(first)), 401, "token_revoked")
    everything_of_bob = json.dumps({"sub": "bob", "before": int(time.time()) + 60}) + "\n"
    assert_revoked(one, behind, lambda: replace(revoked, everything_of_bob), bearer(second))
    assert statuses(one, first) == {200} and statuses(one, second) == {401}


@pytest.fixture
def provider(upstream, keys):
    """A provider with one key, and its server."""
    publisher = Provider(keys("k1"))
    server = upstream(publisher)
    publisher.address = server.address
    return publisher, server


@pytest.mark.threads
def test_keys_come_from_the_network_and_a_new_one_at_its_first_use(gateway, upstream, provider, keys):
    publisher, server = provider
    one = gateway(settings(upstream(), server="workers = 2", route=ROUTE,
                           more=jwt(f'jwks_uri = "http://{server.address}/keys"')))
    first = Issuer().token(publisher.keys[0])
    assert statuses(one, first) == {200}   # the first request waits for the first fetch, if it must
    assert publisher.asked == 1
    new = keys("k2")
    publisher.keys.append(new)
    assert statuses(one, Issuer().token(new), times=1) == {200}   # however late the last fetch was
    assert publisher.asked == 2
    stranger = Issuer().token(keys("k9"))
    assert statuses(one, stranger, times=20) == {401}   # unknown keys are asked for once in ten seconds
    assert publisher.asked == 2
    assert one.metric("sluice_auth_keys", auth="auth.customers") == 2


@pytest.mark.threads
@pytest.mark.parametrize("changed", [False, True], ids=["unchanged", "changed"])
def test_a_reload_ends_a_key_that_the_provider_has_withdrawn(gateway, upstream, provider, keys, changed):
    publisher, server = provider
    config = settings(upstream(), server="workers = 2", route=ROUTE, more=jwt(f'jwks_uri = "http://{server.address}/keys"'))
    one = gateway(config)
    leaked = Issuer().token(publisher.keys[0])
    assert statuses(one, leaked) == {200}
    publisher.keys = [keys("k2")]
    one.reload(config + '[route.more]\nmatch = { path = "/more" }\nrespond = { status = 200 }\nauth = "none"\n'
               if changed else None)
    wait_until(lambda: statuses(one, leaked) == {401}, "the key is gone", 1 * SLOW)
    assert statuses(one, Issuer().token(publisher.keys[0])) == {200}


@pytest.mark.threads
def test_old_keys_serve_on_while_the_provider_is_away(gateway, upstream, provider, keys):
    publisher, server = provider
    issuer = f"http://{server.address}"   # found by discovery
    one = gateway(settings(upstream(), server="workers = 2", route=ROUTE, more=jwt('refresh = "1s"', issuer=issuer)))
    known = Issuer(issuer).token(publisher.keys[0])
    assert statuses(one, known) == {200}
    publisher.status = 503
    wait_until(lambda: "token keys not fetched" in one.error_log(), "a failed fetch")
    assert statuses(one, known) == {200}
    response = one.ask("GET", "/", bearer(Issuer(issuer).token(keys("k9"))))
    assert_problem(response, 503, "token_keys_unavailable")   # nobody knows whose fault it is
    publisher.status = 200
    publisher.keys = [keys("k2")]
    wait_until(lambda: statuses(one, known) == {401}, "the withdrawn key")
    assert statuses(one, Issuer(issuer).token(publisher.keys[0])) == {200}


def test_with_the_provider_unreachable_other_routes_serve(gateway, upstream, keys):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    more = jwt(f'jwks_uri = "{nobody}/keys"') + """
[route.open]
match = { path = "/open" }
upstream = "main"
auth = "none"
"""
    one = gateway(settings(upstream(), route=ROUTE, more=more))
    assert one.ask("GET", "/open").status == 200
    response = one.ask("GET", "/", bearer(Issuer().token(keys("k1"))))
    assert_problem(response, 503, "token_keys_unavailable")
    assert one.ask("GET", "/", bearer("x.y.z")).status == 401


def test_explain_names_the_issuer(gateway, upstream, provider):
    _, server = provider
    one = gateway(settings(upstream(), route=ROUTE, more=jwt(f'jwks_uri = "http://{server.address}/keys"')))
    out = subprocess.run([BINARY, "explain", "-c", one.config, "GET", "/a"], capture_output=True, text=True,
                         timeout=60)
    assert f"customers (jwt of https://id.example, keys from http://{server.address}/keys)" in out.stdout, out.stdout
