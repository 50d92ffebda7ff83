"""The load: workloads, the generators that make them, and one measurement."""
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from peers import LOAD_CORE

SMALL, LARGE = "/service42/items/7", "/service42/files/1m"
RATE_CONNECTIONS = 40
WARM_UP_SECONDS = 0.5
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    connections: int
    path: str = SMALL
    tls: bool = False
    rate: int = 0          # requests a second; 0: as fast as they are answered
    goal: float = 0.0      # CPU per request as a share of HAProxy's, at most


WORKLOADS = {one.name: one for one in (
    Workload("rate-8k", "fixed 8,000 req/s over 40 connections", RATE_CONNECTIONS, rate=8000,
             goal=0.68),
    Workload("h1-64", "64 keep-alive connections, saturated", 64, goal=0.72),
    Workload("h1-512", "512 keep-alive connections, saturated", 512, goal=0.62),
    Workload("tls-64", "TLS 1.3, 64 keep-alive connections", 64, tls=True, goal=0.76),
    Workload("dl-1m", "1 MiB download, 16 connections", 16, path=LARGE, goal=0.45),
)}


def can_serve(proxy, workload):
    """The relay knows no TLS, and no peer that is slower than the other."""
    return proxy.tls_port is not None or not (workload.tls or workload.path == LARGE)


@dataclass
class Result:
    requests: int
    seconds: float
    p50: float       # seconds
    p99: float
    cpu: float = 0.0


def url(workload, proxy):
    scheme, port = ("https", proxy.tls_port) if workload.tls else ("http", proxy.port)
    return f"{scheme}://127.0.0.1:{port}{workload.path}"


def pinned(command):
    done = subprocess.run(["taskset", "-c", str(LOAD_CORE), *map(str, command)],
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed: {done.stdout}{done.stderr}")
    return done.stdout


def saturate(workload, proxy, seconds):
    """wrk: whole seconds only."""
    output = pinned(["wrk", "-t", 1, "-c", workload.connections, "-d",
                     f"{max(1, round(seconds))}s", "--latency",
                     "--timeout", "20s", url(workload, proxy)])
    if "Non-2xx" in output or re.search(r"Socket errors: connect [1-9]|read [1-9]|write [1-9]",
                                        output):
        raise SystemExit(f"{proxy.name}, {workload.name}: errors under load\n{output}")
    requests, took = re.search(r"(\d+) requests in ([\d.]+)s", output).groups()

    def percentile(which):
        number, unit = re.search(rf"^ +{which}% +([\d.]+)(us|ms|s|m)$", output,
                                 re.MULTILINE).groups()
        return float(number) * UNITS[unit]
    return Result(int(requests), float(took), percentile(50), percentile(99))


def hold_rate(workload, proxy, seconds, folder):
    """h2load, paced; latencies from its log of every request. Says so when the rate could not be
    held."""
    log = folder / "h2load.log"
    log.unlink(missing_ok=True)
    count = int(workload.rate * seconds)
    output = pinned(["h2load", "--h1", "-t", 1, "-c", workload.connections, "-n", count,
                     f"--rps={workload.rate / workload.connections}", f"--log-file={log}",
                     url(workload, proxy)])
    if f"{count} succeeded" not in output:
        raise SystemExit(f"{proxy.name}, {workload.name}: errors under load\n{output}")
    took = float(re.search(r"finished in ([\d.]+)(us|ms|s)", output).group(1))
    times = sorted(int(line.split("\t")[2]) * 1e-6 for line in log.read_text().splitlines())
    return Result(count, took, times[len(times) // 2], times[len(times) * 99 // 100])


def run(workload, proxy, seconds, folder):
    return hold_rate(workload, proxy, seconds, folder) if workload.rate else saturate(workload,
                                                                                      proxy,
                                                                                      seconds)


def measure(workload, proxy, seconds, folder):
    """One measurement after a short warm-up, with the CPU time that the proxy spent on it."""
    run(workload, proxy, WARM_UP_SECONDS, folder)
    before = proxy.cpu_seconds()
    result = run(workload, proxy, seconds, folder)
    result.cpu = proxy.cpu_seconds() - before
    return result


TOTAL = re.compile(r"^100\.00 +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?total$", re.MULTILINE)


def system_calls(proxy, folder, tls=False, few=2_000, many=22_000):
    """Per kept-alive request at 64 saturated connections; None where strace may not attach.
    The difference of a short and a long run leaves the connections' set-up out."""
    counts = [_calls_of(proxy, folder, tls, requests) for requests in (few, many)]
    return None if None in counts else (counts[1] - counts[0]) / (many - few)


def _calls_of(proxy, folder, tls, requests):
    table = Path(folder) / "strace.txt"
    table.unlink(missing_ok=True)
    attach = [part for pid in proxy.pids() for part in ("-p", str(pid))]
    tracer = subprocess.Popen(["strace", "-f", "-c", "-o", str(table), *attach],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    line = tracer.stderr.readline()       # "strace: Process N attached" once it is at work
    if b"attached" not in line:
        tracer.wait(10)
        return None
    time.sleep(0.3)                       # the other threads are attached to meanwhile
    pinned(["h2load", "--h1", "-t", 1, "-c", 64, "-n", requests,
            url(Workload("", "", 64, tls=tls), proxy)])
    tracer.send_signal(signal.SIGINT)
    tracer.wait(20)
    found = TOTAL.search(table.read_text())
    return int(found.group(1)) if found else None
