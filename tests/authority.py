"""A Time-Stamping Authority (RFC 3161) of the tests' own: OpenSSL's, with certificates made here."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ari_recorder.store.database import Store
from ari_recorder.store.timestamps import authorities, response, rows
from ari_recorder.store.timestamps.rows import KeptStamp
from ari_recorder.store.tree_heads import Head

CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
certs = {folder}/issuer.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = {digests}
accuracy = secs:1
ess_cert_id_chain = yes
ess_cert_id_alg = sha256
"""
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n"
_TSA = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"


@dataclass(frozen=True)
class Authority:
    """What answers, with its files in ``folder``; it takes one question at a time."""

    folder: Path
    name: str
    _alone: threading.Lock

    @property
    def ca(self) -> Path:
        """The certificate that its stamps lead to."""
        return self.folder / "ca.pem"

    @property
    def authorities(self) -> authorities.Authorities:
        """The same, read."""
        return authorities.trusted(self.ca)

    def reply(self, query: bytes, *, digests: str = "sha256") -> bytes:
        """What it answers, of the hashes that it takes."""
        with self._alone:
            (self.folder / "query.tsq").write_bytes(query)
            (self.folder / "tsa.cnf").write_text(CONFIG.format(folder=self.folder, digests=digests))
            done = _openssl(self.folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq")
        return done.stdout


def made(folder: Path, name: str = "Clock", *, between: bool = False) -> Authority:
    """A new one; with ``between`` its certificate leads to its authority's over another."""
    folder.mkdir(parents=True, exist_ok=True)
    root = ("-x509", "-days", "3650", "-subj", f"/O=Stamps of {name}/CN=Root")
    _openssl(folder, "req", *root, *_KEY, "-keyout", "ca.key", "-out", "ca.pem")
    issuer = "ca"
    if between:
        _issue(folder, "between", f"/O=Stamps of {name}/CN=Between", _CA, by="ca")
        issuer = "between"
    _issue(folder, "tsa", f"/O=Stamps of {name}/CN={name}", _TSA, by=issuer)
    (folder / "issuer.pem").write_bytes((folder / f"{issuer}.pem").read_bytes())
    (folder / "serial").write_text("01\n")
    return Authority(folder, f"CN={name},O=Stamps of {name}", threading.Lock())


def expires(authority: Authority, until: datetime) -> None:
    """Give it another certificate, that is good until then."""
    folder = authority.folder
    old = x509.load_pem_x509_certificate((folder / "tsa.pem").read_bytes())
    signer = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(old.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(until)
    )
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    made = builder.sign(signer, hashes.SHA256())
    (folder / "tsa.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))


def stamp(store: Store, authority: Authority, head: Head, now: datetime) -> KeptStamp:
    """Have that head stamped, and keep the stamp."""
    message = response.stamped(head)
    asked = response.request(message)
    answer = authority.reply(asked.content)
    found = response.verified(answer, message, authority.authorities, asked.nonce)
    anchors = response.anchor(answer, message, authority.authorities).pem
    kept = store.write_now(rows.keep, head, found, answer, anchors, now)
    assert kept is not None
    return kept


def _issue(folder: Path, name: str, subject: str, extensions: str, *, by: str) -> None:
    _openssl(folder, "req", *_KEY, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
    (folder / f"{name}.ext").write_text(extensions)
    signed = ("-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial", "-days", "3650")
    _openssl(
        folder,
        "x509",
        "-req",
        "-in",
        f"{name}.csr",
        *signed,
        "-extfile",
        f"{name}.ext",
        "-out",
        f"{name}.pem",
    )


def _openssl(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *words], cwd=folder, capture_output=True, check=True)
