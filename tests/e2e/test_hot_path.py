"""What a kept-alive request costs, in counts that no noise can move: system calls and
allocations."""
import functools
import hashlib
import itertools
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from support.allocations import allocations_in, counted
from support.client import Client
from support.gateway import settings
from support.issuer import Issuer, key_set
from support.issuer import Key as TokenKey
from support.signing import Key as SigningKey
from support.signing import signed
from support.timing import DEADLINE_SECONDS, wait_until
from support.websocket import WebSocket, echo, opened
from test_signed_requests_aws import signed as aws_signed

# "100.00  seconds  usecs/call  calls  [errors]  total"
TOTAL = re.compile(r"^100\.00 +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?total$", re.MULTILINE)
pytestmark = pytest.mark.plain_build

CONNECTIONS = 64
TRIES = 3
FEW, MANY = 2_000, 22_000             # the difference of two runs leaves out start, set-up and end
# docs/benchmarks: read, write, read, write and a shared epoll_wait
SYSTEM_CALLS_MAX = 4.15
# docs/adr/0013: one read and one write for many, but write and read to the backend
SYSTEM_CALLS_OF_H2_MAX = 2.3
# per request; what runs once a second makes it more than none
ALLOCATIONS_MAX = 0.005
# OpenSSL 3.0 makes 4 to 7 for a request over TLS: buffers that it gives back between records
OPENSSL_ALLOCATIONS_MAX = 7.005
# in all: what the once-a-second work of log and metrics may take
ALLOCATIONS_ASIDE_MAX = 64


def pinned(place):
    """Load and backend on the first core, the gateway on the last, as the goal was set. Together on
    one, they take turns so finely that epoll_wait finds little at a time."""
    return ["taskset", "-c", str(sorted(os.sched_getaffinity(0))[place])]


OVER_H1 = ["--h1", "-c", str(CONNECTIONS)]
OVER_H2 = ["-c", "1", "-m", "32"]


def load(one, requests, scheme="http", how=OVER_H1):
    """Sends that many requests over 64 kept-alive connections, or 32 at a time over one of HTTP/2, as fast as they are
    answered."""
    port = one.tls if scheme == "https" else one.h2c if how is OVER_H2 else one.port
    done = subprocess.run([*pinned(0), "h2load", "-n", str(requests), *how, "-t", "1",
                           f"{scheme}://127.0.0.1:{port}/small"], capture_output=True, text=True,
                           timeout=120)
    assert f"{requests} succeeded" in done.stdout, done.stdout + done.stderr


@pytest.fixture
def behind(nginx):
    return nginx('location / { return 200 "0123456789"; }', wrapper=pinned(0))


@pytest.fixture
def listening(behind, authority):
    """The configuration: a plain listener for each version, and one over TLS."""
    cert, key = authority.leaf("localhost")
    return settings(behind, more=f"""
[listen.h2c]
address = "127.0.0.1:@h2c@"
protocols = ["h2c"]
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
""")


def system_calls(gateway, folder, listening, scheme, how, requests):
    """All system calls of a gateway's life in which it served this many requests."""
    counts = folder / f"strace-{requests}.txt"
    counts.unlink(missing_ok=True)
    # -D: strace is the grandchild, so that the process we started and signal is the gateway itself.
    one = gateway(listening, wrapper=[*pinned(-1), "strace", "-D", "-f", "-c", "-q", "-o", str(counts)])
    load(one, requests, scheme, how)
    one.stop()
    total = wait_until(lambda: counts.exists() and TOTAL.search(counts.read_text()), "strace's sum")
    return int(total.group(1)), counts.read_text()


LIMITED = {"route": 'limit = ["even", "window", "flight"]', "more": """
[limit.even]
key = ["ip", "header.User-Agent"]
rate = "1_000_000/1s"
[limit.window]
key = "route"
rate = "1_000_000/1m"
algorithm = "sliding"
[limit.flight]
key = "host"
concurrency = 1_000
"""}


def assert_calls_a_request(most, *of):
    """What else runs on the machine can only add: fewer is ready at a time. So one of three tries is enough."""
    for _ in range(TRIES):
        few, _ = system_calls(*of, FEW)
        many, table = system_calls(*of, MANY)
        each = (many - few) / (MANY - FEW)
        print(f"{each:.3f} system calls a request")
        if each <= most:
            return
    pytest.fail(f"{each:.3f} a request, not {most}\n{table}")


