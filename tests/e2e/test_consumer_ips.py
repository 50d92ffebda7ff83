"""Consumers whose allow_ips names address lists: every kind of credential, lists that change by themselves, reloads."""
import base64
import hashlib
import os

import pytest
from support.client import ask
from support.gateway import run_command, settings
from support.issuer import Issuer
from support.issuer import Key as TokenKey
from support.problem import assert_problem
from support.signing import Key as SigningKey
from support.signing import signed
from support.timing import wait_until

KINDS = ("keys", "users", "tokens", "signed", "machines")
OFFICE, ELSEWHERE, RANGE = "203.0.113.7", "198.51.100.1", "192.0.2.7"
HASH = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"   # "U*U": a vector of crypt_blowfish
TRUSTED = 'trusted_proxies = ["127.0.0.1"]'
CONFIG = """
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
client_cert = {{ ca = "{ca}", mode = "optional" }}
[auth.keys]
type = "api_key"
[auth.users]
type = "basic"
file = "{folder}/users"
[auth.tokens]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
secret = {{ secret = "file:{folder}/tokens.secret" }}
consumer = "azp"
[auth.signed]
type = "signature"
[auth.machines]
type = "mtls"
[ip_list.office]
file = "{folder}/office.txt"
[consumer.acme]
keys = [{{ id = "k1", sha256 = "{sha256}" }}]
users = ["alice"]
certificates = [{{ dns = "acme.example" }}]
signing_keys = [{signing}]
allow_ips = ["office", "192.0.2.0/24"]
"""


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Guarded:
    """One gateway with a route for each kind of credential, and the credentials of one consumer."""

    def __init__(self, start, behind, authority, folder):
        self.folder, self.authority = folder, authority
        self.office = folder / "office.txt"
        self.token_key, self.signing_key = TokenKey(folder, "k1", "HS256"), SigningKey("s1", "hmac-sha256")
        self.token_key.secret = b"a secret of a test, of more than enough bytes"
        (folder / "tokens.secret").write_bytes(self.token_key.secret)
        (folder / "users").write_text(f"alice:{HASH}\n")
        self.set_office("203.0.113.0/24\n")
        cert, key = authority.leaf("localhost", stem=folder / "site")
        self.pair = authority.leaf("acme.example", stem=folder / "acme")
        more = CONFIG.format(cert=cert, key=key, ca=authority.cert, folder=folder, sha256=sha256("a key"),
                             signing=self.signing_key.entry(folder))
        for kind in KINDS:
            more += f'[route.{kind}]\nmatch = {{ path = "/{kind}" }}\nupstream = "main"\nauth = ["{kind}"]\n'
        self.text = settings(behind, top=TRUSTED, server="workers = 2", route='auth = "none"', more=more)
        self.gateway = start(self.text)

    def set_office(self, text):
        fresh = self.folder / "office.new"
        fresh.write_text(text)
        os.replace(fresh, self.office)

    def credentials(self, kind):
        if kind == "keys":
            return [("X-Api-Key", "a key")]
        if kind == "users":
            return [("Authorization", "Basic " + base64.b64encode(b"alice:U*U").decode())]
        if kind == "tokens":
            return [("Authorization", "Bearer " + Issuer().token(self.token_key, azp="acme"))]
        return signed(self.signing_key, target=f"/{kind}") if kind == "signed" else []

    def ask(self, kind, address):
        fields = [("X-Forwarded-For", address), *self.credentials(kind)]
        if kind == "machines":
            return ask(self.gateway.tls, "GET", f"/{kind}", fields, tls=self.authority.client_context(pair=self.pair))
        return self.gateway.ask("GET", f"/{kind}", fields)

    def statuses(self, kind, address):
        return {self.ask(kind, address).status for _ in range(8)}   # of both workers


@pytest.fixture
def guarded(gateway, upstream, authority, tmp_path):
    return Guarded(gateway, upstream(), authority, tmp_path)


