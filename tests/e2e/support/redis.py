"""A redis-server of the test's own."""
import asyncio
import os
import signal
import subprocess
import threading

from .ports import free_port
from .timing import DEADLINE_SECONDS, wait_until


class Redis:
    def __init__(self, folder, *arguments, program=("redis-server",)):
        self.folder, self.arguments, self.program = folder, arguments, program
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.path = folder / "redis.sock"
        self.process = None
        self.start()

    def start(self):
        log = open(self.folder / "redis.log", "ab")
        self.process = subprocess.Popen(
            [*self.program, "--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", str(self.path),
             "--save", "", "--dir", str(self.folder), *self.arguments], stdout=log, stderr=log)
        log.close()
        try:
            wait_until(lambda: "PONG" in self.ask("PING") or "NOAUTH" in self.ask("PING"), "redis-server answers")
        except BaseException:      # who asked for it gets nothing that could be ended
            self.kill()
            raise

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


class Far:
    """Stands before a Redis and hands each piece on `seconds` later, both ways; `port` as a Redis' own."""

    def __init__(self, server, seconds):
        self.seconds, self.behind, self.port = seconds, server.port, free_port()
        self.ready = threading.Event()

    def __enter__(self):
        threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True).start()
        assert self.ready.wait(DEADLINE_SECONDS)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.over.set)

    async def _run(self):
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._serve, "127.0.0.1", self.port):
            self.ready.set()
            await self.over.wait()

    async def _serve(self, reader, writer):
        its_reader, its_writer = await asyncio.open_connection("127.0.0.1", self.behind)
        await asyncio.gather(self._pass_on(reader, its_writer), self._pass_on(its_reader, writer))

    async def _pass_on(self, reader, writer):
        while data := await reader.read(65536):
            self.loop.call_later(self.seconds, writer.write, data)
        self.loop.call_later(self.seconds, writer.close)


class Watched:
    """A master, its replica and a sentinel that watches them under the name `main`; `redis` starts them and ends them."""

    def __init__(self, redis, folder):
        self.master = redis("--repl-diskless-sync-delay", "0")
        self.replica = redis("--replicaof", "127.0.0.1", str(self.master.port))
        wait_until(lambda: "master_link_status:up" in self.replica.ask("INFO", "replication"), "the replica follows")
        config = folder / "sentinel.conf"
        config.write_text(f"sentinel monitor main 127.0.0.1 {self.master.port} 1\n"
                          "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n")
        self.sentinel = redis(program=("redis-server", str(config), "--sentinel"))
        wait_until(lambda: "slaves=1" in self.sentinel.ask("INFO", "sentinel"), "the sentinel knows the replica")

    def fail_over(self):
        """Promotes the replica; gives control back when the sentinel names it."""
        wait_until(lambda: self.sentinel.ask("SENTINEL", "FAILOVER", "main") == "OK", "the sentinel fails over")
        wait_until(lambda: str(self.replica.port) in
                   self.sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"), "the replica is the master")


class Cluster:
    """Three masters that share the slots; `redis` starts them and ends them."""
    SLOTS = ((0, 5460), (5461, 10922), (10923, 16383))

    def __init__(self, redis):
        self.nodes = [redis("--cluster-enabled", "yes", "--cluster-port", str(free_port()),
                            "--cluster-require-full-coverage", "no") for _ in self.SLOTS]
        for node, (first, last) in zip(self.nodes, self.SLOTS):
            assert node.ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(last)) == "OK"
            bus = node.arguments[3]
            for other in self.nodes:
                if other is not node:
                    assert other.ask("CLUSTER", "MEET", "127.0.0.1", str(node.port), bus) == "OK"
        for node in self.nodes:
            wait_until(lambda node=node: node.ask("CLUSTER", "SLOTS").count("127.0.0.1") == len(self.nodes) and
                       "cluster_state:ok" in node.ask("CLUSTER", "INFO"), "the cluster is whole")
