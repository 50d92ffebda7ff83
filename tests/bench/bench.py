"""Sluice, nginx and HAProxy side by side: interleaved rounds of one run, ratios per round. `make
bench`."""
import argparse
import dataclasses
import datetime
import os
import sys
import tempfile
from pathlib import Path

import attacks
import extras
import guards
import load
import many_keys
import peers
import places
import policy_costs
import protocols
import report as reporting
import shared_limits

PROXIES = ["sluice", "nginx", "haproxy", "relay"]   # relay: the floor


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement, at least")
    parser.add_argument("--workloads", nargs="+", default=list(load.WORKLOADS),
                        choices=list(load.WORKLOADS))
    parser.add_argument("--only", nargs="+", default=PROXIES, choices=PROXIES,
                        help="proxies to run")
    parser.add_argument("--out", type=Path, default=peers.ROOT / "docs" / "benchmarks")
    parser.add_argument("--no-places", action="store_true",
                        help="leave out instructions: of a route's place, of each policy (needs valgrind, some minutes)")
    parser.add_argument("--no-strace", action="store_true",
                        help="leave out the count of system calls")
    parser.add_argument("--no-extras", action="store_true",
                        help="leave out idle memory, 10,000 routes, reloads and the count of log lines")
    parser.add_argument("--reloads", type=int, default=1000)
    parser.add_argument("--shared-limit", type=int, default=600, metavar="SECONDS",
                        help="how long four gateways share a limit through Redis")
    parser.add_argument("--quick", action="store_true",
                        help="3 rounds of a second, 100 reloads, nothing counted: a look, no result")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.seconds, chosen.reloads, chosen.shared_limit = 3, 1, 100, 10
        chosen.no_places = chosen.no_strace = True
    return chosen


def all_rounds(chosen, proxies, folder, skipped):
    rounds = []
    for number in range(chosen.rounds):
        one = {name: {} for name in chosen.workloads}
        for name in chosen.workloads:
            workload = load.WORKLOADS[name]
            taking_part = list(load.servers_of(workload, proxies, chosen.only))
            # Each round begins with another proxy, so that none always runs in another's wake.
            for place in range(len(taking_part)):
                shown, proxy = taking_part[(place + number) % len(taking_part)]
                if proxy.tls_port is None and workload.tls:
                    continue
                if f"{name} {shown}" in skipped:
                    continue
                result = load.measure(workload, proxy, chosen.seconds, folder)
                one[name][shown] = dataclasses.asdict(result)
                each = result.cpu / result.requests * 1e6
                print(f"round {number + 1}  {name:11} {shown:14} {each:9.2f} us  "
                      f"{result.requests / result.seconds:9.0f} req/s", flush=True)
        rounds.append(one)
    return rounds


def further_peers(chosen, proxies):
    """gives: names of the peers that have no row of their own for ordinary requests, but idle connections to be weighed"""
    return ["nghttpx"] if "haproxy" in chosen.only and "nghttpx" in proxies else []


def skips(chosen, proxies, folder):
    """Workloads that a proxy cannot do, with the reason, said in the results."""
    found = {}
    if "haproxy" in chosen.only and not further_peers(chosen, proxies):
        found["nghttpx"] = "not installed"
    for name in chosen.workloads:
        if load.WORKLOADS[name].handshakes != "resumed":
            continue
        for shown, proxy in load.servers_of(load.WORKLOADS[name], proxies, chosen.only):
            if proxy.tls_port and not load.resumes(proxy, folder):
                found[f"{name} {shown}"] = "does not resume sessions"
    return found


def count_and_weigh(chosen, running, proxies, folder):
    """What is no ratio of CPU: system calls, log lines, memory, routes, reloads."""
    found = {"system_calls": {}, "extras": []}
    compared = [one for one in running if one.name in [*chosen.only, *further_peers(chosen, proxies)]]
    if not chosen.no_strace:
        for kind, name in load.COUNTED.items():
            workload = load.WORKLOADS[name]
            found["system_calls"][kind] = {shown: load.system_calls(workload, one, folder) for shown, one in
                                           load.servers_of(workload, proxies, chosen.only) if one in running}
    if not chosen.no_extras:
        logging = [one for one in running if one.log]
        found["extras"] += extras.log_lines(logging, folder)
        found["extras"] += extras.idle_memory(compared, folder)
        if "sluice" in chosen.only:
            found["extras"] += extras.many_routes(folder)
            found["extras"] += extras.reloads(folder, chosen.reloads)
            found["extras"] += extras.socket_reloads(folder, chosen.reloads)
            found["extras"] += many_keys.measure(folder)
            found["extras"] += attacks.measure(folder, extras.line)
            found["extras"] += shared_limits.measure(folder, chosen.shared_limit)
    return found


def run(chosen, folder):
    peers.prepare(folder)
    if any(load.WORKLOADS[name].tokens for name in chosen.workloads):
        guards.make_tokens(folder)
    if any(load.WORKLOADS[name].api_keys for name in chosen.workloads):
        guards.make_keys(folder)
    protocols.prepare(folder)
    variants = [*guards.variants(folder), *protocols.variants(folder)]
    proxies = peers.proxies(folder) | {one.name: one for one in variants}
    wanted = {one.name: one for name in chosen.workloads
              for _, one in load.servers_of(load.WORKLOADS[name], proxies, chosen.only)}
    always = [*chosen.only, *further_peers(chosen, proxies)]
    running = [*wanted.values(), *(proxies[name] for name in always if name not in wanted)]
    report = {"date": datetime.date.today().isoformat(), "seconds": chosen.seconds,
              "proxies": chosen.only, "versions": reporting.versions(), "resident_kib": {}}
    sink = peers.log_sink()
    backends = [*peers.backends(folder), *protocols.backends(folder)]
    try:
        for process in [*backends, *running]:
            process.start(folder)
        report["skipped"] = skips(chosen, proxies, folder)
        measured = [proxies[name] for name in chosen.only]
        report["resident_kib"]["before"] = {one.name: one.resident_kib() for one in measured}
        report["rounds"] = all_rounds(chosen, proxies, folder, report["skipped"])
        report["resident_kib"]["after"] = {one.name: one.resident_kib() for one in measured}
        report.update(count_and_weigh(chosen, running, proxies, folder))
    finally:
        for process in reversed([*backends, *running]):
            process.stop()
        sink.close()
    return report


def main():
    chosen = options()
    if "sluice" in chosen.only and not peers.SLUICE.exists():
        sys.exit(f"{peers.SLUICE} is not there: make build")
    os.sched_setaffinity(0, {peers.LOAD_CORE})     # nothing of ours on the proxies' core
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        report = run(chosen, Path(folder))
    report["places"] = "" if chosen.no_places else f"{places.text()}\n{policy_costs.text()}"
    workloads = {name: load.WORKLOADS[name] for name in chosen.workloads}
    print(reporting.write(report, workloads, chosen.out))


if __name__ == "__main__":
    main()
