"""Requests signed by RFC 9421: every algorithm, what is tampered with, replays, bodies, rotation."""
import os
import subprocess
import threading
import time

import pytest
from support.client import Client, request
from support.gateway import Gateway, settings
from support.problem import assert_problem
from support.signing import Key, content_digest, signed
from support.timing import BINARY, wait_until
from support.upstream import Upstream, early

ALGORITHMS = ("hmac-sha256", "ed25519", "ecdsa-p256-sha256", "ecdsa-p384-sha384", "rsa-pss-sha512",
              "rsa-v1_5-sha256")
INLINE = "ed25519, its PEM in the configuration"


class Bank:
    """One gateway for the whole file, with two workers and a key of every algorithm."""

    def __init__(self, folder):
        self.keys = {name: Key(f"k-{name}", name) for name in ALGORITHMS}
        self.old = Key("k-old", "hmac-sha256")
        self.far = Key("k-far", "hmac-sha256")
        folder.mkdir(exist_ok=True)
        entries = [key.entry(folder) for key in self.keys.values()]
        entries.append(self.old.entry(folder, ", expires = 2020-01-01"))
        inline = self.keys[INLINE] = Key("k-inline", "ed25519")
        entries.append(f'{{ id = "k-inline", algorithm = "ed25519", public_key = """{inline.pem()}""" }}')
        self.behind = Upstream()
        self.gateway = Gateway(folder / "gateway", settings(self.behind, server="workers = 2", route="""
auth = ["bank"]
[route.all.headers.request]
set = { X-Consumer = "{consumer}", X-Tenant = "{claim.tenant}" }
[route.kept]
match = { path = "/kept/**" }
upstream = "main"
auth = ["bank"]
keep_credentials = true
[route.strict]
match = { path = "/strict/**" }
upstream = "main"
auth = ["strict"]
""", more=f"""
[auth.bank]
type = "signature"
[auth.strict]
type = "signature"
components = ["@method", "@target-uri", "content-type"]
nonce_required = true
digest_required = false
tag = "strict"
max_skew = "30s"
[consumer.acme]
signing_keys = [
  {", ".join(entries)}
]
claims = {{ tenant = "gold" }}
[consumer.far]
signing_keys = [{self.far.entry(folder)}]
allow_ips = ["203.0.113.0/24"]
""")).start()

    @property
    def key(self):
        return self.keys["hmac-sha256"]

    def ask(self, fields, method="GET", target="/", body=b"", host="localhost"):
        return self.gateway.ask(method, target, fields, body, host=host)


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    one = Bank(tmp_path_factory.mktemp("bank"))
    try:
        yield one
        one.gateway.stop()
    finally:
        one.gateway.kill()
        one.behind.stop()


@pytest.mark.parametrize("name", [*ALGORITHMS, INLINE])
def test_every_algorithm_comes_in_and_its_signature_goes_no_further(bank, name):
    body, key = b'{"amount": 7}', bank.keys[name]
    fields = signed(key, "POST", "/orders?a=1&b", body=body, alg=key.algorithm)
    response = bank.ask([*fields, ("X-Consumer", "spoofed"), ("Signature_Input", "x")], "POST", "/orders?a=1&b", body)
    assert response.status == 200, response.body
    seen = bank.behind.last
    assert seen.all("X-Consumer") == ["acme"] and seen.all("X-Tenant") == ["gold"]
    assert seen.body == body and seen.get("Content-Digest") == content_digest(body)
    assert not seen.has("Signature") and not seen.has("Signature-Input") and not seen.has("Signature_Input")


def test_credentials_are_kept_where_the_route_says_so(bank):
    assert bank.ask(signed(bank.key, target="/kept/a"), target="/kept/a").status == 200
    assert bank.behind.last.has("Signature") and bank.behind.last.has("Signature-Input")


