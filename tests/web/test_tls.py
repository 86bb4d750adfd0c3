"""HTTPS by our own certificate: real handshakes, files that change and files that are wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import structlog
from cryptography import x509

from ari_recorder.config import Web
from ari_recorder.errors import SettingsError
from ari_recorder.web import Server, WebContext, start, tls
from ari_recorder.web.tls import certificate_of

from .proxy import Made, make_certificate
from .world import until

IDLE_S = 0.5


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make_certificate(tmp_path)


@pytest.fixture
async def server(context: WebContext, made: Made, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setattr(tls, "LOOKS_EVERY_S", 0.02)
    changed = msgspec.structs.replace(
        context.settings,
        tls_certificate=made.certificate,
        tls_key=made.key,
        connections_max=8,
        connections_per_address_max=6,
        idle_s=IDLE_S,
    )
    server = await start(replace(context, settings=changed))
    yield server
    await server.close()


def trusting(made: Made) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=made.certificate)


async def serial(server: Server) -> int:
    """The number of the certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(shown).serial_number


def serial_in(made: Made) -> int:
    return x509.load_pem_x509_certificate(made.certificate.read_bytes()).serial_number


async def test_pages_by_https(server: Server, made: Made) -> None:
    assert server.url.startswith("https://127.0.0.1:")
    jar = aiohttp.CookieJar(unsafe=True)
    connector = aiohttp.TCPConnector(ssl=trusting(made))
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as client:
        for _ in range(2):  # the second time on the same connection
            async with client.get(f"{server.url}sign-in") as answer:
                assert answer.status == 200
                assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
                assert all(name.startswith("__Host-") for name in answer.cookies)
        big = "/static/vendor/wavesurfer/wavesurfer.min.js"
        async with client.get(server.url.rstrip("/") + big) as answer:
            assert len(await answer.read()) == int(answer.headers["Content-Length"]) > 10_000


async def test_a_request_that_comes_with_the_end_of_the_handshake(server: Server, made: Made) -> None:
    """What is sent at once is not lost while the connection is handed on."""
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trusting(made))
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 200")
        writer.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_no_old_versions(server: Server, made: Made) -> None:
    context = trusting(made)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", server.port, ssl=context)


async def test_a_changed_certificate_is_shown_without_a_restart(server: Server, made: Made) -> None:
    before = await serial(server)
    make_certificate(made.certificate.parent)
    async with asyncio.timeout(10):
        while await serial(server) == before:
            await asyncio.sleep(0.02)
    assert await serial(server) == serial_in(made)


async def test_a_certificate_that_does_not_fit_leaves_the_one_before(server: Server, made: Made) -> None:
    before, key = await serial(server), made.key.read_bytes()
    with structlog.testing.capture_logs() as log:
        made.key.write_text("nonsense")
        await until(lambda: [line for line in log if "not used" in line["event"]])
    assert [line["error"] for line in log if line["log_level"] == "error"] == [
        f"web.tls_key {made.key} holds no private key in PEM."
    ]
    assert await serial(server) == before
    made.key.write_bytes(key)


async def test_who_never_finishes_the_handshake_goes(server: Server, made: Made) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
    silent[0][1].write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    for reader, _ in silent:
        assert await asyncio.wait_for(_end(reader), 10)
    assert await serial(server)


async def _end(reader: asyncio.StreamReader) -> bool:
    with suppress(ConnectionError):
        await reader.read()
    return True


async def test_handshakes_are_connections_and_are_limited(
    server: Server, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    entrance: Any = server.pages.listening[0]._protocol_factory  # type: ignore[attr-defined]
    monkeypatch.setattr(entrance, "_handshake_s", 60.0)
    silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(30)]
    await until(lambda: sum(reader.at_eof() or reader.exception() is not None for reader, _ in silent) == 22)
    assert len(entrance._handshakes) == 8
    assert await serial(server), "the oldest gives way"
    monkeypatch.setattr("ari_recorder.web.entrance.is_loopback", lambda address: False)
    with pytest.raises((ConnectionError, ssl.SSLError)):
        await serial(server)
    for _, writer in silent:
        writer.close()


def refused(**settings: Any) -> str:
    with pytest.raises(SettingsError) as error:
        certificate_of(Web(**settings))
    return str(error.value)


def test_files_that_cannot_be_used_are_named(made: Made, tmp_path: Path) -> None:
    certificate, key, gone = made.certificate, made.key, tmp_path / "gone"
    (tmp_path / "other").mkdir()
    other = make_certificate(tmp_path / "other", password=b"secret")
    assert f"tls_certificate {gone} cannot be read: No such" in refused(tls_certificate=gone, tls_key=key)
    assert f"tls_key {gone} cannot be read: No such" in refused(tls_certificate=certificate, tls_key=gone)
    assert "holds no certificate" in refused(tls_certificate=key, tls_key=key)
    assert "holds no private key" in refused(tls_certificate=certificate, tls_key=certificate)
    assert "is encrypted" in refused(tls_certificate=certificate, tls_key=other.key)
    assert "is not the key of" in refused(tls_certificate=other.certificate, tls_key=key)
    assert "web.tls_key is not" in refused(tls_certificate=certificate)
    assert "web.tls_certificate is not" in refused(tls_key=key)
    assert certificate_of(Web()) is None


async def test_the_program_does_not_start_with_a_certificate_that_is_none(
    context: WebContext, tmp_path: Path
) -> None:
    changed = msgspec.structs.replace(context.settings, tls_certificate=tmp_path, tls_key=tmp_path)
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        await start(replace(context, settings=changed))
