"""One line for each request, JSON whatever the client sent."""
import json
import re
import resource
import signal
import subprocess

import pytest
from support.client import request
from support.gateway import settings
from support.h2_client import H2Client
from support.h2_upstream import H2Upstream
from support.ports import free_port
from support.timing import SLOW, wait_until
from support.upstream import answer, early


def test_every_request_has_its_line(proxied):
    gateway, _ = proxied(answer(201, b"made"))
    with gateway.client() as client:
        for number in range(25):
            client.ask("POST", f"/thing/{number}", body=b"12345")
    lines = gateway.access_log(25)
    assert len(lines) == 25
    assert [line["path"] for line in lines] == [f"/thing/{number}" for number in range(25)]
    first = lines[0]
    assert (first["method"], first["status"], first["route"], first["upstream"]) == ("POST", 201,
                                                                                     "all", "main")
    assert first["client_ip"] == "127.0.0.1"


@pytest.mark.threads
def test_lines_of_all_workers_are_whole(gateway, upstream):

    one = gateway(settings(upstream(), server="workers = 2"))
    for number in range(60):
        one.ask(target=f"/{number}")
    assert sorted(int(line["path"][1:]) for line in one.access_log(60)) == list(range(60))


def test_refused_and_unrouted_requests_are_logged_too(proxied):
    gateway, _ = proxied()
    with gateway.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").response()
    lines = gateway.access_log(1)
    assert lines[0]["status"] == 400 and lines[0]["problem"]


def test_what_is_taken_back_at_once_is_logged_with_its_client(proxied):
    gateway, behind = proxied(listen='protocols = ["h1", "h2c"]')
    with H2Client(gateway.port) as client:
        stream = client.h2.get_next_available_stream_id()
        client.h2.send_headers(stream, [(":method", "GET"), (":scheme", "http"), (":authority", "shop"), (":path", "/hasty")], end_stream=True)
        client.h2.reset_stream(stream, 8)
        client.flush()
        line = gateway.access_log(1)[0]
    assert (line["client_ip"], line["authority"], line["path"], line["aborted"], line["status"]) == ("127.0.0.1", "shop", "/hasty", "client", 0)
    assert line["request_id"] and behind.requests == []


def test_head_has_no_bytes_whoever_answers(gateway):
    one = gateway(settings(f"127.0.0.1:{free_port()}", listen='protocols = ["h1", "h2c"]', more="""
[route.fixed]
match = { path = "/fixed", methods = ["GET"] }
respond = { status = 200, body = "0123456789" }
"""))
    lengths = []
    for method, target, status in (("HEAD", "/fixed", 200), ("HEAD", "/", 502), ("GET", "/fixed", 200)):
        with one.client() as client, H2Client(one.port) as other:
            for reply in (client.ask(method, target), other.ask(method, target)):
                assert (reply.status, len(reply.body) > 0) == (status, method == "GET")
                lengths.append(int(reply.get("content-length")))
    assert lengths[0] == 10 and min(lengths) == 10
    assert [line["response_bytes"] for line in one.access_log(6)] == [0] * 4 + [10] * 2


def test_nobody_aborts_what_has_come_wholly(gateway):
    """A server of HTTP/2 that ends its stream in a frame of its own, and a client that closes when it has all bytes."""
    def script(connection, received):
        with connection.lock:
            connection.h2.send_headers(received.stream, [(":status", "200"), ("content-length", "5")])
            connection.h2.send_data(received.stream, b"whole")
            connection.flush()
    with H2Upstream(script) as behind:
        one = gateway(settings(behind, listen='protocols = ["h1", "h2c"]', upstream='protocol = "h2c"'))
        with H2Client(one.port) as client:
            stream = client.begin()
            client.wait(lambda: client.replies[stream].body == b"whole", "all of it")
        assert "aborted" not in one.access_log(1)[0]


def test_the_query_is_not_logged(proxied):
    gateway, _ = proxied()
    targets = {"/login?password=hunter2": "/login", "//login?password=hunter2": "//login", "/a/../..?password=hunter2": "/a/../..",
               "/login#hunter2": "/login", "http://user:hunter2@a/login?password=hunter2": "a/login"}
    for target in targets:
        gateway.ask(target=target)
    lines = gateway.access_log(len(targets))
    assert [line["path"] for line in lines] == list(targets.values())   # also of those that are refused
    assert "hunter2" not in (gateway.folder / "access.log").read_text()


def test_hostile_bytes_stay_inside_their_string(proxied):
    gateway, _ = proxied()
    agent = 'a"b\\c\t{"x":1}\xff\xfe\xc3\xa9'
    gateway.ask(fields=[("User-Agent", agent)])
    lines = gateway.access_log(1)
    assert len(lines) == 1 and 'a"b\\c' in lines[0]["user_agent"]


def test_an_aborted_request_is_logged(proxied):
    @early
    def stall(connection, _):
        connection.wait_for_end()
    gateway, upstream = proxied(stall)
    client = gateway.client().send(request())
    upstream.wait_for_requests(1)
    client.reset()
    assert len(gateway.access_log(1)) == 1


def test_the_log_is_complete_after_the_end(proxied):
    gateway, _ = proxied()
    with gateway.client() as client:
        for _ in range(100):
            client.ask()
    gateway.stop()
    assert len(gateway.access_log()) == 100


CLF = re.compile(r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] '
                 r'"GET (?P<target>\S+) HTTP/1\.1" 200 \d+( "(?P<referer>[^"]*)" "(?P<agent>[^"]*)")?')


