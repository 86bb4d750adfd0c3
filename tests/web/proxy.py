"""A small real proxy in front of the pages, and certificates: what stands on a network."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

HOP_BY_HOP = frozenset({"connection", "host", "transfer-encoding", "upgrade", "keep-alive"})


@dataclass(frozen=True)
class Made:
    """The files of a certificate and its key."""

    certificate: Path
    key: Path


def make_certificate(
    folder: Path, name: str = "recorder.example", *, password: bytes | None = None, days: float = 30
) -> Made:
    """A self-signed certificate for that name and 127.0.0.1, written over the one that was there."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    made = Made(folder / "certificate.pem", folder / "key.pem")
    made.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return made


@asynccontextmanager
async def proxy(target: str, *, says: str = "https", appends: str = "203.0.113.7") -> AsyncIterator[str]:
    """A proxy on this machine, which says whom it speaks for as nginx does in the guide. Yields its address.

    ``appends`` is the address it says its client has, ``says`` the scheme that they came by.
    """
    async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as onward:

        async def forward(request: web.Request) -> web.StreamResponse:
            headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
            before = request.headers.get("X-Forwarded-For")
            headers["X-Forwarded-For"] = f"{before}, {appends}" if before else appends
            headers["X-Forwarded-Proto"] = says
            headers["X-Forwarded-Host"] = request.host
            url = target.rstrip("/") + request.raw_path
            body = await request.read()
            async with onward.request(
                request.method, url, headers=headers, data=body, allow_redirects=False
            ) as answer:
                left = HOP_BY_HOP | {"content-length", "content-type"}
                kept = [(k, v) for k, v in answer.headers.items() if k.lower() not in left]
                made = web.Response(status=answer.status, body=await answer.read())
                made.headers.extend(kept)
                made.headers["Content-Type"] = answer.headers.get("Content-Type", "text/plain")
                return made

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
