"""The unit file: sound, narrow, and wide enough for what the gateway does."""
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.client import Client
from support.gateway import settings
from support.timing import wait_until
from support.upstream import answer

UNIT = Path(__file__).parents[2] / "systemd" / "sluice.service"
EXPOSURE_MAX = 2.0
FILTER = Path(__file__).parent / "support" / "seccomp_run.py"
NUMBERS = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
ANALYZE = shutil.which("systemd-analyze")
needs_analyze = pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed")


def analyze(*arguments):
    return subprocess.run([ANALYZE, *map(str, arguments)], capture_output=True, text=True,
                          timeout=30)


def values(key):
    """Every value of a key of the unit, in order."""
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)


@needs_analyze
def test_the_unit_verifies(tmp_path):
    # The binary is not installed here; what else is wrong would be said.
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/usr/bin/sluice", "/bin/true"))
    done = analyze("verify", "--man=no", "--recursive-errors=no", copy)
    assert done.returncode == 0, done.stderr
    assert UNIT.name not in done.stderr, done.stderr


@needs_analyze
def test_the_exposure_is_low():
    done = analyze("security", "--offline=true", "--no-pager",
                   f"--threshold={EXPOSURE_MAX * 10:.0f}", UNIT)
    level = re.search(r"Overall exposure level .*: ([\d.]+)", done.stdout)
    assert level, done.stdout + done.stderr
    assert float(level.group(1)) <= EXPOSURE_MAX and done.returncode == 0, done.stdout


def resolve(name, seen=None):
    """The system calls of a name or a group of SystemCallFilter."""
    if not name.startswith("@"):
        return {name}
    calls = set()
    for line in analyze("syscall-filter", name).stdout.splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            calls |= resolve(word)
    assert calls, name
    return calls


def allowed_calls():
    allowed = resolve("@default")
    for line in values("SystemCallFilter"):
        deny = line.startswith("~")
        for name in line.removeprefix("~").split():
            allowed = allowed - resolve(name) if deny else allowed | resolve(name)
    return allowed


def life(gateway, upstream, certificates, wrapper):
    """A gateway that starts, serves in every way, reopens its logs, and drains."""
    behind = upstream(answer(body=b"x" * 300_000))
    config = settings(
        f"localhost:{behind.port}", server='workers = 2',
        more='[listen.secure]\naddress = "127.0.0.1:@secure@"\ntls = "site"\n'
             '[tls.site]\ncertificates = '
             f'[{{ cert = "{certificates[0]}", key = "{certificates[1]}" }}]\n'
             '[listen.local]\naddress = "unix:@dir@/web.sock"\n')
    one = gateway(config, wrapper=wrapper)
    for _ in range(3):
        assert one.ask().status == 200
    assert one.ask("POST", body=b"y" * 200_000).status == 200
    with Client(one.secure, tls=certificates[2]) as client:
        assert client.ask().status == 200
    one.metrics()
    one.signal(signal.SIGUSR1)
    one.signal(signal.SIGHUP)
    assert one.ask("GET", "/after").status == 200
    one.stop()
    return one


@pytest.fixture
def certificates(authority):
    return (*authority.leaf("localhost"), authority.client_context())


@needs_analyze
@pytest.mark.plain_build
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_what_the_gateway_does_is_within_what_the_unit_allows(gateway, upstream, certificates,
                                                              tmp_path):
    output = tmp_path / "strace.txt"
    life(gateway, upstream, certificates, ["strace", "-D", "-f", "-q", "-o", str(output)])
    wait_until(lambda: "+++ exited with 0 +++" in output.read_text(), "strace is done")
    trace = output.read_text()
    # execve of the gateway itself is the service manager's.
    used = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", trace, re.MULTILINE))
    assert {"read", "write", "accept4", "epoll_pwait"} & used and len(used) > 20, used
    assert used <= allowed_calls(), f"not allowed: {sorted(used - allowed_calls())}"

    families = set(re.findall(r"\bsocket\((AF_\w+)", trace)) - {"AF_LOCAL"}
    allowed = set(values("RestrictAddressFamilies")[0].split())
    assert families and families <= allowed, families - allowed

    writable = [line for line in trace.splitlines()
                if re.search(r"\b(mmap|mprotect|pkey_mprotect)\(", line)
                and "PROT_EXEC" in line and ("PROT_WRITE" in line or "mprotect" in line)]
    assert not writable, "MemoryDenyWriteExecute forbids\n" + "\n".join(writable)


@needs_analyze
@pytest.mark.plain_build
@pytest.mark.skipif(not NUMBERS.exists(), reason="not x86-64, or without the kernel's headers")
def test_the_gateway_works_under_the_units_filter(gateway, upstream, certificates, tmp_path):
    allowed = tmp_path / "allowed.txt"
    allowed.write_text("\n".join(sorted(allowed_calls())))
    one = life(gateway, upstream, certificates, [sys.executable, str(FILTER), str(allowed)])
    assert "not permitted" not in one.error_log() + one.output_text()


@needs_analyze
@pytest.mark.skipif(not NUMBERS.exists(), reason="not x86-64, or without the kernel's headers")
def test_the_filter_bites(tmp_path):
    allowed = tmp_path / "allowed.txt"
    allowed.write_text("\n".join(sorted(allowed_calls())))
    done = subprocess.run([sys.executable, str(FILTER), str(allowed), "chroot", "/", "true"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and "Operation not permitted" in done.stderr
