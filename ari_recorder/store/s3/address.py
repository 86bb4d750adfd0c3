"""Where a vault in an S3-compatible store is, as one text without secrets.

::

    s3://BUCKET/PREFIX?endpoint=https://minio.example:9000&region=eu-north-1&lock=governance

``region`` is that of AWS unless ``endpoint`` says whose it is; ``profile`` names a section of AWS' own files
(`~/.aws`) with an access key; ``style`` is ``path`` or ``virtual``, how the bucket is named in requests;
``lock`` is what is set in a bucket with Object Lock: ``governance``, ``compliance``, or ``none``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from ari_recorder.errors import SettingsError

SCHEME = "s3"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_SEGMENT = re.compile(r"[A-Za-z0-9!_.*'()=+@-]+")
_CHOICES = {"style": ("", "path", "virtual"), "lock": ("governance", "compliance", "none")}
_OPTIONS = ("endpoint", "region", "profile", *_CHOICES)
_EXAMPLE = "s3://recordings/acme?endpoint=https://minio.example:9000"


@dataclass(frozen=True)
class Address:
    """A bucket and what the names of all objects begin with (``prefix``, without slashes around it).

    ``endpoint`` is empty for AWS itself; ``region``, ``profile`` and ``style`` are empty for the usual ones.
    """

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    profile: str = ""
    style: str = ""
    lock: str = "governance"

    def __str__(self) -> str:
        given = {name: getattr(self, name) for name in _OPTIONS}
        told = {name: value for name, value in given.items() if value and value != _default(name)}
        path = "/".join(filter(None, (self.bucket, quote(self.prefix))))
        return f"{SCHEME}://{path}" + (f"?{urlencode(told, safe=':/')}" if told else "")

    @property
    def service(self) -> str:
        """Who keeps it, for people."""
        return self.endpoint or "AWS"

    def same_place(self, other: Address) -> bool:
        """Whether both are the same objects, however they are asked for."""
        mine, theirs = ((one.bucket, one.prefix, one.endpoint) for one in (self, other))
        return mine == theirs


def is_s3(address: str) -> bool:
    """Whether that is the address of a vault in an S3-compatible store, and not a folder."""
    return address.startswith(f"{SCHEME}://")


def parse(text: str) -> Address:
    """The address that ``text`` is. Raises `SettingsError` that says what is wrong, without secrets."""
    try:
        parts = urlsplit(text)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise _wrong("is no address") from error
    if "@" in parts.netloc:
        raise _wrong("has a login in it: keys belong into vault.access_key and vault.secret_key")
    if parts.scheme != SCHEME or parts.fragment or not _BUCKET.fullmatch(parts.netloc):
        raise _wrong("does not begin with s3:// and the name of a bucket")
    if unknown := sorted(options.keys() - set(_OPTIONS)):
        raise _wrong(f"has unknown options ({', '.join(unknown)}); there are {', '.join(_OPTIONS)}")
    for name, choices in _CHOICES.items():
        if options.get(name, choices[0]) not in choices:
            raise _wrong(f"has a {name} that is none of {', '.join(filter(None, choices))}")
    return Address(parts.netloc, _prefix(parts.path), _endpoint(options.pop("endpoint", "")), **options)


def _prefix(path: str) -> str:
    prefix = unquote(path).strip("/")
    for segment in filter(None, prefix.split("/")) if prefix else ():
        if segment in (".", "..") or not _SEGMENT.fullmatch(segment):
            raise _wrong(f"has a folder {segment!r}: letters, digits and !_.*'()=+@- are possible")
    if "//" in prefix:
        raise _wrong("has an empty folder in it")
    return prefix


def _endpoint(text: str) -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine or parts.username or parts.query or parts.fragment or parts.path.strip("/"):
        raise _wrong("has an endpoint that is not https:// (or http://) with a host, and a port if need be")
    return f"{parts.scheme}://{parts.netloc}"


def _default(name: str) -> str:
    return _CHOICES.get(name, ("",))[0]


def _wrong(why: str) -> SettingsError:
    return SettingsError(f"vault.url {why}. For example: {_EXAMPLE}")
