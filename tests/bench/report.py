"""Table, JSON and plot of a bench run."""
import json
import platform
import statistics
import subprocess

MARGIN = 0.05      # of ratios of CPU per request, and of p50's: two runs differ by as much
CALLS_GOALS = {"plain": 4.15, "tls": 4.15, "h2": 2.25}     # system calls per request, Sluice's, at most


def ratios(rounds, workload, proxy, yardstick):
    """CPU per request of `proxy` over `yardstick`, round by round."""
    pairs = ((one[workload].get(proxy), one[workload].get(yardstick)) for one in rounds)
    return [(a["cpu"] / a["requests"]) / (b["cpu"] / b["requests"]) for a, b in pairs if a and b]


def spread(values):
    return f"{min(values):.2f}-{max(values):.2f}"


def median_of(rounds, workload, proxy, value):
    return statistics.median(value(one[workload][proxy]) for one in rounds)


def cost_cell(rounds, name, proxy, yardstick):
    values = ratios(rounds, name, proxy, yardstick) if proxy != yardstick else []
    return f"{statistics.median(values):.2f} ({spread(values)})" if values else ""


def table(report, workloads):
    rounds = report["rounds"]
    lines = ["| workload | proxy | CPU us/request | over HAProxy (spread) | over nginx (spread) "
             "| over relay | goal | p50 | p99 | req/s |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for name, workload in workloads.items():
        shown = [*report["proxies"], "haproxy-splice", "haproxy-chain", "nghttpx"]
        title = workload.title
        for proxy in shown:
            if proxy not in rounds[0][name]:
                continue
            cpu = median_of(rounds, name, proxy, lambda r: r["cpu"] / r["requests"] * 1e6)
            cells = [title, proxy, f"{cpu:,.1f}", cost_cell(rounds, name, proxy, "haproxy"),
                     cost_cell(rounds, name, proxy, "nginx")]
            above = ratios(rounds, name, proxy, "relay") if proxy != "relay" else []
            cells.append(f"{statistics.median(above):.2f}" if above else "")
            cells.append("; ".join(verdicts(rounds, name, workload)) if proxy == "sluice" else "")
            for key in ("p50", "p99"):
                cells.append(f"{median_of(rounds, name, proxy, lambda r: r[key]) * 1e3:.2f} ms")
            speed = median_of(rounds, name, proxy, lambda r: r["requests"] / r["seconds"])
            cells.append(f"{speed:,.0f}")
            lines.append("| " + " | ".join(cells) + " |")
            title = ""
    return "\n".join(lines)


def verdict(found, goal, margin):
    if found <= goal:
        return "met"
    return f"met within the margin of {margin:.2f}" if found <= round(goal + margin, 6) else "NOT MET"


def judged(found, goal, what, margin=0.0):
    """The value itself decides, not what is shown of it: where two decimals of it look like another verdict, it stands beside it
    with four. gives: `what`, the goal and the verdict"""
    said = verdict(found, goal, margin)
    exactly = "" if verdict(round(found, 2), goal, margin) == said else f" ({found:.4f})"
    return f"{what} {goal:.2f} {said}{exactly}".strip()


def verdicts(rounds, name, workload):
    """gives: each goal of the workload with its verdict"""
    found = []
    if workload.over_own:
        own = [(a["cpu"] / a["requests"]) / (b["cpu"] / b["requests"]) for a, b in (
            (one[name].get("sluice"), one.get(workload.over_own, {}).get("sluice")) for one in rounds)
            if a and b]
        if own:
            middle = statistics.median(own)
            found.append(judged(middle, workload.goal, f"{middle:.2f} of its own {workload.over_own}:", MARGIN))
    else:
        for goal, other in ((workload.goal, "haproxy"), (workload.nginx_goal, "nginx"),
                            (workload.also_goal, workload.also)):
            values = ratios(rounds, name, "sluice", other)
            if not values:
                continue
            middle = statistics.median(values)
            share = f"{middle:.2f} of {other}"
            if goal:
                label = {"haproxy": "", "nginx": "nginx"}.get(other, f"{share}:")
                found.append(judged(middle, goal, label, MARGIN))
            elif other == workload.also:
                found.append(share)
    if workload.floor and found:
        found[0] += f" ({workload.goal / workload.floor:.2f} of the relay where it was set)"
    pairs = [(one[name].get("sluice"), one[name].get("haproxy")) for one in rounds]
    if workload.p50_goal and all(a and b for a, b in pairs):
        for key, goal in (("p50", workload.p50_goal), ("p99", 0)):
            middle = statistics.median(a[key] / b[key] for a, b in pairs)
            found.append(judged(middle, goal, f"{key} {middle:.2f} of HAProxy's:", MARGIN) if goal
                         else f"{key} {middle:.2f} of HAProxy's")
    return found


def weighed(report):
    if not report["extras"]:
        return ""
    lines = ["| also | found | goal | |", "|---|---|---|---|"]
    for one in report["extras"]:
        lines.append(f"| {one['what']} | {one['found']} | {one['goal']} | {one['met']} |")
    return "\n".join(lines) + "\n"


def skipped(report):
    return "".join(f"\nLeft out: {what}: {why}.\n" for what, why in report["skipped"].items())


def calls_cell(report, kind, proxy):
    count = report["system_calls"].get(kind, {}).get(proxy)
    if count is None:
        return "not measured"
    goal = CALLS_GOALS[kind] if proxy == "sluice" else None
    return f"{count:.2f}" + (f" ({judged(count, goal, 'goal')})" if goal else "")


def costs(report):
    lines = ["| proxy | system calls per kept-alive request | over TLS | HTTP/2 over TLS, 1 connection x 32 streams "
             "| RSS before load | RSS after all rounds |",
             "|---|---|---|---|---|---|"]
    for proxy in [*report["proxies"], *(["nghttpx"] if "nghttpx" in report["system_calls"].get("h2", {}) else [])]:
        shown = [calls_cell(report, kind, proxy) for kind in CALLS_GOALS]
        sizes = [report["resident_kib"][when].get(proxy) for when in ("before", "after")]
        memory = [f"{kib / 1024:.1f} MiB" if kib else "" for kib in sizes]
        lines.append("| " + " | ".join([proxy, *shown, *memory]) + " |")
    return "\n".join(lines)


def versions():
    def first_line(*command):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
            return (done.stdout + done.stderr).splitlines()[0].strip()
        except (OSError, IndexError):
            return "unknown"
    return {"nginx": first_line("/usr/sbin/nginx", "-v"),
            "haproxy": first_line("/usr/sbin/haproxy", "-v"), "nghttpx": first_line("nghttpx", "--version"),
            "kernel": "Linux " + ".".join(platform.release().split(".")[:2])}


def write(report, workloads, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(report, indent=1) + "\n")
    text = f"""# Benchmark results

Made by `make bench` on {report['date']}: {len(report['rounds'])} interleaved rounds of
{report['seconds']} s each. Every proxy has one worker pinned to one core; load generator and backend
share the other. CPU is user + system time of the proxy's processes by the kernel's exact clock.
Ratios are taken within each round; the table shows their median and, in brackets, the smallest and
largest. A goal is met by a median at most as large as it. Two runs differ by some hundredths, so a ratio of CPU, or of p50, that is above
its goal by no more than {MARGIN:.2f} is "met within the margin"; one further above is NOT MET. Counts, sizes and times of their own have no margin.
What decides is the median as it was found, not its two decimals: 0.8149 shows as 0.81 and misses 0.76 + 0.05; it is then shown with four.
Absolute times differ between runs and machines far more than ratios do. `relay` is no proxy: it makes the four socket calls of a request and nothing
else, so it shows what the kernel alone costs on the machine of this run; "over relay" is the cost above
that floor. `haproxy-splice` is HAProxy with `option splice-response` and `splice-request`; `haproxy-chain` verifies the token,
counts in a stick table, sets the CORS fields and logs each request, which the other peers of its rows do not.

{table(report, workloads)}
{skipped(report)}
{costs(report)}

{weighed(report)}
{report['places']}
{', '.join(report['versions'].values())}.
The configurations are in `tests/bench/conf/`.

![CPU per request over HAProxy](results.svg)
"""
    (folder / "results.md").write_text(text)
    plot(report, workloads, folder / "results.svg")
    return text


def plot(report, workloads, path):
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "sluice"      # the same numbers give the same file
    import matplotlib.pyplot as pyplot
    figure, axes = pyplot.subplots(figsize=(max(9, 1.3 * len(workloads)), 4.5))
    workloads = {name: one for name, one in workloads.items() if not one.ours}
    others = [proxy for proxy in report["proxies"] if proxy != "haproxy"]
    if "haproxy" not in report["proxies"] or not others:
        return
    colours = {"sluice": "#1f6f8b", "nginx": "#b0b0b0", "relay": "#e0c58f"}
    width = 0.8 / len(others)
    for place, proxy in enumerate(others):
        values = [ratios(report["rounds"], name, proxy, "haproxy") or [0] for name in workloads]
        middles = [statistics.median(one) for one in values]
        spans = [[m - min(v) for m, v in zip(middles, values)],
                 [max(v) - m for m, v in zip(middles, values)]]
        where = [x + place * width - 0.4 + width / 2 for x in range(len(values))]
        axes.bar(where, middles, width * 0.95, yerr=spans, capsize=3, label=proxy,
                 color=colours.get(proxy))
    for x, workload in enumerate(workloads.values()):
        if not workload.goal or workload.over_own:
            continue
        axes.hlines(workload.goal, x - 0.4, x + 0.4, colors="#c0392b", linestyles="dashed",
                    label="goal for sluice" if x == 0 else None)
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(workloads)), list(workloads), rotation=30, ha="right")
    axes.set_ylabel("CPU per request, HAProxy = 1")
    axes.set_title("CPU per request: median of rounds, bars show the spread")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
