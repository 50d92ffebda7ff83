"""Where the CPU time of Sluice and of HAProxy goes, workload by workload: shares of samples by `perf record -e cpu-clock`, which needs no
counters of the processor and so runs in virtual machines too. Writes docs/benchmarks/profiles.md.
Usage: profile.py [--seconds N] [WORKLOAD...]"""
import argparse
import collections
import datetime
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import guards
import load
import peers
import protocols

# Those whose goal was missed in some run.
WORKLOADS = ["rate-8k", "h1-64", "h1-512", "h1-64-log", "h1-hdr", "tls-64", "hs-full", "dl-1m", "jwt-hs256", "jwt-hs256-new", "jwt-es256", "chain-8k", "h2-1x32", "h2-64x8",
             "h2c-up-512"]
PROXIES = ["sluice", "haproxy", "relay"]
FREQUENCY = 4999          # a second; not a divisor of anything that ticks
SHOWN = 8                 # functions of our own
# The system call that a kernel sample is under, by the name of its entry.
CALLS = {"sends": r"__x64_sys_(send|write)", "receives": r"__x64_sys_(recv|read)", "epoll": r"__x64_sys_epoll|do_epoll", "splices": r"__x64_sys_splice",
         "accept, connect, close": r"__x64_sys_(accept|connect|close|shutdown|socket)"}
KERNEL_REST = "the rest of the kernel"
LIBRARIES = {"libcrypto, libssl": r"lib(crypto|ssl)\.so", "libnghttp2": r"libnghttp2", "libc, vdso, libuv, ...": r"."}
ROWS = [*(f"kernel: {name}" for name in CALLS), KERNEL_REST, "own code", *LIBRARIES]


def row_of(frames, program):
    """`frames`: (symbol, object) from the leaf up. gives: a row of the table"""
    symbol, where = frames[0]
    if "kernel" in where or where.endswith(".ko") or where == "[unknown]" and symbol.startswith("__"):
        for name, entry in CALLS.items():
            if any(re.search(entry, one) for one, _ in frames):
                return f"kernel: {name}"
        return KERNEL_REST
    if where.endswith(f"/{program}"):
        return "own code"
    return next(name for name, pattern in LIBRARIES.items() if re.search(pattern, where))


def samples(data):
    """gives: the frames of each sample"""
    text = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym,dso"], check=True, capture_output=True, text=True).stdout
    for block in text.split("\n\n"):
        frames = re.findall(r"^\s+[0-9a-f]+ (.*) \((.*)\)$", block, re.MULTILINE)
        if frames:
            yield frames


def profile(workload, proxy, seconds, folder):
    """gives: (CPU us a request, share of samples by row, share by function of its own)"""
    data = folder / "perf.data"
    load.run(workload, proxy, load.WARM_UP_SECONDS, folder)
    recorder = subprocess.Popen(["perf", "record", "-q", "-g", "-e", "cpu-clock", "-F", str(FREQUENCY), "-o", data, "-p",
                                 ",".join(map(str, proxy.pids()))], stderr=subprocess.DEVNULL)
    time.sleep(0.5)      # until it listens
    try:
        result = load.measure(workload, proxy, seconds, folder)
    finally:
        recorder.send_signal(signal.SIGINT)
        recorder.wait(30)
    rows, functions = collections.Counter(), collections.Counter()
    program = os.path.basename(proxy.command[0])
    for frames in samples(data):
        row = row_of(frames, program)
        rows[row] += 1
        if row == "own code":
            functions[frames[0][0]] += 1
    total = rows.total()
    if not total:
        raise SystemExit("perf took no sample: is linux-perf installed, and may it be used?")
    share = {name: count / total for name, count in rows.items()}
    return result.cpu / result.requests * 1e6, share, {name: count / total for name, count in functions.most_common(SHOWN)}


def short(function):
    """A function's name without what it takes."""
    name = re.sub(r"\(anonymous namespace\)::|sluice::", "", function)
    return re.sub(r"\(.*|<.*", "", name).removeprefix("void ")


def section(workload, found):
    """gives: its table; each share with the microseconds of a request that it is"""
    lines = [f"## {workload.name}: {workload.title}", "", "| where | " + " | ".join(found) + " |", "|---|" + "---|" * len(found),
             "| a request | " + " | ".join(f"{cpu:.1f} us" for cpu, _, _ in found.values()) + " |"]
    for row in ROWS:
        cells = [f"{share.get(row, 0):.0%}, {share.get(row, 0) * cpu:.1f} us" for cpu, share, _ in found.values()]
        if any(share.get(row, 0) >= 0.005 for _, share, _ in found.values()):
            lines.append(f"| {row} | " + " | ".join(cells) + " |")
    own = ", ".join(f"`{short(name)}` {share:.1%}" for name, share in found["sluice"][2].items())
    return "\n".join(lines) + f"\n\nOf our own code most: {own}.\n"


def measure(names, seconds, folder):
    peers.prepare(folder)
    guards.make_tokens(folder)
    protocols.prepare(folder)
    proxies = peers.proxies(folder) | {one.name: one for one in [*guards.variants(folder), *protocols.variants(folder)]}
    workloads = [load.WORKLOADS[name] for name in names]
    pairs = {one.name: [(shown, proxy) for shown, proxy in load.servers_of(one, proxies, PROXIES) if shown in PROXIES]
             for one in workloads}
    wanted = {proxy.name: proxy for both in pairs.values() for _, proxy in both}
    running = [*peers.backends(folder), *protocols.backends(folder), *wanted.values()]
    sink = peers.log_sink()
    try:
        for process in running:
            process.start(folder)
        for workload in workloads:
            yield section(workload, {shown: profile(workload, proxy, seconds, folder) for shown, proxy in pairs[workload.name]})
    finally:
        for process in reversed(running):
            process.stop()
        sink.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("workloads", nargs="*", default=WORKLOADS)
    parser.add_argument("--out", type=Path, default=peers.ROOT / "docs" / "benchmarks" / "profiles.md")
    chosen = parser.parse_args()
    os.sched_setaffinity(0, {peers.LOAD_CORE})
    with tempfile.TemporaryDirectory(prefix="sluice-profile-") as folder:
        sections = list(measure(chosen.workloads, chosen.seconds, Path(folder)))
    head = f"""# Profiles

Made by `tests/bench/profile.py` on {datetime.date.today().isoformat()}: `perf record -e cpu-clock`, {FREQUENCY} samples a second, {chosen.seconds} s each, the processes set up
as in the bench ([README.md](README.md)). A sample in the kernel belongs to the system call that it is under; on loopback a send runs the receiver's TCP too. The
microseconds are of that run, with the recorder at work: the shares are what counts. `relay` is no proxy but the four socket calls of a request.

"""
    chosen.out.write_text(head + "\n".join(sections))


if __name__ == "__main__":
    main()
