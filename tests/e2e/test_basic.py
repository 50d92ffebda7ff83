"""Passwords: who comes in, what the upstream sees, files that are read again, the command, guesses."""
import base64
import concurrent.futures
import os
import subprocess

import pytest
from support.client import request
from support.gateway import settings
from support.problem import assert_problem
from support.revocation import assert_revoked
from support.timing import BINARY, wait_until

# "U*U", as cheap as bcrypt goes: a vector of crypt_blowfish.
HASH = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
# "password", of the reference implementation of Argon2.
ARGON2 = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

ROUTE = """
auth = ["legacy"]
LIMIT
[route.all.headers.request]
set = { X-User = "{identity}", X-Consumer = "{consumer}" }
"""
MORE = """
[auth.legacy]
type = "basic"
file = "@dir@/users"
[consumer.acme]
users = ["alice"]
[limit.guessing]
key = "ip"
rate = "5/1h"
count = "failures"
"""
OPEN = """
[route.open]
match = { path = "/open" }
upstream = "main"
auth = "none"
"""
WAITING_MAX = 64     # docs/timeouts-and-limits.md


@pytest.fixture
def guarded(gateway, upstream, tmp_path):
    def start(server="workers = 1", limit="", users=f"alice:{HASH}\nbob:{ARGON2}\n", more=""):
        behind = upstream()
        (tmp_path / "users").write_text(users)
        more = MORE.replace("@dir@/users", str(tmp_path / "users")) + more
        one = gateway(settings(behind, server=server, route=ROUTE.replace("LIMIT", limit), more=more))
        one.users = tmp_path / "users"
        return one, behind
    return start


def basic(user, password):
    return ("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


def test_a_user_comes_in_and_the_password_goes_no_further(guarded):
    one, behind = guarded()
    for _ in range(2):   # the second time out of the cache
        assert one.ask("GET", "/a", [basic("alice", "U*U"), ("X_User", "root"), ("x-consumer", "root")]).status == 200
        request = behind.requests[-1]
        assert request.all("X-User") == ["alice"] and request.all("X-Consumer") == ["acme"]
        assert not request.has("Authorization") and not request.has("X_User")
    assert one.ask("GET", "/b", [basic("bob", "password")]).status == 200   # nobody's, and Argon2
    assert behind.requests[-1].all("X-User") == ["bob"] and not behind.requests[-1].has("X-Consumer")
    for user, password in (("alice", "wrong"), ("nobody", "U*U"), ("bob", "U*U")):
        response = one.ask("GET", "/", [basic(user, password)])
        assert_problem(response, 401, "password_refused")
        assert response.all("WWW-Authenticate") == ['Basic realm="legacy", charset="UTF-8"']
    response = one.ask("GET", "/")
    assert_problem(response, 401, "credentials_missing")
    assert response.all("WWW-Authenticate") == ['Basic realm="legacy", charset="UTF-8"']
    assert len(behind.requests) == 3
    written = one.error_log() + (one.folder / "access.log").read_text()
    assert "U*U" not in written and basic("alice", "U*U")[1].split()[1] not in written


@pytest.mark.threads
def test_many_at_once_on_two_workers_while_the_file_changes(guarded):
    one, behind = guarded(server="workers = 2")

    def statuses(password, times=6):
        return {one.ask("GET", "/", [basic("alice", password)]).status for _ in range(times)}
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        assert set().union(*pool.map(statuses, ["U*U"] * 12)) == {200}
        assert set().union(*pool.map(lambda n: statuses(f"wrong {n % 4}", 2), range(12))) == {401}
    replacement = one.users.with_suffix(".fresh")
    replacement.write_text(f"bob:{HASH}\n")
    assert_revoked(one, behind, lambda: os.replace(replacement, one.users), [basic("alice", "U*U")])
    assert statuses("U*U") == {401}
    one.users.write_text("alice:secret\n")
    wait_until(lambda: "files refused: what is in use stays" in one.error_log(), "the refusal")
    assert one.ask("GET", "/", [basic("bob", "U*U")]).status == 200


def test_who_finds_too_many_waiting_is_told_to_come_back_while_other_routes_serve(guarded):
    # Some 25 ms each: the requests come faster. Of 2^9 rounds, and of no password.
    one, behind = guarded(users="alice:$2y$09$" + "C" * 53 + "\n", more=OPEN)
    clients = [one.client() for _ in range(100)]
    for number, client in enumerate(clients):
        client.send(request(fields=[basic("alice", f"guess {number}")]))
    assert one.ask(target="/open").status == 200
    problems = [client.response() for client in clients]
    for client in clients:
        client.socket.close()
    refused = [each for each in problems if each.status == 503]
    assert 1 <= len(refused) <= 100 - WAITING_MAX, len(refused)
    for each in problems:
        assert_problem(each, *((503, "passwords_busy") if each in refused else (401, "password_refused")))
    assert len(behind.requests) == 1


def test_guesses_are_stopped_before_anything_is_hashed(guarded):
    one, _ = guarded(limit='limit = ["guessing"]')
    assert one.ask("GET", "/", [basic("alice", "U*U")]).status == 200
    for i in range(5):
        assert_problem(one.ask("GET", "/", [basic("alice", f"guess {i}")]), 401, "password_refused")
    assert_problem(one.ask("GET", "/", [basic("alice", "guess")]), 429, "rate_limited")
    assert_problem(one.ask("GET", "/", [basic("alice", "U*U")]), 429, "rate_limited")   # not even looked at
    one.wait_for_metric(5, "sluice_limit_requests_total", limit="guessing", result="counted")


def test_the_command_makes_lines_for_the_file(guarded):
    def made(*arguments, password="grüße"):
        return subprocess.run([BINARY, "password", *arguments], input=password + "\n", capture_output=True, text=True)
    lines = made("dora").stdout + made("emil", "--bcrypt").stdout
    assert lines.splitlines()[0].startswith("dora:$argon2id$v=19$m=19456,t=2,p=1$")
    assert lines.splitlines()[1].startswith("emil:$2y$12$")
    one, behind = guarded(users=lines)
    for user in ("dora", "emil"):
        assert one.ask("GET", "/", [basic(user, "grüße")]).status == 200
    for arguments, password in ((["a:b"], "x"), (["dora"], ""), (["dora", "--bcrypt"], "x" * 73), (["dora"], "x" * 257)):
        failed = made(*arguments, password=password)
        assert failed.returncode == 1 and failed.stdout == "" and failed.stderr.startswith("sluice: "), arguments
