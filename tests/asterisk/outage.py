"""Calls with a pause in them while something is away, and what must be left of each.

What has happened is asked of the PBX itself, by an application of the tests' own (`witness`): when a leg was
answered and ended, and when Asterisk had a command. So what is kept (`kept`) is held against Asterisk's
clock, and not against what the recorder says.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from statistics import median

import soundfile as sf

from ari_recorder.policies.table import Mode
from ari_recorder.store import people
from ari_recorder.store.catalogue import RecordingRow
from lab import Lab, PhoneCall
from lab.call import WAV_HEADER_BYTES
from lab.cases import OUTSIDE, phone_of
from lab.commanded import SECRET_HZ
from lab.directory import change_user
from lab.errors import LabError
from lab.my_pages import MyPages, signed_in
from lab.tones import frequency_hz, sine
from tests.asterisk.station import Station, until
from tests.asterisk.witness import Seen, Witness, witness

TALK_S = 0.7
"""Length of a stretch of conversation."""
CLOCK = timedelta(milliseconds=1)
"""The API's times are rounded to this."""
LOSSLESS = {"media__format": "wav"}
"""So that what is heard is what was recorded, and nothing is a codec's."""
LATE_S = 0.04
"""A quarter of all stretches begins within this and twice what a bare program takes to hear of the answer, to
ask for something and to have it. Not all do: a busy machine keeps everybody waiting, now these, now those."""


class Way(StrEnum):
    """How a command is given."""

    KEYS = "feature map"
    DIGITS = "plain digits"
    APP = "app"


USER = {Way.KEYS: "102", Way.DIGITS: "106", Way.APP: "103"}
OTHER = {Way.KEYS: "104", Way.DIGITS: OUTSIDE, Way.APP: "105"}
NEXT = ("101", "105")
"""Whose call comes afterwards."""


@dataclass
class Talk:
    """A call of a recorded user, in which both play their tones and keep what they hear."""

    scene: Scene
    way: Way
    calling: PhoneCall
    called: PhoneCall
    seen: Seen
    """What the PBX says of the recorded user's leg."""
    id: str = ""
    """The leg's id in the API, if the app is used."""
    given: list[tuple[str, datetime]] = field(default_factory=list)
    """Commands by the app, and since when they count as the app was told."""
    kept: list[int] = field(default_factory=list)
    """How many samples each phone had kept when the last pause was given."""

    @property
    def user(self) -> str:
        """The recorded user's number."""
        return self.calling.phone.number

    @property
    def commands(self) -> list[tuple[str, datetime]]:
        """Every command, and when Asterisk had it, or when the app gave it."""
        return self.given if self.way is Way.APP else self.seen.commands

    async def pause(self) -> None:
        """Give pause; both play what must not be recorded as soon as Asterisk has it."""
        await self._give("pause", "*48")
        self.kept = [len(call.heard_so_far()) for call in (self.calling, self.called)]
        for call, hz in zip((self.calling, self.called), SECRET_HZ, strict=True):
            await call.play(self.scene.secret(hz))

    async def resume(self) -> None:
        """What was played in the pause has been heard, and both play their tones again; when these are heard
        nothing of that is on the way: resume.
        """
        from_calling, from_called = SECRET_HZ
        await asyncio.gather(
            self.calling.has_heard(from_called, self.kept[0]),
            self.called.has_heard(from_calling, self.kept[1]),
        )
        for call in (self.calling, self.called):
            await call.play("tone")
        await self._hear_each_other()
        await self._give("resume", "*49")

    async def _give(self, command: str, code: str) -> None:
        if self.way is Way.APP:
            sent_at = datetime.now(UTC)
            status, answer = await self.scene.pages.command(self.id, command)
            if status == 502:  # taken, and not carried out yet: the files are not written
                self.given.append((command, sent_at))
                return
            assert status == 200, answer
            since = datetime.fromisoformat(answer["call"]["since"])
            assert sent_at - CLOCK <= since <= datetime.now(UTC)
            self.given.append((command, since))
            return
        before = len(self.seen.commands)
        await self.calling.dtmf(code)
        await until(lambda: len(self.seen.commands) > before)

    async def goes_on(self) -> None:
        """Each party hears the other, now."""
        assert self.calling.ended_at is self.called.ended_at is None
        await self._hear_each_other()

    async def _hear_each_other(self) -> None:
        await asyncio.gather(
            self.called.hears(frequency_hz(self.calling.phone.number)),
            self.calling.hears(frequency_hz(self.called.phone.number)),
        )

    async def over(self) -> None:
        """Neither has been cut off; the user hangs up."""
        assert self.calling.ended_at is self.called.ended_at is None
        await self.calling.hangup()
        await self.calling.ended()
        await self.called.ended()

    @property
    def wanted(self) -> list[tuple[datetime, datetime]]:
        """The stretches that are to be recorded, by Asterisk's clock."""
        seen, stretches = self.seen, []
        assert seen.up_at
        assert seen.gone_at
        since: datetime | None = seen.up_at
        for command, at in self.commands:
            if command == "pause" and since is not None:
                stretches.append((since, at))
                since = None
            elif command == "resume" and since is None:
                since = at
        return [*stretches, (since, seen.gone_at)] if since is not None else stretches


