"""Requests signed by RFC 9421, written from the RFC and not from the gateway's code."""
import base64
import hashlib
import hmac
import itertools
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

COMPONENTS = ("@method", "@authority", "@path", "@query")
_nonces = itertools.count()


class Key:
    """One signing key; `algorithm` as RFC 9421 names it."""

    def __init__(self, id, algorithm):
        self.id, self.algorithm = id, algorithm
        self.secret = hashlib.sha256(f"secret of {id}".encode()).hexdigest()
        self.private = {
            "hmac-sha256": lambda: None,
            "ed25519": ed25519.Ed25519PrivateKey.generate,
            "ecdsa-p256-sha256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "ecdsa-p384-sha384": lambda: ec.generate_private_key(ec.SECP384R1()),
            "rsa-pss-sha512": lambda: rsa.generate_private_key(65537, 2048),
            "rsa-v1_5-sha256": lambda: rsa.generate_private_key(65537, 2048),
        }[algorithm]()

    def pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def private_pem(self):
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()).decode()

    def entry(self, folder, more=""):
        """gives: its entry of `signing_keys`, with the file that the entry names"""
        if self.private is None:
            path = folder / f"{self.id}.secret"
            path.write_text(self.secret + "\n")
            place = f'secret = {{ secret = "file:{path}" }}'
        else:
            path = folder / f"{self.id}.pem"
            path.write_text(self.pem())
            place = f'public_key = "{path}"'
        return f'{{ id = "{self.id}", algorithm = "{self.algorithm}", {place}{more} }}'

    def sign(self, text):
        if self.algorithm == "hmac-sha256":
            return hmac.new(self.secret.encode(), text, hashlib.sha256).digest()
        if self.algorithm == "ed25519":
            return self.private.sign(text)
        if self.algorithm == "rsa-pss-sha512":
            return self.private.sign(text, padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512())
        if self.algorithm == "rsa-v1_5-sha256":
            return self.private.sign(text, padding.PKCS1v15(), hashes.SHA256())
        size, digest = (32, hashes.SHA256()) if "p256" in self.algorithm else (48, hashes.SHA384())
        r, s = utils.decode_dss_signature(self.private.sign(text, ec.ECDSA(digest)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def content_digest(body, algorithm="sha-256"):
    digest = hashlib.new(algorithm.replace("-", ""), body).digest()
    return f"{algorithm}=:{base64.b64encode(digest).decode()}:"


def component_value(name, method, scheme, host, target, fields):
    path, mark, query = target.partition("?")
    derived = {"@method": method, "@authority": host, "@scheme": scheme, "@path": path,
               "@query": "?" + query, "@request-target": target,
               "@target-uri": f"{scheme}://{host}{target}"}
    if name.startswith("@"):
        return derived[name]
    return ", ".join(value.strip() for field, value in fields if field.lower() == name)


def signed(key, method="GET", target="/", fields=(), body=None, components=COMPONENTS,
           host="localhost", scheme="http", created=None, nonce=True, label="sig", **parameters):
    """The fields of the request with its signature; a body adds its Content-Digest."""
    fields = list(fields)
    components = list(components)
    if body is not None:
        fields.append(("Content-Digest", content_digest(body)))
        components.append("content-digest")
    shown = " ".join(f'"{name}"' for name in components)
    values = {"created": int(time.time()) if created is None else created, "keyid": key.id}
    if nonce:
        values["nonce"] = nonce if isinstance(nonce, str) else f"{time.time_ns()}-{next(_nonces)}"
    values.update(parameters)
    shown = f"({shown})" + "".join(
        f";{name}={value}" if isinstance(value, int) else f';{name}="{value}"'
        for name, value in values.items() if value is not None)
    lines = [f'"{name}": {component_value(name, method, scheme, host, target, fields)}'
             for name in components]
    base = "\n".join([*lines, f'"@signature-params": {shown}'])
    signature = base64.b64encode(key.sign(base.encode())).decode()
    return [*fields, ("Signature-Input", f"{label}={shown}"), ("Signature", f"{label}=:{signature}:")]
