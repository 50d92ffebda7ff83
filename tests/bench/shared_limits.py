"""One limit that four gateways with two workers each share through Redis, under a skewed load: does it hold, and is what it
allows used? Then the same with 50 ms put before Redis, and with Redis frozen and killed under the load. Part of `make bench`."""
import asyncio
import functools
import signal
import subprocess
import threading
import time
import urllib.request

import extras
import peers

RATE, BURST = 1_000, 100
LEASE_SECONDS = 0.5                  # what prepaid leases may let through beside
REDIS, DELAYED, FIRST_GATEWAY = 19070, 19071, 19072
ADMIN_SHIFT = 8                      # its admin listener, from a gateway's port
LOADS = (900, 300, 90, 30)           # requests a second at each gateway
CONNECTIONS = 6
DELAY_SECONDS, DELAYED_RUN = 0.05, 20   # a round trip's
BELOW = 0.6                          # of the loads above: eight tenths of the limit
WAITED_SECONDS, WAITED_SHARE = 0.01, 0.05   # who took so long has waited for Redis
FALLBACK_MS = 100                    # so late may an answer be for a Redis that does not
AWAY_AFTER, AWAY_RUN = 2, 10         # seconds of load before Redis goes, and in all
OTHERS_MAX = 1.25                    # p99 of a route without a limit, of what it is with Redis there
CONFIG = """sluice = 1
[server]
workers = 2
drain_delay = "0s"
[log.error]
level = "warn"
file = "@dir@/shared-error.log"
[listen.plain]
address = "127.0.0.1:@port@"
[admin]
address = "127.0.0.1:@admin@"
[redis.main]
url = "redis://127.0.0.1:@redis@"
[limit.leased]
key = "route"
rate = "{rate}/1s"
burst = {burst}
store = "main"
[limit.exact]
key = "route"
rate = "{rate}/1s"
burst = {burst}
store = "main"
exact = true
[route.leased]
match = {{ path = "/leased" }}
respond = {{ status = 200 }}
limit = ["leased"]
[route.exact]
match = {{ path = "/exact" }}
respond = {{ status = 200 }}
limit = ["exact"]
[route.free]
match = {{ path = "/free" }}
respond = {{ status = 200 }}
""".format(rate=RATE, burst=BURST)


class Slow:
    """Stands before Redis and hands each piece on half of `delay` seconds later, both ways."""

    def __enter__(self):
        self.delay = 0.0
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", DELAYED), self.loop).result(5)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def _serve(self, reader, writer):
        there = await asyncio.open_connection("127.0.0.1", REDIS)
        await asyncio.gather(self._pass_on(reader, there[1]), self._pass_on(there[0], writer))

    async def _pass_on(self, reader, writer):
        while data := await reader.read(65536):
            self.loop.call_later(self.delay / 2, writer.write, data)
        writer.close()


def start_gateways(folder, redis):
    started = []
    for number, _ in enumerate(LOADS):
        port = FIRST_GATEWAY + number
        config = folder / f"shared-{port}.toml"
        config.write_text(CONFIG.replace("@dir@", str(folder)).replace("@port@", str(port)).replace("@admin@", str(port + ADMIN_SHIFT)).replace("@redis@", str(redis)))
        one = peers.Process(f"shared-{port}", [peers.SLUICE, "run", config], f"{peers.LOAD_CORE},{peers.PROXY_CORE}", port)
        one.start(folder)
        started.append(one)
    return started


def load(folder, gateways, path, seconds, share=1.0):
    """gives: (log, h2load) of each gateway, at that share of its rate"""
    running = []
    for one, full in zip(gateways, LOADS):
        rate = int(full * share)
        connections = max(CONNECTIONS, rate // 15)   # enough of them when each answer takes a round trip
        log = folder / f"{one.name}-{path}.txt"
        log.unlink(missing_ok=True)
        command = ["h2load", "--h1", "-t", "1", "-c", str(connections), "-n", str(rate * seconds),
                   f"--rps={rate / connections}", f"--log-file={log}", f"http://127.0.0.1:{one.port}/{path}"]
        running.append((log, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)))
    return running


def answers(running):
    """gives: (asked, answered, status) of every request, in seconds"""
    found = []
    for log, child in running:
        child.wait()
        for line in log.read_text().splitlines():
            began, status, took = map(int, line.split("\t"))
            found.append((began * 1e-6, (began + took) * 1e-6, status))
    return found


def most_above(admitted, rate):
    """Requests let through in a window beyond rate x its length, at most, over all windows. A request was decided between
    its asking and its answer, so windows reach from one's asking to another's answer."""
    asked = sorted(a for a, _ in admitted)
    answered = sorted(b for _, b in admitted)
    least, most = float("inf"), 0.0
    for place, (a, b) in enumerate(zip(asked, answered)):
        least = min(least, place - rate * a)
        most = max(most, place + 1 - rate * b - least)
    return most


def fallbacks(gateways, limit):
    """Decisions that the gateways made alone, because Redis was not there in time."""
    total = 0
    for one in gateways:
        with urllib.request.urlopen(f"http://127.0.0.1:{one.port + ADMIN_SHIFT}/metrics", timeout=5) as page:
            for line in page.read().decode().splitlines():
                if line.startswith("sluice_limit_requests_total") and f'"{limit}"' in line and '"fallback"' in line:
                    total += int(float(line.split()[-1]))
    return total


def all_fallbacks(gateways):
    return sum(fallbacks(gateways, limit) for limit in ("leased", "exact"))