@dataclass
class Scene:
    """A recorder with its users, and the witness beside it."""

    station: Station
    witness: Witness
    pages: MyPages
    app_call: str = ""
    """The id of the last call of who uses the app."""
    late_s: list[float] = field(default_factory=list)
    """How late stretches began, by Asterisk's times."""

    @property
    def lab(self) -> Lab:
        """Where it is played."""
        return self.station.lab

    def secret(self, hz: int) -> str:
        """A sound file that must be in no recording."""
        path = self.station.recorder.folder / f"secret-{hz}.wav"
        if not path.exists():
            sf.write(path, sine(hz, 30, 8000), 8000)
        return str(path)

    async def begin(self, way: Way) -> Talk:
        """A call that is answered. Who uses the app has to find it there."""
        talk = await self.connect(USER[way], OTHER[way], way)
        if way is Way.APP:
            talk.id = self.app_call = await self._other_than(self.app_call)
        return talk

    async def connect(self, caller: str, callee: str, way: Way) -> Talk:
        """A call of these that is answered."""
        await self.witness.connected.wait()
        calling = await self.lab.phones[caller].call(callee, play="tone")
        called = await phone_of(self.lab, callee).incoming()
        await called.answer(play="tone")
        await calling.answered()
        await asyncio.gather(calling.keep(), called.keep())
        await until(lambda: self.witness.answered(caller))
        seen = self.witness.answered(caller)[0]
        seen.claimed = True
        return Talk(self, way, calling, called, seen)

    async def begin_each(self, *ways: Way) -> list[Talk]:
        """Calls at the same time, each given its commands in another way."""
        return await asyncio.gather(*(self.begin(way) for way in ways))

    async def _other_than(self, before: str) -> str:
        """The id of the call that goes on; the one ``before`` may be there for a moment yet."""
        found: list[str] = []
        async with asyncio.timeout(10):
            while not found:
                await asyncio.sleep(0.02)  # polling: it happens in another process
                there = await self.pages.calls()
                found = [one["id"] for one in there if one["answered_at"] and one["id"] != before]
        return found[-1]

    def log(self, text: str) -> int:
        """How often the recorder has said so."""
        return self.station.recorder.log.read_text().count(text)

    def growing(self, talk: Talk) -> bool:
        """Whether something is being written of this call."""
        now_s = datetime.now(UTC).timestamp()
        return any(_is_audio(path) and now_s - path.stat().st_mtime < 1 for path in self._files(talk))

    async def written(self, talk: Talk) -> None:
        """Return when Asterisk has just written something of this call."""
        before = self._size(talk)
        await until(lambda: self._size(talk) > before)

    def _size(self, talk: Talk) -> int:
        return sum(path.stat().st_size for path in self._files(talk))

    def _files(self, talk: Talk) -> list[Path]:
        users = self.station.store.read_now(people.list_users)
        user = next(one.id.hex for one in users if one.number == talk.user)
        return list(self.lab.pbx.spool.glob(f"*-{user}-r*.wav*"))

    async def rows(self, *talks: Talk) -> list[RecordingRow]:
        """The recordings of these calls, one of each, once all is settled."""
        await self.station.evidence.settled()
        rows = self.station.evidence.recordings()
        found = [min(rows, key=lambda row: _apart(row, talk)) for talk in talks]
        assert len({row.id for row in found}) == len(talks)
        users = {talk.user for talk in talks}
        ours = [row for row in rows if row.user_number in users]
        assert len(ours) == len(talks), ours
        return found


def _is_audio(path: Path) -> bool:
    return path.stat().st_size > WAV_HEADER_BYTES and path.read_bytes()[:4] == b"RIFF"


def _apart(row: RecordingRow, talk: Talk) -> tuple[bool, timedelta]:
    """How far a recording is from being this call's."""
    assert talk.seen.up_at
    return row.user_number != talk.user, abs(row.answered_at - talk.seen.up_at)


@contextlib.asynccontextmanager
async def scene(station: Station) -> AsyncIterator[Scene]:
    """The users of `USER` can pause: 102 by the feature map, 106 by plain digits, 103 by the app."""
    numbers = tuple(USER.values())
    followed = station.recorder.log.read_text().count("following endpoints")
    await station.store.write(_let_pause, numbers)
    await until(lambda: station.recorder.log.read_text().count("following endpoints") > followed)
    async with (
        witness(station.lab, *numbers, NEXT[0]) as seen,
        signed_in(station.recorder.url, USER[Way.APP], f"demo-{USER[Way.APP]}") as pages,
    ):
        here = Scene(station, seen, pages)
        yield here
    if here.late_s:
        late_s, bare_s = sorted(here.late_s)[len(here.late_s) // 4], median(seen.bare_s)
        print(f"begun late by {late_s:.3f} s; a bare program: {bare_s:.3f} s")
        assert late_s <= LATE_S + 2 * bare_s, (here.late_s, seen.bare_s)


def _let_pause(numbers: tuple[str, ...]) -> None:
    for number in numbers:
        change_user(number, mode=Mode.ALWAYS_PAUSE_RESUME)
    change_user(OTHER[Way.KEYS], mode=Mode.NEVER)


async def safely(call: PhoneCall) -> None:
    """Hang up a phone whose call may have gone with the PBX."""
    with contextlib.suppress(LabError):
        await call.hangup()


async def pause_and_resume(*talks: Talk) -> None:
    """In all of them at the same time: talk, pause, silence, resume, talk."""
    await asyncio.sleep(TALK_S)
    await asyncio.gather(*(talk.pause() for talk in talks))
    await asyncio.sleep(TALK_S)
    await asyncio.gather(*(talk.resume() for talk in talks))
    await asyncio.sleep(TALK_S)


async def go_on(*talks: Talk) -> None:
    """In each both hear one another, now."""
    await asyncio.gather(*(talk.goes_on() for talk in talks))


async def end(*talks: Talk) -> None:
    """Nobody has been cut off; all hang up."""
    await asyncio.gather(*(talk.over() for talk in talks))