def test_credentials_of_every_kind_count_from_the_list_and_the_ranges_only(guarded):
    for kind in KINDS:
        for address in (OFFICE, RANGE):
            assert guarded.ask(kind, address).status == 200, (kind, address)
        assert_problem(guarded.ask(kind, ELSEWHERE), 403, "credential_address")


def test_explain_judges_by_the_list(guarded):
    for address, told in [(OFFICE, "upstream request:"), (RANGE, "upstream request:"), (ELSEWHERE, "credential_address")]:
        said = run_command("explain", "-c", guarded.gateway.config, "GET", "/keys", "-H", "X-Api-Key: a key", "--from", address)
        assert told in said.stdout, said.stdout


@pytest.mark.threads
def test_a_changed_list_holds_for_consumers_without_a_reload(guarded):
    one = guarded.gateway
    guarded.set_office(f"{ELSEWHERE}   # they have moved\n")
    for kind in KINDS:
        wait_until(lambda kind=kind: guarded.statuses(kind, OFFICE) == {403}, f"the list is in force for {kind}")
        assert guarded.statuses(kind, ELSEWHERE) == {200} and guarded.statuses(kind, RANGE) == {200}, kind
    guarded.set_office("nonsense\n")
    one.wait_for_error_line("files refused: what is in use stays of=ip_list.office .*line 1: ")
    assert guarded.statuses("keys", ELSEWHERE) == {200} and guarded.statuses("keys", OFFICE) == {403}
    guarded.set_office("")   # nobody is on it
    wait_until(lambda: guarded.statuses("keys", ELSEWHERE) == {403}, "the empty list is in force")
    assert guarded.statuses("keys", RANGE) == {200}
    assert "reloading" not in one.error_log()


def test_a_reload_keeps_the_list_and_takes_another(guarded):
    one = guarded.gateway
    guarded.set_office(f"{ELSEWHERE}\n")
    wait_until(lambda: guarded.statuses("keys", ELSEWHERE) == {200}, "the list is in force")
    more = '[route.more]\nmatch = { path = "/more" }\nrespond = { status = 204 }\nauth = "none"\n'
    one.reload(guarded.text + more)   # what consumers use is as it was
    for kind in KINDS:
        assert guarded.statuses(kind, ELSEWHERE) == {200} and guarded.statuses(kind, OFFICE) == {403}, kind
    guarded.set_office(f"{OFFICE}\n")   # and is still live
    wait_until(lambda: guarded.statuses("keys", OFFICE) == {200}, "the list is in force after a reload")
    assert guarded.statuses("keys", ELSEWHERE) == {403}
    other = guarded.text.replace(f'file = "{guarded.office}"', f'addresses = ["{ELSEWHERE}"]')
    one.reload(other)   # [consumer.acme] and [auth.*] are the same to the letter
    for kind in KINDS:
        assert guarded.statuses(kind, ELSEWHERE) == {200} and guarded.statuses(kind, OFFICE) == {403}, kind


def test_a_line_of_a_key_file_names_no_list(gateway, upstream, tmp_path):
    text = f'[auth.keys]\ntype = "api_key"\nstore = "file:{tmp_path}/keys.jsonl"\n[ip_list.office]\naddresses = ["{OFFICE}"]\n'
    line = f'{{"sha256": "{sha256("a key")}", "id": "k1", "consumer": "acme", "allow_ips": ["%s"]}}\n'
    (tmp_path / "keys.jsonl").write_text(line % OFFICE)
    one = gateway(settings(upstream(), top=TRUSTED, route='auth = ["keys"]', more=text))
    (tmp_path / "keys.jsonl").write_text(line % "office")
    done = run_command("check", one.config)
    assert done.returncode != 0 and 'line 1: "allow_ips" holds what is no address or range' in done.stdout + done.stderr
    one.wait_for_error_line("files refused: what is in use stays of=auth.keys")
    key = [("X-Api-Key", "a key")]
    assert one.ask("GET", "/", [*key, ("X-Forwarded-For", OFFICE)]).status == 200
    assert_problem(one.ask("GET", "/", [*key, ("X-Forwarded-For", ELSEWHERE)]), 403, "credential_address")
