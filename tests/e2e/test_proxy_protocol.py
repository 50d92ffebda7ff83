"""PROXY protocol, versions 1 and 2, on listeners that ask for it and from trusted proxies only."""
import socket
import struct

import pytest
from support.client import request
from support.problem import assert_problem

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
LISTEN = "proxy_protocol = true"
TRUSTED = 'trusted_proxies = ["127.0.0.0/8"]'


def addresses(family, source, target):
    ports = struct.pack("!HH", 40000, 443)
    return socket.inet_pton(family, source) + socket.inet_pton(family, target) + ports


FOUR = addresses(socket.AF_INET, "203.0.113.7", "10.0.0.1")
SIX = addresses(socket.AF_INET6, "2001:db8::7", "::1")


def version_2(command=1, family=0x11, address=FOUR, extra=b""):
    payload = address + extra
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack("!H", len(payload)) + payload


GOOD = [
    ("v1_tcp4", b"PROXY TCP4 203.0.113.7 10.0.0.1 40000 443\r\n", "203.0.113.7"),
    ("v1_tcp6", b"PROXY TCP6 2001:db8::7 ::1 40000 443\r\n", "2001:db8::7"),
    ("v1_unknown", b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ("v1_unknown_with_text", b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "127.0.0.1"),
    ("v2_tcp4", version_2(), "203.0.113.7"),
    ("v2_tcp6", version_2(family=0x21, address=SIX), "2001:db8::7"),
    ("v2_with_tlv", version_2(extra=b"\x04\x00\x03abc"), "203.0.113.7"),
    ("v2_local", version_2(command=0, family=0, address=b""), "127.0.0.1"),
]
BAD = [
    ("no_header", b""),
    ("v1_bad_address", b"PROXY TCP4 203.0.113.777 10.0.0.1 1 2\r\n"),
    ("v1_bad_port", b"PROXY TCP4 203.0.113.7 10.0.0.1 99999 2\r\n"),
    ("v1_wrong_family", b"PROXY TCP4 2001:db8::7 ::1 1 2\r\n"),
    ("v1_lf_only", b"PROXY TCP4 203.0.113.7 10.0.0.1 1 2\n"),
    ("v1_endless", b"PROXY TCP4 " + b"1" * 300 + b"\r\n"),
    ("v2_bad_version", SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12)),
    ("v2_short_address", version_2(address=b"\x01\x02")),
    ("v2_bad_command", version_2(command=5)),
]


@pytest.mark.parametrize("name, header, client_ip", GOOD, ids=[name for name, *_ in GOOD])
@pytest.mark.parametrize("step", [10_000, 1])
def test_the_header_names_the_client(proxied, name, header, client_ip, step):
    gateway, upstream = proxied(top=TRUSTED, listen=LISTEN)
    with gateway.client() as client:
        client.send_in_steps(header + request(), step)
        assert client.response().status == 200
        assert client.ask().status == 200      # once per connection
    assert upstream.requests[0].get("X-Forwarded-For").split(", ")[0] == client_ip


@pytest.mark.parametrize("name, header", BAD, ids=[name for name, _ in BAD])
def test_a_bad_or_missing_header_ends_the_connection(proxied, name, header):
    gateway, upstream = proxied(top=TRUSTED, listen=LISTEN + '\ntimeout = { header = "1s" }')
    with gateway.client() as client:
        client.send(header + request())
        assert client.is_closed()
    assert upstream.requests == []


def test_an_untrusted_peer_may_not_speak_it(proxied):
    gateway, upstream = proxied(top='trusted_proxies = ["10.0.0.0/8"]', listen=LISTEN)
    with gateway.client() as client:
        client.send(GOOD[0][1] + request())
        assert not client.read_to_end_whatever_happens().startswith(b"HTTP/1.1 2")
    assert upstream.requests == []


def test_elsewhere_the_header_is_no_request(proxied):
    gateway, upstream = proxied(top=TRUSTED)
    with gateway.client() as client:
        client.send(GOOD[0][1] + request())
        assert_problem(client.response(), 400, "bad_request_line")
    assert upstream.requests == []
