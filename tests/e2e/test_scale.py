"""10,000 routes and 1,000 upstreams (A8, E1): loading, serving and scraping them."""
import time

import pytest
from support.client import ask
from support.gateway import run_command, settings
from support.timing import SLOW

pytestmark = pytest.mark.plain_build

ROUTES, UPSTREAMS = 10_000, 1_000
LOAD_SECONDS_MAX = 3 * SLOW
CHECK_SECONDS_MAX = 2 * SLOW
SCRAPE_SECONDS_MAX = 0.25 * SLOW
RESIDENT_BYTES_MAX = 200 << 20


@pytest.fixture(scope="module")
def many():
    def config(behind):
        upstreams = "".join(f'[upstream.u{n}]\nservers = ["{behind.address}"]\n'
                            for n in range(UPSTREAMS))
        routes = "".join(f'[route.r{n}]\nmatch = {{ path = "/team{n % 100}/service{n}/{{id}}" }}\n'
                         f'upstream = "u{n % UPSTREAMS}"\n' for n in range(ROUTES))
        return settings(more=upstreams + routes)
    return config


def test_they_load_serve_and_are_scraped_within_bounds(gateway, upstream, many):
    behind = upstream()
    started = time.monotonic()
    one = gateway(many(behind))
    assert time.monotonic() - started < LOAD_SECONDS_MAX
    for number in (0, 1, ROUTES // 2, ROUTES - 1):
        target = f"/team{number % 100}/service{number}/7"
        assert one.ask(target=target).status == 200
        assert behind.last.target == target
    for _ in range(100):
        one.ask(target="/team0/service0/7")
    assert one.ask(target="/team1/service0/7").status == 404
    assert one.resident_bytes() < RESIDENT_BYTES_MAX
    started = time.monotonic()
    page = ask(one.admin, target="/metrics").body
    assert time.monotonic() - started < SCRAPE_SECONDS_MAX
    assert b'route="r9999"' in page


def test_they_are_checked_within_bounds(tmp_path, upstream, many):
    config = tmp_path / "many.toml"
    config.write_text(many(upstream()).replace("@port@", "1").replace("@admin@",
                                                                      "2").replace("@dir@",
                                                                                   str(tmp_path)))
    started = time.monotonic()
    checked = run_command("check", config)
    assert time.monotonic() - started < CHECK_SECONDS_MAX
    assert checked.returncode == 0, checked.stdout + checked.stderr
