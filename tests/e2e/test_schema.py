"""The JSON Schema of the configuration: valid itself, accepts what `check` accepts, refuses what an editor should mark."""
import json
import os
import subprocess
import tomllib
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SLUICE_BINARY", str(ROOT / "build/release/sluice"))
GOLDEN = ROOT / "tests/golden/config"


@pytest.fixture(scope="module")
def validator():
    text = subprocess.run([BINARY, "config", "schema"], check=True, capture_output=True, text=True).stdout
    schema = json.loads(text)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def load(path):
    return tomllib.loads(path.read_text())


@pytest.mark.parametrize("path", [ROOT / "conf/sluice.toml", GOLDEN / "good.toml", *sorted((ROOT / "tests/bench/conf").glob("sluice*.toml"))],
                         ids=lambda path: path.name)
def test_schema_accepts_good_files(validator, path):
    assert [error.message for error in validator.iter_errors(load(path))] == []


@pytest.mark.parametrize("name", ["unknown_key", "unknown_key_main_table", "wrong_type", "missing_unit", "out_of_range",
                                  "unknown_choice", "missing_key", "not_in_this_version", "bad_name"])
def test_schema_refuses_what_check_refuses(validator, name):
    assert not validator.is_valid(load(GOLDEN / f"{name}.toml"))


def test_what_is_shown_is_valid_too(validator, tmp_path):
    config = tmp_path / "small.toml"
    config.write_text('sluice = 1\n[listen.a]\naddress = "127.0.0.1:1"\n[route.a]\nmatch = { path = "/" }\nrespond = { status = 204 }\n')
    shown = subprocess.run([BINARY, "config", "show", str(config)], check=True, capture_output=True, text=True).stdout
    assert validator.is_valid(tomllib.loads(shown))


def test_environment_may_stand_for_any_text(validator):
    config = {"sluice": 1, "listen": {"a": {"address": "${ADDRESS}", "timeout": {"idle": "${IDLE:-60s}"}, "path_profile": "${PROFILE}"}}}
    assert validator.is_valid(config)
