"""The code of docs/guides/signed-requests.md, run as it stands there; and `sluice sign`."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.gateway import Gateway, settings
from support.signing import Key
from support.timing import BINARY
from support.upstream import Upstream, answer

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "signed-requests.md"
FULL = bool(os.environ.get("SLUICE_FULL"))
SECRET_OF = "hmac-sha256"
ALGORITHMS = (SECRET_OF, "ed25519", "ecdsa-p256-sha256", "ecdsa-p384-sha384", "rsa-pss-sha512", "rsa-v1_5-sha256")


class Site:
    def __init__(self, folder):
        self.folder = folder
        self.keys = {name: Key(f"k-{name}", name) for name in ALGORITHMS}
        entries = [key.entry(folder) for key in self.keys.values()]
        for key in self.keys.values():
            self.private(key.algorithm).write_text(key.secret + "\n" if key.algorithm == SECRET_OF else key.private_pem())
        self.aws = folder / "aws"
        self.aws.write_text("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n")
        self.behind = Upstream(answer(body=b"come in"))
        self.gateway = Gateway(folder / "gateway", settings(self.behind, route="""
auth = ["bank"]
[route.aws]
match = { path = "/aws/**" }
upstream = "main"
auth = ["aws"]
""", more=f"""
[auth.bank]
type = "signature"
nonce_required = true
[auth.aws]
type = "signature"
scheme = "sigv4"
[consumer.acme]
signing_keys = [{", ".join(entries)},
                {{ id = "AKIDACME", algorithm = "sigv4", secret = {{ secret = "file:{self.aws}" }} }}]
