"""What a page weighs: the bytes that come over the line for it, as the browser counts them."""

from __future__ import annotations

from typing import Any

from playwright.async_api import CDPSession, Page


class Weight:
    """Of all that a tab has loaded since, but for recordings' audio; nothing comes out of what it kept."""

    def __init__(self) -> None:
        self.bytes = 0
        self._left_out: set[str] = set()

    @classmethod
    async def of(cls, tab: Page) -> Weight:
        """Begin to weigh, before the page is opened."""
        weight = cls()
        session: CDPSession = await tab.context.new_cdp_session(tab)
        session.on("Network.responseReceived", weight._came)
        session.on("Network.loadingFinished", weight._finished)
        await session.send("Network.enable")
        await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        return weight

    def _came(self, event: dict[str, Any]) -> None:
        if "/audio" in event["response"]["url"]:
            self._left_out.add(event["requestId"])

    def _finished(self, event: dict[str, Any]) -> None:
        if event["requestId"] not in self._left_out:
            self.bytes += event["encodedDataLength"]
