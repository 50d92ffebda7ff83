"""Plugins: the example policy on live requests, and what becomes of one that does not load."""
import json
import shutil
import signal

import pytest
from support.gateway import run_command, settings
from support.problem import assert_problem
from support.timing import BINARY, wait_until
from support.upstream import answer

EXAMPLE = BINARY.parent / "plugins" / "api_version.so"
PLUGIN = """
[plugin.versions]
file = "@dir@/api_version.so"
settings = { supported = "1 2 beta", default = "2", header = "Accept-Version" }
"""


@pytest.fixture
def versioned(gateway, upstream, tmp_path):
    def start(script=None, more="", **options):
        behind = upstream(script)
        folder = tmp_path / "gateway0"
        folder.mkdir(mode=0o755, exist_ok=True)
        shutil.copy(EXAMPLE, folder)
        one = gateway(settings(behind, route='plugins = ["versions"]', more=PLUGIN + more),
                      **options)
        return one, behind
    return start


def test_the_example_judges_and_marks_live_requests(versioned):
    one, behind = versioned(answer(fields=[("X-Api-Version", "spoofed")]))
    for asked, version in (([], "2"), ([("Accept-Version", "1")], "1"),
                           ([("accept-version", "beta"), ("X_Api_Version", "9")], "beta")):
        response = one.ask("GET", "/a", asked)
        assert response.status == 200
        assert response.all("X-Api-Version") == [version]
        request = behind.requests[-1]
        assert request.all("X-Api-Version") == [version]
        assert not request.has("Accept-Version") and not request.has("X_Api_Version")


def test_a_reply_of_the_plugin_reaches_the_client_and_not_the_upstream(versioned):
    one, behind = versioned()
    response = one.ask("GET", "/a", [("Accept-Version", "7")])
    assert response.status == 406
    assert response.get("Content-Type") == "application/json"
    assert json.loads(response.body) == {"error": "no such version", "supported": "1 2 beta"}
    assert not response.has("X-Api-Version")
    assert behind.requests == []
    wait_until(lambda: 'plugin plugin=versions' in one.error_log(), "the plugin's line")
    assert one.access_log(1)[0]["status"] == 406
    assert one.ask().status == 200   # the connection's next request is nobody's remainder


def test_only_routes_that_name_it_run_it(versioned):
    one, behind = versioned(more='[route.open]\nmatch = { path = "/open" }\nupstream = "main"\n')
    response = one.ask("GET", "/open", [("Accept-Version", "7")])
    assert response.status == 200 and not response.has("X-Api-Version")
    assert behind.requests[-1].get("Accept-Version") == "7"


def test_explain_shows_the_plugin_and_what_it_does(versioned):
    one, _ = versioned()
    shown = run_command("explain", "-c", one.config, "GET", f"http://127.0.0.1:{one.port}/a",
                        "-H", "Accept-Version: 1")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "1. plugin versions: api_version 1.0, ABI 1.0, request, response" in shown.stdout
    assert "X-Api-Version: 1" in shown.stdout


def test_a_plugin_that_does_not_take_its_settings_refuses_the_configuration(tmp_path):
    shutil.copy(EXAMPLE, tmp_path)
    config = tmp_path / "sluice.toml"
    config.write_text('sluice = 1\n[listen.a]\naddress = "127.0.0.1:1"\n[plugin.versions]\n'
                      'file = "api_version.so"\nsettings = { supported = "1", default = "2" }\n')
    for command in ("check", "run"):
        done = run_command(command, config)
        assert done.returncode == 1
        assert ('sluice.toml:4:9: error: [plugin.versions] does not take its settings: '
                '"default" is not among "supported"') in done.stdout + done.stderr


@pytest.mark.parametrize("verdict, status, code", [("2", 403, "plugin_refused"), ("7", 500, "plugin_failed")])
def test_a_plugin_that_refuses_or_fails_lets_nothing_through(gateway, upstream, verdict, status, code):
    module = BINARY.parent / "test-plugins" / "verdict.so"
    behind = upstream()
    one = gateway(settings(behind, route='plugins = ["wrong"]',
                           more=f'[plugin.wrong]\nfile = "{module}"\n'
                                f'settings = {{ verdict = "{verdict}" }}\n'))
    assert_problem(one.ask(), status, code)
    assert behind.requests == []


def test_a_reload_with_other_settings_makes_a_new_instance(versioned):
    one, behind = versioned()
    assert one.ask().get("X-Api-Version") == "2"
    one.config.write_text(one.config_text.replace('default = "2"', 'default = "1"'))
    one.signal(signal.SIGHUP)
    wait_until(lambda: one.ask().get("X-Api-Version") == "1", "the new settings are in force")
    one.config.write_text(one.config_text.replace('default = "2"', 'default = "9"'))
    one.signal(signal.SIGHUP)
    wait_until(lambda: "is not among" in one.error_log(), "the refusal is logged")
    assert one.ask().get("X-Api-Version") == "1"


def test_a_replaced_file_refuses_reloads_until_it_has_a_name_of_its_own(versioned):
    one, behind = versioned()
    code = one.folder / "api_version.so"
    code.rename(one.folder / "kept.so")
    shutil.copy(EXAMPLE, code)
    said = one.reload(code=1)
    assert "sluice.toml:" in said
    assert ("cannot be used: the loaded file was replaced: give the new one another name, "
            "or restart\n") in said
    assert one.ask().get("X-Api-Version") == "2"
    code.rename(one.folder / "api_version-2.so")
    one.reload(one.config_text.replace("api_version.so", "api_version-2.so"))
    assert one.ask().get("X-Api-Version") == "2"
