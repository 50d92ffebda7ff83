"""F7: credentials of every kind, good and bad, are in no log, sink, page or answer, at any level of the log."""
import base64
import contextlib
import hashlib
import json
import re
import threading

import pytest
from botocore import auth as aws
from support.client import Client, ask, request
from support.gateway import run_command, settings
from support.issuer import Issuer, Key, key_set
from support.signing import Key as SigningKey
from support.signing import signed
from support.timing import wait_until
from support.upstream import answer
from test_api_keys import KEY, sha256
from test_audit import Syslog
from test_basic import HASH
from test_introspection import Introspector
from test_signed_requests_aws import signed as aws_signed

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
           ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
HELD = {name: f"planted-{name}-" + hashlib.sha256(name.encode()).hexdigest()
        for name in ("hmac", "aws", "client", "shared", "redis", "redis-wrong")}
BY_FIELD = ("token", "mac", "cookie", "password", "opaque", "signature", "sigv4", "key")
# What each route asks for; its path is /NAME.
ROUTES = {name: f'auth = ["{name}"]' for name in (*BY_FIELD, "link")}
AUTH = """
[auth.token]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "@dir@/set.json"
[auth.cookie]
type = "jwt"
issuer = "https://cookie.example"
audience = "orders"
jwks_file = "@dir@/set.json"
cookie = "session"
[auth.mac]
type = "jwt"
issuer = "https://mac.example"
audience = "orders"
secret = { secret = "file:@dir@/shared" }
[auth.page]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "@dir@/set.json"
subprotocol = "bearer"
[auth.password]
type = "basic"
file = "@dir@/users"
[auth.opaque]
type = "introspection"
url = "http://ISSUER/introspect"
client_id = "gateway"
client_secret = { secret = "file:@dir@/client" }
[auth.signature]
type = "signature"
[auth.sigv4]
type = "signature"
scheme = "sigv4"
[auth.link]
type = "signature"
scheme = "sigv4"
presigned = true
unsigned_payload = true
[auth.key]
type = "api_key"
[auth.tickets]
type = "ticket"
query = "ticket"
subprotocol = "ticket"
store = "main"
[consumer.acme]
keys = [{ id = "k1", sha256 = "KEY_HASH" }]
users = ["alice"]
signing_keys = [{ id = "k-bank", algorithm = "hmac-sha256", secret = { secret = "file:@dir@/hmac" } },
                { id = "AKIDACME", algorithm = "sigv4", secret = { secret = "file:@dir@/aws" } }]
[route.issue]
match = { path = "/issue", methods = ["POST"] }
auth = ["key"]
ticket = "tickets"
[route.live]
match = { path = "/live", upgrade = "websocket" }
upstream = "main"
auth = ["tickets", "page"]
[redis.main]
url = "redis://127.0.0.1:REDIS"
password = { secret = "file:@dir@/redis" }
[redis.wrong]
url = "redis://127.0.0.1:REDIS"
password = { secret = "file:@dir@/redis-wrong" }
[log.audit]
file = "@dir@/audit.log"
[log.audit.syslog]
address = "unix:SYSLOG"
[log.audit.redis]
store = "main"
"""


