"""`sluice check` and `sluice config`: exit codes, the summary line, and what is printed where."""
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SLUICE_BINARY", str(ROOT / "build/release/sluice"))
GOOD = 'sluice = 1\n[listen.a]\naddress = "127.0.0.1:1"\n[upstream.u]\nservers = "127.0.0.1:2"\n'
ROUTE = '[route.%s]\nmatch = { path = "/%s" }\nupstream = "u"\n'


def sluice(*arguments):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60)


@pytest.fixture
def config(tmp_path):
    def write(text, name="sluice.toml"):
        (tmp_path / name).write_text(text)
        return tmp_path / "sluice.toml"
    return write


def test_a_good_file_is_0(config):
    done = sluice("check", config(GOOD + ROUTE % ("r", "r")))
    assert done.returncode == 0
    assert re.fullmatch(r"no errors in 1 file \(1 route, 1 upstream\)\n"
                        r"configuration [0-9a-f]{16}, files [0-9a-f]{16}\n", done.stdout)


def test_errors_are_1_and_counted_over_all_files(config):
    config(ROUTE % ("b", "b") + "colour = 1\n", "b.toml")
    path = config('include = ["b.toml"]\n' + GOOD + "size = 3\n" + ROUTE % ("a", "a"))
    done = sluice("check", path)
    assert done.returncode == 1
    assert done.stdout.endswith("\n2 errors in 2 files (2 routes, 1 upstream); nothing was changed\n")
    assert "sluice.toml:7:1: error: unknown key" in done.stdout
    assert "b.toml:4:1: error: unknown key" in done.stdout


def test_a_key_that_stands_twice_hides_no_other_error(config):
    done = sluice("check", config(GOOD + 'servers = "127.0.0.1:3"\n' + "colour = 1\n" + ROUTE % ("a", "a")))
    assert done.stdout.endswith("\n2 errors in 1 file (1 route, 1 upstream); nothing was changed\n")
    for place in (":6:1: error: \"servers\" is defined twice", ":7:1: error: unknown key"):
        assert "sluice.toml" + place in done.stdout


def test_behind_what_is_no_toml_more_errors_may_stand(config):
    done = sluice("check", config(GOOD + "colour = 1\nlist = [1,\n"))
    assert done.stdout.endswith("\n1 error in 1 file (0 routes, 0 upstreams); what could not be read may hold more; nothing was changed\n")


def test_a_file_that_is_not_there_is_1(tmp_path):
    done = sluice("check", tmp_path / "none.toml")
    assert done.returncode == 1
    assert "none.toml: error: cannot read" in done.stdout


