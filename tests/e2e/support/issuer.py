"""Somebody who issues tokens: keys by openssl, tokens by hand, and a server that publishes the keys."""
import base64
import hashlib
import hmac
import json
import subprocess
import time
from pathlib import Path

from support.upstream import answer


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _openssl(*arguments, data=b""):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


class Key:
    """One key; `algorithm` is RS256, ES256 or HS256."""

    def __init__(self, folder, kid, algorithm="ES256"):
        self.kid, self.algorithm = kid, algorithm
        self.path = Path(folder) / f"{kid}.key"
        if algorithm == "HS256":
            self.secret = hashlib.sha256(str(self.path).encode()).digest()
        elif algorithm == "ES256":
            self.path.write_bytes(_openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
        else:
            self.path.write_bytes(_openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))

    def pem(self):
        return _openssl("pkey", "-in", self.path, "-pubout").decode()

    def jwk(self):
        common = {"kid": self.kid, "alg": self.algorithm, "use": "sig"}
        if self.algorithm == "HS256":
            return {**common, "kty": "oct", "k": b64(self.secret)}
        if self.algorithm == "ES256":   # the point ends the DER form
            der = _openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")
            return {**common, "kty": "EC", "crv": "P-256", "x": b64(der[-64:-32]), "y": b64(der[-32:])}
        modulus = _openssl("rsa", "-in", self.path, "-noout", "-modulus").decode().strip().split("=")[1]
        return {**common, "kty": "RSA", "n": b64(bytes.fromhex(modulus)), "e": "AQAB"}

    def sign(self, message):
        if self.algorithm == "HS256":
            return hmac.new(self.secret, message, hashlib.sha256).digest()
        signature = _openssl("dgst", "-sha256", "-sign", self.path, data=message)
        return signature if self.algorithm == "RS256" else _flat(signature)


def _flat(der):
    """r and s side by side: SEQUENCE { INTEGER r, INTEGER s }."""
    out, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        out += der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return out


class Issuer:
    def __init__(self, name="https://id.example", audience="orders"):
        self.name, self.audience = name, audience

    def token(self, key, header=None, **claims):
        """Claims that are None are left out."""
        now = int(time.time())
        payload = {"iss": self.name, "aud": self.audience, "exp": now + 600, "iat": now, "sub": "alice", **claims}
        payload = {name: value for name, value in payload.items() if value is not None}
        head = {"alg": key.algorithm, "kid": key.kid, **(header or {})}
        message = ".".join(b64(json.dumps(part).encode()) for part in (head, payload)).encode()
        return message.decode() + "." + b64(key.sign(message))


def key_set(*keys):
    return json.dumps({"keys": [key.jwk() for key in keys]})


class Provider:
    """A script for an upstream: publishes `keys` at /keys, and where they are by discovery."""

    def __init__(self, *keys):
        self.keys = list(keys)
        self.address = ""
        self.status = 200
        self.asked = 0

    def __call__(self, connection, request):
        if request.target.startswith("/.well-known/"):
            body = json.dumps({"issuer": f"http://{self.address}", "jwks_uri": f"http://{self.address}/keys"})
        else:
            self.asked += 1
            body = key_set(*self.keys)
        return answer(status=self.status, body=body.encode())(connection, request)
