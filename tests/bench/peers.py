"""The processes of the bench: backend and proxies, each pinned to its core, and what they cost."""
import os
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONF = Path(__file__).resolve().parent / "conf"
SLUICE = Path(os.environ.get("SLUICE_BINARY", ROOT / "build" / "release" / "sluice"))
LOAD_CORE, PROXY_CORE = 0, 1
START_SECONDS_MAX = 20


def prepare(folder):
    """Certificate, the 1 MiB file, and the filled configurations."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "30", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", folder / "bench.key", "-out", folder / "bench.crt"], check=True,
                    capture_output=True)
    pair = [(folder / name).read_text() for name in ("bench.crt", "bench.key")]
    (folder / "bench.pem").write_text("".join(pair))
    (folder / "1m").write_bytes(os.urandom(1 << 20))
    user = "user root;" if os.getuid() == 0 else ""
    for source in CONF.iterdir():
        text = source.read_text().replace("@dir@", str(folder)).replace("@user@", user)
        (folder / source.name).write_text(text)
    build_relay(folder)


class Process:
    def __init__(self, name, command, core, port, tls_port=None):
        self.name, self.port, self.tls_port = name, port, tls_port
        self.command, self.core, self.child = [str(part) for part in command], core, None

    def start(self, folder):
        with open(folder / f"{self.name}-output.txt", "wb") as output:
            self.child = subprocess.Popen(["taskset", "-c", str(self.core), *self.command],
                                          stdout=output, stderr=output, cwd=folder)
        end = time.monotonic() + START_SECONDS_MAX
        while not self._answers():
            if self.child.poll() is not None or time.monotonic() > end:
                output = (folder / f"{self.name}-output.txt").read_text()
                raise SystemExit(f"{self.name} did not start: {output}")
            time.sleep(0.05)

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def stop(self):
        if self.child and self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()

    def pids(self):
        """It and its children (nginx' worker)."""
        found, waiting = [], [self.child.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += [int(child) for child in (task / "children").read_text().split()]
        return found

    def cpu_seconds(self):
        """User and system time of all its threads, by the kernel's exact clock (not /proc's 10 ms
        ticks)."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids())

    def resident_kib(self):
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS"):
                    total += int(line.split()[1])
        return total


def backend(folder):
    return Process("backend", ["/usr/sbin/nginx", "-p", folder, "-c", folder / "backend.conf",
                               "-e", folder / "backend.log"], LOAD_CORE, 19000)


def build_relay(folder):
    """The floor: what the four socket calls of a request cost here, without any proxy's own work."""
    source = Path(__file__).resolve().parent / "relay.c"
    subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-o", folder / "relay", source], check=True)


def proxies(folder):
    return {
        "relay": Process("relay", [folder / "relay", 19040, 19000], PROXY_CORE, 19040),
        "sluice": Process("sluice", [SLUICE, "run", folder / "sluice.toml"],
                          PROXY_CORE, 19030, 19031),
        "nginx": Process("nginx", ["/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf",
                                   "-e", folder / "nginx.log"], PROXY_CORE, 19010, 19011),
        "haproxy": Process("haproxy", ["/usr/sbin/haproxy", "-db", "-f", folder / "haproxy.cfg"],
                           PROXY_CORE, 19020, 19021),
    }