def test_a_pipe_in_the_place_of_a_certificate_holds_nobody_up(config, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    tls = '[tls.t]\ncertificates = [{ cert = "pipe", key = "pipe" }]\nclient_cert = { ca = "pipe" }\n'
    done = sluice("check", config(GOOD.replace("[upstream", "tls = \"t\"\n[upstream") + tls))
    assert done.returncode == 1
    assert done.stdout.count(': not a regular file\n') == 2


def test_a_pipe_is_read_to_its_end(config):
    text = config(GOOD + ROUTE % ("r", "r")).read_bytes()
    done = subprocess.run([BINARY, "check", "/dev/stdin"], input=text, capture_output=True, timeout=60)
    assert done.stdout.startswith(b"no errors in 1 file (1 route, 1 upstream)\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="drops privileges to see what an unprivileged user sees")
def test_what_cannot_be_checked_is_2_and_1_for_the_service(config, tmp_path):
    pair = [str(tmp_path / "a.crt"), str(tmp_path / "a.key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=a",
                    "-out", pair[0], "-keyout", pair[1]], check=True, capture_output=True)
    os.chmod(pair[1], 0)
    path = config(GOOD + '[tls.t]\ncertificates = [{ cert = "a.crt", key = "a.key" }]\n')
    for folder in [tmp_path, *tmp_path.parents]:
        if str(folder).startswith("/tmp/"):
            os.chmod(folder, 0o755)
    for arguments, code in ([], 2), (["--as-service"], 1):
        done = subprocess.run([BINARY, "check", str(path), *arguments], user=65534, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stdout
        assert "Permission denied" in done.stdout


WEAK = {"too few bits": ["rsa:1024"], "a curve of no client": ["ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"]}


@pytest.mark.parametrize("kind", WEAK)
@pytest.mark.parametrize("place", ["tls", "upstream"])
def test_check_refuses_the_certificates_that_run_would_refuse(config, tmp_path, kind, place):
    subprocess.run(["openssl", "req", "-x509", "-newkey", *WEAK[kind], "-nodes", "-subj", "/CN=a", "-out", tmp_path / "a.crt",
                    "-keyout", tmp_path / "a.key"], check=True, capture_output=True)
    text = {"tls": GOOD + '[tls.t]\ncertificates = [{ cert = "a.crt", key = "a.key" }]\n',
            "upstream": GOOD + 'tls = { cert = "a.crt", key = "a.key", sni = "a" }\n'}[place]
    path = config(text)
    for command in ("check", "run"):
        done = sluice(command, path)
        assert done.returncode == 1
        assert re.search(r'sluice\.toml:\d+:\d+: error: ".*a\.crt" is not taken for TLS: ', done.stdout + done.stderr), done


@pytest.mark.parametrize("lines", ['[log.access]\nfile = "nowhere/x.log"\n',
                                   '[admin]\naddress = "127.0.0.1:3"\ncontrol = "unix:/nowhere/at/all.sock"\n'])
def test_a_folder_that_is_not_there_yet_is_told(config, lines):
    path = config(GOOD + lines)
    done = sluice("check", path)
    assert done.returncode == 2 and re.search(r"sluice\.toml:\d+:\d+: not checked: no folder", done.stdout)
    for refused in (sluice("check", "--as-service", path), sluice("run", path)):
        assert refused.returncode == 1
        assert re.search(r"sluice\.toml:\d+:\d+: error: no folder", refused.stdout + refused.stderr)


@pytest.mark.parametrize("lines", ['[listen.b]\naddress = "unix:{}/taken"\n', '[listen.b]\naddress = "unix:{}"\n',
                                   '[admin]\naddress = "127.0.0.1:3"\ncontrol = "unix:{}/taken"\n'])
def test_what_is_no_socket_is_told(config, tmp_path, lines):
    (tmp_path / "taken").write_text("")
    path = config(GOOD + lines.format(tmp_path))
    for done in (sluice("check", path), sluice("run", path)):
        assert done.returncode == 1
        assert re.search(r'sluice\.toml:\d+:\d+: error: ".*" is a (file|folder)', done.stdout + done.stderr), done


def test_a_socket_that_is_left_over_is_no_error(config, tmp_path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "web.sock"))
    done = sluice("check", config(GOOD + f'[listen.b]\naddress = "unix:{tmp_path}/web.sock"\n' + ROUTE % ("r", "r")))
    assert done.returncode == 0, done.stdout


def test_a_log_that_is_a_pipe_needs_a_reader(config, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    path = config(GOOD + '[log.access]\nfile = "pipe"\n')
    done = sluice("check", path)
    assert done.returncode == 2 and "is a pipe that nobody reads" in done.stdout
    assert sluice("run", path).returncode == 1
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert sluice("check", path).returncode == 0
    finally:
        os.close(reader)


CREDENTIALS = """
headers.request.set = { Authorization = "Basic c2VjcmV0", X-Plain = "seen" }
headers.request.add = { cookie = "c2VjcmV0", X-Api-Key = "{header.X-Key}" }
"""


@pytest.mark.parametrize("arguments", [("config", "show", "--origin"), ("explain", "GET", "/r", "-c"), ("check",)])
def test_credentials_of_header_rules_are_not_shown(config, arguments):
    done = sluice(*arguments, config(GOOD + ROUTE % ("r", "r") + CREDENTIALS))
    assert done.returncode == 0, done
    assert "c2VjcmV0" not in done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("warning: ") == 2
    if arguments != ("check",):
        assert "seen" in done.stdout and "***" in done.stdout


@pytest.mark.parametrize("include", ["", 'include = "absent.toml"\n'])
def test_a_line_with_a_credential_is_shown_by_no_error(config, include):
    done = sluice("check", config(include + GOOD + ROUTE % ("r", "r") + 'headers.request.set = { Authorization = "c2VjcmV0", "a b" = "c" }\n'))
    assert done.returncode == 1 and '"a b" is no name' in done.stdout and "c2VjcmV0" not in done.stdout


def test_output_that_does_not_arrive_is_an_error(config):
    path = config(GOOD + ROUTE % ("r", "r"))
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BINARY, "check", path], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 74 and done.stderr == "sluice: cannot write to standard output: No space left on device\n"


def test_what_is_printed_by_config_is_complete(config):
    shown = sluice("config", "show", config(GOOD), "--origin")
    assert shown.returncode == 0
    assert 'timeout.idle = "1m"' in shown.stdout and "# default" in shown.stdout
    assert "sluice.toml:3" in shown.stdout
    assert 'connections_max = "auto"' in sluice("config", "defaults").stdout
    assert sluice("config", "reference").stdout == (ROOT / "docs/configuration.md").read_text()
    assert sluice("version").stdout.startswith("sluice ")


def test_config_show_of_a_bad_file_is_1(config):
    done = sluice("config", "show", config(GOOD + "x = 1\n"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "unknown key" in done.stderr


def test_a_command_that_is_not_there_is_named():
    done = sluice("chekc", "sluice.toml")
    assert done.returncode == 64
    assert done.stderr.startswith('sluice: there is no command "chekc"\n')


def test_a_command_line_that_lacks_something_says_what():
    done = sluice("check")
    assert done.returncode == 64
    assert done.stderr.startswith("sluice: FILE is required\n")


def test_version_is_an_option_too():
    assert sluice("--version").stdout == sluice("version").stdout