def bound(folder, gateways, seconds):
    running = {path: load(folder, gateways, path, seconds) for path in ("leased", "exact")}
    found = []
    for path, allowed in (("leased", BURST + RATE * LEASE_SECONDS), ("exact", BURST)):
        seen = answers(running[path])
        admitted = [(a, b) for a, b, status in seen if status == 200]
        took = max(b for _, b, _ in seen) - min(a for a, _, _ in seen)
        others = {status for _, _, status in seen} - {200, 429}
        above, share = most_above(admitted, RATE), len(admitted) / (RATE * took)
        found += [
            extras.line(f"shared limit ({path}), {seconds} s: most in any window beyond rate x T", f"{above:,.0f}",
                        f"{allowed:,.0f}", above <= allowed + 1),
            extras.line(f"shared limit ({path}): share of the allowed rate that was used", f"{share:.4f}", "0.99",
                        share >= 0.99),
            extras.line(f"shared limit ({path}): decisions without Redis, for which the bound does not hold",
                        f"{fallbacks(gateways, path):,}"),
            extras.line(f"shared limit ({path}): answers other than 200 and 429", str(len(others)), "0", not others)]
    return found


def quantile(seen, share):
    """gives: milliseconds that so large a share of the answers took at most; 1: the longest"""
    times = sorted(b - a for a, b, _ in seen)
    return times[min(int(len(times) * share), len(times) - 1)] * 1e3


def under_load(folder, gateways, seconds, strike=lambda: None, share=1.0):
    """`strike`: done AWAY_AFTER seconds into the load. gives: answers by route, all and those asked from then on"""
    running = {path: load(folder, gateways, path, seconds, share) for path in ("leased", "exact", "free")}
    time.sleep(AWAY_AFTER)
    strike()
    struck = time.time()
    seen = {path: answers(one) for path, one in running.items()}
    return seen, {path: [one for one in some if one[0] >= struck] for path, some in seen.items()}


def others_line(what, p99, undisturbed):
    share = p99 / undisturbed
    return extras.line(f"Redis {what}: p99 of a route without a limit, over that with Redis there", f"{p99:.2f} ms, {share:.2f}",
                       f"{OTHERS_MAX:.2f}", share <= OTHERS_MAX)


def delayed(folder):
    """The same gateways with nothing between them and Redis but what will delay it, and with the delay."""
    with Slow() as slow:
        gateways = start_gateways(folder, DELAYED)
        try:
            time.sleep(1)
            _, before = under_load(folder, gateways, AWAY_RUN, share=BELOW)
            alone = -all_fallbacks(gateways)
            slow.delay = DELAY_SECONDS
            seen, late = under_load(folder, gateways, DELAYED_RUN, share=BELOW)
            alone += all_fallbacks(gateways)
        finally:
            for one in gateways:
                one.stop()
    errors = errors_of(seen)
    p99 = ", ".join(f"{path} {quantile(one, 0.99):.1f} ms" for path, one in late.items())
    waited = sum(b - a > WAITED_SECONDS for a, b, _ in late["leased"]) / len(late["leased"])
    return [extras.line("Redis 50 ms away: answers of 500 and above", str(errors), "0", errors == 0),
            extras.line("Redis 50 ms away: p99 with leases, exact, and of a route without a limit", p99),
            extras.line(f"Redis 50 ms away, eight tenths of the limit asked for: share with leases that took over {WAITED_SECONDS * 1e3:.0f} ms",
                        f"{waited:.4f}", f"{WAITED_SHARE}", waited <= WAITED_SHARE),
            extras.line(f"Redis 50 ms away: decisions without Redis, of {len(seen['leased']) + len(seen['exact']):,}", f"{alone:,}"),
            others_line("50 ms away", quantile(late["free"], 0.99), quantile(before["free"], 0.99))]


def errors_of(seen):
    return sum(status >= 500 for one in seen.values() for _, _, status in one)


def away(folder, server):
    """With Redis there, frozen and killed under the load: is an answer an error or late, and do other routes notice?"""
    gateways = start_gateways(folder, REDIS)
    found, undisturbed = [], 0.0
    try:
        for what, number in (("there", 0), ("frozen", signal.SIGSTOP), ("killed", signal.SIGKILL)):
            time.sleep(2)      # connections stand, and what was held for Redis has gone
            # Signal 0 does nothing.
            seen, late = under_load(folder, gateways, AWAY_RUN, functools.partial(server.send_signal, number))
            server.send_signal(signal.SIGCONT)
            errors, others = errors_of(seen), quantile(late["free"], 0.99)
            longest = max(quantile(seen[path], 1) for path in ("leased", "exact"))
            found.append(extras.line(f"Redis {what}: answers of 500 and above", str(errors), "0", errors == 0))
            if number:
                found.append(others_line(what, others, undisturbed))
            else:
                undisturbed = others
                found.append(extras.line(f"Redis {what}: p99 of a route without a limit", f"{others:.2f} ms"))
            found.append(extras.line(f"Redis {what}: the longest answer of a limited route", f"{longest:.0f} ms",
                                     f"{FALLBACK_MS} ms", longest <= FALLBACK_MS))
    finally:
        for one in gateways:
            one.stop()
    return found


def measure(folder, seconds):
    server = subprocess.Popen(["redis-server", "--bind", "127.0.0.1", "--port", str(REDIS), "--save", "", "--dir", str(folder)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        gateways = start_gateways(folder, REDIS)
        try:
            time.sleep(1)
            found = bound(folder, gateways, seconds)
        finally:
            for one in gateways:
                one.stop()
        return found + delayed(folder) + away(folder, server)
    finally:
        server.terminate()
        server.wait()