def test_a_covered_part_that_is_another_is_refused(bank):
    def refused(code="signature_invalid", status=401, sent=None, **how):
        how = {"method": "GET", "target": "/a?b=1", **how}
        fields = signed(bank.key, **how)
        sent = {"method": how["method"], "target": how["target"], **(sent or {})}
        response = bank.ask(fields, **sent)
        assert_problem(response, status, code)
        return response
    before = len(bank.behind.requests)
    response = refused(sent={"method": "DELETE"})
    assert response.all("WWW-Authenticate") == [
        'Signature realm="bank", components="@method @authority @path @query"']
    refused(sent={"target": "/a?b=2"})
    refused(sent={"target": "/b?b=1"})
    refused(sent={"target": "/a"})
    refused(sent={"host": "other"})
    refused(code="signature_components", components=("@method", "@authority", "@path"))
    refused(code="signature_components", components=("@method", "@authority", "@path", "@query", "x-gone"))
    refused(code="signature_components", components=("@method", "@method", "@authority", "@path", "@query"))
    refused(code="signature_expired", created=int(time.time()) - 301)
    refused(code="signature_not_yet_valid", created=int(time.time()) + 400)
    refused(code="signature_expired", expires=int(time.time()) - 1)
    refused(code="signature_algorithm", alg="ed25519")
    refused(code="signature_key_unknown", keyid="nobody")
    refused(code="signature_key_unknown", keyid=None)
    assert len(bank.behind.requests) == before


def test_a_field_in_the_signature_cannot_be_changed_added_or_dropped(bank):
    covered = ("@method", "@authority", "@path", "@query", "x-amount")
    good = signed(bank.key, fields=[("X-Amount", "7")], components=covered)
    assert_problem(bank.ask([("X-Amount", "8"), *good[1:]]), 401, "signature_invalid")
    assert_problem(bank.ask([*good, ("X-Amount", "7")]), 401, "signature_invalid")
    assert_problem(bank.ask(good[1:]), 401, "signature_components")
    assert bank.ask(good).status == 200


def test_an_expired_key_and_one_from_elsewhere_are_refused(bank):
    assert_problem(bank.ask(signed(bank.old)), 401, "signature_key_expired")
    assert_problem(bank.ask(signed(bank.far)), 403, "credential_address")
    assert_problem(bank.ask([]), 401, "credentials_missing")
    assert_problem(bank.ask([("Signature", "x=:AA==:")]), 401, "signature_malformed")
    assert_problem(bank.ask([("Signature-Input", "x=("), ("Signature", "x=:AA==:")]), 401, "signature_malformed")


def test_the_rules_of_a_table_hold(bank):
    def ask(**how):
        how = {"target": "/strict/a", "tag": "strict", "fields": [("Content-Type", "text/plain")],
               "components": ("@method", "@target-uri", "content-type"), **how}
        return bank.ask(signed(bank.key, **how), target="/strict/a")
    assert ask().status == 200
    assert_problem(ask(nonce=None), 401, "signature_components")
    assert_problem(ask(tag="other"), 401, "signature_key_unknown")
    assert_problem(ask(components=("@method", "@path", "content-type")), 401, "signature_components")
    assert_problem(ask(created=int(time.time()) - 40), 401, "signature_expired")
    assert_problem(ask(scheme="https"), 401, "signature_invalid")
    body = b"not signed, and not asked for"
    fields = signed(bank.key, "POST", "/strict/a", [("Content-Type", "text/plain")], tag="strict",
                    components=("@method", "@target-uri", "content-type"))
    assert bank.ask(fields, "POST", "/strict/a", body).status == 200


def test_the_target_is_the_one_that_was_received(bank):
    """What has another normal form is refused, however well it is signed."""
    for target in ("/a/../b", "/a/%7Eb", "/a%c3%a9"):
        assert_problem(bank.ask(signed(bank.key, target=target), target=target), 400, "signature_target")
    target = "/a%C3%A9/~b;c=:@!$&'()*+,=?q=%7e%2F//.."
    assert bank.ask(signed(bank.key, target=target), target=target).status == 200
    assert bank.behind.last.target == target
    # Signed in one form and sent in the other.
    assert_problem(bank.ask(signed(bank.key, target="/b"), target="/a/../b"), 401, "signature_invalid")


