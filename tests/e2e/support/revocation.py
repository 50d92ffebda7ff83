"""Credentials that are taken back while both workers of a gateway serve them out of what they remember."""
import contextlib
import time

from support.client import request
from support.timing import SLOW, sanitizer

REVOKED_SECONDS = SLOW if sanitizer() else 1     # what is promised, so the allowance is for sanitizers alone
CONNECTIONS_MAX = 24     # all of them with one worker of two: once in 2^23


def on_both_workers(one, behind, fields, stack):
    """gives: connections of a gateway with two workers, at least one with each, on which these fields were let in.

    A worker shares its connections to the upstream with no other, and sends requests that come one after the other on
    the one that it used last: two of them serve when, and only when, both workers do.
    """
    served_by = {}
    while len(set(served_by.values())) < 2:
        assert len(served_by) < CONNECTIONS_MAX, "one worker has all connections"
        client = stack.enter_context(one.client())
        assert client.ask("GET", "/", fields).status == 200
        served_by[client] = behind.requests[-1].connection
    for client, connection in served_by.items():
        assert client.ask("GET", "/", fields).status == 200
        assert behind.requests[-1].connection == connection
    return list(served_by)


def assert_revoked(one, behind, revoke, *credentials, in_use=False):
    """Both workers serve the credentials, lists of fields, until revoke(); of the requests that arrive REVOKED_SECONDS
    after it has returned none passes. `in_use`: more of them come all that time."""
    with contextlib.ExitStack() as stack:
        clients = on_both_workers(one, behind, credentials[0], stack)
        assert {client.ask("GET", "/", fields).status for fields in credentials for client in clients} == {200}
        revoke()
        end = time.monotonic() + REVOKED_SECONDS
        while in_use and time.monotonic() < end:
            for fields in credentials:
                for client in clients:
                    client.ask("GET", "/", fields)
        time.sleep(max(0, end - time.monotonic()))
        for client in clients:
            client.send(b"".join(request("GET", "/", fields) for fields in credentials))
        late = [[client.response().status for _ in credentials] for client in clients]
        assert {status for each in late for status in each} == {401}, f"by connection: {late}"