@pytest.mark.parametrize("form, query, target", [
    ("common", "false", "/a%20b"), ("combined", "false", "/a%20b"), ("combined", "true", "/a%20b?x=1")])
def test_the_common_formats_are_read_by_their_readers(proxied, form, query, target):
    gateway, _ = proxied(log_access=f'format = "{form}"\nquery = {query}')
    gateway.ask(target="/a%20b?x=1", fields=[("User-Agent", 'evil" 200 "\t\xff'), ("Referer", "http://r/?s=2")])
    [line] = gateway.raw_access_log(1)
    found = CLF.fullmatch(line)
    assert found and found["target"] == target, line
    if form == "combined":
        assert found["agent"] == r"evil\x22 200 \x22\x09\xFF"
        assert found["referer"] == ("http://r/?s=2" if query == "true" else "http://r/")


def test_an_own_template(proxied):
    gateway, _ = proxied(log_access="format = '{status} {route} {header.X-Team} \"{path}\" {problem}'")
    gateway.ask(target="/x", fields=[("X-Team", "a b\n c".replace("\n", "\t"))])
    with gateway.client() as client:
        client.send(b"GET / HTTP/3.3\r\n\r\n").response()
    assert gateway.raw_access_log(2) == [r'200 all a\x20b\x09\x20c "/x" -', '505 - - "/" unsupported_version']


@pytest.mark.threads
def test_lines_written_equal_requests_served(gateway, nginx):
    requests = 20_000 // SLOW
    one = gateway(settings(nginx('location / { return 200 "0123456789"; }'), server="workers = 2"))
    done = subprocess.run(["h2load", "--h1", "-n", str(requests), "-c", "64", "-t", "1",
                           f"http://127.0.0.1:{one.port}/small"], capture_output=True, text=True, timeout=120)
    assert f"{requests} succeeded" in done.stdout, done.stdout + done.stderr
    one.wait_for_metric(requests, "sluice_http_requests_total", route="all")
    one.stop()
    lines = one.access_log()
    assert len(lines) == requests
    assert len({line["request_id"] for line in lines}) == requests


def test_a_renamed_file_is_followed_by_a_new_one_on_sigusr1(proxied):
    gateway, _ = proxied()
    path = gateway.folder / "access.log"
    gateway.ask(target="/1")
    gateway.access_log(1)
    path.rename(gateway.folder / "access.log.1")
    gateway.signal(signal.SIGUSR1)
    wait_until(path.exists, "the new file")
    gateway.ask(target="/2")
    assert [line["path"] for line in gateway.access_log(1)] == ["/2"]
    assert (gateway.folder / "access.log.1").read_text().count("\n") == 1


def test_a_deleted_file_comes_back(proxied):
    gateway, _ = proxied()
    gateway.ask()
    gateway.access_log(1)
    (gateway.folder / "access.log").unlink()
    gateway.ask(target="/after")
    assert gateway.access_log(1)[0]["path"] == "/after"
    wait_until(lambda: "log file was deleted" in gateway.error_log(), "a line about it")


def test_a_path_that_cannot_be_opened_again_keeps_the_old_file(proxied):
    gateway, _ = proxied(log_access='file = "@dir@/logs/access.log"', gateway_options={"folders": ["logs"]})
    logs = gateway.folder / "logs"
    gateway.ask()
    logs.rename(gateway.folder / "moved")
    gateway.signal(signal.SIGUSR1)
    wait_until(lambda: "cannot be opened anew" in gateway.error_log(), "a line about it")
    assert gateway.ask().status == 200
    moved = gateway.folder / "moved" / "access.log"
    wait_until(lambda: moved.read_text().count("\n") == 2, "both lines in the old file")
    logs.mkdir()
    wait_until(lambda: gateway.ask().status == 200 and (logs / "access.log").exists(), "tried again by itself")


@pytest.mark.plain_build
def test_a_full_disk_costs_lines_and_nothing_else(gateway, upstream):
    """A limit on the size of files is the full disk; raising it is somebody making room."""
    one = gateway(settings(upstream()))
    resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    with one.client() as client:
        for _ in range(300):
            assert client.ask().status == 200
        wait_until(lambda: one.metric("sluice_log_lines_dropped_total", log="access") > 0, "dropped lines")
        for _ in range(100):
            assert client.ask().status == 200
        text = one.folder / "access.log"
        assert text.stat().st_size == 20_000
        resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

        def resumed():
            client.ask(target="/room")
            return '"/room"' in text.read_text()
        wait_until(resumed, "lines again")
    served = one.metric("sluice_http_requests_total", route="all")
    one.stop()
    lines = text.read_text().splitlines()
    for line in lines:
        json.loads(line)           # none is torn
    dropped = 400 + sum(1 for line in lines if "/room" in line) - len(lines)
    assert 0 < dropped and len(lines) <= served
    assert one.error_log().count("log cannot be written") == 1
    assert one.error_log().count("log is written again") == 1


def test_dev_full_from_the_start(proxied):
    gateway, _ = proxied(log_access='file = "/dev/full"')
    for _ in range(20):
        assert gateway.ask().status == 200
    gateway.wait_for_metric(20, "sluice_log_lines_dropped_total", log="access")
    gateway.wait_for_metric(1, "sluice_log_failures_total", log="access")
    gateway.wait_for_error_line("log cannot be written")
    assert gateway.error_log().count("log cannot be written") == 1