@pytest.mark.threads
def test_a_signed_request_passes_exactly_once_on_two_workers(bank):
    for round in range(6):
        fields = signed(bank.key, target=f"/once/{round}")
        data = request("GET", f"/once/{round}", fields)
        clients = [Client(bank.gateway.port) for _ in range(12)]   # connections are spread over the workers
        start = threading.Barrier(len(clients))
        statuses = []

        def send(client):
            start.wait()
            statuses.append(client.send(data).response().status)

        threads = [threading.Thread(target=send, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in clients:
            client.socket.close()
        assert sorted(statuses) == [200] + [401] * (len(clients) - 1)
    assert_problem(bank.ask(fields, target=f"/once/{round}"), 401, "signature_replayed")
    # The nonce alone decides, whatever else is signed with it; another key's is another.
    again = signed(bank.key, target="/other", nonce="n1")
    assert bank.ask(again, target="/other").status == 200
    assert_problem(bank.ask(signed(bank.key, target="/more", nonce="n1"), target="/more"), 401, "signature_replayed")
    other = bank.keys["ed25519"]
    assert bank.ask(signed(other, target="/more", nonce="n1"), target="/more").status == 200
    # Without a nonce what is signed decides: an ECDSA signature is another one each time.
    ecdsa = bank.keys["ecdsa-p256-sha256"]
    now = int(time.time())
    assert bank.ask(signed(ecdsa, nonce=None, created=now)).status == 200
    assert_problem(bank.ask(signed(ecdsa, nonce=None, created=now)), 401, "signature_replayed")


def test_what_is_not_good_uses_up_no_nonce(bank):
    fields = signed(bank.key, "POST", nonce="spared", body=b"a")
    assert_problem(bank.ask(fields, "PUT", body=b"a"), 401, "signature_invalid")
    assert bank.ask(fields, "POST", body=b"a").status == 200


def test_a_reload_forgets_no_nonce(bank):
    fields = signed(bank.key, target="/reload")
    assert bank.ask(fields, target="/reload").status == 200
    bank.gateway.reload(bank.gateway.config_text.replace('max_skew = "30s"', 'max_skew = "31s"')
                        .replace('tenant = "gold"', 'tenant = "silver"'))
    assert_problem(bank.ask(fields, target="/reload"), 401, "signature_replayed")
    assert bank.ask(signed(bank.key)).status == 200
    assert bank.behind.last.all("X-Tenant") == ["silver"]
    bank.gateway.reload(bank.gateway.config_text.replace('tenant = "silver"', 'tenant = "gold"'))


@pytest.mark.parametrize("how", ["length", "chunked"])
@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 300_000])
def test_a_body_is_held_to_its_digest_while_it_streams(bank, how, size):
    body = bytes(i % 251 for i in range(size))

    def ask(sent):
        chunks = [sent[at:at + 40_000] for at in range(0, len(sent), 40_000)] if how == "chunked" else None
        return bank.gateway.ask("POST", "/", signed(bank.key, "POST", body=body), sent, chunks=chunks)
    assert ask(body).status == 200
    assert bank.behind.last.body == body
    before = len(bank.behind.requests)
    assert_problem(ask(body[:-1] + b"!"), 400, "digest_mismatch")
    if size > 0:
        assert_problem(ask(body + b"!"), 400, "digest_mismatch")
        assert_problem(ask(body[:-1]), 400, "digest_mismatch")
    for broken in bank.behind.requests[before:]:   # the upstream saw a beginning, never a whole request
        assert not broken.done.wait(0.02)


