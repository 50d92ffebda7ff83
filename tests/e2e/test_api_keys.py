"""API keys: who comes in, what the upstream sees, files that are read again, rotation, the command."""
import calendar
import hashlib
import json
import os
import subprocess
import time

import pytest
from support.client import ask
from support.gateway import run_command, settings
from support.problem import assert_problem
from support.revocation import assert_revoked
from support.timing import BINARY, SLOW, sanitizer, wait_until

KEY = "slk_of_acme"


def sha256(key):
    return hashlib.sha256(key.encode()).hexdigest()


def line(key, **more):
    return json.dumps({"sha256": sha256(key), "id": "k1", "consumer": "acme", **more}) + "\n"


CONSUMERS = f"""
[auth.partners]
type = "api_key"
query = "api_key"
[consumer.acme]
keys = [{{ id = "k1", sha256 = "{sha256(KEY)}" }}, {{ id = "k2", sha256 = "{sha256("second")}" }},
        {{ id = "old", sha256 = "{sha256("old")}", expires = 2020-01-01 }}]
claims = {{ tenant = "gold" }}
[consumer.far]
keys = [{{ id = "k1", sha256 = "{sha256("far")}" }}]
allow_ips = ["203.0.113.0/24"]
"""
ROUTE = """
auth = ["partners"]
[route.all.headers.request]
set = { X-Consumer = "{consumer}", X-Tenant = "{claim.tenant}" }
[route.open]
match = { path = "/open" }
upstream = "main"
auth = "none"
"""


@pytest.fixture
def guarded(gateway, upstream):
    behind = upstream()
    return gateway(settings(behind, route=ROUTE, more=CONSUMERS)), behind


def test_a_known_key_comes_in_and_goes_no_further(guarded):
    one, behind = guarded
    response = one.ask("GET", "/a", [("X-Api-Key", KEY), ("X_Consumer", "root"), ("x-tenant", "spoofed")])
    assert response.status == 200
    request = behind.requests[-1]
    assert request.all("X-Consumer") == ["acme"] and request.all("X-Tenant") == ["gold"]
    assert not request.has("X-Api-Key") and not request.has("X_Consumer")
    assert one.ask("GET", "/a?b=1&api_key=second&c", []).status == 200
    assert behind.requests[-1].target == "/a?b=1&c"
    trailers = [("X-Api-Key", KEY), ("x_api_key", KEY), ("X-Consumer", "root"), ("X-Sum", "1")]
    announced = [("X-Api-Key", KEY), ("Trailer", ", ".join(name for name, _ in trailers))]
    assert one.ask("POST", "/a", announced, chunks=[b"abc"], trailers=trailers).status == 200
    assert behind.requests[-1].trailers == [("X-Sum", "1")]
    assert KEY not in one.error_log()
    log = (one.folder / "access.log").read_text
    wait_until(lambda: log().count("\n") == 3, "three lines")
    assert KEY not in log() and "second" not in log()


@pytest.mark.parametrize("fields, code, status", [
    ([], "credentials_missing", 401),
    ([("X-Api-Key", "slk_of_acmE")], "api_key_unknown", 401),
    ([("X-Api-Key", "old")], "api_key_expired", 401),
    ([("X-Api-Key", KEY), ("X-Api-Key", KEY)], "credentials_ambiguous", 401),
    ([("X-Api-Key", "far")], "credential_address", 403),
])
def test_whoever_is_not_known_is_told_why(guarded, fields, code, status):
    one, behind = guarded
    response = one.ask("GET", "/a", fields)
    assert_problem(response, status, code)
    challenges = response.all("WWW-Authenticate")
    assert challenges == (['ApiKey realm="partners", header="X-Api-Key"'] if status == 401 else [])
    assert behind.requests == []
    assert one.ask("GET", "/open").status == 200


def test_the_query_is_looked_at_by_name_alone(gateway, upstream):
    behind = upstream()
    one = gateway(settings(behind, route=ROUTE, more=CONSUMERS.replace('query = "api_key"\n', "")))
    for name in ("api_key", "X-Api-Key", "key"):
        assert_problem(one.ask("GET", f"/a?{name}={KEY}"), 401, "credentials_missing")
    assert behind.requests == []
    assert one.ask("GET", f"/a?api_key={KEY}", [("X-Api-Key", "second")]).status == 200
    assert behind.last.target == f"/a?api_key={KEY}"   # a parameter like any other


@pytest.mark.threads
def test_a_key_file_is_read_again_when_it_changes(gateway, upstream, tmp_path):
    store = tmp_path / "keys.jsonl"
    store.write_text(line("first"))
    behind = upstream()
    one = gateway(settings(behind, server="workers = 2", route='auth = ["partners"]', more=f"""
[auth.partners]
type = "api_key"
store = "file:{store}"
"""))

    def statuses(key):
        return {one.ask("GET", "/", [("X-Api-Key", key)]).status for _ in range(8)}

    assert statuses("first") == {200} and statuses("second") == {401}
    fresh = tmp_path / "fresh"
    fresh.write_text(line("second"))
    assert_revoked(one, behind, lambda: os.replace(fresh, store), [("X-Api-Key", "first")])
    assert statuses("first") == {401} and statuses("second") == {200}
    store.write_text("{broken")
    wait_until(lambda: "files refused: what is in use stays" in one.error_log(), "the refusal")
    assert statuses("second") == {200}
    many = "".join(line(f"key {i}", id=f"many{i}") for i in range(6000))   # more than a page
    store.write_text(line("second") + line("first", id="k2") + many)
    wait_until(lambda: statuses("first") == {200}, "the key that came back")
    listed = [json.loads(row) for row in key_list(one, "--json").splitlines()]
    assert [key["id"] for key in listed] == ["k1", "k2"] + [f"many{i}" for i in range(6000)]
    assert ["last_used" in key for key in listed] == [True, True] + [False] * 6000


