"""A fact of Asterisk that the recorder reckons with: a snoop stays as late as its audio once was."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import struct
import time
from collections.abc import AsyncIterator

import pytest
import soundfile as sf

from lab import Lab
from lab.ari import Ari
from lab.errors import LabError
from lab.tones import read, sine, tone_spans

pytestmark = [pytest.mark.asterisk, pytest.mark.usefixtures("unrecorded")]

APP = "behind"
FRAME_S = 0.02
FRAME_BYTES = 160
LATE_S = 0.25
"""Asterisk throws away what is more than half a second late, and a busy machine adds to it."""
BEFORE_HZ, BEHIND_HZ = 600, 2400


def ulaw(hz: int) -> bytes:
    file = io.BytesIO()
    sf.write(file, sine(hz, 10, 8000), 8000, format="RAW", subtype="ULAW")
    return file.getvalue()


class Talker:
    """Sends audio to Asterisk, a packet every 20 ms (RFC 3550). What it holds back comes at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.audio = ulaw(BEFORE_HZ)
        self.holds = False

    async def talk(self) -> None:
        """Until it is cancelled."""
        held: list[bytes] = []
        at, number = time.monotonic(), 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            while True:
                begin = number * FRAME_BYTES % (len(self.audio) - FRAME_BYTES)
                header = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, number * FRAME_BYTES, 77)
                held.append(header + self.audio[begin : begin + FRAME_BYTES])
                number += 1
                while held and not self.holds:
                    udp.sendto(held.pop(0), ("127.0.0.1", self._port))
                at += FRAME_S
                await asyncio.sleep(max(0.0, at - time.monotonic()))


@contextlib.asynccontextmanager
async def talking(ari: Ari) -> AsyncIterator[tuple[str, Talker]]:
    """A channel in a bridge, and who talks in it."""
    asked = {"app": APP, "external_host": "127.0.0.1:9", "format": "ulaw"}
    channel = (await ari.post("/channels/externalMedia", **asked))["id"]
    port = await ari.get(f"/channels/{channel}/variable", variable="UNICASTRTP_LOCAL_PORT")
    bridge = (await ari.post("/bridges", type="mixing"))["id"]
    talker = Talker(int(port["value"]))
    task = asyncio.create_task(talker.talk())
    try:
        await _when_it_can_be(ari, f"/bridges/{bridge}/addChannel", channel=channel)
        yield channel, talker
    finally:
        task.cancel()
        await ari.delete(f"/channels/{channel}")
        await ari.delete(f"/bridges/{bridge}")


async def _when_it_can_be(ari: Ari, path: str, **query: str) -> None:
    """Ask until the channel is in the application: before that Asterisk refuses."""
    async with asyncio.timeout(5):
        while True:
            try:
                await ari.post(path, **query)
                return
            except LabError:
                await asyncio.sleep(FRAME_S)


async def test_a_snoop_that_has_fallen_behind_stays_so_and_a_new_one_is_not(lab: Lab) -> None:
    """Therefore what is resumed is recorded on new snoops: the old ones would give the end of the pause."""
    names = [f"behind-{which}-{time.time():.0f}" for which in ("old", "new")]
    async with Ari(lab.pbx.http_url, lab.pbx.ari_user, lab.pbx.ari_password) as ari:
        events = ari.events(APP)
        await anext(events)
        async with talking(ari) as (channel, talker):
            await asyncio.sleep(0.5)  # the length of what is said
            await ari.post(f"/channels/{channel}/snoop", spy="in", app=APP, snoopId=names[0])
            await asyncio.sleep(0.5)
            talker.holds = True
            await asyncio.sleep(LATE_S)
            talker.holds = False
            await asyncio.sleep(0.5)
            await ari.post(f"/channels/{channel}/snoop", spy="in", app=APP, snoopId=names[1])
            for name in names:
                await _when_it_can_be(ari, f"/channels/{name}/record", name=name, format="wav")
            await asyncio.sleep(1)
            talker.audio = ulaw(BEHIND_HZ)
            await asyncio.sleep(1.5)
            for name in names:
                await ari.post(f"/recordings/live/{name}/stop")
        await events.aclose()  # type: ignore[attr-defined]
    old_s, new_s = (_heard_from_s(lab, name) for name in names)
    print(f"the old snoop gives it at {old_s:.2f} s, the new one at {new_s:.2f} s")
    assert old_s - new_s >= 2 * FRAME_S, "by as much as was held back, or less where Asterisk was late itself"


def _heard_from_s(lab: Lab, name: str) -> float:
    return tone_spans(*read(lab.pbx.spool / f"{name}.wav"), BEHIND_HZ)[0][0]