def test_a_body_without_a_signed_digest_is_refused(bank):
    body = b"hello"
    bare = signed(bank.key, "POST")
    assert_problem(bank.ask(bare, "POST", body=body), 401, "signature_components")
    assert_problem(bank.ask([*bare, ("Content-Digest", content_digest(body))], "POST", body=body), 401,
                   "signature_components")
    covered = ("@method", "@authority", "@path", "@query", "content-digest")
    for digest, code, status in (("md5=:AAAA:", "digest_malformed", 400), ("sha-256=:AAAA:", "digest_malformed", 400),
                                 (content_digest(b"other", "sha-512"), "digest_mismatch", 400)):
        fields = signed(bank.key, "POST", fields=[("Content-Digest", digest)], components=covered)
        assert_problem(bank.ask(fields, "POST", body=body), status, code)
    # Of two digests the longer counts, so nobody can put a weaker one beside it.
    both = f"{content_digest(b'other', 'sha-256')}, {content_digest(body, 'sha-512')}"
    fields = signed(bank.key, "POST", fields=[("Content-Digest", both)], components=covered)
    assert bank.ask(fields, "POST", body=body).status == 200
    # No body at all is held to its digest too.
    assert bank.ask(signed(bank.key, body=b"")).status == 200
    assert_problem(bank.ask(signed(bank.key, body=b"lost")), 400, "digest_mismatch")


def test_a_mismatch_after_the_upstreams_answer_ends_the_connection(bank):
    """An early answer is on its way when the end of the body turns out wrong: nobody may take it for whole."""
    seen = {}

    @early
    def script(connection, got):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n")
        seen["end"] = connection.wait_for_end()

    usual, bank.behind.script = bank.behind.script, script
    try:
        body = bytes(200_000)
        with Client(bank.gateway.port) as client:
            data = request("POST", "/", signed(bank.key, "POST", body=body), body[:-1] + b"!")
            client.send(data[:100_000])
            wait_until(lambda: b"early" in bytes(client.reader.buffer) or client.reader.buffer.extend(
                client.socket.recv(65536)) is None and b"early" in bytes(client.reader.buffer), "the early answer")
            client.send(data[100_000:])
            got = client.read_to_end_whatever_happens()
            assert not got.endswith(b"0\r\n\r\n")
        wait_until(lambda: "end" in seen, "the upstream's connection ends")
    finally:
        bank.behind.script = usual


def test_explain_shows_the_signature_and_judges_it(bank):
    def explain(*fields):
        more = [part for name, value in fields for part in ("-H", f"{name}: {value}")]
        out = subprocess.run([BINARY, "explain", "-c", bank.gateway.config, "GET", "http://localhost/a", *more],
                             capture_output=True, text=True, timeout=60)
        return out.stdout + out.stderr
    fields = signed(bank.key, target="/a")
    text = explain(*fields)
    assert "bank (signature by RFC 9421 over @method @authority @path @query" in text, text
    assert "X-Consumer: acme" in text and bank.key.secret not in text
    assert "signature_invalid" in explain(fields[0], ("Signature", "sig=:AAAA:"))


@pytest.mark.threads
def test_keys_rotate_by_their_files(gateway, upstream, tmp_path):
    first, second = Key("s1", "ed25519"), Key("s2", "hmac-sha256")
    public, secret = tmp_path / "s1.pem", tmp_path / "s2.secret"
    public.write_text(first.pem())
    secret.write_text(second.secret)
    one = gateway(settings(upstream(), server="workers = 2", route='auth = ["bank"]', more=f"""
[auth.bank]
type = "signature"
[consumer.acme]
signing_keys = [{{ id = "s1", algorithm = "ed25519", public_key = "{public}" }},
                {{ id = "s2", algorithm = "hmac-sha256", secret = {{ secret = "file:{secret}" }} }}]
"""))

    def statuses(key):
        return {one.ask("GET", "/", signed(key)).status for _ in range(6)}
    assert statuses(first) == {200} and statuses(second) == {200}
    fresh = Key("s1", "ed25519")
    (tmp_path / "fresh").write_text(fresh.pem())
    os.replace(tmp_path / "fresh", public)
    wait_until(lambda: statuses(fresh) == {200}, "the new key")
    assert statuses(first) == {401} and statuses(second) == {200}
    secret.write_text("too short")
    wait_until(lambda: "files refused: what is in use stays" in one.error_log(), "the refusal")
    assert "too short" not in one.error_log() and "less than 32 bytes" in one.error_log()
    assert statuses(second) == {200}
    second.secret = second.secret[::-1]
    secret.write_text(second.secret)
    wait_until(lambda: statuses(second) == {200}, "the new secret")
    assert second.secret not in one.error_log()
