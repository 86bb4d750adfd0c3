"""What may be said of where recordings are pushed to, and which public keys are taken."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ari_recorder.policies.ssh_keys import public_key
from ari_recorder.policies.targets import S3, SFTP, S3Target, SftpTarget, fields_of, secret, target
from ari_recorder.policies.unfit import Unfit


def line(key: Any) -> str:
    return str(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())


ED25519 = line(ed25519.Ed25519PrivateKey.generate())
PLACE = {"host": "sftp.example.com", "port": "22", "login": "acme", "folder": "in", "host_key": ED25519}
BUCKET = {"bucket": "acme-recordings", "region": "eu-north-1", "access_key": "AKIA0000", "prefix": "a/b"}


def test_keys_that_are_taken() -> None:
    keys = [
        ED25519,
        line(ec.generate_private_key(ec.SECP256R1())),
        line(ec.generate_private_key(ec.SECP521R1())),
        line(rsa.generate_private_key(65537, 2048)),
    ]
    for text in keys:
        found = public_key("key", f"{text} somebody@acme")
        assert found.text == text
        assert found.comment == "somebody@acme"
        assert found.fingerprint.startswith("SHA256:")
        assert len(found.fingerprint) == 50


def test_a_line_of_known_hosts_and_one_with_options_are_read() -> None:
    assert public_key("key", f"sftp.example.com,192.0.2.1 {ED25519}").text == ED25519
    assert public_key("key", f'from="192.0.2.0/24" {ED25519} me').text == ED25519


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "one line"),
        ("x" * 5000, "one line"),
        (f"{ED25519}\n{ED25519}", "one line"),
        ("hello", "no key that is taken"),
        ("ssh-ed25519", "no key that is taken"),
        ("ssh-ed25519 AAAA", "not whole"),
        ("ssh-ed25519 !!!", "not whole"),
        pytest.param(ED25519[:-8], "not whole", id="cut"),
        pytest.param(ED25519.replace("ssh-ed25519", "ssh-rsa"), "not whole", id="another kind"),
        (line(rsa.generate_private_key(65537, 1024)), "2048"),  # noqa: S505
        ("ssh-dss AAAAB3NzaC1kc3M=", "no key that is taken"),
        ("-----BEGIN OPENSSH PRIVATE KEY----- xx", "private key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519", "private key"),
        (None, "one line"),
        (7, "one line"),
    ],
)
def test_keys_that_are_not(text: Any, told: str) -> None:
    with pytest.raises(Unfit, match=told):
        public_key("key", text)


def test_parts_that_lie_about_their_length() -> None:
    blob = b"\0\0\0\x0bssh-ed25519" + b"\xff\xff\xff\xff" + b"x" * 32
    with pytest.raises(Unfit, match="not whole"):
        public_key("key", f"ssh-ed25519 {base64.b64encode(blob).decode()}")


def test_a_private_key_is_never_taken_for_a_public_one() -> None:
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    with pytest.raises(Unfit, match="private key"):
        public_key("key", pem.decode())


def test_places_that_can_be() -> None:
    found = target(SFTP, PLACE)
    assert isinstance(found, SftpTarget)
    assert (found.port, str(found)) == (22, "sftp://acme@sftp.example.com/in")
    assert target(SFTP, fields_of(found)) == found
    other = target(SFTP, {**PLACE, "host": "[2001:DB8::1]", "port": 2222})
    assert str(other) == "sftp://acme@[2001:db8::1]:2222/in"
    bucket = target(S3, BUCKET)
    assert isinstance(bucket, S3Target)
    assert str(bucket) == "s3://acme-recordings/a/b"
    assert target(S3, fields_of(bucket)) == bucket
    assert (
        target(S3, {**BUCKET, "endpoint": "https://S3.example.com:9000/"}).endpoint
        == "https://s3.example.com:9000"
    )  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (SFTP, "host", ""), (SFTP, "host", "a b"), (SFTP, "host", "sftp://x"), (SFTP, "host", "x:22"),
        (SFTP, "host", "-oProxyCommand=x"), (SFTP, "host", "x/y"), (SFTP, "host", "x" * 300),
        (SFTP, "host", 7),
        (SFTP, "port", 0), (SFTP, "port", 65536), (SFTP, "port", "x"), (SFTP, "port", None),
        (SFTP, "port", True),
        (SFTP, "login", ""), (SFTP, "login", "a\nb"), (SFTP, "login", "x" * 301),
        (SFTP, "folder", "../x"), (SFTP, "folder", "a/../b"), (SFTP, "folder", "a\\b"),
        (SFTP, "folder", "\u202e"),
        (SFTP, "host_key", ""), (SFTP, "host_key", "x"),
        (S3, "bucket", ""), (S3, "bucket", "A B"), (S3, "bucket", "x"), (S3, "region", "EU"),
        (S3, "endpoint", "ftp://x"), (S3, "endpoint", "https://x/path"), (S3, "endpoint", "https://x:99999"),
        (S3, "endpoint", "https://user@x"), (S3, "access_key", ""), (S3, "access_key", "a b"),
        (S3, "prefix", ".."),
    ],
)  # fmt: skip
def test_places_that_cannot(kind: str, field: str, value: Any) -> None:
    with pytest.raises(Unfit) as fault:
        target(kind, {**(PLACE if kind == SFTP else BUCKET), field: value})
    assert fault.value.field == field


def test_no_other_kind() -> None:
    for kind in ("", "ftp", None, 7):
        with pytest.raises(Unfit):
            target(kind, PLACE)


def test_secrets_are_one_line() -> None:
    assert secret("secret", "correct horse") == "correct horse"
    for text in ("a\nb", "x" * 1001, "a\0"):
        with pytest.raises(Unfit):
            secret("secret", text)
