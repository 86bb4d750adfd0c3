"""The receiver of the guide, run as it stands: it takes what we send, and nothing that others do."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from pathlib import Path

import pytest

from ari_recorder.clock import utc_now
from ari_recorder.config import Webhooks
from ari_recorder.delivery.posting import Poster
from ari_recorder.delivery.signing import new_secret
from ari_recorder.policies.proxies import Networks

GUIDE = Path(__file__).parents[2] / "docs/guide/webhooks.md"
SETTINGS = Webhooks(allow_inside=Networks.of(["127.0.0.1"]), allow_http=True)
LINES_MAX = 22


def program() -> str:
    """The only Python in it."""
    (found,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


def test_it_is_short() -> None:
    assert len([line for line in program().splitlines() if line.strip()]) <= LINES_MAX


async def test_the_guides_receiver_takes_what_is_signed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    secret, script = new_secret(), tmp_path / "receiver.py"
    script.write_text(program())
    environment = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    receiver = await asyncio.create_subprocess_exec(
        sys.executable, str(script), env=environment, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    poster = Poster(SETTINGS)
    try:
        url, body = f"http://127.0.0.1:{port}/", b'{"type": "recording.ready"}'
        async with asyncio.timeout(20):
            while (went := await poster.post(url, "the-event", body, [secret], utc_now)).status == 0:
                await asyncio.sleep(0.05)  # polling: it is starting
        assert went.status == 204
        assert (await poster.post(url, "another", body, [new_secret()], utc_now)).status == 401
        assert receiver.stdout is not None
        assert await asyncio.wait_for(receiver.stdout.readline(), 5) == b"the-event recording.ready\n"
    finally:
        receiver.kill()
        await receiver.wait()
        await poster.close()


@pytest.mark.parametrize("word", ["recording.started", "webhooks.allow_inside", "410", "10,000", "30 days"])
def test_the_guide_says(word: str) -> None:
    assert word in GUIDE.read_text(encoding="utf-8")
