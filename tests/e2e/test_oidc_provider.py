"""Tokens of a real OpenID provider that changes its keys and goes away. Skipped where npm cannot install it."""
import json
from base64 import urlsafe_b64decode

import pytest
from support.gateway import settings
from support.issuer import Issuer, Key
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


def test_tokens_of_a_real_provider_through_its_rotation_and_its_absence(gateway, upstream, provider, tmp_path):
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
refresh = "1s"
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

    # Away, and the gateway has noticed: both keys serve on, for tokens that nobody has shown before too. Whether a key
    # that it does not know is good nobody can say.
    unseen = provider.token()
    provider.stop()
    before = one.error_log().count("token keys not fetched")     # it was away for a moment when it changed its keys
    wait_until(lambda: one.error_log().count("token keys not fetched") > before, "a fetch has failed")
    assert [ask(first).status, ask(second).status, ask(unseen).status] == [200] * 3
    third = Issuer(provider.issuer).token(Key(tmp_path, "third"), header={"typ": "at+jwt"})
    assert_problem(ask(third), 503, "token_keys_unavailable")

    # Back, with the same keys: now it is known that nobody published that one.
    provider.start()
    wait_until(lambda: ask(third).status == 401, "the keys are fetched again")
    assert_problem(ask(third), 401, "token_key_unknown")
    assert ask(unseen).status == 200
    assert first not in one.error_log() and unseen not in one.error_log()
