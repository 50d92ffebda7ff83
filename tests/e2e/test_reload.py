"""Reload: all or nothing, and nobody who is being served notices."""
import concurrent.futures
import json
import os
import re
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest
from support.client import Client, ask, request
from support.gateway import run_command, settings
from support.h2_client import H2Client
from support.message import Closed
from support.timing import SLOW, sanitizer, wait_until
from support.upstream import answer

FULL = bool(os.environ.get("SLUICE_FULL"))
IDLE = 50            # connections of each kind that are kept over reloads
WORDS = """
[route.word]
match = {{ path = "/word" }}
respond = {{ status = 200, body = "{0}" }}
"""
SECOND = """
[listen.second]
address = "127.0.0.1:@second@"
"""


def says(word, *servers, **lines):
    return settings(*servers, more=WORDS.format(word) + lines.pop("extra", ""), **lines)


def refused(port):
    try:
        with Client(port):
            return False
    except OSError:
        return True


def test_a_changed_file_is_applied(gateway):
    one = gateway(says("old"))
    assert one.ask(target="/word").body == b"old"
    said = one.reload(says("new"))
    assert re.fullmatch(r"applied: configuration [0-9a-f]{16} \(files [0-9a-f]{16}\) in \d+ ms, from .*/sluice\.toml\n", said)
    assert one.ask(target="/word").body == b"new"
    wait_until(lambda: "reloaded result=applied" in one.error_log(), "a line about it")


@pytest.mark.parametrize("after", ["[route.word\n", None], ids=["no TOML", "no file"])
def test_a_file_that_cannot_be_read_is_a_refused_reload(gateway, after):
    one = gateway(says("old"))
    if after:
        one.config.write_text(one.config_text + after)
        arguments = [one.config]
    else:
        one.config.unlink()
        arguments = ["--control", f"unix:{one.control_path}"]
    done = run_command("reload", *arguments)
    assert done.returncode == 1 and "sluice.toml" in done.stderr
    assert one.metric("sluice_config_last_reload_success") == 0
    assert one.ask(target="/word").body == b"old"


def test_another_file_than_the_gateways_own_is_told(gateway, tmp_path):
    one = gateway(says("old"))
    other = tmp_path / "other.toml"
    other.write_text(one.config_text)
    done = run_command("reload", other)
    assert done.returncode == 0 and done.stdout.endswith(f", from {one.config}\n")
    assert done.stderr == f"sluice: the gateway's configuration is {one.config}, not {other}\n"
    assert run_command("reload", one.config).stderr == ""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_while_it_starts_ends_nothing(gateway, tmp_path, number):
    part, pid = tmp_path / "part.toml", tmp_path / "pid"
    os.mkfifo(part)

    def send_while_it_reads():
        with open(part, "w") as pipe:   # it has opened the other end
            os.kill(int(pid.read_text()), number)
            (tmp_path / "new.toml").write_text(WORDS.format("old"))
            os.replace(tmp_path / "new.toml", part)   # for the next reading
            pipe.write(WORDS.format("old"))
    sender = threading.Thread(target=send_while_it_reads)
    sender.start()
    one = gateway(settings(top=f'include = ["{part}"]'), wrapper=["sh", "-c", f'echo $$ > {pid}; exec "$@"', "sh"])
    sender.join()
    assert one.ask(target="/word").body == b"old"
    if number == signal.SIGHUP:
        wait_until(lambda: "reloaded result=unchanged" in one.error_log(), "it was kept for later")


