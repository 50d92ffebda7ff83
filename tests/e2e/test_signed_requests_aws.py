"""Requests signed by AWS Signature Version 4, by signers that know nothing of the gateway: botocore and curl."""
import datetime
import hashlib
import subprocess
from unittest import mock

import pytest
from botocore import auth as aws
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from support.gateway import Gateway, settings
from support.problem import assert_problem
from support.upstream import Upstream

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
OTHER = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYANOTHERKEY"


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tools")
    behind = Upstream()
    one = Gateway(folder / "gateway", settings(behind, server="workers = 2", route="""
auth = ["tools"]
[route.all.headers.request]
set = { X-Consumer = "{consumer}" }
[route.links]
match = { path = "/links/**" }
upstream = "main"
auth = ["links"]
[route.once]
match = { path = "/once/**" }
upstream = "main"
auth = ["once"]
""", more="""
[auth.tools]
type = "signature"
scheme = "sigv4"
region = "eu-central-1"
service = "execute-api"
[auth.links]
type = "signature"
scheme = "sigv4"
presigned = true
unsigned_payload = true
[auth.once]
type = "signature"
scheme = "sigv4"
once = "all"
[consumer.acme]
signing_keys = [{ id = "AKIDACME", algorithm = "sigv4", secret = { secret = "env:ACME_SECRET" } },
                { id = "AKIDOLD", algorithm = "sigv4", secret = { secret = "env:ACME_SECRET" }, expires = 2020-01-01 },
                { id = "message", algorithm = "hmac-sha256", secret = { secret = "env:ACME_SECRET" } }]
"""), environment={"ACME_SECRET": SECRET}).start()
    one.behind = behind
    try:
        yield one
        one.stop()
    finally:
        one.kill()
        behind.stop()


def signed(place, method="GET", target="/", body=None, key="AKIDACME", secret=SECRET, region="eu-central-1",
           service="execute-api", signer=aws.SigV4Auth, fields=(), hashed=True, at=None, **options):
    """gives: (target, fields) as botocore would send them. `place`: a port here, or a host"""
    origin = f"http://127.0.0.1:{place}" if isinstance(place, int) else f"http://{place}"
    url = origin + target
    request = AWSRequest(method, url, headers=dict(fields), data=body)
    if hashed and body is not None:
        request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body).hexdigest()
    now = mock.patch("botocore.auth.datetime", mock.Mock(wraps=datetime, **{
        "datetime.utcnow.return_value": at})) if at else mock.patch("botocore.auth.datetime", datetime)
    with now:
        signer(Credentials(key, secret), service, region, **options).add_auth(request)
    sent = request.url.removeprefix(origin)
    return sent, list(request.headers.items())


def ask(one, sent, method="GET", body=b"", drop=(), target=None):
    own_target, fields = sent
    fields = [(name, value) for name, value in fields if name.lower() not in drop]
    return one.ask(method, target or own_target, fields, body, host=f"127.0.0.1:{one.port}")


@pytest.mark.parametrize("target", ["/", "/a/b?x=1&a=2&a=1", "/a%20b/%C3%A9?q=%2F%20%2B~&empty=&%40=1", "/a~b/c-d_e.f"])
def test_botocore_comes_in_and_its_signature_goes_no_further(tools, target):
    assert ask(tools, signed(tools.port, target=target)).status == 200
    seen = tools.behind.last
    assert seen.all("X-Consumer") == ["acme"] and not seen.has("Authorization")
    assert ask(tools, signed(tools.port, target=target)).status == 200   # the same once more: a safe one may repeat


def test_what_is_signed_cannot_be_changed(tools):
    def refused(code, status=401, method="GET", body=b"", drop=(), target=None, **how):
        response = ask(tools, signed(tools.port, **how), method, body, drop, target)
        assert_problem(response, status, code)
        return response
    before = len(tools.behind.requests)
    response = refused("signature_invalid", method="DELETE")
    assert response.all("WWW-Authenticate") == ['AWS4-HMAC-SHA256 realm="tools"']
    refused("signature_invalid", target="/other")
    refused("signature_invalid", target="/?a=1")
    refused("signature_invalid", secret=OTHER)
    refused("signature_key_unknown", key="AKIDNOBODY")
    refused("signature_key_unknown", key="message")   # a key for the other scheme
    refused("signature_key_expired", key="AKIDOLD")
    refused("signature_components", region="us-east-1")
    refused("signature_components", service="s3")
    refused("signature_malformed", drop=("x-amz-date",))
    refused("signature_components", fields=[("X-Amz-Meta", "a")], drop=("x-amz-meta",))
    late = datetime.datetime.utcnow() - datetime.timedelta(seconds=302)
    refused("signature_expired", at=late)
    refused("signature_not_yet_valid", at=datetime.datetime.utcnow() + datetime.timedelta(seconds=330))
    assert_problem(tools.ask(), 401, "credentials_missing")
    assert len(tools.behind.requests) == before


