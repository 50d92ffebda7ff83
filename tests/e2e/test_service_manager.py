"""What the service manager hears (sd_notify), and what a worker that is held up looks like from outside."""
import re
import signal
import socket
import threading
import time

import pytest
from support.gateway import settings
from support.timing import BINARY, SLOW, wait_until

HOLD = BINARY.parent / "test-plugins" / "hold.so"
HELD = f"""
[plugin.hold]
file = "{HOLD}"
[route.held]
match = {{ path = "/held" }}
plugins = ["hold"]
respond = {{ status = 200, body = "at last" }}
"""


class ServiceManager:
    """The receiving end of NOTIFY_SOCKET: (when, message) of everything that came."""

    def __init__(self, path):
        self.path = path
        self.heard = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                message = self.socket.recv(4096).decode()
            except OSError:
                return
            self.heard.append((time.monotonic(), message))

    def words(self):
        """Every assignment in the order it came, the watchdog's left out."""
        return [line for _, message in list(self.heard) for line in message.splitlines()
                if line != "WATCHDOG=1"]

    def wait_for(self, pattern):
        wait_until(lambda: any(re.match(pattern, word) for word in self.words()), pattern)


@pytest.fixture
def manager(tmp_path):
    one = ServiceManager(tmp_path / "notify")
    yield one
    one.socket.close()


def test_start_reload_and_end_are_told(gateway, manager):
    one = gateway(settings(more='[route.a]\nmatch = { path = "/a" }\nrespond = { status = 204 }\n'),
                  environment={"NOTIFY_SOCKET": str(manager.path)})
    manager.wait_for("READY=1")
    manager.wait_for("STATUS=serving 1 routes")
    heard = len(manager.words())
    one.reload()
    wait_until(lambda: "READY=1" in manager.words()[heard:], "READY=1 after the reload")
    words = manager.words()[heard:]
    assert words[0] == "RELOADING=1"
    assert re.fullmatch(r"MONOTONIC_USEC=\d+", words[1])
    one.reload("nonsense", code=1)
    manager.wait_for("STATUS=the last reload was refused; serving 1 routes")
    one.signal(signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert one.wait() == 0


def test_the_watchdog_hears_nothing_while_a_worker_is_held_up(gateway, manager):
    """And the metric and the log line say who was held."""
    interval = 0.2 * SLOW
    one = gateway(settings(more=HELD), environment={
        "NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": str(int(2e6 * interval))})

    def beats():
        return [when for when, message in list(manager.heard) if "WATCHDOG=1" in message]
    wait_until(lambda: len(beats()) >= 3, "the watchdog is fed")
    held = 1.0 + 4 * interval
    before = time.monotonic()
    assert one.ask(target="/held", fields=[("X-Hold", str(int(held * 1000)))]).body == b"at last"
    after = time.monotonic()
    assert after - before >= held
    # One beat may be due on what was answered before.
    assert len([when for when in beats() if before + interval < when < after]) <= 1
    wait_until(lambda: any(when > after for when in beats()), "the watchdog is fed again")
    wait_until(lambda: one.metric("sluice_loop_stalls_total") >= 1, "the stall is counted")
    found = one.wait_for_error_line(r"event loop stalled .*milliseconds=(\d{4,})")
    assert int(found.group(1)) >= held * 1000 * 0.9, one.error_log()


def test_a_worker_that_is_held_up_holds_up_nobody_elses_admin(gateway):
    one = gateway(settings(more=HELD))
    asking = threading.Thread(
        target=lambda: one.ask(target="/held", fields=[("X-Hold", str(1000 * SLOW))]))
    asking.start()
    time.sleep(0.1)
    began = time.monotonic()
    assert one.metrics()
    assert time.monotonic() - began < 0.5 * SLOW
    asking.join()
