"""What is no HTTP, or not as it should be: a small answer of ours, which says neither what nor who we are."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator

import pytest

from ari_recorder.web import Server, WebContext, start
from ari_recorder.web.malformed import RequestHandler

HEAD = b"Host: x\r\nConnection: close\r\n"


@pytest.fixture
async def server(context: WebContext) -> AsyncIterator[Server]:
    server = await start(context)
    yield server
    await server.close()


async def answered(server: Server, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    writer.close()
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n" + HEAD + b"\r\n", 400),
        (b"FROB / HTTP/1.1\r\n" + HEAD + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HEAD + b"Content-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET http://[::1 HTTP/1.1\r\n" + HEAD + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HEAD + b"X: " + b"x" * 9000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n", 431),
        (b"GET /healthz HTTP/1.1\r\n" + HEAD + b"Expect: the-unexpected\r\n\r\n", 417),
        (b"GET /nothing HTTP/1.1\r\n" + HEAD + b"Expect: the-unexpected\r\n\r\n", 417),
    ],
)
async def test_what_cannot_be_read(server: Server, sent: bytes, status: int) -> None:
    found, headers, body = await answered(server, sent)
    assert found == status
    assert headers["content-type"].startswith("application/problem+json")
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
    assert json.loads(body)["status"] == status
    assert len(body) < 200
    for leak in (b"aiohttp", b"Python", b"Traceback", b"unexpected", b"xxx", b"nonsense", b"^"):
        assert leak.lower() not in body.lower()


def posted(path: str, kind: str, body: bytes, encoding: str = "identity") -> bytes:
    head = f"Content-Type: {kind}\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return f"POST {path} HTTP/1.1\r\n".encode() + HEAD + head.encode() + body


URLENCODED, PARTED = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="login"\r\n'


@pytest.mark.parametrize(
    "sent",
    [
        posted("/sign-in", URLENCODED, b"no gzip", "gzip"),
        posted("/sign-in", URLENCODED, gzip.compress(bytes(100_000))[:-9], "gzip"),
        posted("/sign-in", URLENCODED, zlib.compress(b"a=b")[:-4], "deflate"),
        posted("/sign-in", PARTED, gzip.compress(bytes(10_000_000)), "gzip"),
        posted("/sign-in", PARTED, b"--x\r\nnonsense\r\n\r\nabc\r\n--x--\r\n"),
        posted("/sign-in", PARTED, PART + b"X: y\r\n" * 3000 + b"\r\nabc\r\n--x--\r\n"),
        posted("/sign-in", PARTED, PART + b"Content-Transfer-Encoding: morse\r\n\r\nabc\r\n--x--\r\n"),
        posted("/nothing", URLENCODED, b"no gzip", "gzip"),
        posted("/healthz", URLENCODED, b"no gzip", "gzip"),
    ],
)
async def test_a_body_that_cannot_be_read_is_no_fault_of_ours(
    server: Server, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    status, headers, body = await answered(server, sent)
    assert 400 <= status < 500
    assert "server" not in headers
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    for leak in (b"aiohttp", b"Traceback", b"morse"):
        assert leak not in body


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/me", "/nothing", "/static/style.css"])
@pytest.mark.parametrize(
    ("version", "host", "good"),
    [
        ("1.1", "", False),
        ("1.1", "Host: \r\n", False),
        ("1.1", "Host: a b\r\n", False),
        ("1.1", "Host: a/b\r\n", False),
        ("1.1", "Host: user@a\r\n", False),
        ("1.1", "Host: a:b\r\n", False),
        ("1.1", "Host: a:999999\r\n", False),
        ("1.1", "Host: [::1\r\n", False),
        ("1.1", 'Host: "><script>\r\n', False),
        ("1.1", "Host: a\r\nHost: b\r\n", False),
        ("1.1", "Host: [::1]:8090\r\n", True),
        ("1.1", "Host: recorder.example\r\n", True),
        ("1.0", "", True),
    ],
)
async def test_a_host_that_is_none(server: Server, path: str, version: str, host: str, good: bool) -> None:
    sent = f"GET {path} HTTP/{version}\r\n{host}Connection: close\r\n\r\n".encode()
    status, headers, body = await answered(server, sent)
    assert (status != 400) is good
    assert status < 500
    assert "server" not in headers
    assert b"<script>" not in body.replace(b"<script src", b"")


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "CONNECT", "OPTIONS", "PURGE"])
async def test_methods_that_nothing_has(server: Server, method: str) -> None:
    target = "x:443" if method == "CONNECT" else "/api/v1/me"
    status, headers, body = await answered(
        server, f"{method} {target} HTTP/1.1\r\n".encode() + HEAD + b"\r\n"
    )
    assert status in (400, 404, 405)
    assert "server" not in headers
    assert b"aiohttp" not in body


async def test_a_fault_outside_of_the_application_says_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("a secret of ours")

    for listening in (server.pages,):
        monkeypatch.setattr(listening.runner.server, "request_handler", fail)
    status, headers, body = await answered(server, b"GET /healthz HTTP/1.1\r\n" + HEAD + b"\r\n")
    assert (status, json.loads(body)["detail"]) == (500, "Something went wrong here; it has been logged.")
    assert "server" not in headers
    assert b"secret" not in body
    assert "a secret of ours" in caplog.text


def test_it_is_ours_that_answers() -> None:
    assert RequestHandler.__slots__ == ()
