"""`make run`: what a newcomer tries first. Its ports are fixed, so it runs in namespaces of its own."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.timing import BINARY

pytestmark = pytest.mark.plain_build

LIFE = Path(__file__).parent / "support" / "demo_life.py"
TOOLS = ("unshare", "ip", "mount", "make", "openssl", "curl")
AS_ROOT = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
ALONE = ["unshare", *AS_ROOT, "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def namespaces():
    """Whether this user may make those that demo_life.py needs."""
    return all(map(shutil.which, TOOLS)) and subprocess.run(
        [*ALONE, "sh", "-c", "mount --bind /tmp /tmp && ip link set lo up"], capture_output=True).returncode == 0


@pytest.mark.skipif(not namespaces(), reason="no namespaces for this user")
def test_the_demo_starts_answers_every_line_that_it_prints_and_ends_on_ctrl_c(tmp_path):
    done = subprocess.run([*ALONE, sys.executable, LIFE, BINARY.resolve(), tmp_path], capture_output=True, text=True,
                          timeout=75)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split("\n") == ["started", "tried", "ended", "started again", ""]
