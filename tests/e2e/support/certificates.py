"""Certificates made for the tests: a CA, one that nobody trusts, and leaves. ECDSA P-256, by
openssl."""
import datetime
import ssl
import subprocess
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    def __init__(self, folder, name, issuer=None):
        """Signed by itself, or by another one."""
        self.folder, self.name = Path(folder), name
        self.cert, self.key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        signer = ("-CA", issuer.cert, "-CAkey", issuer.key) if issuer else ()
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-days", 30, "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.cert,
                 "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign,cRLSign", *signer)

    def leaf(self, *names, stem=None, days=30):
        """gives: (cert path, key path) for these DNS names or addresses; made anew each time.
        Negative days: expired."""
        stem = Path(stem) if stem else self.folder / f"{self.name}-{names[0].replace('*', 'any')}"
        cert, key, request = (stem.with_suffix(suffix) for suffix in (".crt", ".key", ".csr"))
        kinds = ("IP" if name.replace(".", "").isdigit() or ":" in name else "DNS"
                 for name in names)
        extensions = stem.with_suffix(".ext")
        extensions.write_text("subjectAltName=" + ",".join(f"{k}:{n}" for k,
                                                           n in zip(kinds, names)))
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                 f"/CN={names[0]}", "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                 "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", cert)
        return cert, key

    def brief_leaf(self, name, stem, seconds):
        """The same for one DNS name, good for so long from now on."""
        now = datetime.datetime.now(datetime.timezone.utc)
        issuer = x509.load_pem_x509_certificate(self.cert.read_bytes())
        own = ec.generate_private_key(ec.SECP256R1())
        made = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
                .issuer_name(issuer.subject).public_key(own.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(seconds=seconds))
                .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
                .sign(serialization.load_pem_private_key(self.key.read_bytes(), None), hashes.SHA256()))
        cert, key = Path(stem).with_suffix(".crt"), Path(stem).with_suffix(".key")
        cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        key.write_bytes(own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))
        return cert, key

    def crl(self, path, *revoked):
        """Writes a revocation list with these certificates on it. gives: its path"""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        config = folder / "ca.cnf"
        (folder / "index").touch()
        (folder / "number").write_text("01\n")
        config.write_text(f"[ca]\ndefault_ca=one\n[one]\ndatabase={folder}/index\n"
                          f"crlnumber={folder}/number\ndefault_md=sha256\ndefault_crl_days=30\n")
        ours = ("ca", "-config", config, "-keyfile", self.key, "-cert", self.cert)
        for cert in revoked:
            _openssl(*ours, "-revoke", cert)
        _openssl(*ours, "-gencrl", "-out", path)
        return path

    def client_context(self, minimum=None, maximum=None, alpn=("http/1.1",), pair=None):
        context = ssl.create_default_context(cafile=str(self.cert))
        if minimum:
            context.minimum_version = minimum
        if maximum:
            context.maximum_version = maximum
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if pair:
            context.load_cert_chain(*pair)
        return context

    def server_context(self, *names):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cert, key = self.leaf(*names)
        context.load_cert_chain(cert, key)
        return context