""")).start()

    def private(self, name):
        return self.folder / f"{self.keys[name].id}.key"

    def url(self, target):
        return f"http://localhost:{self.gateway.port}{target}"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    one = Site(tmp_path_factory.mktemp("site"))
    try:
        yield one
        one.gateway.stop()
    finally:
        one.gateway.kill()
        one.behind.stop()


def code_of(language):
    return re.search(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), re.M | re.S).group(1)


def run(site, command, key, **environment):
    done = subprocess.run(command, capture_output=True, text=True, timeout=40,
                          env={**os.environ, "KEY_ID": site.keys[key].id, **environment})
    assert done.returncode == 0 and done.stdout.strip() == "come in", done.stdout + done.stderr


# A toolchain of Go is too much to install for one example: its code is run where there is one.
@pytest.mark.parametrize("language, suffix, program", [
    ("python", "py", "python3"), ("javascript", "js", "node"), ("sh", "sh", "sh"), ("go", "go", "go")])
def test_the_guides_code_is_let_in(site, language, suffix, program):
    if not shutil.which(program):
        pytest.skip(f"there is no {program} here")
    script = site.folder / f"sign.{suffix}"
    script.write_text(code_of(language))
    command = [program, script]
    if language == "go":
        if not FULL:
            pytest.skip("half a minute where its library is not compiled yet")
        subprocess.run(["go", "build", "-o", site.folder / "signer", script], check=True, timeout=200,
                       env={**os.environ, "GOTOOLCHAIN": "local"})
        command = [site.folder / "signer"]
    if language == "sh":
        body = site.folder / "body.json"
        body.write_text('{"amount": 7}')
        more, key = str(body), "ed25519"
        environment = {"KEY_FILE": str(site.private(key))}
    else:
        more, key = '{"amount": 7}', SECRET_OF
        environment = {"SECRET_FILE": str(site.private(key))}
    run(site, [*command, "GET", site.url("/a%20b?x=1&y=%2F")], key, **environment)
    run(site, [*command, "GET", site.url("/")], key, **environment)
    run(site, [*command, "POST", site.url("/orders?"), more], key, **environment)
    assert site.behind.last.body == b'{"amount": 7}' and site.behind.last.has("Content-Digest")


def sign(*arguments, code=0):
    done = subprocess.run([BINARY, "sign", *map(str, arguments)], capture_output=True, text=True, timeout=40)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def send(line):
    return subprocess.run(["sh", "-c", line + " --silent --write-out ' %{http_code}'"], capture_output=True, text=True,
                          timeout=40, check=True).stdout


def test_what_the_page_asks_for_is_what_guide_and_command_cover():
    page = (GUIDE.parents[1] / "signed-requests.md").read_text()
    asked = re.findall(r'"(@[a-z-]+)"', re.search(r"^components +=(.*?)#", page, re.M).group(1))
    assert f"What is covered ({' '.join(asked)})" in subprocess.run([BINARY, "sign", "--help"], capture_output=True, text=True, timeout=40).stdout
    assert "covered='" + " ".join(f'"{name}"' for name in asked) + "'" in GUIDE.read_text()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sluice_sign_prints_a_line_that_is_let_in_once(site, algorithm):
    key = site.keys[algorithm]
    named = ["--algorithm", algorithm] if algorithm == "rsa-v1_5-sha256" else []
    done = sign("POST", site.url("/it's?a=[1]"), "--key-id", key.id, "--key", f"file:{site.private(algorithm)}", *named,
                "-d", "it's @ body", "-H", "X-Amount: 7", "--component", "@method", "--component", "@target-uri",
                "--component", "x-amount", "--show-text")
    assert done.stderr.startswith('"@method": POST\n"@target-uri": http://localhost:')
    assert key.secret not in done.stdout and "PRIVATE" not in done.stdout
    assert send(done.stdout.strip()) == "come in 200"
    assert site.behind.last.body == b"it's @ body" and site.behind.last.get("X-Amount") == "7"
    assert "signature_replayed" in send(done.stdout.strip())


def test_sluice_sign_signs_for_aws_and_files_too(site, tmp_path):
    body = tmp_path / "it's a body"
    body.write_bytes(bytes(range(256)))
    done = sign("PUT", site.url("/aws/a%20b?b=2&a=1"), "--scheme", "sigv4", "--key-id", "AKIDACME", "--key",
                f"file:{site.aws}", "--data-file", body)
    assert site.aws.read_text().strip() not in done.stdout
    assert send(done.stdout.strip()) == "come in 200"
    assert site.behind.last.body == bytes(range(256))
    key = site.keys["ed25519"]
    done = sign("HEAD", site.url("/"), "--key-id", key.id, "--key", f"file:{site.private('ed25519')}", "--tag", "t",
                "--expires", "60")
    assert ';tag="t"' in done.stdout and ";expires=" in done.stdout
    assert send(done.stdout.strip()).endswith(" 200")


def test_sluice_sign_says_what_is_wrong_and_shows_no_key(site, tmp_path):
    secret = site.keys[SECRET_OF].secret
    key = ["--key-id", "k", "--key", f"file:{site.private(SECRET_OF)}"]
    refused = sign("GET", site.url("/"), "--key-id", "k", "--key", secret, code=1)
    assert secret not in refused.stdout + refused.stderr and "--key says where the key is" in refused.stderr
    assert "no URL" in sign("GET", "/a", *key, code=1).stderr
    assert "bad_path" in sign("GET", site.url("/%00"), *key, code=1).stderr
    assert "not in the request" in sign("GET", site.url("/"), *key, "--component", "x-gone", code=1).stderr
    assert "is none" in sign("GET", site.url("/"), *key, "--component", "@status", code=1).stderr
    assert "needs a private key" in sign("GET", site.url("/"), *key, "--algorithm", "ed25519", code=1).stderr
    other = ["--key-id", "k", "--key", f"file:{site.private('ed25519')}", "--algorithm", "rsa-pss-sha512"]
    assert "does not go with" in sign("GET", site.url("/"), *other, code=1).stderr
    assert sign("GET", site.url("/"), "--key-id", "k", "--key", "file:/nowhere", code=1).stderr
