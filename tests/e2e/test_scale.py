"""10,000 routes and 1,000 upstreams (A8, E1): loading, serving and scraping them."""
import os
import subprocess
import time
from pathlib import Path

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
    def config(behind, upstreams=UPSTREAMS):
        tables = "".join(f'[upstream.u{n}]\nservers = ["{behind.address}"]\n'
                         for n in range(upstreams))
        routes = "".join(f'[route.r{n}]\nmatch = {{ path = "/team{n % 100}/service{n}/{{id}}" }}\n'
                         f'upstream = "u{n % upstreams}"\n' for n in range(ROUTES))
        return settings(more=tables + routes)
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


def thread_seconds(pid):
    """{name: CPU seconds} of a process's threads, in ticks of 10 ms."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        user, system = (task / "stat").read_text().rpartition(")")[2].split()[11:13]
        name = (task / "comm").read_text().strip()
        found[name] = found.get(name, 0) + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return found


SCRAPES = 8


def times_of_requests(port, target, log, seconds):
    """Starts 500 requests a second over one connection. gives: a function that waits, and gives their
    durations in order"""
    count = 500 * seconds
    process = subprocess.Popen(
        ["h2load", "--h1", "-n", str(count), "-c", "1", "--rps=500", f"--log-file={log}",
         f"http://127.0.0.1:{port}{target}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def wait():
        output, _ = process.communicate(timeout=60)
        assert f"{count} succeeded" in output, output
        return sorted(int(line.split("\t")[2]) / 1e6 for line in log.read_text().splitlines())
    return process, wait


def scrape(port, into="/dev/null"):
    """By a program that does nothing else. gives: how long it took"""
    began = time.monotonic()
    subprocess.run(["curl", "-sf", "-o", str(into), f"http://127.0.0.1:{port}/metrics"], check=True,
                   timeout=30)
    return time.monotonic() - began


def test_scrapes_are_made_beside_the_workers(gateway, nginx, many, tmp_path):
    """With series for each of 10,000 routes. What a scrape costs is the keeper's, by the threads' CPU
    time; and no request waits for it: a worker that made it would hold one up each time."""
    one = gateway(many(nginx("location / { return 200 x; }"), upstreams=10))
    targets = tmp_path / "targets"
    targets.write_text("".join(f"http://127.0.0.1:{one.port}/team{number % 100}/service{number}/7\n"
                               for number in range(ROUTES)))
    done = subprocess.run(["h2load", "--h1", "-n", str(ROUTES), "-c", "1", "-i", str(targets)],
                          capture_output=True, text=True, timeout=120)
    assert f"{ROUTES} succeeded" in done.stdout, done.stdout + done.stderr
    page = tmp_path / "metrics"
    scrape(one.admin, page)
    assert page.read_bytes().count(b"sluice_http_request_duration_seconds_count{") >= ROUTES
    before = thread_seconds(one.pid)
    took = [scrape(one.admin) for _ in range(SCRAPES)]
    after = thread_seconds(one.pid)
    assert min(took) < SCRAPE_SECONDS_MAX
    spent = {name: after[name] - before[name] for name in after}
    workers = sum(seconds for name, seconds in spent.items() if name.startswith("worker"))
    keeper = sum(spent.values()) - workers
    assert keeper > 0.1, spent                # so it is the scrapes that are seen
    assert workers < 0.1 * keeper, spent
    traffic, times = times_of_requests(one.port, "/team0/service0/7", tmp_path / "times", seconds=2)
    beside = 0
    while traffic.poll() is None:
        scrape(one.admin)
        beside += 1
    times = times()
    slow = sum(each > min(took) / 2 for each in times)
    print(f"{page.stat().st_size / 1e6:.1f} MB in {min(took) * 1e3:.0f} ms; {len(times)} requests beside {beside} "
          f"scrapes: p50 {times[len(times) // 2] * 1e3:.2f} ms, p99 {times[len(times) * 99 // 100] * 1e3:.2f} "
          f"ms, {slow} slower than half a scrape")
    assert slow < beside / 2


def test_they_are_checked_within_bounds(tmp_path, upstream, many):
    config = tmp_path / "many.toml"
    config.write_text(many(upstream()).replace("@port@", "1").replace("@admin@",
                                                                      "2").replace("@dir@",
                                                                                   str(tmp_path)))
    started = time.monotonic()
    checked = run_command("check", config)
    assert time.monotonic() - started < CHECK_SECONDS_MAX
    assert checked.returncode == 0, checked.stdout + checked.stderr
