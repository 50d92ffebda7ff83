"""Deadlines of the end-to-end tests: nothing sleeps blindly, everything polls until one of these
passes."""
import functools
import os
import time
from pathlib import Path

BINARY = Path(os.environ.get("SLUICE_BINARY",
                             Path(__file__).resolve().parents[3] / "build" / "release" / "sluice"))


@functools.cache
def sanitizer():
    """Which sanitizer the binary under test is built with: "", "address" or "thread"."""
    data = BINARY.read_bytes() if BINARY.exists() else b""
    for mark, name in ((b"__tsan_init", "thread"), (b"__asan_init", "address")):
        if mark in data:
            return name
    return ""


# The one allowance for slow machines: every deadline is multiplied by it.
SLOW = 10 if sanitizer() else 2
DEADLINE_SECONDS = 5 * SLOW


def wait_until(predicate, what, seconds=DEADLINE_SECONDS):
    """Polls until predicate() is true and gives its value; fails the test when the time is over."""
    end = time.monotonic() + seconds
    pause = 0.002
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
