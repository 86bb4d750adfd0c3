"""My Pages and their API, as a person's browser or app uses them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from lab.errors import LabError

Json = dict[str, Any]
FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


class MyPages:
    """Somebody signed in; see `signed_in`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._token = ""

    async def calls(self) -> list[Json]:
        """The calls that go on."""
        async with self._session.get("/api/v1/calls/live") as answer:
            found: list[Json] = (await answer.json())["calls"]
            return found

    async def command(self, call: str, command: str) -> tuple[int, Json]:
        """Give a command in a call; the answer's status and body."""
        return await self.send("POST", f"/api/v1/calls/{call}/{command}")

    async def annotate(self, call: str, **changes: object) -> tuple[int, Json]:
        """Change a call's note, mark or tags."""
        return await self.send("PATCH", f"/api/v1/calls/{call}", changes)

    @asynccontextmanager
    async def live(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """The live feed."""
        async with self._session.ws_connect("/api/v1/live") as feed:
            yield feed

    async def sign_in(self, login: str, password: str) -> None:
        """Sign in. Raises `LabError` if it is refused."""
        fields = {"login": login, "password": password, "form_token": await self._form_token("/sign-in")}
        async with self._session.post("/sign-in", data=fields, allow_redirects=False) as answer:
            if answer.status != 303:
                raise LabError(f"{login} was not signed in: {answer.status}")
        self._token = await self._form_token("/")

    async def _form_token(self, path: str) -> str:
        async with self._session.get(path) as answer:
            found = FORM_TOKEN.search(await answer.text())
        if found is None:
            raise LabError(f"{path} has no form.")
        return found[1]

    async def send(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        """Ask the API for anything; the answer's status and body."""
        headers = {"X-Form-Token": self._token}
        async with self._session.request(method, path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)


@asynccontextmanager
async def signed_in(url: str, login: str, password: str) -> AsyncIterator[MyPages]:
    """Signed in to the pages at ``url``."""
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an IP address
    async with aiohttp.ClientSession(url, cookie_jar=jar) as session:
        pages = MyPages(session)
        await pages.sign_in(login, password)
        yield pages
