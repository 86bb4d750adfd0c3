"""The guide's example for nginx, as it stands there, before the pages; skipped where there is no nginx."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import msgspec
import pytest

from ari_recorder.policies.proxies import Networks
from ari_recorder.store.models import Session
from ari_recorder.web import WebContext, start

from .proxy import make_certificate
from .world import PASSWORD, World, token_in

GUIDE = Path(__file__).parents[2] / "docs/guide/on-a-network.md"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
NAME = "recorder.example"
CLIENT = "127.0.0.9"
MAIN = """\
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{server}
}}
"""

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@dataclass(frozen=True)
class Nginx:
    http: int
    https: int
    tls: ssl.SSLContext

    def session(self) -> aiohttp.ClientSession:
        """Somebody with an address of their own, who looks the name up."""
        connector = aiohttp.TCPConnector(ssl=self.tls, local_addr=(CLIENT, 0))
        return aiohttp.ClientSession(connector=connector, headers={"Host": NAME})

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.https}"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
async def nginx(context: WebContext, tmp_path: Path) -> AsyncIterator[Nginx]:
    settings = msgspec.structs.replace(
        context.settings, trusted_proxies=Networks.of(["127.0.0.1"]), hosts=(NAME, "127.0.0.1")
    )
    server = await start(replace(context, settings=settings))
    made, (http, https) = make_certificate(tmp_path, NAME), (free_port(), free_port())
    (shown,) = re.findall(r"```nginx\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)
    for text, ours in {
        "listen 80;": f"listen 127.0.0.1:{http};",
        "listen 443 ssl;": f"listen 127.0.0.1:{https} ssl;",
        "/etc/ssl/recorder.example/fullchain.pem": str(made.certificate),
        "/etc/ssl/recorder.example/privkey.pem": str(made.key),
        "http://127.0.0.1:8090": server.url.rstrip("/"),
    }.items():
        assert text in shown
        shown = shown.replace(text, ours)
    process = begun(tmp_path, shown)
    try:
        async with asyncio.timeout(10):
            while not _listens(https):
                assert process.poll() is None, "nginx has ended: see its error.log"
                await asyncio.sleep(0.02)
        yield Nginx(http, https, ssl.create_default_context(cafile=made.certificate))
    finally:
        process.terminate()
        process.wait(10)
        await server.close()


def begun(folder: Path, server: str) -> subprocess.Popen[bytes]:
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, server=server))
    folder.chmod(0o755)
    assert NGINX is not None
    return subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")])


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


async def test_everybody_comes_as_themselves_and_by_https(nginx: Nginx, world: World) -> None:
    forged = {
        "X-Forwarded-For": "198.51.100.66",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
    }
    async with nginx.session() as client:
        async with client.get(f"{nginx.url}/sign-in", headers=forged) as form:
            fields = {"login": "anna", "password": PASSWORD, "form_token": token_in(await form.text())}
            assert form.headers["Strict-Transport-Security"]
            cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in form.cookies.items())
        sent = forged | {"Cookie": cookies}
        async with client.post(
            f"{nginx.url}/sign-in", data=fields, headers=sent, allow_redirects=False
        ) as answer:
            assert answer.status == 303
            assert "ari" not in answer.headers.get("Server", "")
            cookie = answer.cookies["__Host-ari_recorder_session"]
        assert world.store.read_now(lambda: Session.select().get()).address == CLIENT
        own = {"Cookie": f"__Host-ari_recorder_session={cookie.value}", "Origin": f"https://{NAME}"}
        async with client.ws_connect(f"{nginx.url}/api/v1/live", headers=own) as feed:
            assert (await feed.receive_json(timeout=5))["type"] == "snapshot"


async def test_plain_http_is_sent_to_https(nginx: Nginx) -> None:
    async with (
        nginx.session() as client,
        client.get(f"http://127.0.0.1:{nginx.http}/calls?x=1", allow_redirects=False) as answer,
    ):
        assert (answer.status, answer.headers["Location"]) == (301, f"https://{NAME}/calls?x=1")


async def test_a_name_that_is_not_ours_comes_nowhere(nginx: Nginx) -> None:
    async with nginx.session() as client:
        async with client.get(f"{nginx.url}/sign-in", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 421
        async with client.get(f"{nginx.url}/readyz") as answer:
            assert "detail" not in await answer.text(), "not even through a proxy on this machine"
