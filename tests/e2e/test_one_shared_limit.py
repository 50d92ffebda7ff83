"""C3: one limit of four gateways with two workers each, in Redis, under a skewed load, for a minute: by leases and exact, at
the same time. The bound holds in every window, and what is allowed is used. Alone in its file: it runs beside the others."""
import time

import pytest
from support.gateway import settings
from support.load import Load, due, most_beyond
from support.timing import sanitizer

RATE, BURST = 100, 20
EXTRA_SECONDS = {"leases": 0.5, "exact": 0}     # of the rate, that leases may let through beside it
SECONDS = 4 if sanitizer() else 60
# Connections and their pause at each gateway. The first one alone asks for more than the rate, all together for three times it.
SKEW = ((6, 0.025), (2, 0.05), (1, 0.05), (1, 0.1))


def config(server):
    # Longer than any time in which a busy machine runs something else: nothing is decided without Redis.
    return settings(server="workers = 2", more=f"""
[redis.main]
url = "redis://127.0.0.1:{server.port}"
timeout = {{ command = "5s" }}
""" + "".join(f"""
[limit.{mode}]
key = "header.X-Name"
rate = "{RATE}/1s"
burst = {BURST}
store = "main"
exact = {str(mode == "exact").lower()}
[route.{mode}]
match = {{ path = "/{mode}" }}
respond = {{ status = 200 }}
limit = ["{mode}"]
""" for mode in EXTRA_SECONDS))


def demand(gateways, mode):
    """The load of one mode, on all of them."""
    return [Load([one], threads=threads, pause=pause, target=f"/{mode}") for one, (threads, pause) in zip(gateways, SKEW)]


@pytest.fixture(scope="module")
def judged(shared_gateway, shared_redis):
    """Both loads, over. gives: by mode, the answers and how many of them are no word of Redis'"""
    server = shared_redis()
    gateways = [shared_gateway(config(server)) for _ in SKEW]
    for one in gateways:
        one.wait_for_metric(1, "sluice_redis_up", redis="main")
    demands = {mode: demand(gateways, mode) for mode in EXTRA_SECONDS}
    time.sleep(SECONDS)
    answers = {mode: sum((load.stop() for load in loads), []) for mode, loads in demands.items()}
    return {mode: (answers[mode], sum(one.metric("sluice_limit_requests_total", limit=mode, result="fallback")
                                      for one in gateways)) for mode in EXTRA_SECONDS}


@pytest.mark.first
@pytest.mark.parametrize("mode", EXTRA_SECONDS)
def test_four_gateways_keep_one_limit_for_a_minute(judged, mode):
    answers, alone = judged[mode]
    assert {status for _, _, status in answers} == {200, 429} and alone == 0
    admitted = [(asked, answered) for asked, answered, status in answers if status == 200]
    beyond, most = most_beyond(admitted, RATE), BURST + RATE * EXTRA_SECONDS[mode]
    owed = due([answered for _, answered, _ in answers], RATE, BURST)
    print(f"{len(answers)} answers, {len(admitted)} admitted of {owed} due, {beyond:.1f} beyond the rate of {most:.0f}")
    assert beyond <= most
    assert owed >= 0.8 * RATE * SECONDS         # they did ask for it, and were answered
    assert len(admitted) >= 0.99 * owed
