"""The life of the demo: started, every line that it prints tried, ended by Ctrl-C, started again.

Run in namespaces of its own (mount, network, processes), for its ports are fixed: demo_life.py BINARY FOLDER.
FOLDER gets a copy of what `make run` needs, without what a build would leave there. Each step is said; an
AssertionError ends it.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[3]
NEEDED = ("Makefile", "conf/sluice.toml",
          *(f"packaging/{name}" for name in ("run-demo", "demo_upstream.py", "demo-tries.txt")))
SECONDS_MAX = 30
# A part of the line that is printed: the status, and what the answer says.
EXPECTED = {
    "--cacert conf/demo.crt https://localhost:8443/hello": (200, r'"path": "/hello"'),
    "https://localhost:8443/users/7": (200, r'"path": "/internal/people/7"(?s:.*)"X-User-Id": "7"'),
    "https://localhost:8443/users/me": (200, r"^you are you$"),
    "-X DELETE https://localhost:8443/users/7": (
        405, r"(?is)(?=.*^allow: GET, HEAD, PUT\b).*application/problem\+json"),
    "https://localhost:8443/old/page": (308, r"(?i)^location: \S*/new/page\s*$"),
    "-H 'X-Beta: 1' https://localhost:8443/feature": (200, r'"path": "/feature-beta"'),
    "-H 'Host: acme.example.test' https://localhost:8443/": (200, r'"X-Tenant-Host": "acme.example.test"'),
    "https://localhost:8443/stream": (200, r"(?s)^line 1 of 10$.*^line 10 of 10$"),
    "-T - https://localhost:8443/upload": (200, r'"received_bytes": 104857600'),
    "http://localhost:9901/metrics": (200, r"^sluice_http_requests_total\{"),
}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"


def lay_out(binary, folder):
    """The tree as the demo sees it, and a /tmp of its own, in which that tree then stands."""
    tree = folder / "tree"
    for name in NEEDED:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    program = tree / "build" / "release" / "sluice"
    program.parent.mkdir(parents=True)
    program.touch()
    run("mount", "--make-rprivate", "/")
    run("mount", "--bind", binary, str(program))
    run("mount", "--rbind", str(folder), "/tmp")
    run("ip", "link", "set", "lo", "up")
    os.chdir("/tmp/tree")
    # curl tells the status of the very lines that are printed.
    Path("/tmp/.curlrc").write_text('write-out = "%{stderr}%{http_code}"\nsilent\n')
    os.environ["CURL_HOME"] = "/tmp"


def processes():
    """Everything here but this program."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()} - {os.getpid()}


def described(pids):
    return "".join(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") + "\n" for pid in pids)


class Demo:
    """One run in a process group of its own, as a terminal's foreground job is."""

    def __init__(self, *command):
        self.output = Path("/tmp/output.txt")
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)

    def said(self):
        return self.output.read_text(errors="replace")

    def wait_for(self, text):
        end = time.monotonic() + SECONDS_MAX
        while text not in self.said():
            assert self.process.poll() is None and time.monotonic() < end, f"no {text!r}:\n{self.said()}"
            time.sleep(0.05)

    def lines(self):
        """The command lines that it prints to be tried."""
        self.wait_for("Ctrl-C drains and ends everything.")
        return [line.split("   ")[0].strip() for line in self.said().splitlines() if re.match(r"  .*\bcurl ", line)]

    def interrupt(self):
        """Ctrl-C. gives: the exit code"""
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            code = self.process.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            code = None            # said below
        left = processes()
        assert not left, f"still there:\n{described(left)}\n{self.said()}"
        assert "draining" in self.said(), self.said()
        return code


def attempt(line):
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=SECONDS_MAX)
    said = f"{line}\n{done.returncode} {done.stderr}\n{done.stdout}"
    # The longest, for one is a part of another's line.
    status, pattern = EXPECTED[max((part for part in EXPECTED if line.endswith(part)), key=len)]
    assert done.returncode == 0 and done.stderr == str(status), said
    assert re.search(pattern, done.stdout, re.MULTILINE), said


def certificate():
    key = Path("conf/demo.key")
    assert key.stat().st_mode & 0o777 == 0o600
    return Path("conf/demo.crt").read_bytes(), key.read_bytes()


def main():
    # A test run in the background is started with SIGINT ignored, which the demo would inherit: a shell cannot trap it then.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lay_out(sys.argv[1], Path(sys.argv[2]))
    demo = Demo("packaging/run-demo")
    lines = demo.lines()
    assert "made a self-signed certificate" in demo.said(), demo.said()
    print("started")
    assert len(lines) == len(EXPECTED), lines
    with ThreadPoolExecutor(len(lines)) as pool:
        list(pool.map(attempt, lines))
    print("tried")
    assert demo.interrupt() == 0, demo.said()
    print("ended")

    made = certificate()
    again = Demo("make", "-o", "build", "run")       # the recipe alone: what it needs is taken as built
    attempt(again.lines()[0])
    assert "certificate" not in again.said(), again.said()
    again.interrupt()            # make ends by the signal itself
    assert certificate() == made
    print("started again")


if __name__ == "__main__":
    main()
