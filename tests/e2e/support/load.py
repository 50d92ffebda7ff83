"""Load that remembers every answer, and what such answers say of a limit."""
import itertools
import threading
import time

from .client import Client, request


class Load:
    """Threads that ask for one key as fast as they are answered, or at a pace; with the time of each answer."""

    def __init__(self, gateways, threads=2, name="k", pause=0.0, target="/limited"):
        self.answers, self.failures, self.stopped = [], [], threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(one.port, name, pause, target))
                        for one in gateways for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self, port, name, pause, target):
        data = request(target=target, fields=[("X-Name", name)])
        own = []
        try:
            with Client(port) as client:
                while not self.stopped.is_set():
                    asked = time.monotonic()
                    client.send(data)
                    status = client.response().status
                    own.append((asked, time.monotonic(), status))
                    if pause:
                        time.sleep(pause)
        except Exception as failure:    # noqa: BLE001: said by stop()
            self.failures.append(failure)
        self.answers += own

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures
        return sorted(self.answers)


def unused(refusals, start, end, rate, burst):
    """What a limit of `rate` a second may have lost in times in which its clients were not given the processor: of
    these only the burst is kept, half of it to be on the safe side. `refusals`: when they were answered."""
    times = [start, *sorted(refusals), end]
    return sum(max(0, rate * (later - earlier) - burst / 2) for earlier, later in itertools.pairwise(times))