def test_limits_add_no_system_call(gateway, tmp_path, behind):
    assert_calls_a_request(SYSTEM_CALLS_MAX, gateway, tmp_path, settings(behind, **LIMITED), "http", OVER_H1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_system_calls_per_request_at_64_saturated_connections(gateway, tmp_path, listening, scheme):
    assert_calls_a_request(SYSTEM_CALLS_MAX, gateway, tmp_path, listening, scheme, OVER_H1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_system_calls_per_request_of_http2(gateway, tmp_path, listening, scheme):
    assert_calls_a_request(SYSTEM_CALLS_OF_H2_MAX, gateway, tmp_path, listening, scheme, OVER_H2)


@pytest.mark.parametrize("lines", [{}, LIMITED], ids=["plain", "limits"])
def test_no_allocation_per_request_after_warm_up(gateway, tmp_path, behind, lines):
    numbers = tmp_path / "allocations"
    one = gateway(settings(behind, **lines), environment=counted(tmp_path, numbers))
    # one connection for all: set-up is not what is measured
    client = one.client()

    def ask(times):
        for _ in range(times):
            assert client.ask(target="/small", fields=[("User-Agent", "test"),
                                                       ("Accept", "*/*")]).status == 200

    def allocations():
        return sum(allocations_in(numbers))

    ask(1000)
    start = allocations()
    assert start > 0, "the counter is not at work"
    ask(5000)
    used = allocations() - start
    client.socket.close()
    assert used <= ALLOCATIONS_ASIDE_MAX, f"{used} allocations in 5000 requests"


@pytest.mark.parametrize("scheme, openssl_max", [("http", ALLOCATIONS_MAX), ("https", OPENSSL_ALLOCATIONS_MAX)])
def test_no_allocation_of_ours_per_request_at_64_connections(gateway, tmp_path, listening, scheme, openssl_max):
    numbers = tmp_path / "allocations"
    one = gateway(listening, environment=counted(tmp_path, numbers))

    def allocations(requests):
        start = allocations_in(numbers)
        load(one, requests, scheme)
        end = allocations_in(numbers)
        # After the count was read: a scrape allocates too.
        wait_until(lambda: one.metric("sluice_connections") <= 1,   # the scrape's own
                   "the load has gone",
                   DEADLINE_SECONDS)
        return [after - before for before, after in zip(start, end)]

    allocations(MANY)                            # warm-up
    few, many = allocations(FEW), allocations(MANY)
    openssl, ours = ((most - least) / (MANY - FEW) for least, most in zip(few, many))
    found = f"{ours:.4f} allocations a request, and {openssl:.4f} of OpenSSL's"
    print(found)
    assert ours < ALLOCATIONS_MAX and openssl < openssl_max, found
    if scheme == "https":
        assert openssl > 1, f"OpenSSL's are not told from ours: {found}"


# accept4, epoll_ctl, read, write, read, write, close: 7, and now and then an accept4 that finds nobody left.
# See docs/benchmarks.
SYSTEM_CALLS_OF_A_CONNECTION_MAX = 7.1
# How finely load and gateway take turns decides about these: some 0.1 a connection, more when busy.
SHARED_CALL = re.compile(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(?:epoll_wait|futex)$", re.MULTILINE)
BATCHES_FEW, BATCHES_MANY = 10, 60


def system_calls_of_connections(gateway, folder, listening, batches):
    counts = folder / f"strace-{batches}.txt"
    one = gateway(listening, wrapper=[*pinned(-1), "strace", "-D", "-f", "-c", "-q", "-o", str(counts)])
    for _ in range(batches):
        done = subprocess.run(
            [*pinned(0), "h2load", "--h1", "-n", str(CONNECTIONS), "-c", str(CONNECTIONS), "-t", "1",
             "-H", "Connection: close", f"http://127.0.0.1:{one.port}/small"],
            capture_output=True, text=True, timeout=60)
        assert f"{CONNECTIONS} succeeded" in done.stdout, done.stdout + done.stderr
    one.stop()
    total = wait_until(lambda: counts.exists() and TOTAL.search(counts.read_text()), "strace's sum")
    table = counts.read_text()
    return int(total.group(1)), sum(map(int, SHARED_CALL.findall(table))), table


def test_system_calls_of_a_new_connection_for_each_request(gateway, tmp_path, listening):
    few, few_shared, _ = system_calls_of_connections(gateway, tmp_path, listening, BATCHES_FEW)
    many, many_shared, table = system_calls_of_connections(gateway, tmp_path, listening, BATCHES_MANY)
    connections = (BATCHES_MANY - BATCHES_FEW) * CONNECTIONS
    shared = (many_shared - few_shared) / connections
    each = (many - few) / connections - shared
    print(f"{each:.3f} system calls a connection, and {shared:.3f} shared ones")
    assert each <= SYSTEM_CALLS_OF_A_CONNECTION_MAX, f"{each:.3f} a connection\n{table}"


ASKING = f"""
[auth.jwt]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
jwks_file = "KEYS/set.json"
[auth.mac]
type = "jwt"
issuer = "https://id.example"
audience = "orders"
secret = {{ secret = "file:KEYS/shared" }}
[auth.key]
type = "api_key"
[auth.message]
type = "signature"
[auth.sigv4]
type = "signature"
scheme = "sigv4"
[consumer.acme]
keys = [{{ id = "k1", sha256 = "{hashlib.sha256(b"slk_acme").hexdigest()}" }}]
signing_keys = [SIGNING,
                {{ id = "AKIDACME", algorithm = "sigv4", secret = {{ secret = "file:KEYS/shared" }} }}]
"""
CHAINED = """
[log.audit]
file = "@dir@/audit.log"
"""
KEYED = CHAINED + 'key = { secret = "file:KEYS/shared" }\n'
REQUESTS = 200
WARM_UP = 20


class Credentials:
    """Who asks, in each of the ways of ASKING. Each method gives (method, target, fields, body) of one request."""

    def __init__(self, folder):
        self.host = "localhost"
        self.numbers = itertools.count()
        self.bearers = {name: TokenKey(folder, f"token-{name}", name) for name in ("HS256", "ES256", "RS256")}
        self.bearers["HS256"].secret = hashlib.sha256(b"shared").hexdigest().encode()
        self.signers = {name: SigningKey(f"k-{name}", name) for name in ("hmac-sha256", "ecdsa-p256-sha256", "ed25519")}
        (folder / "shared").write_bytes(self.bearers["HS256"].secret)
        (folder / "set.json").write_text(key_set(self.bearers["ES256"], self.bearers["RS256"]))
        self.config = ASKING.replace(
            "SIGNING", ", ".join(key.entry(folder) for key in self.signers.values()))

    def none(self):
        return "GET", "/", [], b""

    def api_key(self):
        return "GET", "/", [("X-Api-Key", "slk_acme")], b""

    def stranger(self):
        return "GET", "/", [("X-Name", str(next(self.numbers)))], b""

    def token(self, algorithm):
        token = Issuer().token(self.bearers[algorithm], jti=str(next(self.numbers)))
        return "GET", "/", [("Authorization", f"Bearer {token}")], b""

    @functools.cached_property
    def one_token(self):
        return self.token("ES256")

    def message(self, algorithm, body=None):
        fields = signed(self.signers[algorithm], "POST", "/", body=body, host=self.host, scheme="https")
        return "POST", "/", fields, body or b""

    def sigv4(self):
        target, fields = aws_signed(self.host, secret=self.bearers["HS256"].secret.decode(), region="eu-central-1")
        return "GET", target, [(name, value) for name, value in fields if name != "Host"], b""


SHARED_LIMIT = """
[redis.main]
url = "unix:REDIS"
[limit.all]
key = "header.X-Name"
rate = "1_000_000/1s"
store = "main"
exact = true
"""
# name: (lines of the route, more of the configuration, a request from Credentials)
LOOKED_UP = {
    "no policy": ('auth = "none"', "", Credentials.none),
    "api key": ('auth = ["key"]', "", Credentials.api_key),
    "a token again": ('auth = ["jwt"]', "", lambda who: who.one_token),
    **{f"new tokens, {name}": (f'auth = ["{auth}"]', "", lambda who, name=name: who.token(name))
       for name, auth in (("HS256", "mac"), ("ES256", "jwt"), ("RS256", "jwt"))},
    **{f"signed, {name}": ('auth = ["message"]', "", lambda who, name=name: who.message(name))
       for name in ("hmac-sha256", "ecdsa-p256-sha256", "ed25519")},
    "signed, with a body": ('auth = ["message"]', "", lambda who: who.message("hmac-sha256", b"seven b")),
    "signed, with a digest of nothing": ('auth = ["message"]', "", lambda who: who.message("hmac-sha256", b"")),
    "sigv4": ('auth = ["sigv4"]', "", Credentials.sigv4),
    "audit log": ('auth = ["key"]', CHAINED, Credentials.api_key),
    "keyed audit log": ('auth = ["key"]', KEYED, Credentials.api_key),
    "limit in Redis, new keys": ('auth = "none"\nlimit = ["all"]', SHARED_LIMIT, Credentials.stranger),
}
# OpenSSL itself looks up SHA-512 whenever it verifies with Ed25519 (3.0: crypto/ec/curve25519.c). So what is looked up
# inside it is counted too.
OF_OPENSSL = {"signed, ed25519": REQUESTS}


class Fetches:
    """Counts the look-ups of a gateway that is started with this `environment`."""

    def __init__(self, folder):
        library, self.numbers = folder / "fetch_count.so", folder / "fetches"
        source = Path(__file__).with_name("fetch_count.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", str(source), "-o", str(library)],
                       check=True)
        self.environment = {"LD_PRELOAD": str(library), "SLUICE_FETCH_COUNT": str(self.numbers)}

    def count(self):
        return struct.unpack("<Q", self.numbers.read_bytes()[:8])[0]


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler for what counts")
@pytest.mark.parametrize("name", LOOKED_UP)
def test_no_algorithm_is_looked_up_for_a_request(gateway, authority, tmp_path, upstream, shared_redis, name):
    """By name in OpenSSL, that is: EVP_*_fetch takes locks that all workers share."""
    fetches = Fetches(tmp_path)
    route, more, request_of = LOOKED_UP[name]
    who = Credentials(tmp_path)
    if "REDIS" in more:
        more = more.replace("REDIS", str(shared_redis().path))
    cert, key = authority.leaf("localhost")
    one = gateway(settings(upstream(), route=route, more=f"""
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
{(who.config + more).replace("KEYS", str(tmp_path))}
"""), environment=fetches.environment)
    audit, sent = one.folder / "audit.log", 0

    def looked_up_for(client, count):
        nonlocal sent
        requests, before = [request_of(who) for _ in range(count)], fetches.count()
        for method, target, fields, body in requests:
            assert client.ask(method, target, fields, body, host=who.host).status == 200
        sent += count
        if "[log.audit]" in more:
            wait_until(lambda: audit.read_text().count('"event":"request"') == sent, "every record is written")
        return fetches.count() - before
    assert fetches.count() > 0, "nothing is counted at all"
    with Client(one.tls, tls=authority.client_context()) as client:
        looked_up_for(client, WARM_UP)
        # Files of keys are read once more soon after the start, which adds some: one of three tries is enough.
        tries = (looked_up_for(client, REQUESTS) for _ in range(TRIES))
        assert OF_OPENSSL.get(name, 0) in tries


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler for what counts")
def test_no_algorithm_is_looked_up_for_a_ticket_or_a_websocket(gateway, tmp_path, upstream):
    fetches = Fetches(tmp_path)
    one = gateway(settings(upstream(opened(echo)), route='auth = "none"', more=f"""
[auth.key]
type = "api_key"
[auth.ticket]
type = "ticket"
query = "ticket"
[consumer.acme]
keys = [{{ id = "k1", sha256 = "{hashlib.sha256(b"slk_acme").hexdigest()}" }}]
[route.issue]
match = {{ path = "/issue", methods = ["POST"] }}
auth = ["key"]
ticket = "ticket"
[route.live]
match = {{ path = "/live", upgrade = "websocket" }}
upstream = "main"
auth = ["ticket"]
"""), environment=fetches.environment)

    def open_some(count):
        for _ in range(count):
            ticket = one.ask("POST", "/issue", [("X-Api-Key", "slk_acme")]).json()["ticket"]
            with WebSocket(one.port, f"/live?ticket={ticket}") as socket:
                assert socket.send("x").message() == b"x"
        return fetches.count()
    assert fetches.count() > 0
    before = open_some(3)
    assert open_some(20) == before
