"""One running Sluice: its configuration, its ports, its logs, and a strict end."""
import json
import os
import re
import signal
import subprocess
from pathlib import Path

from support.client import Client, ask
from support.message import Closed
from support.ports import free_port
from support.timing import BINARY, DEADLINE_SECONDS, SLOW, wait_until

REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
           "runtime error:", "CHECK failed")
DRAIN_SECONDS = 10   # drain_timeout of every test's gateway


def settings(*servers, top="", server="", admin="", listen="", upstream="", route="",
             log_access="", more=""):
    """The usual configuration: one plain listener, one upstream of these servers, one route for
    all.

    The other arguments are lines for the section of that name; `more` follows at the end. @NAME@
    stands for a
    free port of that name, @dir@ for the gateway's folder.
    """
    names = [getattr(one, "address", one) for one in servers]
    addresses = ", ".join(name if name.startswith("{") else f'"{name}"' for name in names)
    target = f"""
[upstream.main]
servers = [{addresses}]
{upstream}
[route.all]
match = {{ path = "/**" }}
upstream = "main"
{route}
""" if servers else ""
    return f"""
sluice = 1
{top}
[server]
{'' if 'workers' in server else 'workers = 1'}
{'' if 'drain_delay' in server else 'drain_delay = "0s"'}
{'' if 'drain_timeout' in server else f'drain_timeout = "{DRAIN_SECONDS}s"'}
{server}
[admin]
address = "127.0.0.1:@admin@"
control = "unix:@dir@/control.sock"
{admin}
[log.access]
{'' if 'file' in log_access else 'file = "@dir@/access.log"'}
{log_access}
[log.error]
level = "info"
file = "@dir@/error.log"
[listen.plain]
address = "127.0.0.1:@port@"
{listen}
{target}
{more}
"""


class Gateway:
    def __init__(self, folder, config, binary=BINARY, environment=None, wrapper=(), ports=None,
                 folders=()):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in folders:
            (self.folder / name).mkdir()
        self.binary = binary
        self.environment = {**os.environ, **(environment or {})}
        self.wrapper = list(wrapper)
        self.ports = dict(ports or {})
        self.config_text = self._fill(config)
        self.config = self.folder / "sluice.toml"
        self.config.write_text(self.config_text)
        self.output = self.folder / "output.txt"
        self.process = None
        self.expected_code = 0

    def _fill(self, text):
        def value(found):
            name = found.group(1)
            if name == "dir":
                return str(self.folder)
            return str(self.ports.setdefault(name, free_port()))
        return re.sub(r"@([a-z0-9_]+)@", value, text)

    def __getattr__(self, name):
        """gateway.port, gateway.admin, gateway.tls: the ports that the configuration names."""
        ports = self.__dict__.get("ports", {})
        if name in ports:
            return ports[name]
        raise AttributeError(name)

    # life

    def start(self):
        command = [*self.wrapper, str(self.binary), "run", self.config.name]   # as people do: a reload knows it by its whole path
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, cwd=self.folder,
                                            env=self.environment, start_new_session=True)
        wait_until(self._ready, "the gateway is ready", 20 * SLOW)
        return self

    def _ready(self):
        code = self.process.poll()
        if code is not None:
            self.process = None
            raise AssertionError(f"the gateway ended with code {code}:\n"
                                 f"{self.output_text()}\n--- configuration\n{self.config_text}")
        try:
            if "admin" in self.ports:
                return ask(self.admin, "GET", "/readyz").status == 200
            with Client(next(iter(self.ports.values()))):
                return True
        except (OSError, Closed):
            return False

    def signal(self, number):
        self.process.send_signal(number)

    def write_config(self, config):
        """Puts another configuration into the file; ports keep their names."""
        self.config_text = self._fill(config)
        self.config.write_text(self.config_text)

    def reload(self, config=None, code=0):
        """gives: what `sluice reload` says. `config`: written first"""
        if config is not None:
            self.write_config(config)
        done = run_command("reload", "--control", f"unix:{self.control_path}", binary=self.binary)
        said = done.stdout + done.stderr
        assert done.returncode == code, f"exit code {done.returncode}: {said}"
        return said

    @property
    def control_path(self):
        return self.folder / "control.sock"

    def wait(self, seconds=DRAIN_SECONDS + DEADLINE_SECONDS):
        return self.process.wait(seconds)

    def stop(self):
        """Ends it by SIGTERM and holds it to a clean end: code 0, no sanitizer's report."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            output = self.output_text()[-4000:]
            raise AssertionError(f"the gateway did not end on SIGTERM\n{output}")
        self.process = None
        output = self.output_text()
        assert not any(report in output for report in REPORTS), output[-20000:]
        logs = f"{output[-4000:]}\n{self.error_log()[-4000:]}"
        assert code == self.expected_code, f"exit code {code}\n{logs}"

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    # what it says

    def output_text(self):
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def error_log(self):
        path = self.folder / "error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def access_log(self, count=None):
        """Lines of the access log as objects; waits for `count` of them."""
        return [json.loads(line) for line in self.raw_access_log(count)]

    def raw_access_log(self, count=None):
        """The same as they are."""
        path = self.folder / "access.log"

        def lines():
            text = path.read_text() if path.exists() else ""
            complete = text[:text.rfind("\n") + 1].splitlines()
            return complete if count is None or len(complete) >= count else None
        return lines() if count is None else wait_until(lines, f"{count} lines in the access log")

    def metrics(self):
        """{name{labels}: value} of /metrics."""
        text = ask(self.admin, "GET", "/metrics").body.decode()
        samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def metric(self, name, **labels):
        """The sum of all samples of that name with these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(value for sample, value in self.metrics().items()
                   if sample.split("{")[0] == name and all(label in sample for label in wanted))

    # The same, waited for: a client has its answer before the worker has counted it, and before
    # the writer's thread has written the line.

    def wait_for_metric(self, wanted, name, **labels):
        wait_until(lambda: self.metric(name, **labels) == wanted, f"{name} {labels} is {wanted}")

    def wait_for_error_line(self, pattern):
        """gives: the match"""
        return wait_until(lambda: re.search(pattern, self.error_log()), f"a line with {pattern}")

    # what it uses

    @property
    def pid(self):
        return self.process.pid

    def resident_bytes(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    # shortcuts

    def ask(self, method="GET", target="/", fields=(), body=b"", **options):
        return ask(self.port, method, target, fields, body, **options)

    def client(self, **options):
        return Client(self.port, **options)


def run_command(*arguments, binary=BINARY, **options):
    """gives: the finished process of `sluice ARGUMENTS...`"""
    return subprocess.run([str(binary), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60 * SLOW, **options)
