"""A file of a million API keys: what a key takes of memory, and what the gateway does while a new version of the file comes
into force. Part of `make bench`."""
import shutil
import socket
import threading
import time

import extras
import guards
import load
import peers

FEW, PORT_SHIFT = 10, 342
GOAL_BYTES = 120
SETTLED_SECONDS = 5               # the file is read a second time soon after the start
CONNECTIONS, RATE, SECONDS = 40, 2_000, 10
RENAME_AFTER, FORCE_SECONDS_MAX = 1, 60
LOOK_SECONDS = 0.02


def _gateway(folder, count):
    """gives: a gateway that is to run, the file of so many keys that it reads"""
    place = folder / f"keys-{count}"
    place.mkdir(exist_ok=True)
    guards.make_keys(place, count)
    config = peers.variant(folder, "sluice.toml", f"keys-{count}", PORT_SHIFT, guards.keyed(place))
    return peers.sluice(f"sluice-keys-{count}", config, PORT_SHIFT), place / "keys.jsonl"


def _settled_kib(one):
    time.sleep(SETTLED_SECONDS)
    return one.resident_kib()


def _p99(one, folder):
    """gives: seconds, of requests with one key at a modest rate"""
    asked = load.Workload("keyed", "", CONNECTIONS, rate=RATE, headers=(("X-Api-Key", guards.api_key(7)),))
    return load.run(asked, one, SECONDS, folder).p99


def _status(port, key):
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(f"GET {peers.SMALL} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {key}\r\n\r\n".encode())
        return client.recv(4096)[9:12]


class Renamed(threading.Thread):
    """Puts a version with a key more in the place of `file`, and waits until the key is accepted. `took`: seconds from the
    rename, None when it never was; `most`: resident KiB meanwhile."""

    def __init__(self, one, file):
        super().__init__(daemon=True)
        self.one, self.file, self.next = one, file, file.with_suffix(".next")
        self.took, self.most = None, 0
        shutil.copy(file, self.next)
        with open(self.next, "a") as out:
            out.write(guards.key_record(guards.KEYS))

    def run(self):
        time.sleep(RENAME_AFTER)
        self.next.rename(self.file)
        began = time.monotonic()
        while time.monotonic() < began + FORCE_SECONDS_MAX:
            accepted = _status(self.one.port, guards.api_key(guards.KEYS)) == b"200"
            self.most = max(self.most, self.one.resident_kib())
            if accepted:
                self.took = time.monotonic() - began
                return
            time.sleep(LOOK_SECONDS)


def measure(folder):
    """gives: lines for the results"""
    few, _ = _gateway(folder, FEW)
    few.start(folder)
    try:
        without = _settled_kib(few)
    finally:
        few.stop()
    one, file = _gateway(folder, guards.KEYS)
    one.start(folder)
    try:
        resident = _settled_kib(one)
        each = (resident - without) * 1024 / (guards.KEYS - FEW)
        before = _p99(one, folder)
        renamed = Renamed(one, file)
        renamed.start()
        meanwhile = _p99(one, folder)
        renamed.join(FORCE_SECONDS_MAX)
    finally:
        one.stop()
        shutil.rmtree(file.parent)
    took = "never" if renamed.took is None else f"{renamed.took:.2f} s"
    what = f"{guards.KEYS:,} API keys"
    return [extras.line(f"{what}: memory of each", f"{each:.0f} B", f"{GOAL_BYTES} B", each <= GOAL_BYTES),
            extras.line(f"{what}: from the file's rename until a key that was added is accepted", took),
            extras.line(f"{what}: p99 of other requests, before and meanwhile", f"{before * 1e3:.2f} to {meanwhile * 1e3:.2f} ms"),
            extras.line(f"{what}: memory, before and at most meanwhile", f"{resident / 1024:.0f} to {renamed.most / 1024:.0f} MiB")]
