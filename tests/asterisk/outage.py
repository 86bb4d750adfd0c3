"""Calls with a pause in them while something is away, and what must be left of each.

What has happened is asked of the PBX itself, by an application of the tests' own: when a leg was answered and
ended, and when Asterisk had a command. So what is kept is held against Asterisk's clock, and not against what
the recorder says.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import soundfile as sf

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.table import Mode
from ari_recorder.store import people
from ari_recorder.store.catalogue import RecordingRow
from lab import Lab, PhoneCall
from lab.ari import Ari, Json
from lab.call import WAV_HEADER_BYTES
from lab.cases import OUTSIDE, phone_of
from lab.commanded import SECRET_HZ
from lab.directory import change_user
from lab.errors import LabError
from lab.my_pages import MyPages, signed_in
from lab.tones import frequency_hz, sine, tone_s, tone_spans
from tests.asterisk.station import Station, until

TALK_S = 0.7
"""Length of a stretch of conversation."""
SETTLED_S = 0.3
"""What a phone played is through the PBX after this."""
SHARE = 0.99
"""So much of what Asterisk could write is kept."""
SLACK_S = 0.06
"""For the beginning and the end of each stretch: a frame, and what a request takes."""
CLOCK = timedelta(milliseconds=1)
"""The API's times are rounded to this."""
SECRET_DBFS = -25.0
"""A frame of a secret is louder than this; a tone that is cut, or a phone that stalls, is not."""
MISSING = re.compile(r"(\d+\.\d) s are missing|user's audio file .*, (\d+\.\d) s are lost")
NOTHING = re.compile(r"recorded user's audio file has (\d+\.\d) s of nothing in it")
SHORT = re.compile(r"(\d+\.\d) s of the recorded user's audio for (\d+\.\d) s of call")
CODES = {"*48": "pause", "*49": "resume"}


class Way(StrEnum):
    """How a command is given."""

    KEYS = "feature map"
    DIGITS = "plain digits"
    APP = "app"


USER = {Way.KEYS: "102", Way.DIGITS: "106", Way.APP: "103"}
OTHER = {Way.KEYS: "104", Way.DIGITS: OUTSIDE, Way.APP: "105"}


@dataclass
class Seen:
    """What the PBX says of a channel."""

    up_at: datetime | None = None
    gone_at: datetime | None = None
    commands: list[tuple[str, datetime]] = field(default_factory=list)
    digits: str = ""


class Witness:
    """An application of the tests' own on the PBX: what Asterisk itself says happened, and when."""

    def __init__(self) -> None:
        self.channels: dict[str, Seen] = {}

    def answered(self, number: str) -> list[Seen]:
        """The channels of a phone that are up."""
        its = [seen for name, seen in self.channels.items() if name.startswith(f"PJSIP/{number}-")]
        return [seen for seen in its if seen.up_at and not seen.gone_at]

    def take(self, event: Json) -> None:
        """Note an event."""
        channel = event.get("channel")
        if channel is None:
            return
        seen, at = (
            self.channels.setdefault(channel["name"], Seen()),
            datetime.fromisoformat(event["timestamp"]),
        )
        match event["type"]:
            case "ChannelStateChange" if channel["state"] == "Up":
                seen.up_at = seen.up_at or at
            case "ChannelDestroyed":
                seen.gone_at = at
            case "ChannelUserevent" if event["eventname"] == "RecorderCommand":
                seen.commands.append((event["userevent"]["command"], at))
            case "ChannelDtmfReceived":
                seen.digits += event["digit"]
                command = CODES.get(seen.digits[-3:])
                if command is not None:
                    seen.commands.append((command, at))


