"""People at the pages' API, who ask without a pause: a program of its own, on the same machine.

It is told on its standard input, in JSON, the address, each one's cookie and a recording; begins at once, and
stops and tells how long the answers took when its input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import cycle

import aiohttp

RANGE = "bytes=0-65535"
KINDS = {
    "list": "/api/v1/recordings",
    "recording": "/api/v1/recordings/{id}",
    "audio": "/api/v1/recordings/{id}/audio",
    "live": "/api/v1/calls/live",
}


async def ask(url: str, cookies: list[str], recording: str) -> dict[str, list[float]]:
    """How long each answer took (ms), by what was asked for, until the input ends."""
    took_ms: dict[str, list[float]] = {kind: [] for kind in KINDS}
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as client:

        async def one(cookie: str) -> None:
            for kind, path in cycle(KINDS.items()):
                if over.done():
                    return
                headers = {"Cookie": cookie, **({"Range": RANGE} if kind == "audio" else {})}
                since_s = time.monotonic()
                async with client.get(path.format(id=recording), headers=headers) as answer:
                    await answer.read()
                    answer.raise_for_status()
                took_ms[kind].append((time.monotonic() - since_s) * 1000)

        await asyncio.gather(*map(one, cookies))
    return took_ms


def main() -> None:
    """Read what to do, do it, and tell."""
    told = json.loads(sys.stdin.readline())
    since_s = time.monotonic()
    took_ms = asyncio.run(ask(**told))
    print(json.dumps({"took_ms": took_ms, "seconds": time.monotonic() - since_s}))


if __name__ == "__main__":
    main()
