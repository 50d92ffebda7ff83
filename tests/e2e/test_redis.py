"""[redis.NAME]: one connection a worker, across reloads, and a gateway that does without it."""
import json
import re
import time

import pytest
from support.client import ask
from support.gateway import run_command, settings
from support.ports import free_port
from support.timing import wait_until

HELLO = """
[route.hello]
match = { path = "/hello" }
respond = { status = 200, body = "hello" }
"""


def with_redis(url, extra="", workers=2):
    return settings(server=f"workers = {workers}", more=f'{HELLO}\n[redis.main]\nurl = "{url}"\n{extra}')


@pytest.mark.threads
def test_one_connection_a_worker_across_reloads(gateway, redis):
    server = redis()
    one = gateway(with_redis(f"redis://127.0.0.1:{server.port}"))
    one.wait_for_metric(1, "sluice_redis_up", redis="main")
    assert server.clients() == 2
    for word in ("a", "b", "c", "d"):
        one.reload(with_redis(f"redis://127.0.0.1:{server.port}") + f"# {word}\n" + HELLO.replace("hello", word))
    assert server.clients() == 2
    assert one.metric("sluice_redis_connects_total", redis="main") == 2
    one.reload(with_redis(f"unix:{server.path}"))
    wait_until(lambda: server.clients() == server.clients(over="flags=U") == 2, "both over the unix socket")
    one.wait_for_metric(1, "sluice_redis_up", redis="main")
    one.reload(settings(server="workers = 2", more=HELLO))
    wait_until(lambda: server.clients() == 0, "connections that nobody names have gone")
    wait_until(lambda: not [name for name in one.metrics() if "redis=" in name], "and their series")


def test_a_gateway_starts_and_serves_without_it_and_takes_it_up(gateway, redis):
    one = gateway(with_redis(f"redis://127.0.0.1:{free_port()}"))
    assert one.ask(target="/hello").body == b"hello"
    one.wait_for_error_line(r"redis away redis=main server=127\.0\.0\.1:\d+ reason=\"connection refused\"")
    assert one.metric("sluice_redis_up", redis="main") == 0
    assert json.loads(ask(one.admin, target="/status").body)["redis"] == [{"name": "main", "state": "away", "queued": 0}]
    time.sleep(0.5)
    assert one.error_log().count("redis away") == 1   # however many workers and probes


@pytest.mark.threads
def test_killed_and_back_is_one_line_each(gateway, redis):
    server = redis()
    one = gateway(with_redis(f"redis://127.0.0.1:{server.port}"))
    one.wait_for_metric(1, "sluice_redis_up", redis="main")
    server.kill()
    one.wait_for_metric(0, "sluice_redis_up", redis="main")
    assert one.ask(target="/hello").status == 200
    server.start()
    one.wait_for_metric(1, "sluice_redis_up", redis="main")
    assert one.error_log().count("redis away") == 1
    wait_until(lambda: one.error_log().count("redis back") == 1, "one line")


@pytest.mark.threads
def test_a_reload_takes_up_a_changed_password(gateway, redis, tmp_path):
    server = redis("--requirepass", "first-word")
    secret = tmp_path / "password"
    secret.write_text("first-word\n")
    config = with_redis(f"redis://127.0.0.1:{server.port}", f'password = {{ secret = "file:{secret}" }}')
    one = gateway(config)
    one.wait_for_metric(1, "sluice_redis_up", redis="main")
    server.ask("CONFIG", "SET", "requirepass", "second-word", password="first-word")
    secret.write_text("second-word\n")
    assert "stays in force, with new secrets, from" in one.reload(config)
    one.wait_for_error_line("secret renewed redis=main")
    server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes", password="second-word")
    wait_until(lambda: server.clients(password="second-word") == 2, "both workers are back")
    one.wait_for_metric(1, "sluice_redis_up", redis="main")
    everything = one.error_log() + one.output_text() + str(one.ask(target="/hello").raw)
    assert "first-word" not in everything and "second-word" not in everything


def test_a_secret_that_is_not_there_refuses_to_start_and_is_not_checked_by_others(tmp_path):
    config = tmp_path / "sluice.toml"
    config.write_text('sluice = 1\n[listen.http]\naddress = "127.0.0.1:1"\n[redis.main]\nurl = "redis://127.0.0.1"\n'
                      'password = { secret = "env:SLUICE_TEST_NO_SUCH" }\n')
    checked = run_command("check", config)
    assert checked.returncode == 2
    assert re.search(r"the environment has no SLUICE_TEST_NO_SUCH", checked.stdout + checked.stderr)
    assert run_command("check", "--as-service", config).returncode == 1
    assert run_command("run", config).returncode == 1