class Site:
    """A gateway that takes every kind of credential, and makes them: what was made is in `secrets`."""

    def __init__(self, gateway, upstream, redis, syslog, folder, level):
        self.secrets = list(HELD.values())
        self.syslog = syslog
        self.answering = threading.Event()    # while it is not set, requests stay in flight
        self.answering.set()
        self.redis = redis("--requirepass", HELD["redis"])
        self.token_key, self.stranger = Key(folder, "k1"), Key(folder, "k2")
        self.bank, self.forger = SigningKey("k-bank", "hmac-sha256"), SigningKey("k-bank", "hmac-sha256")
        self.bank.secret = HELD["hmac"]
        self.mac, self.mac_forger = Key(folder, "m1", "HS256"), Key(folder, "m2", "HS256")
        self.mac.secret = HELD["shared"].encode()
        self.introspector = Introspector()
        self.introspector.tokens["planted-opaque-good"] = {"active": True, "sub": "alice"}
        text = AUTH.replace("ISSUER", upstream(self.introspector).address).replace("KEY_HASH", sha256(KEY))
        text = text.replace("REDIS", str(self.redis.port)).replace("@dir@/", f"{folder}/").replace(
            f"{folder}/audit.log", "@dir@/audit.log").replace("SYSLOG", str(syslog.path))
        for name, content in {**HELD, "set.json": key_set(self.token_key), "users": f"alice:{HASH}\n"}.items():
            (folder / name).write_text(content)
        routes = "".join(f'[route.{name}]\nmatch = {{ path = "/{name}" }}\nupstream = "main"\n{lines}\n'
                         for name, lines in ROUTES.items())
        config = settings(upstream(self.answer), route='auth = "none"', log_access="query = true", more=routes + text)
        self.one = gateway(config.replace('level = "info"', f'level = "{level}"'))
        self.one.wait_for_metric(1, "sluice_redis_up", redis="main")

    def answer(self, connection, request):
        self.answering.wait(20)
        answer()(connection, request)

    def plant(self, text, *parts):
        self.secrets += [text, *parts]
        return text

    def token(self, good, issuer="id", key=None, forger=None):
        key = (key or self.token_key) if good else (forger or self.stranger)
        token = Issuer(f"https://{issuer}.example").token(key, header={"kid": "k1"} if key.algorithm == "ES256" else None)
        return self.plant(token, token.rpartition(".")[2])

    def basic(self, good):
        password = "U*U" if good else "planted-password"
        return "Basic " + self.plant(base64.b64encode(f"alice:{password}".encode()).decode(), password)

    def signature(self, good, target):
        fields = signed(self.bank if good else self.forger, "GET", target, host=f"127.0.0.1:{self.one.port}")
        self.plant(re.search(":(.*):", dict(fields)["Signature"]).group(1))
        return fields

    def sigv4(self, good, target, **how):
        sent, fields = aws_signed(self.one.port, target=target, secret=HELD["aws"] if good else "planted-aws-forger",
                                  region="eu-central-1", **how)
        self.plant(re.search("Signature=([0-9a-f]{64})", sent + dict(fields).get("Authorization", "")).group(1))
        return sent, fields

    def credential(self, name, good, query=""):
        """gives: (target, fields)"""
        target = f"/{name}{query}"
        if name == "link":
            return self.sigv4(good, target, signer=aws.SigV4QueryAuth, expires=60)
        if name == "sigv4":
            return self.sigv4(good, target)
        return target, {
            "token": lambda: [("Authorization", f"Bearer {self.token(good)}")],
            "mac": lambda: [("Authorization", f"Bearer {self.token(good, 'mac', self.mac, self.mac_forger)}")],
            "cookie": lambda: [("Cookie", f"theme=dark; session={self.token(good, 'cookie')}")],
            "password": lambda: [("Authorization", self.basic(good))],
            "opaque": lambda: [("Authorization", "Bearer " + self.plant(f"planted-opaque-{'good' if good else 'bad'}"))],
            "signature": lambda: self.signature(good, target),
            "key": lambda: [("X-Api-Key", self.plant(KEY if good else "slk_planted_wrong"))],
        }[name]()

    def ask(self, target, fields=(), method="GET"):
        return self.one.ask(method, target, fields, host=f"127.0.0.1:{self.one.port}")

    def ticket(self):
        answer = self.ask("/issue", [("X-Api-Key", KEY)], "POST")
        return self.plant(answer.json()["ticket"])

    def shown_while_in_flight(self):
        """gives: what the commands and pages say that list requests under way and keys, with one of each credential"""
        self.answering.clear()
        asked = [self.credential(name, True, "?held=1") for name in ROUTES]
        asked.append((f"/live?ticket={self.ticket()}", UPGRADE))
        asked.append(("/live", [*UPGRADE, ("Sec-WebSocket-Protocol", f"bearer.{self.token(True)}, app")]))
        control = ("--control", f"unix:{self.one.control_path}")
        with contextlib.ExitStack() as clients:
            for target, fields in asked:
                client = clients.enter_context(Client(self.one.port))
                client.send(request("GET", target, fields, host=f"127.0.0.1:{self.one.port}"))
            wait_until(lambda: json.loads(run_command("connections", *control, "--json").stdout)["found"] == len(asked),
                       "all are in flight")
            commands = {words: run_command(*words.split(), *control)
                        for words in ("connections", "connections --json", "key list", "key list --json")}
            pages = {f"{place} {path}": ask(port, "GET", path).body.decode()
                     for place, port in (("admin", self.one.admin), ("control", self.one.control_path))
                     for path in ("/metrics", "/status", "/readyz", "/healthz", "/connections", "/keys")}
            self.answering.set()
        assert all(done.returncode == 0 for done in commands.values()), commands
        assert commands["connections"].stdout.endswith(f"{len(asked)} in flight\n") and "k1" in commands["key list"].stdout
        assert pages["control /connections"].count("/live") == 2 and '"k1"' in pages["control /keys"], pages
        return {**{words: done.stdout + done.stderr for words, done in commands.items()}, **pages}

    def sinks(self):
        one = self.one
        shown = run_command("config", "show", str(one.config))
        one.stop()
        self.syslog.stop()
        return {"access log": (one.folder / "access.log").read_text(), "error log": one.error_log(),
                "output": one.output_text(), "audit log": (one.folder / "audit.log").read_text(), "syslog": "\n".join(self.syslog.messages),
                "config show": shown.stdout + shown.stderr,
                "redis": self.redis.ask("XRANGE", "sluice:audit", "-", "+", password=HELD["redis"])}


