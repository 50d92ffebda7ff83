"""A redis-server of the test's own."""
import os
import signal
import subprocess

from .ports import free_port
from .timing import wait_until


class Redis:
    def __init__(self, folder, *arguments):
        self.folder, self.arguments = folder, arguments
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.path = folder / "redis.sock"
        self.process = None
        self.start()

    def start(self):
        log = open(self.folder / "redis.log", "ab")
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", str(self.path),
             "--save", "", "--dir", str(self.folder), *self.arguments], stdout=log, stderr=log)
        log.close()
        wait_until(lambda: "PONG" in self.ask("PING") or "NOAUTH" in self.ask("PING"), "redis-server answers")

    def ask(self, *words, password=None):
        """gives: what redis-cli prints"""
        login = ["--no-auth-warning", "-a", password] if password else []
        return subprocess.run(["redis-cli", "-s", str(self.path), *login, *words], capture_output=True, text=True,
                              timeout=20, check=False).stdout.strip()

    def clients(self, over="", **options):
        """gives: how many others are connected; `over` is part of their line in CLIENT LIST"""
        lines = self.ask("CLIENT", "LIST", **options).splitlines()
        return len([line for line in lines if "cmd=client" not in line and over in line])

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None
