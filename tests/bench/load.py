"""The load: workloads, the generators that make them, and one measurement."""
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import guards
import protocols
from peers import LOAD_CORE, SMALL

RATE_CONNECTIONS = 40
WARM_UP_SECONDS = 0.5
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
MEGABYTE = 1 << 20
HEADERS = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
           "Accept": "application/json, text/plain, */*", "Accept-Language": "en-GB,en;q=0.8,de;q=0.5",
           "Accept-Encoding": "gzip, deflate, br, zstd", "Referer": "https://shop.example.com/cart?step=2",
           "Origin": "https://shop.example.com", "Cookie": "session=0123456789abcdef0123456789abcdef; theme=dark",
           "Authorization": "Bearer " + "a" * 120, "Cache-Control": "no-cache", "Pragma": "no-cache",
           "DNT": "1", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-site",
           "X-Client-Version": "4.18.2", "X-Correlation": "3f0aba5c-97ec-3c8a-8d0a-eec003da9e6e",
           "X-Tenant": "eu-central-1", "If-None-Match": '"5f3e-18c2"', "Priority": "u=3, i"}


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    connections: int
    path: str = SMALL
    tls: bool = False
    rate: int = 0           # requests a second; 0: as fast as they are answered
    goal: float = 0.0       # CPU per request as a share of HAProxy's, at most
    nginx_goal: float = 0.0
    also_goal: float = 0.0  # of `also`
    floor: float = 0.0      # the byte relay's share of HAProxy where the goal was set
    p50_goal: float = 0.0   # of HAProxy's
    headers: tuple = ()
    script: str = ""        # wrk's
    handshakes: str = ""    # full | resumed: by resume.c
    ours: bool = False      # Sluice alone: compared with itself
    over_own: str = ""      # the goal is a share of Sluice's own cost of that workload
    variant: str = ""       # "log": the proxies with their access logs on
    relay: bool = False     # the byte relay can serve it
    also: str = ""          # a further HAProxy that is a peer: "haproxy-splice", "haproxy-chain"
    tokens: str = ""        # algorithm of the token that is sent (guards.py)
    fresh: bool = False     # another one with each request
    api_keys: bool = False  # another key with each request
    without: tuple = ()     # proxies that cannot do it
    each_second: int = 0    # so many requests for a second asked for, each to its end: large ones
    streams: int = 0        # HTTP/2 from the client, so many requests at a time on each connection
    call: bool = False      # each is a gRPC call
    message: int = 0        # a WebSocket; bytes of each message
    nghttpx: bool = False   # a peer too


