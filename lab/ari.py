"""As much of an ARI client as phones and tests need. The recorder has its own, which is what is tested."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from lab.errors import LabError

Json = dict[str, Any]
KEEP_ALIVE_S = 10.0
"""Asterisk closes a connection that is idle for 15 s, and who is about to use it learns that too late."""


class Ari:
    """Requests and events of one Asterisk; an async context manager, bound to the running loop."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = f"{url}/ari"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Ari:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=10),
            connector=aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE_S),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open HTTP session; raises `LabError` outside of ``async with``."""
        if self._session is None:
            raise LabError("The ARI client is used outside of its `async with`.")
        return self._session

    async def get(self, path: str, **query: Any) -> Any:
        """GET; the parsed answer."""
        return await self.request("GET", path, **query)

    async def post(self, path: str, body: Json | None = None, **query: Any) -> Any:
        """POST; the parsed answer, or None."""
        return await self.request("POST", path, body, **query)

    async def delete(self, path: str, **query: Any) -> None:
        """DELETE; that it does not exist (any more) is no error."""
        await self.request("DELETE", path, missing_ok=True, **query)

    async def request(
        self, method: str, path: str, body: Json | None = None, missing_ok: bool = False, **query: Any
    ) -> Any:
        """Any request. Raises `LabError` with Asterisk's reason if it is refused."""
        query = {key: str(value) for key, value in query.items() if value is not None}
        async with self.session.request(method, f"{self._url}{path}", params=query, json=body) as answer:
            text = await answer.text()
            if answer.status >= 400 and not (missing_ok and answer.status == 404):
                raise LabError(f"{method} {path} {query}: {answer.status} {text}")
            return await answer.json() if text.strip() else None

    async def events(self, app: str, subscribe: tuple[str, ...] = ()) -> AsyncIterator[Json]:
        """The events of a Stasis application, until the socket closes.

        ``subscribe`` names event sources (``endpoint:PJSIP/101``). The first item is an event of type
        ``Connected``: from it on nothing is missed.
        """
        url = f"{self._url.replace('http', 'ws', 1)}/events?app={app}"
        async with self.session.ws_connect(url, max_msg_size=0) as socket:
            if subscribe:
                await self.post(f"/applications/{app}/subscription", eventSource=",".join(subscribe))
            yield {"type": "Connected"}
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    yield message.json()