def test_it_serves_and_ends_without_standard_descriptors(gateway):
    one = gateway(says("old"), wrapper=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"])
    assert one.ask(target="/word").body == b"old"
    assert one.reload().startswith("unchanged")   # and the fixture sees it end with 0


def test_sighup_reloads_too(gateway):
    one = gateway(says("old"))
    one.write_config(says("new"))
    one.signal(signal.SIGHUP)
    wait_until(lambda: one.ask(target="/word").body == b"new", "the new configuration serves")


def test_an_identical_configuration_changes_nothing(gateway):
    one = gateway(says("same"))
    said = one.reload("# a comment more\n" + says("same"))
    assert re.fullmatch(r"unchanged: configuration [0-9a-f]{16} \(files [0-9a-f]{16}\) stays in force, from .*/sluice\.toml\n", said)
    wait_until(lambda: "reloaded result=unchanged" in one.error_log(), "a line about it")


@pytest.mark.parametrize("name", ["cert.pem", "./cert.pem", "../{folder}/cert.pem"])
def test_files_that_stand_beside_it_are_the_same_files_at_a_reload(gateway, authority, tmp_path, name):
    folder = tmp_path / "gateway0"
    folder.mkdir()
    for kind, path in zip(("cert", "key"), authority.leaf("localhost")):
        (folder / f"{kind}.pem").write_bytes(path.read_bytes())
    certificate = name.format(folder=folder.name)
    config = says("same", extra=f"""
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{certificate}", key = "key.pem" }}]
""")
    one = gateway(config)
    assert one.reload().startswith("unchanged")
    hashes = {run_command("check", str(path), cwd=cwd).stdout.splitlines()[-1] for path, cwd in
              ((one.config, "/"), ("sluice.toml", folder), ("./sluice.toml", folder))}
    assert len(hashes) == 1 and "configuration" in hashes.pop()


@pytest.mark.skipif(os.geteuid() != 0, reason="takes rights away that root would have all the same")
def test_an_include_folder_that_cannot_be_read_refuses_the_reload(gateway, tmp_path):
    folder = tmp_path / "gateway0"
    routes = folder / "routes"
    routes.mkdir(parents=True)
    (routes / "denied.toml").write_text('[route.denied]\nmatch = { path = "/denied" }\nrespond = { status = 403 }\n')
    for above in folder.parents:
        if str(above).startswith("/tmp/"):
            os.chmod(above, 0o755)
    os.chown(folder, 65534, 65534)
    wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    one = gateway(says("old", top='include = ["routes/*.toml"]'), wrapper=wrapper)
    assert one.ask(target="/denied").status == 403
    for mode in (0o711, 0o000):
        routes.chmod(mode)
        assert re.search(r"sluice\.toml:\d+:\d+: error: cannot read .*routes.*: Permission denied", one.reload(code=1))
        assert one.ask(target="/denied").status == 403
    routes.chmod(0o755)
    assert one.reload().startswith("unchanged")


def test_a_reload_with_errors_changes_nothing_and_reports_them_all(gateway):
    one = gateway(says("old"))
    broken = says("new") + '[route.other]\nmatch = { pth = "/x" }\nupstream = "nobody"\n'
    said = one.reload(broken, code=1)
    assert re.search(r'sluice\.toml:\d+:\d+: error: unknown key "pth"', said)
    assert 'did you mean "path"?' in said
    assert 'there is no [upstream.nobody]' in said
    assert one.ask(target="/word").body == b"old"
    wait_until(lambda: "reload refused: the configuration in force stays" in one.error_log(), "a line about it")
    one.reload(says("newer"))
    assert one.ask(target="/word").body == b"newer"


@pytest.mark.parametrize("broken, why", [
    ("not toml at all [[", r":1:5: error: "), ("", r"error: there is no \[listen\.NAME\]"),
    (says("unread").replace("sluice = 1", "sluice = 9"), "error: this sluice reads format 1, not 9"),
    ('include = ["nowhere.toml"]\n' + says("unread"), r":1:12: error: no such file: ")],
    ids=["no TOML", "empty", "another version", "include of nothing"])
def test_a_broken_file_between_good_ones(gateway, broken, why):
    one = gateway(says("old"))
    for word in ("first", "second"):
        assert re.search(why, one.reload(broken, code=1))
        assert one.reload(says(word)).startswith("applied")
        assert one.ask(target="/word").body == word.encode()


def test_a_file_that_has_gone(gateway):
    one = gateway(says("old"))
    one.config.unlink()
    assert "sluice.toml" in one.reload(code=1)
    assert one.ask(target="/word").body == b"old"


def test_an_address_that_is_taken_refuses_the_reload(gateway, upstream):
    one = gateway(says("old"))
    other = upstream()
    taken = f'[listen.second]\naddress = "{other.address}"\n'
    said = one.reload(says("new", extra=SECOND + taken.replace("second", "third")), code=1)
    assert f"cannot listen on {other.address}: another process is listening there" in said
    assert one.ask(target="/word").body == b"old"
    assert refused(one.second)   # what could be bound was given up again


def test_an_open_connection_is_served_under_the_new_configuration(gateway):
    one = gateway(says("old"))
    with one.client() as client:
        assert client.ask(target="/word").body == b"old"
        one.reload(says("new"))
        assert client.ask(target="/word").body == b"new"


def test_a_request_in_flight_ends_under_the_old_one(gateway, upstream):
    go_on = threading.Event()

    def slow(connection, received):
        connection.stall(go_on)
        answer(body=b"x" * 100_000)(connection, received)
    behind = upstream(slow)
    one = gateway(says("old", behind))
    with one.client() as client:
        client.send(request(target="/slow"))
        behind.wait_for_requests(1)
        one.reload(says("new"))   # neither the route nor its upstream is there any more
        assert ask(one.port, target="/slow").status == 404
        go_on.set()
        response = client.response()
        assert (response.status, len(response.body)) == (200, 100_000)
        assert client.ask(target="/word").body == b"new"


def test_an_upstream_that_is_unchanged_keeps_its_connections(gateway, upstream):
    behind = upstream()
    one = gateway(says("old", behind))
    one.ask()
    one.reload(says("new", behind))
    one.ask()
    assert len(behind.connections) == 1


def test_a_changed_list_of_servers_keeps_the_connections_to_those_that_stay(gateway, upstream):
    first, second = upstream(), upstream()
    one = gateway(says("old", first))
    one.ask()
    one.reload(says("old", first, second))
    for _ in range(4):
        one.ask()
    assert len(first.connections) == 1
    assert len(second.connections) == 1
    one.reload(says("old", second))
    for _ in range(4):
        one.ask()
    assert len(second.connections) == 1
    wait_until(lambda: first.connections[0].ended, "the connection to the server that left ends")


def test_a_changed_upstream_gets_connections_of_its_own(gateway, upstream):
    behind = upstream()
    one = gateway(says("old", behind))
    one.ask()
    one.reload(says("old", behind, upstream='timeout = { response = "7s" }'))
    one.ask()
    assert len(behind.connections) == 2
    wait_until(lambda: behind.connections[0].ended, "the connection of the old pool ends")
    # Back again: the first pool may still be on its way out.
    one.reload(says("old", behind))
    one.ask()
    assert one.ask().status == 200
    assert len(behind.connections) == 3


def test_a_listener_is_added_and_taken_away(gateway):
    one = gateway(says("old"), ports={})
    one.reload(says("new", extra=SECOND))
    with Client(one.second) as idle:
        assert idle.ask(target="/word").body == b"new"
        one.reload(says("newer"))
        assert refused(one.second)
        assert idle.is_closed()
    assert one.ask(target="/word").body == b"newer"


def test_a_request_on_a_listener_that_goes_away_ends(gateway, upstream):
    go_on = threading.Event()

    def slow(connection, received):
        connection.stall(go_on)
        answer()(connection, received)
    behind = upstream(slow)
    one = gateway(says("old", behind, extra=SECOND))
    with Client(one.second) as client:
        client.send(request())
        behind.wait_for_requests(1)
        one.reload(says("old", behind))
        go_on.set()
        response = client.response()
        assert response.status == 200
        assert response.get("connection") == "close"


def test_new_settings_of_a_listener_hold_for_new_connections(gateway):
    one = gateway(says("old"))
    with one.client() as before:
        before.ask(target="/word")
        one.reload(says("old", listen='limits = { line = "256B" }'))
        long = "/word?" + "x" * 300
        assert before.ask(target=long).body == b"old"
        assert ask(one.port, target=long).status == 414


@pytest.mark.threads
def test_the_number_of_workers_changes_under_load(gateway, upstream):
    behind = upstream()
    one = gateway(says("w", behind))
    with Load(one.port, clients=4) as load, one.client() as idle:
        idle.ask(target="/word")
        for workers in (3, 1, 2, 1):
            one.reload(says("w", behind, server=f"workers = {workers}"))
            load.wait_for_more(50)
        assert idle.ask(target="/word").body == b"w"   # its worker may have left; it has not
    assert load.failures == []


class Load:
    """Clients that ask without a pause, new connections between kept ones."""
    def __init__(self, port, clients=2, target="/word"):
        self.port, self.target = port, target
        self.done, self.failures = 0, []
        self.over = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(clients)
        self.clients = clients

    def __enter__(self):
        for _ in range(self.clients):
            self.pool.submit(self._run)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.pool.shutdown()

    def _run(self):
        while not self.over.is_set():
            try:
                with Client(self.port) as client:
                    for _ in range(20):
                        response = client.ask(target=self.target)
                        if response.status != 200:
                            self.failures.append(response.status)
                        self.done += 1
            except (OSError, Closed) as error:
                self.failures.append(repr(error))

    def wait_for_more(self, count):
        goal = self.done + count
        wait_until(lambda: self.done >= goal, f"{count} more requests are answered")


class Idle:
    """Connections that have been used once: plain, over TLS, and of HTTP/2."""

    def __init__(self, one, authority):
        tls = authority.client_context(alpn=["http/1.1"])
        h2 = authority.client_context(alpn=["h2"])
        self.h1 = [Client(port, tls=context) for port, context in ((one.port, None), (one.tls, tls)) for _ in range(IDLE)]
        self.h2 = [H2Client(one.tls, tls=h2) for _ in range(IDLE)]
        self.use()

    def use(self):
        """Each serves, and none has been told to leave."""
        for client in self.h1:
            response = client.ask(target="/word")
            assert (response.status, response.body, response.has("Connection")) == (200, b"w", False)
        for client in self.h2:
            reply = client.ask("GET", "/word")
            assert (reply.status, bytes(reply.body), client.goaway) == (200, b"w", None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in [*self.h1, *self.h2]:
            client.socket.close()


@pytest.mark.threads
def test_many_reloads_under_load(gateway, upstream, authority):
    """Between two configurations that differ in routes, an upstream, a listener and a limit."""
    behind, other = upstream(), upstream()
    cert, key = authority.leaf("localhost")
    kept = 'timeout = { idle = "10m" }\n'
    secure = f"""
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
{kept}
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
"""
    texts = [says("w", behind, listen=kept, extra=secure), says("w", behind, other, extra=secure + SECOND + """
[upstream.more]
servers = ["127.0.0.1:1"]
[route.more]
match = { path = "/more/{id}" }
upstream = "more"
""", listen=kept + 'limits = { headers = 50 }')]
    one = gateway(texts[0])
    times = 1000 if FULL else 20 if sanitizer() else 100
    with Load(one.port) as load, Idle(one, authority) as idle:
        for i in range(times // 10):
            one.reload(texts[(i + 1) % 2])
        resident = one.resident_bytes()
        for i in range(times // 10, times):
            one.reload(texts[(i + 1) % 2])
        load.wait_for_more(20)
        grown = one.resident_bytes() - resident
        idle.use()
    assert load.failures == []
    print(f"{times} reloads beside {load.done} requests: {grown / 1024:.0f} KiB more, {3 * IDLE} idle connections kept")
    if not sanitizer():
        assert grown < 2 * 1024 * 1024, f"RSS grew by {grown} bytes in {times} reloads"
    assert one.metric("sluice_connections", listener="second") == 0


def test_counts_of_what_stays_go_on_and_series_of_what_left_go_away(gateway):
    extra = '[route.gone]\nmatch = { path = "/gone" }\nrespond = { status = 204 }\n'
    one = gateway(says("w", extra=extra))
    for target in ("/word", "/word", "/gone"):
        one.ask(target=target)
    one.wait_for_metric(1, "sluice_http_requests_total", route="gone")
    one.reload(says("w"))
    one.ask(target="/word")
    one.wait_for_metric(3, "sluice_http_requests_total", route="word")

    def series_left():
        return not any('route="gone"' in name for name in one.metrics())
    wait_until(series_left, "the series of the route that left go away")


def test_reloads_that_are_asked_for_together_are_all_answered(gateway):
    one = gateway(says("old"))
    one.write_config(says("new"))
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        said = [future.result() for future in [pool.submit(one.reload) for _ in range(5)]]
    assert sum(text.startswith("applied") for text in said) >= 1
    assert all(text.startswith(("applied", "unchanged")) for text in said)
    assert one.ask(target="/word").body == b"new"


def test_reloads_that_are_asked_for_behind_one_another_on_one_connection(gateway):
    one = gateway(says("old"))
    with Client(one.control_path) as client:
        client.send(request("POST", "/reload", [("Content-Length", "0")]) * 10)
        said = [client.response().body for _ in range(10)]
    assert all(text.startswith(b"unchanged") for text in said)
    assert one.metric("sluice_config_reloads_total", result="unchanged") == 10


def test_who_asked_may_leave_before_the_answer(gateway):
    one = gateway(says("old"))
    one.write_config(says("new"))
    with Client(one.control_path) as client:
        client.send(request("POST", "/reload", [("Content-Length", "0")]))
        client.reset()
    wait_until(lambda: one.ask(target="/word").body == b"new", "the reload goes on")


def test_sigterm_during_a_reload(gateway):
    one = gateway(says("old"))
    one.write_config(says("new"))
    one.signal(signal.SIGHUP)
    one.signal(signal.SIGTERM)
    assert one.wait() == 0


def test_the_admin_address_changes(gateway):
    one = gateway(says("old"))
    changed = says("new").replace("@admin@", "@admin2@")
    one.reload(changed)
    assert ask(one.admin2, target="/readyz").status == 200
    assert refused(one.admin)
    one.ports["admin"] = one.admin2


def test_the_control_socket_moves(gateway):
    one = gateway(says("old"))
    one.reload(says("new").replace("control.sock", "moved.sock"))
    assert not one.control_path.exists()
    moved = one.folder / "moved.sock"
    done = run_command("reload", one.config)
    assert done.returncode == 0 and done.stdout.startswith("unchanged"), done
    assert stat.S_IMODE(moved.stat().st_mode) == 0o600


# the control socket

def test_the_control_socket_is_the_owners_alone(gateway):
    one = gateway(says("old"))
    assert stat.S_IMODE(one.control_path.stat().st_mode) == 0o600
    one.reload()
    one.wait_for_error_line(r"control request action=reload uid=\d+ pid=\d+")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_else_is_refused_even_if_the_file_lets_them_in(gateway):
    one = gateway(says("old"))
    one.control_path.chmod(0o666)
    for folder in [one.folder, *one.folder.parents][:-2]:   # below /tmp
        folder.chmod(folder.stat().st_mode | 0o005)
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "curl", "-s", "-X", "POST",
         "--unix-socket", str(one.control_path), "http://control/reload"],
        capture_output=True, text=True, timeout=20)
    assert '"status":403' in done.stdout and "control_forbidden" in done.stdout, done
    assert "control request" not in one.error_log()


def test_what_the_admin_listener_cannot_do(gateway):
    one = gateway(says("old"))
    refusal = ask(one.admin, "POST", "/reload", [("Content-Length", "0")])
    assert (refusal.status, refusal.json()["code"]) == (404, "no_route")
    with Client(one.control_path) as client:
        response = client.ask("GET", "/reload")
        assert (response.status, response.json()["code"]) == (405, "method_not_allowed")
        assert response.get("allow") == "POST"
        assert client.ask("GET", "/healthz").status == 200


def test_reload_without_a_control_socket_says_so(gateway, tmp_path):
    one = gateway(says("old").replace("control =", "# control ="))
    done = run_command("reload", one.config)
    assert done.returncode == 2 and "names no control socket" in done.stderr, done
    done = run_command("reload", "--control", f"unix:{tmp_path}/nobody.sock")
    assert done.returncode == 2 and "cannot reach the gateway" in done.stderr, done


# size

def many_routes():
    count = 1_000 if sanitizer() else 10_000
    return count, "".join(f'[route.r{i}]\nmatch = {{ path = "/r{i}/{{id}}" }}\n'
                          f'respond = {{ status = 200, body = "{i}" }}\n' for i in range(count))


def test_ten_thousand_routes_are_built_beside_the_traffic(gateway):
    """The building is off the workers: kept connections go on being answered meanwhile."""
    count, routes = many_routes()
    one = gateway(says("w"))
    slowest = 0.0
    with one.client() as client:
        asking = threading.Thread(target=lambda: one.reload(says("w") + routes))
        asking.start()
        while asking.is_alive():
            began = time.monotonic()
            assert client.ask(target="/word").body == b"w"
            slowest = max(slowest, time.monotonic() - began)
        asking.join()
    assert one.ask(target=f"/r{count - 1}/x").body == str(count - 1).encode()
    assert slowest < 0.25 * SLOW, f"a request took {slowest:.3f} s during the reload"


class Busy:
    """Connections that ask all the time, each again once all of its thread have their answers."""
    TARGETS = {"/word": b"w", "/behind": b"hello"}   # of the gateway's own, and of the upstream

    def __init__(self, clients, threads=4):
        self.failures, self.answers, self.over = [], 0, threading.Event()
        self.rounds = [0] * threads
        self.threads = [threading.Thread(target=self._run, args=(i, clients[i::threads])) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self, own, clients):
        try:
            while not self.over.is_set():
                for target, body in self.TARGETS.items():
                    asked = [client.begin(path=target) if isinstance(client, H2Client) else client.send(request(target=target))
                             for client in clients]
                    for client, stream in zip(clients, asked):
                        self._take(client, stream, body)
                self.rounds[own] += 1
        except Exception as failure:    # noqa: BLE001: said by stop()
            self.failures.append(repr(failure))

    def _take(self, client, stream, body):
        if isinstance(client, H2Client):
            reply = client.finish(stream)
            seen = (reply.status, bytes(reply.body), client.goaway)
            right = (200, body, None)
        else:
            response = client.response()
            seen, right = (response.status, response.body, response.has("Connection")), (200, body, False)
        if seen != right:
            self.failures.append(seen)
        self.answers += 1

    def wait_for_rounds(self, count):
        goals = [done + count for done in self.rounds]
        wait_until(lambda: self.failures or all(done >= goal for done, goal in zip(self.rounds, goals)), "each is answered again")

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        assert self.failures == []


def test_ten_thousand_routes_come_and_go_and_no_open_connection_is_closed(gateway, upstream, authority):
    """200 of them, plain, over TLS and of HTTP/2, and those to the upstream; no request fails."""
    behind = upstream()
    count, routes = many_routes()
    cert, key = authority.leaf("localhost")
    text = says("w", behind, extra=f"""
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
""")
    one = gateway(text)
    h1, h2 = authority.client_context(), authority.client_context(alpn=["h2"])
    clients = [*(one.client() for _ in range(80)), *(Client(one.tls, tls=h1) for _ in range(60)),
               *(H2Client(one.tls, tls=h2) for _ in range(60))]
    busy = Busy(clients)
    try:
        busy.wait_for_rounds(1)
        before = busy.answers
        assert one.reload(text + routes).startswith("applied")
        assert one.ask(target=f"/r{count - 1}/x").body == str(count - 1).encode()
        assert one.reload(text).startswith("applied")
        during = busy.answers - before
        busy.wait_for_rounds(2)   # the second begins after the reloads: each connection is still there
        one.wait_for_metric(80, "sluice_connections", listener="plain")
        one.wait_for_metric(120, "sluice_connections", listener="secure")
    finally:
        busy.stop()
        ended = [connection.ended for connection in behind.connections if connection.ended]
        for client in clients:
            client.socket.close()
    assert ended == []
    assert during >= len(clients), f"{during} answers during two reloads"
    print(f"{during} requests over {len(clients)} connections beside two reloads, {len(behind.connections)} to the upstream")


def test_the_access_log_moves_and_changes_its_form(gateway):
    one = gateway(says("old"))
    one.ask(target="/word")
    one.reload(says("old", log_access='file = "@dir@/second.log"\nformat = "{status} {path}"'))
    second = one.folder / "second.log"
    one.ask(target="/word")
    wait_until(lambda: second.read_text() == "200 /word\n", "the line in the new file")
    assert [line["path"] for line in one.access_log(1)] == ["/word"]
    wait_until(lambda: "access.log" not in " ".join(map(str, open_paths(one))), "the old file is closed")
    one.wait_for_metric(2, "sluice_log_lines_total", log="access")


def test_a_log_that_cannot_be_opened_refuses_the_reload(gateway):
    one = gateway(says("old"))
    said = one.reload(says("new", log_access='file = "/proc/none.log"'), code=1)
    assert "log.access: cannot open" in said
    assert one.ask(target="/word").body == b"old"
    assert one.access_log(1)[0]["path"] == "/word"
    assert one.metric("sluice_config_last_reload_success") == 0
    status = json.loads(ask(one.admin, target="/status").body)
    assert status["last_reload"]["success"] is False
    assert any("log.access: cannot open" in fault for fault in status["last_reload"]["faults"])
    one.reload(says("new"))
    assert one.metric("sluice_config_last_reload_success") == 1


def test_a_reload_that_changes_nothing_opens_the_logs_anew(gateway):
    one = gateway(says("old"))
    (one.folder / "access.log").rename(one.folder / "access.log.1")
    assert one.reload().startswith("unchanged")
    wait_until((one.folder / "access.log").exists, "the new file")


def open_paths(one):
    folder = Path(f"/proc/{one.pid}/fd")
    return [(folder / name).readlink() for name in os.listdir(folder) if (folder / name).is_symlink()]