CLOSE = (("Connection", "close"),)
UPLOAD = f'wrk.method = "POST"; wrk.body = string.rep("x", {10 * MEGABYTE})'
LARGE, HUGE = "/service42/files/1m", "/service42/files/100m"
WORKLOADS = {one.name: one for one in (
    Workload("rate-8k", "fixed 8,000 req/s over 40 connections", RATE_CONNECTIONS, rate=8000,
             goal=0.68, floor=0.53, p50_goal=0.78, relay=True),
    Workload("h1-64", "64 keep-alive connections, saturated", 64, goal=0.72, floor=0.56, relay=True),
    Workload("h1-512", "512 keep-alive connections, saturated", 512, goal=0.62, floor=0.50,
             relay=True),
    Workload("h1-64-log", "the same with 64, access logs on", 64, goal=0.60, nginx_goal=0.85,
             variant="log"),
    Workload("h1-hdr", "64 connections, 20 request headers", 64, goal=0.72, relay=True,
             headers=tuple(HEADERS.items())),
    Workload("tls-64", "TLS 1.3, 64 keep-alive connections", 64, tls=True, goal=0.76),
    Workload("hs-full", "full ECDSA handshake and one request", 8, tls=True, handshakes="full",
             variant="full", goal=0.85),
    Workload("hs-tickets", "full ECDSA handshake that makes two tickets, and one request", 8, tls=True,
             handshakes="full", ours=True),
    Workload("hs-resumed", "resumed handshake and one request", 8, tls=True, handshakes="resumed",
             goal=0.85, over_own="hs-tickets"),
    Workload("hs-rsa", "full handshake with RSA 2048 and one request", 8, tls=True,
             handshakes="full", variant="rsa", ours=True),
    Workload("hs-rsa-resumed", "resumed handshake with RSA 2048 and one request", 8, tls=True,
             handshakes="resumed", variant="rsa", ours=True, goal=0.45, over_own="hs-rsa"),
    Workload("conn", "new plain connection for each request", 64, headers=CLOSE, goal=0.92,
             relay=True),
    Workload("dl-1m", "1 MiB download, 16 connections", 16, path=LARGE, goal=0.45,
             also_goal=1.1, also="haproxy-splice"),
    Workload("dl-100m", "100 MiB download, 4 connections", 4, path=HUGE, goal=0.32,
             also_goal=1.1, also="haproxy-splice", each_second=8),
    Workload("tls-dl-1m", "1 MiB download over TLS, 16 connections", 16, path=LARGE, tls=True,
             goal=0.64),
    Workload("tls-dl-100m", "100 MiB download over TLS, 4 connections", 4, path=HUGE, tls=True,
             each_second=4),
    *(Workload(f"jwt-{name.lower()}{'-new' if fresh else ''}", f"{name} token, {'new each time' if fresh else 'reused'}; "
               "limit, CORS; 64 connections", 64, tokens=name, fresh=fresh, variant=name.lower(), goal=goal,
               without=("nginx", "relay"))
      for fresh, goals in ((False, (0.48, 0.27, 0.13)), (True, (0.55, 0.70, 0.82)))
      for name, goal in zip(guards.ALGORITHMS, goals)),
    *(Workload(f"chain-{connections or '8k'}", f"ES256 token, limit, CORS, JSON access log, audit log; {what}; nginx and "
               "haproxy proxy only", connections or RATE_CONNECTIONS, rate=0 if connections else 8000, tokens="ES256",
               variant="policies", nginx_goal=goal, also="haproxy-chain", without=("relay",))
      for connections, what, goal in ((0, "8,000 req/s", 1.0), (512, "512 connections", 1.0), (64, "64 connections", 0))),
    Workload("api-key-plain", "the requests of the next row, proxied only; 64 connections", 64, api_keys=True, ours=True),
    Workload("api-key", "API key out of 1,000,000, limit; 64 connections", 64, api_keys=True, variant="keys", ours=True,
             goal=1.10, over_own="api-key-plain"),
    Workload("up-10m", "10 MiB upload, 8 connections", 8, path="/upload/1", script=UPLOAD,
             goal=0.85, also="haproxy-splice"),
    Workload("ws-64", "WebSocket, 64-byte messages, 64 connections", 64, path=protocols.LIVE, message=64, goal=1.00,
             without=("relay",), nghttpx=True),
    Workload("ws-64-messages", "the same, Sluice looks at messages: size, rate, pings", 64, path=protocols.LIVE, message=64, goal=1.10,
             variant="messages", without=("nginx", "relay")),
    Workload("ws-16k", "WebSocket, 16 KiB messages, 64 connections", 64, path=protocols.LIVE, message=16384, without=("relay",),
             nghttpx=True),
    Workload("h2-1x32", "HTTP/2 over TLS to HTTP/1.1, 1 connection x 32 streams", 1, tls=True, streams=32, each_second=25_000,
             variant="h2", goal=0.66, without=("relay",), nghttpx=True),
    Workload("h2-64x8", "HTTP/2 over TLS to HTTP/1.1, 64 connections x 8 streams", 64, tls=True, streams=8, each_second=25_000,
             variant="h2", goal=0.80, without=("relay",), nghttpx=True),
    Workload("h2-dl-1m", "HTTP/2 1 MiB download over TLS, 4 connections x 4 streams", 4, path=LARGE, tls=True, streams=4,
             each_second=300, variant="h2", goal=0.91, nginx_goal=0.91, without=("relay",), nghttpx=True),
    Workload("h2c-up-64", "HTTP/1.1 clients, 64 connections, Sluice's upstream over h2c", 64, variant="h2c", goal=0.62,
             without=("nginx", "relay")),
    Workload("h2c-up-512", "HTTP/1.1 clients, 512 connections, Sluice's upstream over h2c", 512, variant="h2c", goal=0.45,
             without=("nginx", "relay")),
    Workload("grpc", "gRPC unary over TLS, 16 connections x 8 streams, h2c upstream", 16, path=protocols.CALL, tls=True, streams=8,
             each_second=15_000, call=True, variant="grpc", without=("relay",), nghttpx=True),
)}