@contextlib.asynccontextmanager
async def witness(lab: Lab, *numbers: str) -> AsyncIterator[Witness]:
    """Watch these phones' channels on the PBX; what happens after it was killed is not seen."""
    found = Witness()
    connected = asyncio.Event()

    async def read(ari: Ari) -> None:
        sources = tuple(f"endpoint:PJSIP/{number}" for number in numbers)
        async for event in ari.events("witness", sources):
            connected.set()
            found.take(event)

    async with Ari(lab.pbx.http_url, lab.pbx.ari_user, lab.pbx.ari_password) as ari:
        reading = asyncio.create_task(read(ari))
        try:
            async with asyncio.timeout(10):
                await connected.wait()
            yield found
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


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

    @property
    def user(self) -> str:
        """The recorded user's number."""
        return USER[self.way]

    @property
    def commands(self) -> list[tuple[str, datetime]]:
        """Every command, and when Asterisk had it, or when the app gave it."""
        return self.given if self.way is Way.APP else self.seen.commands

    async def pause(self) -> None:
        """Give pause; both play what must not be recorded as soon as Asterisk has it."""
        await self._give("pause", "*48")
        for call, hz in zip((self.calling, self.called), SECRET_HZ, strict=True):
            await call.play(self.scene.secret(hz))

    async def resume(self) -> None:
        """Both play their tones again, and then resume is given."""
        for call in (self.calling, self.called):
            await call.play("tone")
        await asyncio.sleep(SETTLED_S)
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
        await self.called.hears(frequency_hz(self.calling.phone.number))
        await self.calling.hears(frequency_hz(self.called.phone.number))

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
        caller, callee = USER[way], OTHER[way]
        calling = await self.lab.phones[caller].call(callee, play="tone")
        called = await phone_of(self.lab, callee).incoming()
        await called.answer(play="tone")
        await calling.answered()
        await asyncio.gather(calling.keep(), called.keep())
        await until(lambda: self.witness.answered(caller))
        talk = Talk(self, way, calling, called, self.witness.answered(caller)[-1])
        if way is Way.APP:
            talk.id = self.app_call = await self._id()
        return talk

    async def _id(self) -> str:
        async with asyncio.timeout(10):
            while not (calls := [one for one in await self.pages.calls() if one["answered_at"]]):
                await asyncio.sleep(0.02)  # polling: it happens in another process
        found: str = calls[-1]["id"]
        return found

    def log(self, text: str) -> int:
        """How often the recorder has said so."""
        return self.station.recorder.log.read_text().count(text)

    def growing(self, talk: Talk) -> bool:
        """Whether something is being written of this call."""
        user = next(
            one.id.hex for one in self.station.store.read_now(people.list_users) if one.number == talk.user
        )
        now_s = datetime.now(UTC).timestamp()
        files = self.lab.pbx.spool.glob(f"*-{user}-r*.wav*")
        return any(_is_audio(path) and now_s - path.stat().st_mtime < 1 for path in files)

    async def new_call(self) -> None:
        """Afterwards a call is whole, and everything is settled; of all that is there nothing is damaged."""
        known = {row.id for row in self.station.evidence.recordings()}
        lab = self.lab
        calling = await lab.phones["101"].call("105", play="tone")
        called = await lab.phones["105"].incoming()
        await called.answer(play="tone")
        await calling.answered()
        await asyncio.sleep(TALK_S)
        await calling.hangup()
        await calling.ended()
        await called.ended()
        await self.station.evidence.settled()
        (row,) = [row for row in self.station.evidence.recordings() if row.id not in known]
        assert (row.user_number, row.problems, row.state) == ("101", (), RecordingState.STORED)
        assert calling.ended_at
        assert calling.answered_at
        length_s = (calling.ended_at - calling.answered_at).total_seconds()
        assert abs(row.duration_ms / 1000 - length_s) < 0.1  # type: ignore[operator]

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
        witness(station.lab, *numbers) as seen,
        signed_in(station.recorder.url, USER[Way.APP], f"demo-{USER[Way.APP]}") as pages,
    ):
        yield Scene(station, seen, pages)


def _let_pause(numbers: tuple[str, ...]) -> None:
    for number in numbers:
        change_user(number, mode=Mode.ALWAYS_PAUSE_RESUME)
    change_user(OTHER[Way.KEYS], mode=Mode.NEVER)


def assert_kept(talk: Talk, row: RecordingRow, *, missing_s: float = 0.0, told_over_s: float = 0.0) -> None:
    """What was wanted is kept or told to be missing, at most ``missing_s``; nothing of a pause is in it.

    ``told_over_s``: how much more may be told than is missing.
    """
    wanted_s = sum((to - since).total_seconds() for since, to in talk.wanted)
    kept_s = (row.duration_ms or 0) / 1000
    told_s = sum(_told_s(problem) for problem in row.problems)
    kept_s -= sum(float(length) for problem in row.problems for length in NOTHING.findall(problem))
    told = f"{talk.way}: {kept_s:.2f} s kept and {told_s:.1f} s told to be missing of {wanted_s:.2f} s"
    print(told, row.problems)
    slack_s = SLACK_S * len(talk.wanted) + (1 - SHARE) * wanted_s + (0.05 if told_s else 0)
    assert -slack_s - told_over_s <= wanted_s - kept_s - told_s <= slack_s, told
    assert told_s <= missing_s, f"{told}: {row.problems}"
    assert_heard(talk, row, kept_s)


def _told_s(problem: str) -> float:
    """How much a sentence says that is missing."""
    missing = sum(float(length or lost) for length, lost in MISSING.findall(problem))
    missing += sum(map(float, NOTHING.findall(problem)))
    return missing + sum(float(due) - float(found) for found, due in SHORT.findall(problem))


def assert_heard(talk: Talk, row: RecordingRow, kept_s: float) -> None:
    """Each party on their side, as long as it is, and what was played in the pause nowhere."""
    samples, rate_hz = talk.scene.station.evidence.audio(row)
    for side in samples.T:
        for hz in SECRET_HZ if talk.commands else ():
            spans = tone_spans(side, rate_hz, hz, SECRET_DBFS)
            assert not spans, f"{talk.way}: a secret is in it at {spans}, of {talk.wanted}"
    parties = (talk.calling.phone.number, talk.called.phone.number)
    for side, number in zip(samples.T, parties, strict=True):
        heard_s = tone_s(side, rate_hz, frequency_hz(number))
        assert heard_s >= 0.95 * kept_s - 0.4, (
            f"{talk.way}: {number} is heard for {heard_s:.2f} s of {kept_s:.2f}"
        )


async def safely(call: PhoneCall) -> None:
    """Hang up a phone whose call may have gone with the PBX."""
    with contextlib.suppress(LabError):
        await call.hangup()
