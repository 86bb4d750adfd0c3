"""Where an organisation has its recordings pushed to: what may be said of it, by field.

The secret that goes with it (a password, an S3 secret key) is kept apart, encrypted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ari_recorder.policies.ssh_keys import public_key
from ari_recorder.policies.text import MARKS, is_plain
from ari_recorder.policies.unfit import Unfit

SFTP, S3 = "sftp", "s3"
KINDS = (SFTP, S3)
SFTP_PORT = 22
TEXT_MAX = 300
SECRET_MAX = 1000
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*")
_ADDRESS = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:.]*")
_ENDPOINT = re.compile(r"https?://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>\d{1,5}))?/?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_ACCESS_KEY = re.compile(r"[\x21-\x7e]{3,128}")


@dataclass(frozen=True)
class SftpTarget:
    """A folder of an SFTP server, whose ``host_key`` is known beforehand; empty: where a login begins.

    ``public_key`` is ours, to be let in there; empty where a password is used.
    """

    host: str
    port: int
    login: str
    folder: str
    host_key: str
    public_key: str = ""

    kind = SFTP

    def __str__(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == SFTP_PORT else f":{self.port}"
        return f"sftp://{self.login}@{shown}{port}/{self.folder.strip('/')}"


@dataclass(frozen=True)
class S3Target:
    """Keys behind a ``prefix`` of a bucket; without an ``endpoint`` it is one of Amazon's."""

    endpoint: str
    region: str
    bucket: str
    prefix: str
    access_key: str

    kind = S3

    def __str__(self) -> str:
        prefix = f"/{self.prefix.strip('/')}" if self.prefix.strip("/") else ""
        at = f" at {self.endpoint}" if self.endpoint else ""
        return f"s3://{self.bucket}{prefix}{at}"


Target = SftpTarget | S3Target


def target(kind: object, values: Mapping[str, Any]) -> Target:
    """It, checked. Raises `Unfit` for the first field that cannot be."""
    if kind == SFTP:
        return SftpTarget(
            host=_host("host", values.get("host", "")),
            port=_port("port", values.get("port", SFTP_PORT)),
            login=_text("login", values.get("login", ""), least=1),
            folder=_folder("folder", values.get("folder", "")),
            host_key=public_key("host_key", values.get("host_key", "")).text,
            public_key=_text("public_key", values.get("public_key", "")),
        )
    if kind == S3:
        return S3Target(
            endpoint=_endpoint("endpoint", values.get("endpoint", "")),
            region=_matching("region", values.get("region", "") or "us-east-1", _REGION, "eu-north-1"),
            bucket=_matching("bucket", values.get("bucket", ""), _BUCKET, "acme-recordings"),
            prefix=_folder("prefix", values.get("prefix", "")),
            access_key=_matching("access_key", values.get("access_key", ""), _ACCESS_KEY, "AKIA…"),
        )
    raise Unfit("kind", "use one of %(known)s.", known=", ".join(KINDS))


def fields_of(of: Target) -> dict[str, Any]:
    """What `target` makes it of."""
    return asdict(of)


def secret(field: str, value: object) -> str:
    """A password or secret key; empty for none. Raises `Unfit`."""
    text = value if isinstance(value, str) else ""
    if len(text) > SECRET_MAX or not _is_exact(text):
        raise Unfit(field, "at most %(most)s characters, each of which can be seen.", most=SECRET_MAX)
    return text


def _is_exact(text: str) -> bool:
    """Whether nothing is in it that is not seen: it is compared, not read."""
    return is_plain(text) and not set(text) & set(MARKS)


def _host(field: str, value: object) -> str:
    text = value.strip().strip("[]") if isinstance(value, str) else ""
    if len(text) > 253 or not (_HOST.fullmatch(text) or _ADDRESS.fullmatch(text)):
        raise Unfit(field, "the name or address of a machine alone, such as sftp.example.com.")
    return text.lower()


def _port(field: str, value: object) -> int:
    try:
        port = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else 0
    except ValueError:
        port = 0
    if not 1 <= port <= 65_535:
        raise Unfit(field, "a number from 1 to 65535; SFTP has 22.")
    return port


def _text(field: str, value: object, *, least: int = 0) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not least <= len(text) <= TEXT_MAX or not _is_exact(text):
        raise Unfit(field, "%(least)s to %(most)s characters, on one line.", least=least, most=TEXT_MAX)
    return text


def _folder(field: str, value: object) -> str:
    text = _text(field, value)
    if "\\" in text or any(part in (".", "..") for part in text.split("/")):
        raise Unfit(field, "a folder's path with / between its parts, without . and .. in it.")
    return text


def _matching(field: str, value: object, pattern: re.Pattern[str], example: str) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not pattern.fullmatch(text):
        raise Unfit(field, "it is not as one looks: %(example)s.", example=example)
    return text


def _endpoint(field: str, value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        return ""
    found = _ENDPOINT.fullmatch(text)
    if not found or int(found["port"] or 1) > 65_535:
        raise Unfit(field, "an address such as https://s3.example.com, without a path.")
    return text.rstrip("/").lower()