def servers_of(workload, proxies, only):
    """gives: (name in the table, process) of who takes part"""
    for name in only:
        absent = name == "relay" and not workload.relay or name in workload.without
        if absent or workload.ours and name != "sluice":
            continue
        special = f"{name}-{workload.variant}"
        yield name, proxies.get(special if workload.variant else name, proxies[name])
    if workload.also and "haproxy" in only:
        yield workload.also, proxies[workload.also]
    nghttpx = f"nghttpx-{workload.variant}" if workload.variant else "nghttpx"
    if workload.nghttpx and "haproxy" in only and nghttpx in proxies:
        yield "nghttpx", proxies[nghttpx]


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


def fields(headers):
    """gives: options of wrk and h2load"""
    return [part for name, value in headers for part in ("-H", f"{name}: {value}")]


def script_of(workload, folder):
    if workload.tokens:
        return guards.wrk_script(folder, workload.tokens, workload.fresh)
    return guards.key_script() if workload.api_keys else workload.script


def saturate(workload, proxy, seconds, folder):
    """wrk: whole seconds only."""
    more = fields(workload.headers)
    if script_text := script_of(workload, folder):
        script = folder / f"{workload.name}.lua"
        script.write_text(script_text)
        more += ["-s", script]
    output = pinned(["wrk", "-t", 1, "-c", workload.connections, "-d",
                     f"{max(1, round(seconds))}s", "--latency",
                     "--timeout", "20s", *more, url(workload, proxy)])
    if "Non-2xx" in output or re.search(r"Socket errors: connect [1-9]|read [1-9]|write [1-9]",
                                        output):
        raise SystemExit(f"{proxy.name}, {workload.name}: errors under load\n{output}")
    requests, took = re.search(r"(\d+) requests in ([\d.]+)s", output).groups()

    def percentile(which):
        found = re.search(rf"^ +{which}% +([\d.]+)(us|ms|s|m) *$", output, re.MULTILINE)
        if not found:
            raise SystemExit(f"{proxy.name}, {workload.name}: no latencies\n{output}")
        return float(found.group(1)) * UNITS[found.group(2)]
    return Result(int(requests), float(took), percentile(50), percentile(99))


def version_options(workload):
    """gives: h2load's options for the version of HTTP, and how many requests at a time on a connection"""
    return ["-m", workload.streams] if workload.streams else ["--h1"]


