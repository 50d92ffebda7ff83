"""Load that remembers every answer, and what such answers say of a limit."""
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


def most_beyond(admitted, rate):
    """The most that any window of time holds beyond `rate` times its length. `admitted`: when each was asked for and
    answered; it was decided in between. So a window is from one's asking to another's answer, and holds at least those
    that were answered until its end, less those that were asked for before it."""
    asked, answered = (sorted(times) for times in zip(*admitted))
    least = most = 0
    for before, (start, end) in enumerate(zip(asked, answered)):
        least = min(least, before - rate * (start - asked[0]))
        most = max(most, before + 1 - rate * (end - asked[0]) - least)
    return most


def due(answered, rate, burst):
    """How many of the requests that were answered at these times a limit owes to its clients: those that a bucket has
    something for, which holds `burst` and gets `rate` a second. What nobody asked for in time is lost to them and not owed:
    a busy machine runs something else meanwhile."""
    tokens, last, count = burst, min(answered), 0
    for at in sorted(answered):
        tokens, last = min(burst, tokens + rate * (at - last)), at
        if tokens >= 1:
            tokens, count = tokens - 1, count + 1
    return count
