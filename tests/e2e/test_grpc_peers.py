"""gRPC between a client and a server by python3-grpcio: all four kinds, over h2c, and TLS on both sides, and every way to
the end."""
import socket
import threading
import time

import grpc
import pytest
from support.gateway import settings
from support.grpc_peer import DETAILS, Peer, Service
from support.timing import DEADLINE_SECONDS, SLOW, sanitizer

pytestmark = pytest.mark.threads
MIB = 1 << 20
TIME = {"timeout": DEADLINE_SECONDS}


def config_of(service, authority):
    cert, key = authority.leaf("localhost", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = unused.getsockname()[1]
    return settings(service, server="workers = 2", listen='protocols = ["h2c"]\nlimits = { body = "64MiB" }',
                    upstream='protocol = "h2c"', route='auth = "none"', more=f"""
[listen.secure]
address = "127.0.0.1:@tls@"
tls = "site"
limits = {{ body = "64MiB" }}
[tls.site]
certificates = [{{ cert = "{cert}", key = "{key}" }}]
[upstream.nobody]
servers = ["127.0.0.1:{nobody}"]
protocol = "h2c"
[upstream.one]
servers = ["{service.address}"]
protocol = "h2c"
max_in_flight = 1
[upstream.secure]
servers = ["{service.secure_address}"]
protocol = "h2"
tls = {{ ca = "{authority.cert}", sni = "localhost" }}
[route.secure]
match = {{ path = "/test.Secure/{{method}}" }}
rewrite = {{ path = "/test.Peer/{{method}}" }}
upstream = "secure"
auth = "none"
[route.nobody]
match = {{ path = "/nobody.Service/{{method}}" }}
upstream = "nobody"
auth = "none"
[route.slow]
match = {{ path = "/test.Slow/{{method}}" }}
upstream = "main"
rewrite = {{ path = "/test.Peer/Hang" }}
auth = "none"
timeout = {{ response = "200ms" }}
[route.small]
match = {{ path = "/test.Small/{{method}}" }}
upstream = "main"
auth = "none"
limits = {{ body = "1KiB" }}
[route.one]
match = {{ path = "/test.One/{{method}}" }}
rewrite = {{ path = "/test.Peer/{{method}}" }}
upstream = "one"
auth = "none"
""").replace('path = "/**"', 'path = "/test.Peer/{method}"')


@pytest.fixture(scope="module")
def service(authority):
    one = Service(authority.leaf("localhost", "127.0.0.1"))
    yield one
    one.stop()


@pytest.fixture(scope="module")
def site(shared_gateway, service, authority):
    return shared_gateway(config_of(service, authority))


@pytest.fixture(scope="module", params=["h2c", "tls"])
def peer(request, site, authority):
    credentials = None
    if request.param == "tls":
        credentials = grpc.ssl_channel_credentials(root_certificates=authority.cert.read_bytes())
    name = "test.Secure" if credentials else "test.Peer"
    with Peer(site.tls if credentials else site.port, credentials, name) as one:
        yield one


@pytest.fixture
def plain(site):
    with Peer(site.port) as one:
        yield one


def code_of(call):
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return refused.value.code()


def test_all_four_kinds(peer):
    assert peer.Echo(b"one", **TIME) == b"one" and peer.Echo(b"", **TIME) == b""
    assert list(peer.Count(b"100", **TIME)) == [b"%d" % n for n in range(100)]
    assert peer.Sum(iter([b"x" * n for n in range(100)]), **TIME) == b"4950"
    assert list(peer.Chat(iter([b"a", b"b" * 70_000, b""]), **TIME)) == [b"A", b"B" * 70_000, b""]


def test_a_conversation_takes_turns(peer):
    said, heard = threading.Semaphore(1), []

    def lines():
        for text in (b"one", b"two", b"three"):
            assert said.acquire(timeout=DEADLINE_SECONDS)     # only after the answer to the one before
            yield text
    for answer in peer.Chat(lines(), **TIME):
        heard.append(answer)
        said.release()
    assert heard == [b"ONE", b"TWO", b"THREE"]


def test_large_messages_both_ways(peer):
    size = 2 * MIB if sanitizer() else 8 * MIB
    assert peer.Size(b"%d" % size, **TIME) == b"x" * size
    assert peer.Echo(b"y" * size, **TIME) == b"y" * size
    assert peer.Sum(iter([b"z" * MIB] * 4), **TIME) == b"%d" % (4 * MIB)


def test_metadata_of_every_sort(peer, service):
    answer, call = peer.Greet.with_call(b"x", metadata=(("x-word", "a b"), ("x-raw-bin", b"\x00\x01\xff")), **TIME)
    assert answer == b"x"
    assert service.metadata["x-word"] == "a b" and service.metadata["x-raw-bin"] == b"\x00\x01\xff"
    first, last = dict(call.initial_metadata()), dict(call.trailing_metadata())
    assert (first["x-first"], first["x-first-bin"]) == ("1", b"\x00\xff\x01")
    assert (last["x-last"], last["x-last-bin"]) == ("2", b"\xfe\x00")


def test_a_servers_refusal_is_whole(peer):
    with pytest.raises(grpc.RpcError) as refused:
        peer.Refuse(b"", **TIME)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert refused.value.details() == "kein Gerät: 100 %"
    assert dict(refused.value.trailing_metadata())["grpc-status-details-bin"] == DETAILS


def test_a_server_that_stops_half_way(peer):
    call, heard = peer.Break(b"part", **TIME), []
    with pytest.raises(grpc.RpcError) as refused:
        for message in call:
            heard.append(message)
    assert heard == [b"part", b"part"] and refused.value.code() is grpc.StatusCode.DATA_LOSS
    assert refused.value.details() == "half way"


@pytest.mark.parametrize("answers", [0, 2])
def test_a_server_that_cancels_is_heard(peer, answers):
    call, heard = peer.Cancel(b"%d" % answers, **TIME), []
    with pytest.raises(grpc.RpcError):
        for message in call:
            heard.append(message)
    assert heard == [b"x"] * answers and call.code() is grpc.StatusCode.CANCELLED


@pytest.mark.parametrize("name", ["Hang", "Tick"])
def test_a_client_that_cancels_is_heard(peer, service, name):
    service.cancelled.clear()
    service.started.clear()
    call = peer.Hang.future(b"", **TIME) if name == "Hang" else peer.Tick(b"t", **TIME)
    assert service.started.wait(DEADLINE_SECONDS)
    call.cancel()
    assert service.cancelled.wait(DEADLINE_SECONDS)
    assert call.code() is grpc.StatusCode.CANCELLED
    assert peer.Echo(b"on", **TIME) == b"on"


def test_a_deadline_ends_both_sides(peer, service):
    service.cancelled.clear()
    began = time.monotonic()
    assert code_of(lambda: peer.Hang(b"", timeout=0.2)) is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - began < 0.2 + SLOW
    assert service.cancelled.wait(DEADLINE_SECONDS)


def test_many_calls_at_a_time(peer):
    calls = [peer.Echo.future(b"%d" % n, **TIME) for n in range(200)]
    assert [call.result() for call in calls] == [b"%d" % n for n in range(200)]


def test_a_method_that_is_not_there(plain, site):
    from_the_server = plain.channel.unary_unary("/test.Peer/Nothing")
    from_the_gateway = plain.channel.unary_unary("/other.Service/Nothing")
    assert code_of(lambda: from_the_server(b"", **TIME)) is grpc.StatusCode.UNIMPLEMENTED
    with pytest.raises(grpc.RpcError) as refused:
        from_the_gateway(b"", **TIME)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED and refused.value.details() == "Not Found"


@pytest.mark.parametrize("name, message, code", [
    ("nobody.Service", b"", "UNAVAILABLE"), ("test.Slow", b"", "DEADLINE_EXCEEDED"),
    ("test.Small", b"x" * 2000, "RESOURCE_EXHAUSTED"),
])
def test_what_the_gateway_refuses_has_a_status(site, name, message, code):
    with Peer(site.port, service=name) as one:
        assert code_of(lambda: one.Echo(message, **TIME)) is grpc.StatusCode[code]


def test_a_busy_upstream_is_unavailable(site, service):
    service.started.clear()
    with Peer(site.port, service="test.One") as one:
        hanging = one.Hang.future(b"", **TIME)
        assert service.started.wait(DEADLINE_SECONDS)
        assert code_of(lambda: one.Echo(b"", **TIME)) is grpc.StatusCode.UNAVAILABLE
        hanging.cancel()


def test_a_reload_leaves_a_stream_alone(site, service, authority):
    with Peer(site.port) as one:
        gate = threading.Semaphore(1)

        def lines():
            for n in range(3):
                assert gate.acquire(timeout=DEADLINE_SECONDS)
                yield b"line %d" % n
        answers = one.Chat(lines(), **TIME)
        assert next(answers) == b"LINE 0"
        site.reload(site.config_text.replace('auth = "none"', 'auth = "none"\ntimeout = { response = "50s" }', 1))
        gate.release()
        assert next(answers) == b"LINE 1"
        gate.release()
        assert [*answers] == [b"LINE 2"] and answers.code() is grpc.StatusCode.OK
