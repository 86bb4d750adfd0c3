"""One request to a webhook, to receivers that take it, hang, lie, redirect, never end, and are not there."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ari_recorder.config import Webhooks
from ari_recorder.delivery import posting
from ari_recorder.delivery.addresses import Guard
from ari_recorder.delivery.posting import Poster
from ari_recorder.delivery.signing import new_secret, signature
from ari_recorder.errors import InsideAddress
from ari_recorder.policies.proxies import Networks
from ari_recorder.policies.webhooks.sending import Attempt

from .receiver import Receiver, receiver

LOOPBACK = Webhooks(allow_inside=Networks.of(["127.0.0.0/8", "::1"]), allow_http=True)
BODY = b'{"specversion":"1.0"}'
NOW = datetime.now(UTC)
EVENT = "0197f6a0-2a10-8a3b-8c4d-0a0b0c0d0e0f"


async def post(url: str, *secrets: str, settings: Webhooks = LOOPBACK) -> Attempt:
    poster = Poster(settings)
    try:
        return await poster.post(url, EVENT, BODY, secrets or [new_secret()], lambda: NOW)
    finally:
        await poster.close()


def test_the_signature_is_the_schemes_own_example() -> None:
    """From the reference implementation's tests (standard-webhooks, Apache-2.0 and MIT)."""
    made = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
        b'{"test": 2432232314}',
    )  # fmt: skip
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_is_sent_is_signed_and_taken() -> None:
    secret = new_secret()
    async with receiver(secret) as there:
        went = await post(there.url, secret)
    assert (went.status, went.error, there.ids, there.unsigned) == (204, "", [EVENT], 0)
    assert went.taken


async def test_with_two_secrets_either_is_good() -> None:
    old, new = new_secret(), new_secret()
    for known in (old, new):
        async with receiver(known) as there:
            assert (await post(there.url, new, old)).taken


