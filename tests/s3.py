"""A store that speaks S3, in a process of its own, and a proxy before it that does to it what networks do."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ari_recorder.store.s3 import client as s3
from ari_recorder.store.s3.address import parse
from ari_recorder.store.s3.client import AccessKey

from .conftest import _die_with_parent, _free_port, eventually

KEY = AccessKey("tests", "a-secret-that-nothing-tells")
WITHIN_S = 60.0
_numbers = count(1)


@dataclass
class S3:
    """The store; `address` is that of a vault in a bucket."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def _client(self) -> Any:
        return s3.client(parse(f"s3://any?endpoint={self.endpoint}"), KEY)

    def client(self) -> Any:
        """For tests to look at what is there, past the proxy."""
        return self._client

    def bucket(self, *, lock: bool = False, versions: bool = False) -> str:
        """A new bucket's name."""
        name = f"vault-{next(_numbers)}"
        self.client().create_bucket(Bucket=name, ObjectLockEnabledForBucket=lock)
        if versions:
            self.client().put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def address(self, bucket: str, prefix: str = "", *, endpoint: str = "", **options: str) -> str:
        path = f"{bucket}/{prefix}" if prefix else bucket
        more = "".join(f"&{name}={value}" for name, value in options.items())
        return f"s3://{path}?endpoint={endpoint or self.endpoint}{more}"

    def objects(self, bucket: str) -> dict[str, bytes]:
        """All that is there, by key."""
        client = self.client()
        found = client.list_objects_v2(Bucket=bucket).get("Contents", ())
        return {one["Key"]: client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found}

    def versions(self, bucket: str, key: str) -> list[str]:
        """Of that object, delete markers as well."""
        found = self.client().list_object_versions(Bucket=bucket, Prefix=key)
        return [one["VersionId"] for one in (*found.get("Versions", ()), *found.get("DeleteMarkers", ()))]

    def unfinished(self, bucket: str) -> list[str]:
        """Uploads in parts that were begun and not finished."""
        found = self.client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())
        return [one["Key"] for one in found]


@contextmanager
def started() -> Iterator[S3]:
    """The store, until the end."""
    port = _free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=_die_with_parent
    )
    try:
        eventually(lambda: _answers(port, process), WITHIN_S, "the S3 server did not answer in time")
        yield S3(port, process)
    finally:
        process.kill()
        process.wait(timeout=WITHIN_S)


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        pytest.fail("the S3 server did not start: pip install -r requirements.lock")
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


@dataclass
class Request:
    """What is asked of the store. ``query`` has the names of the parameters."""

    method: str
    key: str
    query: frozenset[str]
    headers: dict[str, str]
    body: bytes

    @property
    def is_mark(self) -> bool:
        return self.key.endswith(".ari_recorder-vault")


Fault = Callable[[Request], str | None]
"""What happens to a request: one of the methods of `_Handler`, or ``403 AccessDenied`` and the like."""


@dataclass
class Proxy:
    """Between the recorder and the store. Without a ``fault`` it hands everything on."""

    store: S3
    fault: Fault = lambda _: None
    asked: list[Request] = field(default_factory=list)
    silent_until: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        proxy = self

        class Handler(_Handler):
            own = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """From now on connections are refused."""
        self.silent_until.set()
        self._server.shutdown()
        self._server.server_close()

    def times(self, many: int, fault: str, which: Callable[[Request], bool] = lambda _: True) -> None:
        """That ``fault`` so many times, for requests of that kind."""
        left = iter(range(many))
        self.fault = lambda request: fault if which(request) and next(left, None) is not None else None


class _Handler(BaseHTTPRequestHandler):
    own: Proxy
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = parts.path.lstrip("/").partition("/")[2]
        query = frozenset(parse_qs(parts.query, keep_blank_values=True))
        self.request_ = Request(self.command, key, query, dict(self.headers.items()), body)
        self.own.asked.append(self.request_)
        fault = self.own.fault(self.request_)
        if fault is None:
            self.hand_on()
        elif fault[:1].isdigit():
            self.refuse(fault)
        else:
            getattr(self, fault)()

    do_PUT = do_POST = do_HEAD = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def refuse(self, fault: str) -> None:
        """An answer of the store's own: ``STATUS CODE``."""
        status, _, word = fault.partition(" ")
        text = f"<Error><Code>{word or 'InternalError'}</Code><Message>so it says</Message></Error>".encode()
        self._answer(int(status), {"Content-Type": "application/xml"}, text)

    def hang_up(self) -> None:
        """No answer."""
        self.close_connection = True

    def silent(self) -> None:
        """No answer, and no end either."""
        self.own.silent_until.wait()
        self.close_connection = True

    def lose_answer(self) -> None:
        """It is done, and nobody hears of it."""
        self._ask()
        self.close_connection = True

    def hand_on(self) -> None:
        self._answer(*self._ask())

    def truncate(self) -> None:
        """Half of what was promised."""
        status, headers, content = self._ask()
        self._answer(status, headers, content, content[: len(content) // 2])
        self.close_connection = True

    def slowly(self) -> None:
        """A little at a time."""
        status, headers, content = self._ask()
        self._answer(status, headers, content, b"")
        for at in range(0, len(content), 16_384):
            self.wfile.write(content[at : at + 16_384])
            threading.Event().wait(0.01)

    def rot(self) -> None:
        """One byte is another, in what is sent to the store or comes from it; nobody notices."""
        self.headers.replace_header("Content-MD5", "") if "Content-MD5" in self.headers else None
        del self.headers["Content-MD5"]
        body = self.request_.body
        self.request_.body = body[:-1] + bytes([body[-1] ^ 1]) if body else body
        status, headers, content = self._ask()
        if self.command == "GET" and content:
            content = content[:-1] + bytes([content[-1] ^ 1])
        self._answer(status, headers, content)

    def forget(self) -> None:
        """It is said to be kept."""
        self._answer(200, {"ETag": '"0"'}, b"")

    def _ask(self) -> tuple[int, dict[str, str], bytes]:
        upstream = http.client.HTTPConnection("127.0.0.1", self.own.store.port, timeout=WITHIN_S)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("expect", "connection")}
            upstream.request(self.command, self.path, self.request_.body or None, headers)
            answer = upstream.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            upstream.close()

    def _answer(
        self, status: int, headers: dict[str, str], content: bytes, sent: bytes | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        length = next((v for k, v in headers.items() if k.lower() == "content-length"), "0")
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content if sent is None else sent)