def key_list(one, *options):
    done = run_command("key", "list", "--control", f"unix:{one.control_path}", *options, binary=one.binary)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(bool(sanitizer()), reason="a sanitizer's allocator keeps what is freed for a while")
def test_a_large_key_file_takes_little_memory_however_often_it_is_read(gateway, upstream, tmp_path):
    """At most 120 bytes a key, as said of a million."""
    count, file = 300_000, tmp_path / "keys.jsonl"

    def write(name, keys):
        draft = tmp_path / "draft"
        draft.write_text(line(name, id="named") + "".join(
            f'{{"sha256":"{number:064x}","id":"k{number}","consumer":"c{number % 1000}"}}\n' for number in range(1, keys)))
        draft.rename(file)
        wait_until(lambda: one.ask(fields=[("X-Api-Key", name)]).status == 200, "it is in force")
    file.write_text(line("first", id="named"))
    one = gateway(settings(upstream(), route='auth = ["keys"]', more=f"""
[auth.keys]
type = "api_key"
store = "file:{file}"
"""))
    write("few", 10)
    few = one.resident_bytes()
    for name in ("a", "b", "c"):
        write(name, count)
    wait_until(lambda: (one.resident_bytes() - few) / count <= 120, "the tables before it are gone")
    write("d", 10)
    wait_until(lambda: one.resident_bytes() - few < 4 << 20, "all are gone")


def test_the_last_use_of_a_key_is_told_on_the_control_socket_alone(guarded):
    one, _ = guarded
    assert one.ask("GET", "/a", [("X-Api-Key", KEY)]).status == 200
    assert one.ask("GET", "/a", [("X-Api-Key", "old")]).status == 401
    title, *rows = [row.split() for row in key_list(one).splitlines()]
    assert title == ["CONSUMER", "ID", "AUTH", "EXPIRES", "LAST", "USED"]
    assert rows[1:] == [["acme", "k2", "partners", "never", "not", "yet"],
                        ["acme", "old", "partners", "2020-01-01T00:00:00.000Z", "not", "yet"],
                        ["far", "k1", "partners", "never", "not", "yet"]]
    consumer, name, _, expires, used = rows[0]
    assert (consumer, name, expires) == ("acme", "k1", "never")
    assert abs(calendar.timegm(time.strptime(used, "%Y-%m-%dT%H:%M:%S.000Z")) - time.time()) < 30 * SLOW
    one.reload(one.config_text.replace("[consumer.far]", "[consumer.far]\nscopes = [\"a\"]"))
    assert key_list(one, "--consumer", "acme").splitlines()[1].split() == rows[0]
    assert ask(one.admin, "GET", "/keys").status == 404
    one.wait_for_error_line(r"control request action=keys uid=\d+ pid=\d+")


def test_a_new_key_is_printed_once_with_its_hash():
    def made(*options):
        out = subprocess.run([BINARY, "key", "new", *options], capture_output=True, text=True, check=True)
        return out.stdout.splitlines()
    key, entry = made()
    assert key.startswith("slk_") and len(key) == 50
    assert entry == f'keys = [{{ id = "k1", sha256 = "{sha256(key)}" }}]'
    key, entry = made("--consumer", "acme", "--id", "k9")
    assert json.loads(entry) == {"sha256": sha256(key), "id": "k9", "consumer": "acme"}


def test_a_consumer_has_limits_of_its_own_on_every_route(gateway, upstream):
    behind = upstream()
    one = gateway(settings(behind, server="workers = 2", route='auth = ["partners"]\nlimit = [{ name = "standard", default = true }]'
                           + """
[route.other]
match = { path = "/other" }
upstream = "main"
auth = ["partners"]
""", more=CONSUMERS.replace("[consumer.acme]", """
[limit.standard]
key = "consumer"
rate = "60/1h"
burst = 1
[limit.gold]
key = "consumer"
rate = "60/1h"
burst = 4
[consumer.acme]
limit = ["gold"]""").replace('allow_ips = ["203.0.113.0/24"]', "")))

    def asked(key, path="/"):
        response = one.ask("GET", path, [("X-Api-Key", key)])
        return response.status, response.get("RateLimit-Policy")
    gold = '"gold";q=4;w=240'
    assert [asked(KEY), asked(KEY, "/other"), asked("second"), asked(KEY, "/other")] == [(200, gold)] * 4
    assert asked(KEY) == (429, gold) and asked("second", "/other") == (429, gold)
    assert [asked("far"), asked("far")] == [(200, '"standard";q=1;w=60'), (429, '"standard";q=1;w=60')]
    assert asked("far", "/other") == (200, None)
    one.wait_for_metric(2, "sluice_limit_requests_total", limit="gold", result="limited")
    one.reload(one.config_text.replace('limit = ["gold"]\n', 'limit = ["standard"]\n'))
    assert asked(KEY, "/other") == (200, '"standard";q=1;w=60') and asked(KEY, "/other")[0] == 429


def test_explain_names_the_credentials_and_hides_them(guarded):
    one, _ = guarded
    out = subprocess.run([BINARY, "explain", "-c", one.config, "GET", "/a", "-H", f"X-Api-Key: {KEY}"],
                         capture_output=True, text=True, timeout=60)
    assert "auth: partners (api_key in X-Api-Key or the query's api_key)" in out.stdout, out.stdout + out.stderr
    upstream_request = out.stdout[out.stdout.index("upstream request"):]
    assert "X-Consumer: acme" in upstream_request and KEY not in upstream_request