def send_all(workload, proxy, seconds, folder):
    """h2load: a number of requests, paced where a rate is asked for; latencies from its log of every
    request."""
    log = folder / "h2load.log"
    log.unlink(missing_ok=True)
    count = max(workload.connections, int((workload.rate or workload.each_second) * seconds))
    pace = [f"--rps={workload.rate / workload.connections}"] if workload.rate else []
    more = fields(workload.headers)
    if workload.tokens:
        token = (folder / f"{workload.tokens}.tokens").read_text().split()[0]
        more = fields((("Authorization", f"Bearer {token}"), ("Origin", guards.ORIGIN)))
    if workload.call:
        more = protocols.call_options(folder)
    output = pinned(["h2load", *version_options(workload), "-t", 1, "-c", workload.connections, "-n", count, *pace,
                     *more, f"--log-file={log}", url(workload, proxy)])
    if f"{count} succeeded" not in output:
        raise SystemExit(f"{proxy.name}, {workload.name}: errors under load\n{output}")
    took, unit = re.search(r"finished in ([\d.]+)(us|ms|s)", output).groups()
    times = sorted(int(line.split("\t")[2]) * 1e-6 for line in log.read_text().splitlines())
    return Result(count, float(took) * UNITS[unit], times[len(times) // 2], times[len(times) * 99 // 100])


HANDSHAKES = re.compile(r"(\d+) requests (\d+) resumed (\d+) failed ([\d.]+) s p50 (\d+) p99 (\d+)")


def shake_hands(workload, proxy, seconds, folder):
    output = pinned([folder / "resume", proxy.tls_port, seconds, workload.handshakes])
    requests, resumed, failed, took, p50, p99 = map(float, HANDSHAKES.match(output).groups())
    if failed or (workload.handshakes == "full" and resumed):
        raise SystemExit(f"{proxy.name}, {workload.name}: {output}")
    # Each thread's first connection has no ticket yet.
    if workload.handshakes == "resumed" and resumed < requests - workload.connections:
        raise SystemExit(f"{proxy.name}, {workload.name}: not every one was resumed: {output}")
    return Result(int(requests), took, p50 * 1e-6, p99 * 1e-6)


ECHOES = re.compile(r"(\d+) messages (\d+) failed ([\d.]+) s p50 (\d+) p99 (\d+)")


def echo(workload, proxy, seconds, folder):
    output = pinned([folder / "ws_load", proxy.port, workload.path, workload.connections, workload.message, seconds])
    messages, failed, took, p50, p99 = map(float, ECHOES.match(output).groups())
    if failed or not messages:
        raise SystemExit(f"{proxy.name}, {workload.name}: {output}")
    return Result(int(messages), took, p50 * 1e-6, p99 * 1e-6)


def run(workload, proxy, seconds, folder):
    if workload.handshakes:
        return shake_hands(workload, proxy, seconds, folder)
    if workload.message:
        return echo(workload, proxy, seconds, folder)
    if workload.rate or workload.each_second:
        return send_all(workload, proxy, seconds, folder)
    return saturate(workload, proxy, seconds, folder)


def resumes(proxy, folder):
    """Does a session go on with the ticket of the last connection?"""
    output = pinned([folder / "resume", proxy.tls_port, 0.3, "resumed"])
    return int(re.search(r"(\d+) resumed", output).group(1)) > 0


def measure(workload, proxy, seconds, folder):
    """One measurement after a short warm-up, with the CPU time that the proxy spent on it."""
    run(workload, proxy, WARM_UP_SECONDS, folder)
    before = proxy.cpu_seconds()
    result = run(workload, proxy, seconds, folder)
    result.cpu = proxy.cpu_seconds() - before
    return result


def unlogged(proxy, folder, requests=20_000):
    """With the access log on: requests served less lines written. gives: 0 when each has its line"""
    before = proxy.log_lines()
    output = pinned(["h2load", "--h1", "-t", 1, "-c", 64, "-n", requests,
                     url(Workload("", "", 64), proxy)])
    if f"{requests} succeeded" not in output:
        raise SystemExit(f"{proxy.name}: errors under load\n{output}")
    return requests - (proxy.log_lines() - before)


TOTAL = re.compile(r"^100\.00 +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?total$", re.MULTILINE)
COUNTED = {"plain": "h1-64", "tls": "tls-64", "h2": "h2-1x32"}      # workloads whose system calls are counted


def system_calls(workload, proxy, folder, few=2_000, many=22_000):
    """Per request on kept connections, saturated; None where strace may not attach.
    The difference of a short and a long run leaves the connections' set-up out."""
    counts = [_calls_of(workload, proxy, folder, requests) for requests in (few, many)]
    return None if None in counts else (counts[1] - counts[0]) / (many - few)


def _calls_of(workload, proxy, folder, requests):
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
    pinned(["h2load", *version_options(workload), "-t", 1, "-c", workload.connections, "-n", requests,
            url(workload, proxy)])
    tracer.send_signal(signal.SIGINT)
    tracer.wait(20)
    found = TOTAL.search(table.read_text())
    return int(found.group(1)) if found else None
