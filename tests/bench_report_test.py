"""What the bench says of its figures: verdicts of goals, and for which of them there is a margin."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "bench"))
import load
import report

US = 1e-6


def result(cpu, p50=1.0):
    return {"requests": 1, "cpu": cpu * US, "seconds": 1, "p50": p50, "p99": p50}


def rounds_of(name, sluice, yardstick=10.0, **other):
    """Three rounds of `sluice` us a request, and around it; haproxy's is the yardstick."""
    return [{name: {"sluice": result(sluice * noise, other.get("p50", 1.0)), "haproxy": result(yardstick * noise)}}
            for noise in (0.9, 1.0, 1.2)]


@pytest.mark.parametrize("found, said", [
    (0.70, "met"), (0.76, "met"),
    (0.7601, "met within the margin of 0.05 (0.7601)"),      # shown as 0.76 beside the goal 0.76
    (0.77, "met within the margin of 0.05"), (0.8099, "met within the margin of 0.05"), (0.81, "met within the margin of 0.05"),
    (0.8101, "NOT MET (0.8101)"), (0.8149, "NOT MET (0.8149)"), (0.82, "NOT MET")])
def test_a_ratio_of_cpu_has_a_margin(found, said):
    workload = load.WORKLOADS["tls-64"]
    assert workload.goal == 0.76
    assert report.verdicts(rounds_of("tls-64", found * 10), "tls-64", workload) == [f"0.76 {said}"]


@pytest.mark.parametrize("hundredths", range(10, 130))
def test_the_margin_ends_at_its_two_decimals(hundredths):
    goal = hundredths / 100
    assert report.verdict((hundredths + 5) / 100, goal, report.MARGIN).startswith("met within")
    assert report.verdict((hundredths + 5) / 100 + 1e-5, goal, report.MARGIN) == "NOT MET"


@pytest.mark.parametrize("p50, said", [(0.78, "met"), (0.83, "met within the margin of 0.05"), (0.84, "NOT MET")])
def test_so_has_the_ratio_of_p50_but_not_its_neighbour(p50, said):
    found = report.verdicts(rounds_of("rate-8k", 6.0, p50=p50), "rate-8k", load.WORKLOADS["rate-8k"])
    assert found[1:] == [f"p50 {p50:.2f} of HAProxy's: 0.78 {said}", f"p99 {p50:.2f} of HAProxy's"]


def test_a_ratio_to_itself_has_it_too():
    rounds = [{"hs-resumed": {"sluice": result(8.8)}, "hs-tickets": {"sluice": result(10.0)}}]
    assert report.verdicts(rounds, "hs-resumed", load.WORKLOADS["hs-resumed"]) == [
        "0.88 of its own hs-tickets: 0.85 met within the margin of 0.05"]


def test_a_count_has_none():
    counted = {"system_calls": {"plain": {"sluice": 4.16, "haproxy": 4.2}}}
    assert report.calls_cell(counted, "plain", "sluice") == "4.16 (goal 4.15 NOT MET)"
    assert report.calls_cell(counted, "plain", "haproxy") == "4.20"


def test_nghttpx_is_a_peer_where_it_can_be():
    proxies = dict.fromkeys(["sluice", "nginx", "haproxy", "nghttpx", "nghttpx-h2"], object())

    def peers_of(name, only=("sluice", "nginx", "haproxy")):
        return [shown for shown, _ in load.servers_of(load.WORKLOADS[name], proxies, only)]
    for name in ("ws-64", "ws-16k", "h2-1x32"):
        assert peers_of(name) == ["sluice", "nginx", "haproxy", "nghttpx"]
    assert peers_of("ws-64", ["sluice"]) == ["sluice"]
    assert peers_of("h1-64") == ["sluice", "nginx", "haproxy"]
    del proxies["nghttpx"]      # not installed
    assert peers_of("ws-64") == ["sluice", "nginx", "haproxy"]
