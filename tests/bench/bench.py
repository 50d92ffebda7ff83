"""Sluice, nginx and HAProxy side by side: interleaved rounds of one run, ratios per round. `make
bench`."""
import argparse
import dataclasses
import datetime
import sys
import tempfile
from pathlib import Path

import load
import peers
import places
import report as reporting

PROXIES = ["sluice", "nginx", "haproxy", "relay"]   # relay: the floor


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    parser.add_argument("--workloads", nargs="+", default=list(load.WORKLOADS),
                        choices=list(load.WORKLOADS))
    parser.add_argument("--only", nargs="+", default=PROXIES, choices=PROXIES,
                        help="proxies to run")
    parser.add_argument("--out", type=Path, default=peers.ROOT / "docs" / "benchmarks")
    parser.add_argument("--no-places", action="store_true",
                        help="leave out the cost of a route's place (needs valgrind, some minutes)")
    parser.add_argument("--no-strace", action="store_true",
                        help="leave out the count of system calls")
    return parser.parse_args()


def all_rounds(chosen, proxies, folder):
    rounds = []
    for number in range(chosen.rounds):
        one = {name: {} for name in chosen.workloads}
        for name in chosen.workloads:
            # Each round begins with another proxy, so that none always runs in another's wake.
            for place in range(len(chosen.only)):
                proxy = proxies[chosen.only[(place + number) % len(chosen.only)]]
                if not load.can_serve(proxy, load.WORKLOADS[name]):
                    continue
                result = load.measure(load.WORKLOADS[name], proxy, chosen.seconds, folder)
                one[name][proxy.name] = dataclasses.asdict(result)
                each = result.cpu / result.requests * 1e6
                print(f"round {number + 1}  {name:8} {proxy.name:8} {each:7.2f} us  "
                      f"{result.requests / result.seconds:9.0f} req/s", flush=True)
        rounds.append(one)
    return rounds


def run(chosen, folder):
    peers.prepare(folder)
    backend, proxies = peers.backend(folder), peers.proxies(folder)
    running = [backend, *(proxies[name] for name in chosen.only)]
    report = {"date": datetime.date.today().isoformat(), "seconds": chosen.seconds,
              "proxies": chosen.only,
              "versions": reporting.versions(), "resident_kib": {}, "system_calls": {}}
    try:
        for process in running:
            process.start(folder)
        report["resident_kib"]["before"] = {one.name: one.resident_kib() for one in running[1:]}
        report["rounds"] = all_rounds(chosen, proxies, folder)
        report["resident_kib"]["after"] = {one.name: one.resident_kib() for one in running[1:]}
        if not chosen.no_strace:
            for kind, tls in (("plain", False), ("tls", True)):
                report["system_calls"][kind] = {one.name: load.system_calls(one, folder, tls)
                                                for one in running[1:]
                                                if one.tls_port or not tls}
    finally:
        for process in reversed(running):
            process.stop()
    return report


def main():
    chosen = options()
    if "sluice" in chosen.only and not peers.SLUICE.exists():
        sys.exit(f"{peers.SLUICE} is not there: make build")
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        report = run(chosen, Path(folder))
    report["places"] = "" if chosen.no_places else places.text()
    workloads = {name: load.WORKLOADS[name] for name in chosen.workloads}
    print(reporting.write(report, workloads, chosen.out))


if __name__ == "__main__":
    main()
