"""A client that sends and reads JSON, as an administrator's program does with a session."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from .world import Answer, Browser

TOLD = {"text": "Your calls are recorded; you can read the policy on the intranet."}


class Client:
    """A signed-in browser that speaks the API."""

    def __init__(self, browser: Browser, token: str) -> None:
        self.browser = browser
        self.token = token

    @classmethod
    async def of(cls, browser: Browser) -> Client:
        return cls(browser, await browser.form_token("/account"))

    async def __call__(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        more: dict[str, Any] = {} if body is None else {"data": json.dumps(body)}
        sent = {"X-Form-Token": self.token, "Content-Type": "application/json", **(headers or {})}
        return await self.browser.request(method, f"/api/v1{path}", headers=sent, **more)

    async def get(self, path: str) -> Any:
        answer = await self("GET", path)
        assert answer.status == 200, answer.text
        return answer.json()

    async def made(self, path: str, body: Any) -> Any:
        answer = await self("POST", path, body)
        assert answer.status == 201, answer.text
        return answer.json()

    async def file(self, content: str | bytes, query: str = "") -> Answer:
        """Send a CSV file of users."""
        headers = {"X-Form-Token": self.token, "Content-Type": "text/csv"}
        data = content.encode() if isinstance(content, str) else content
        return await self.browser.request("POST", f"/api/v1/users/import{query}", headers=headers, data=data)


def rows(text: str) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(text)))