def test_a_body_is_held_to_its_signed_hash(tools):
    body = b'{"amount": 7}' * 3000
    sent = signed(tools.port, "POST", "/pay", body)
    before = len(tools.behind.requests)
    assert_problem(ask(tools, sent, "POST", body[:-1] + b"]"), 400, "digest_mismatch")
    for broken in tools.behind.requests[before:]:   # a beginning at most
        assert not broken.done.wait(0.02)
    assert_problem(ask(tools, sent, "POST", body), 401, "signature_replayed")
    sent = signed(tools.port, "POST", "/pay/2", body)
    assert ask(tools, sent, "POST", body).status == 200
    assert tools.behind.last.body == body
    assert_problem(ask(tools, sent, "POST", body), 401, "signature_replayed")
    # Signed over the body's hash, which is nowhere in the request: nothing could be verified before its end.
    bare = signed(tools.port, "POST", "/pay/3", body, hashed=False)
    assert_problem(ask(tools, bare, "POST", body), 401, "signature_components")
    unsigned = signed(tools.port, "POST", "/pay/4", body, hashed=False,
                      fields=[("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")])
    assert_problem(ask(tools, unsigned, "POST", body), 401, "signature_components")
    unsigned = signed(tools.port, "POST", "/links/4", body, hashed=False,
                      fields=[("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")])
    assert ask(tools, unsigned, "POST", body).status == 200


def test_s3_signs_paths_in_its_own_way(tools):
    sent = signed(tools.port, "PUT", "/links/a%20b%2Bc", b"x", service="s3", signer=aws.S3SigV4Auth)
    assert ask(tools, sent, "PUT", b"x").status == 200
    link = signed(tools.port, "PUT", "/links/a%20b", service="s3", signer=aws.S3SigV4QueryAuth, expires=60)
    assert ask(tools, link, "PUT", b"whatever").status == 200   # a link of S3 is for any body


def test_a_presigned_url_is_good_until_it_expires_where_it_is_asked_for(tools):
    sent = signed(tools.port, target="/links/a?x=1", signer=aws.SigV4QueryAuth, expires=60)
    assert "X-Amz-Signature=" in sent[0]
    for _ in range(2):
        assert ask(tools, sent).status == 200
    assert tools.behind.last.target == "/links/a?x=1"
    assert_problem(ask(tools, sent, target=sent[0].replace("x=1", "x=2")), 401, "signature_invalid")
    assert_problem(ask(tools, sent, body=b"a body that nobody signed"), 401, "signature_components")
    late = datetime.datetime.utcnow() - datetime.timedelta(seconds=61)
    old = signed(tools.port, target="/links/a", signer=aws.SigV4QueryAuth, expires=60, at=late)
    assert_problem(ask(tools, old), 401, "signature_expired")
    elsewhere = signed(tools.port, target="/a", signer=aws.SigV4QueryAuth, expires=60)
    assert_problem(ask(tools, elsewhere), 401, "credentials_missing")
    signature = sent[0].partition("X-Amz-Signature=")[2]
    assert signature and all(signature not in line for line in tools.raw_access_log())


def test_every_request_passes_once_where_that_is_asked_for(tools):
    sent = signed(tools.port, target="/once/a")
    assert ask(tools, sent).status == 200
    assert_problem(ask(tools, sent), 401, "signature_replayed")


def test_curl_comes_in(tools):
    url = f"http://127.0.0.1:{tools.port}/curl?a=1&b=2"
    out = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--aws-sigv4",
                          "aws:amz:eu-central-1:execute-api", "--user", f"AKIDACME:{SECRET}", url],
                         capture_output=True, text=True, timeout=30, check=True)
    assert out.stdout == "200"
    assert SECRET not in tools.error_log()