@pytest.fixture
def syslog(tmp_path):
    one = Syslog(tmp_path / "syslog")
    yield one
    one.stop()


@pytest.mark.parametrize("level", ["debug", "info", "warn", "error"])
def test_no_credential_of_any_kind_in_any_output(gateway, upstream, redis, syslog, tmp_path, level):
    site = Site(gateway, upstream, redis, syslog, tmp_path, level)
    answers = []
    for name in ROUTES:
        statuses = []
        for good in (True, False):
            target, fields = site.credential(name, good)
            answers.append(site.ask(target, fields))
            statuses.append(answers[-1].status)
            answers.append(site.ask(target, fields, "DELETE"))              # a signature of another method
            answers.append(site.ask("/live", [*fields, *UPGRADE]))         # where another kind is asked for
            if name in BY_FIELD:
                answers.append(site.ask(f"/{name}/%zz", fields))
        assert statuses == [200, 401], name
    for place in ("query", "subprotocol"):
        for ticket, first in ((site.ticket(), 200), (site.plant("planted" + "A" * 36), 401)):
            fields = [("Sec-WebSocket-Protocol", f"ticket.{ticket}, app")] if place == "subprotocol" else []
            both = [site.ask("/live" + ("" if fields else f"?ticket={ticket}"), [*UPGRADE, *fields]) for _ in range(2)]
            assert [answer.status for answer in both] == [first, 401], (place, first)   # the second time it is used up
            answers += both
    for good in (True, False):
        answers.append(site.ask("/live", [*UPGRADE, ("Sec-WebSocket-Protocol", f"bearer.{site.token(good)}, app")]))
    target, fields = site.credential("token", good=True)
    explained = run_command("explain", "-c", str(site.one.config), "-H", f"Authorization: {fields[0][1]}", "GET",
                            f"http://127.0.0.1:{site.one.port}{target}")
    shown = site.shown_while_in_flight()
    site.one.reload()
    if level != "error":
        site.one.wait_for_error_line("redis away redis=wrong")
    wait_until(lambda: int(site.redis.ask("XLEN", "sluice:audit", password=HELD["redis"]) or 0) > 40, "records in Redis")
    sinks = {**site.sinks(), **shown, "explain": explained.stdout + explained.stderr}
    for number, answer in enumerate(answers):
        fields = " ".join(f"{name}: {value}" for name, value in answer.fields)
        sinks[f"answer {number} ({answer.status})"] = fields + answer.body.decode(errors="replace")
    for sink in ("audit log", "syslog", "redis", "access log"):
        assert sinks[sink].count("/cookie") > 2 or sinks[sink].count('"route":"cookie"') > 2, sink
    for sink, text in sinks.items():
        for secret in site.secrets:
            assert secret not in text, f"{secret} in {sink}: {text[max(0, text.find(secret) - 200):text.find(secret) + 60]}"
