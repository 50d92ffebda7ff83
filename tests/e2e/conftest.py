"""Fixtures of the end-to-end tests. SLUICE_BINARY names the binary under test."""
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support.certificates import Authority       # noqa: E402
from support.gateway import Gateway, settings    # noqa: E402
from support.nginx import Nginx                  # noqa: E402
from support.redis import Redis                  # noqa: E402
from support.timing import BINARY, SLOW, sanitizer     # noqa: E402
from support.upstream import Upstream            # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "threads: worth running under ThreadSanitizer")
    config.addinivalue_line("markers", "plain_build: measures what a sanitizer would distort")
    config.addinivalue_line("markers", "first: takes long and waits: started first, so that all else runs beside it")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: "first" not in item.keywords)
    if sanitizer():
        skip = pytest.mark.skip(reason="measured in the release build only")
        for item in items:
            if "plain_build" in item.keywords:
                item.add_marker(skip)


TEST_SECONDS_MAX = 300 if os.environ.get("SLUICE_FULL") else 40 * SLOW


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """No test, its set-up and its end included, may hang the run."""
    def too_long(*_):
        raise AssertionError(f"not done within {TEST_SECONDS_MAX} s: {item.nodeid}")
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(TEST_SECONDS_MAX)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session", autouse=True)
def binary():
    assert BINARY.exists(), f"{BINARY} is not there: make build"
    return BINARY


def gateways(folder):
    started = []

    def start(config, **options):
        one = Gateway(folder / f"gateway{len(started)}", config, **options)
        started.append(one)
        return one.start()

    yield start
    problems = []
    for one in started:
        try:
            one.stop()
        except AssertionError as problem:
            problems.append(str(problem))
        finally:
            one.kill()
    assert not problems, "\n".join(problems)


@pytest.fixture
def gateway(tmp_path):
    """gateway(config) starts one and gives it once it is ready; all are held to a clean end."""
    yield from gateways(tmp_path)


@pytest.fixture(scope="module")
def shared_gateway(tmp_path_factory):
    """The same for all tests of a file."""
    yield from gateways(tmp_path_factory.mktemp("shared"))


def upstreams():
    started = []

    def start(script=None, **options):
        started.append(Upstream(script, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def redises(folder):
    servers = []

    def start(*arguments, **options):
        servers.append(Redis(folder / f"redis{len(servers)}", *arguments, **options))
        return servers[-1]
    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def redis(tmp_path):
    """redis(arguments...) starts a redis-server of the test's own."""
    yield from redises(tmp_path)


@pytest.fixture(scope="module")
def shared_redis(tmp_path_factory):
    """The same for all tests of a file."""
    yield from redises(tmp_path_factory.mktemp("shared-redis"))


@pytest.fixture
def upstream():
    """upstream(script) listens at once on a free port."""
    yield from upstreams()


@pytest.fixture(scope="module")
def shared_upstream():
    """The same for all tests of a file."""
    yield from upstreams()


@pytest.fixture
def proxied(gateway, upstream):
    """proxied(script, **lines) gives (gateway, upstream) wired together by `settings`."""
    def start(script=None, upstream_options=None, gateway_options=None, **lines):
        behind = upstream(script, **(upstream_options or {}))
        return gateway(settings(behind, **lines), **(gateway_options or {})), behind
    return start


@pytest.fixture
def nginx(tmp_path):
    started = []

    def start(server="location / { root html; }", **options):
        started.append(Nginx(tmp_path / f"nginx{len(started)}", server, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"), "tests-ca")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory):
    """A CA that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("other-ca"), "stranger-ca")


@pytest.fixture
def black_hole():
    """An address whose listen queue is full: a connection attempt gets no answer at all."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        waiting.append(filler)
    yield "127.0.0.1:%d" % listener.getsockname()[1]
    for one in [*waiting, listener]:
        one.close()