async def test_with_another_secret_it_is_not() -> None:
    async with receiver(new_secret()) as there:
        went = await post(there.url, new_secret())
    assert (went.status, there.unsigned) == (401, 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    secret = new_secret()
    async with receiver(secret) as there, receiver(secret) as elsewhere:

        async def redirects(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers={"Location": elsewhere.url})

        there.always = redirects
        went = await post(there.url, secret)
    assert went.status == status
    assert elsewhere.url in went.error
    assert elsewhere.events == []


async def test_one_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "WITHIN_S", 0.2)
    secret, released = new_secret(), asyncio.Event()

    async def hangs(_: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    async with receiver(secret) as there:
        there.always = hangs
        went = await post(there.url, secret)
        released.set()
    assert went.status == 0
    assert "0.2 s" in went.error


async def test_an_answer_without_an_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = new_secret()

    async def floods(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b"<script>" * 4096)

    async with receiver(secret) as there:
        there.always = floods
        went = await asyncio.wait_for(post(there.url, secret), 5)
    assert went.taken
    assert len(went.answer) == posting.ANSWER_MAX


async def test_one_that_says_yes_and_then_hangs_has_said_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "READ_WITHIN_S", 0.1)
    secret, released = new_secret(), asyncio.Event()

    async def trickles(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(status=202)
        await answer.prepare(request)
        await answer.write(b"so far")
        await released.wait()
        return answer

    async with receiver(secret) as there:
        there.always = trickles
        went = await post(there.url, secret)
        released.set()
    assert (went.status, went.answer) == (202, "so far")


@pytest.mark.parametrize(
    ("header", "least_s", "most_s"),
    [
        ("120", 120, 120),
        ("0", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("99999999999999999999", 1e8, 1e12),
    ],
)
async def test_retry_after_is_read(header: str, least_s: float, most_s: float) -> None:
    went = await _asked_to_wait(header)
    assert went.retry_after_s is not None
    assert least_s <= went.retry_after_s <= most_s


async def test_retry_after_as_a_time_is_read() -> None:
    at = (NOW + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    went = await _asked_to_wait(at)
    assert went.retry_after_s == pytest.approx(90, abs=2)


@pytest.mark.parametrize("header", ["", "soon", "-5", "1.5", "\u0661", "Wed, 99 Foo 2015 99:99:99 GMT"])
async def test_nonsense_in_retry_after_is_nothing(header: str) -> None:
    assert (await _asked_to_wait(header)).retry_after_s in (None, 0.0)


async def _asked_to_wait(header: str) -> Attempt:
    secret = new_secret()

    async def waits(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": header.encode("latin-1", "replace").decode()})

    async with receiver(secret) as there:
        there.always = waits
        return await post(there.url, secret)


async def test_what_acts_in_an_answer_does_not_act() -> None:
    secret = new_secret()

    async def acts(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500, body=b"\x1b[31mred\x00\xff \xe2\x80\xae<b>")

    async with receiver(secret) as there:
        there.always = acts
        went = await post(there.url, secret)
    assert went.answer.endswith("<b>")
    assert not {"\x1b", "\x00", "\u202e"} & set(went.answer)


@contextmanager
def raw_server(answer: bytes) -> Iterator[str]:
    """A socket that answers with these bytes, whatever comes, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
    ],
)
async def test_an_answer_that_is_none_is_told(answer: bytes) -> None:
    with raw_server(answer) as url:
        went = await post(url)
    assert went.status == 0
    assert went.error
    assert len(went.error) <= posting.ANSWER_MAX


async def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    went = await post(f"http://127.0.0.1:{port}/")
    assert (went.status, went.error) == (0, "it cannot be connected to: Connection refused")


async def test_plain_http_needs_to_be_allowed() -> None:
    settings = Webhooks(allow_inside=LOOPBACK.allow_inside)
    secret = new_secret()
    async with receiver(secret) as there:
        went = await post(there.url, secret, settings=settings)
    assert went.error == posting.UNENCRYPTED
    assert there.events == []


@pytest.mark.parametrize("secret", ["whsec_$$$", "whsec_\u00e5"])
async def test_a_secret_that_is_none_is_told(secret: str) -> None:
    assert (await post("https://crm.example/", secret)).error == posting.NO_SECRET


# The inside of the network


OUTSIDE_ONLY = Webhooks(allow_http=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0.0.0.0"])  # noqa: S104
async def test_the_inside_is_not_reached(host: str) -> None:
    secret = new_secret()
    async with receiver(secret) as there:
        port = there.url.rpartition(":")[2].partition("/")[0]
        went = await post(f"http://{host}:{port}/hook", secret, settings=OUTSIDE_ONLY)
    assert went.status == 0
    assert "inside network" in went.error
    assert (there.events, there.unsigned) == ([], 0)


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f.0.0.1", "0177.0.0.1"])
async def test_nor_by_addresses_that_are_written_otherwise(host: str) -> None:
    secret = new_secret()
    async with receiver(secret) as there:
        port = there.url.rpartition(":")[2].partition("/")[0]
        went = await post(f"http://{host}:{port}/hook", secret, settings=OUTSIDE_ONLY)
    assert went.status == 0
    assert (there.events, there.unsigned) == ([], 0)


def lookups(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names are looked up here: each time the next of ``answers``. Returns what was asked."""
    asked: list[str] = []
    left = list(answers)

    async def getaddrinfo(host: Any, port: Any, **_: Any) -> list[Any]:
        asked.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


async def test_a_name_that_leads_inside_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups(monkeypatch, ["127.0.0.1"])
    secret = new_secret()
    async with receiver(secret) as there:
        port = there.url.rpartition(":")[2].partition("/")[0]
        went = await post(f"http://crm.example:{port}/hook", secret, settings=OUTSIDE_ONLY)
    assert "inside network" in went.error
    assert there.events == []


async def test_a_name_is_looked_up_once_and_that_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: outside when it is looked at, inside when it is connected to."""
    asked = lookups(monkeypatch, ["203.0.113.0", "192.0.2.1"], ["127.0.0.1"])
    connected: list[str] = []
    connect = asyncio.get_running_loop().sock_connect

    async def sock_connect(sock: Any, address: Any) -> None:
        connected.append(address[0])
        await connect(sock, address)

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", sock_connect)
    settings = Webhooks(allow_http=True, allow_inside=Networks.of(["192.0.2.0/24"]))
    monkeypatch.setattr(posting, "WITHIN_S", 0.3)
    went = await post("http://crm.example/hook", settings=settings)
    assert went.status == 0
    assert asked == ["crm.example"]
    assert connected == ["192.0.2.1"], "what is not allowed is left out, and nothing is asked again"


async def test_whoever_looks_up_the_address_that_is_connected_to_counts() -> None:
    guard = Guard()
    with pytest.raises(InsideAddress):
        guard._socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80)))


async def test_addresses_for_those_who_connect_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups(monkeypatch, ["10.0.0.1", "8.8.8.8"])
    assert await Guard().addresses("sftp.example", 22) == ["8.8.8.8"]
    lookups(monkeypatch, ["10.0.0.1"])
    with pytest.raises(InsideAddress, match=r"10\.0\.0\.1"):
        await Guard().addresses("sftp.example", 22)
    assert await Guard(Networks.of(["10.0.0.1"])).addresses("sftp.example", 22) == ["10.0.0.1"]


# TLS


def certificate(folder: Path) -> tuple[Path, Path]:
    """One that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


@asynccontextmanager
async def tls_receiver(folder: Path, secret: str) -> AsyncIterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder))
    made = Receiver([secret])
    app = web.Application()
    app.router.add_post("/hook", made.receive)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(ssl=context)
    made.url = f"https://127.0.0.1:{server.port}/hook"
    try:
        yield made
    finally:
        await server.close()


async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path: Path) -> None:
    secret = new_secret()
    async with tls_receiver(tmp_path, secret) as there:
        went = await post(there.url, secret)
    assert went.status == 0
    assert went.error in (
        "its certificate is not accepted: self-signed certificate",
        "its certificate is not accepted: self signed certificate",
        "its certificate is not accepted: unable to get local issuer certificate",
    )
    assert (there.events, there.unsigned) == ([], 0)


async def test_plain_http_where_tls_is_expected_is_told() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\n\r\n") as url:
        went = await post(url.replace("http://", "https://"))
    assert went.status == 0
    assert went.error
