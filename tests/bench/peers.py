"""The processes of the bench: backends and proxies, each pinned to its core, and what they cost."""
import os
import re
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
SLUICE = Path(os.environ.get("SLUICE_BINARY", ROOT / "build" / "release" / "sluice"))
LOAD_CORE, PROXY_CORE = 0, 1
START_SECONDS_MAX = 20
BACKEND, SINK, LOG_SINK, RELAY = 19000, 19001, 19009, 19040
SMALL = "/service42/items/7"
ANSWER = b"hello from behind the proxy\n"   # to it, as conf/backend.conf has it too
PLAIN, TLS = 0, 1                 # last digit of a proxy's ports; variants add to it
NGINX, HAPROXY, SLUICE_PORT, ADMIN = 19010, 19020, 19030, 19039
HAPROXY_LOG = [("defaults\n", f"  log 127.0.0.1:{LOG_SINK} local0\ndefaults\n  log global\n  option httplog\n")]


def make_certificate(folder, name, *key):
    subprocess.run(["openssl", "req", "-x509", "-newkey", *key, "-nodes", "-days", "30", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt"],
                   check=True, capture_output=True)


def prepare(folder):
    """Certificates, files to download, programs, and the filled configurations."""
    folder.mkdir(parents=True, exist_ok=True)
    make_certificate(folder, "bench", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    make_certificate(folder, "rsa", "rsa:2048")
    pair = [(folder / name).read_text() for name in ("bench.crt", "bench.key")]
    (folder / "bench.pem").write_text("".join(pair))
    (folder / "1m").write_bytes(os.urandom(1 << 20))
    (folder / "100m").write_bytes(os.urandom(100 << 20))
    user = "user root;" if os.getuid() == 0 else ""
    for source in (HERE / "conf").iterdir():
        text = source.read_text().replace("@dir@", str(folder)).replace("@user@", user)
        (folder / source.name).write_text(text)
    for name, libraries in (("relay", []), ("sink", ["-lpthread"]),
                            ("resume", ["-lssl", "-lcrypto", "-lpthread"])):
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-Wall", "-Werror", "-o", folder / name,
                        HERE / f"{name}.c", *libraries], check=True)


class Process:
    """`name` is its own, `proxy` what it is a variant of; `log` the access log that it writes."""

    def __init__(self, name, command, core, port, tls_port=None, proxy=None, log=None):
        self.name, self.port, self.tls_port = name, port, tls_port
        self.proxy, self.log = proxy or name, log
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

    def log_lines(self):
        """Lines in its access log, once no more come."""
        before = -1
        while True:
            count = self.log.read_bytes().count(b"\n") if self.log.exists() else 0
            if count == before:
                return count
            before = count
            time.sleep(1.5)        # longer than any of them keeps a line


def backends(folder):
    return [Process("backend", ["/usr/sbin/nginx", "-p", folder, "-c", folder / "backend.conf",
                                "-e", folder / "backend.log"], LOAD_CORE, BACKEND),
            Process("sink", [folder / "sink", SINK], LOAD_CORE, SINK)]


def variant(folder, name, suffix, shift, edits):
    """A copy of a configuration with other ports and some of its text changed."""
    text = (folder / name).read_text()
    for port in (NGINX, HAPROXY, SLUICE_PORT):
        for last in (PLAIN, TLS):
            text = text.replace(f"127.0.0.1:{port + last}\n", f"127.0.0.1:{port + last + shift}\n")
            text = re.sub(rf"127\.0\.0\.1:{port + last}(?=[ \";])",
                          f"127.0.0.1:{port + last + shift}", text)
    text = text.replace(f"127.0.0.1:{ADMIN}", f"127.0.0.1:{ADMIN - shift // 2}")
    text = text.replace("nginx.pid", f"nginx-{suffix}.pid")
    for old, new in edits:
        if old not in text:
            raise SystemExit(f"{name} has no {old!r} to make {suffix} of")
        text = text.replace(old, new)
    made = folder / f"{suffix}-{name}"
    made.write_text(text)
    return made


def sluice(name, config, shift=0, **more):
    return Process(name, [SLUICE, "run", config], PROXY_CORE, SLUICE_PORT + shift,
                   SLUICE_PORT + TLS + shift, **more)


def nginx(name, config, folder, shift=0, **more):
    command = ["/usr/sbin/nginx", "-p", folder, "-c", config, "-e", folder / f"{name}.log"]
    return Process(name, command, PROXY_CORE, NGINX + shift, NGINX + TLS + shift, **more)


def haproxy(name, config, shift=0, **more):
    return Process(name, ["/usr/sbin/haproxy", "-db", "-f", config], PROXY_CORE, HAPROXY + shift,
                   HAPROXY + TLS + shift, **more)


def proxies(folder):
    """By name: "sluice", and with a variant "sluice/log"."""
    found = [
        Process("relay", [folder / "relay", RELAY, BACKEND], PROXY_CORE, RELAY),
        sluice("sluice", folder / "sluice.toml"),
        nginx("nginx", folder / "nginx.conf", folder),
        haproxy("haproxy", folder / "haproxy.cfg"),
    ]
    # Access logs as each is best run with: buffered files, and a UDP socket that nobody reads.
    lines = folder / "sluice-access.log"
    config = variant(folder, "sluice.toml", "log", 2, [
        ("[log.error]", f'[log.access]\nformat = "json"\nfile = "{lines}"\n[log.error]')])
    found.append(sluice("sluice-log", config, 2, proxy="sluice", log=lines))
    config = variant(folder, "sluice.toml", "rsa", 4, [
        (f"{folder}/bench.crt", f"{folder}/rsa.crt"), (f"{folder}/bench.key", f"{folder}/rsa.key")])
    found.append(sluice("sluice-rsa", config, 4, proxy="sluice"))
    lines = folder / "nginx-access.log"
    config = variant(folder, "nginx.conf", "log", 2, [
        ("access_log off;", f"access_log {lines} combined buffer=64k flush=1s;")])
    found.append(nginx("nginx-log", config, folder, 2, proxy="nginx", log=lines))
    config = variant(folder, "haproxy.cfg", "log", 2, HAPROXY_LOG)
    found.append(haproxy("haproxy-log", config, 2, proxy="haproxy"))
    # HAProxy moves bodies by splice only when told to.
    config = variant(folder, "haproxy.cfg", "splice", 4, [
        ("maxconn 8192", "maxconn 4096"),     # it counts the pipes' descriptors in
        ("defaults\n", "defaults\n  option splice-response\n  option splice-request\n")])
    found.append(haproxy("haproxy-splice", config, 4))
    # Full handshakes: nobody makes tickets that are not used.
    config = variant(folder, "sluice.toml", "full", 80, [("[tls.bench]\n", "[tls.bench]\ntickets = false\n")])
    found.append(sluice("sluice-full", config, 80, proxy="sluice"))
    config = variant(folder, "nginx.conf", "full", 4, [
        ("ssl_protocols TLSv1.3;",
         "ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off;")])
    found.append(nginx("nginx-full", config, folder, 4, proxy="nginx"))
    config = variant(folder, "haproxy.cfg", "full", 6, [
        ("ssl-min-ver TLSv1.3\n", "ssl-min-ver TLSv1.3 no-tls-tickets\n  tune.ssl.cachesize 0\n")])
    found.append(haproxy("haproxy-full", config, 6, proxy="haproxy"))
    return {one.name: one for one in found}


def log_sink():
    """Where HAProxy's lines go: bound, so that sending succeeds, and read by nobody."""
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(("127.0.0.1", LOG_SINK))
    return sink
