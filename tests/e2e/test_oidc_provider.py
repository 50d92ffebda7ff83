"""Tokens of a real OpenID provider that changes its keys and goes away. Skipped where npm cannot install it."""
import json
from base64 import urlsafe_b64decode

import pytest
from support.gateway import settings
from support.oidc import OidcProvider, install
from support.problem import assert_problem
from support.timing import wait_until


@pytest.fixture
def provider(tmp_path):
    if reason := install():
        pytest.skip(reason)
    one = OidcProvider(tmp_path)
    one.rotate("first")
    yield one
    one.stop()


def part(token, number):
    text = token.split(".")[number]
    return json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_tokens_of_a_real_provider_through_its_rotation_and_its_absence(gateway, upstream, provider):
    behind = upstream()
    one = gateway(settings(behind, route="""
auth = ["customers"]
[route.all.headers.request]
set = { X-Subject = "{identity}", X-Client = "{claim.client_id}" }
""", more=f"""
[auth.customers]
type = "jwt"
issuer = "{provider.issuer}"
audience = "orders"
"""))

    def ask(token):
        return one.ask(fields=[("Authorization", f"Bearer {token}")])

    first = provider.token()
    assert part(first, 0)["typ"] == "at+jwt" and part(first, 0)["kid"] == "first"
    wait_until(lambda: ask(first).status == 200, "the keys are fetched")
    assert behind.requests[-1].get("X-Subject") == "machine" and behind.requests[-1].get("X-Client") == "machine"
    assert_problem(ask(first[:-4] + "AAAA"), 401, "token_signature")

    # A new key: known at its first use. What the old one signed is good as long as it is published.
    provider.rotate("second")
    second = provider.token()
    assert part(second, 0)["kid"] == "second"
    wait_until(lambda: ask(second).status == 200, "the new key is fetched")
    assert ask(first).status == 200

    # Away: both keys serve on, a key that nobody published is refused.
    provider.stop()
    assert [ask(first).status, ask(second).status] == [200, 200]
    foreign = OidcProvider(provider.folder)
    foreign.port, foreign.issuer = provider.port, provider.issuer
    foreign.rotate("third")
    third = foreign.token()
    foreign.stop()
    assert_problem(ask(third), 401, "token_key_unknown")
    assert [ask(first).status, ask(second).status] == [200, 200]
    assert first not in one.error_log() and second not in one.error_log()
