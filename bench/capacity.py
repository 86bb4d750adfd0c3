"""How many calls at once are recorded whole: ours, and MixMonitor with both parties in one file (option D).

Both Asterisks of the lab run at real-time priority, as Debian's does. ``ours_real_time`` is ours with the
same for what follows calls, as ``docs/guide/service.md`` has it for a busy machine.

Calls of 20 s begin fifty a second. A recording is ``late`` if it began, and ``short`` if it is shorter than
its call, by more than 250 ms; one that is not there is both. ``untold`` are those of them of which nothing is
said: MixMonitor says nothing of any. The call's times are the PBX's own, as a third program is told them.
MixMonitor listens since before the call is answered and is never late; what it lost at the beginning makes it
short. It writes only what arrives, so that its call is as long as the audio that the PBX received of it: what
phones that are slow did not send is not held against it.

``answered`` are the calls that came about; ``asterisk_pct`` is the PBX's CPU while all go on (per cent of a
core); ``arrived_pct`` is how much of the phones' audio reached the PBX meanwhile.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ari_recorder.policies.table import State
from ari_recorder.store import finishing, models
from bench.load import RING_S, bench_lab, in_real_time, recorder_on
from bench.results import Result, Row
from lab.ari import Ari, Json
from lab.errors import LabError, LabTimeout
from lab.evidence import Evidence
from lab.lab import Lab

LEVELS = (50, 100, 150, 200, 250, 300)
WAYS = {"ours": "106", "ours_real_time": "106", "mixmonitor_d": "7106"}
DIALPLAN = (
    "7106,1,Set(CHANNEL(hangup_handler_push)=received,s,1) into users",
    "7106,2,MixMonitor(bench-${UNIQUEID}.raw,D) into users",
    "7106,3,Dial(PJSIP/106,25) into users",
    "s,1,UserEvent(Received,packets:${CHANNEL(rtcp,rxcount)}) into received",
    "s,2,Return() into received",
)
PER_SECOND = 50.0
CALL_S = 20
LONGEST_S = 720.0
"""No level begins that would probably end later."""
TOLERANCE = timedelta(milliseconds=250)
ANSWER_S, END_S, FINISH_S = 15.0, 60.0, 240.0
POLL_S = 0.2
MARGIN_S = 0.5
MS = timedelta(milliseconds=1)
PACKET = timedelta(milliseconds=20)
PACKETS_PER_S = timedelta(seconds=1) / PACKET
CHANNEL, RECEIVED = 1, 4
"""Columns of ``pjsip show channelstats``: the channel, and the packets received."""
BYTES_PER_S = 8000 * 2 * 2
"""Of MixMonitor's file: 8 kHz, 16 bits, two channels."""
APP = "capacity"
EVENTS = ("ChannelStateChange", "ChannelUserevent", "ChannelHangupRequest", "ChannelDestroyed")


@dataclass
class Watched:
    """The PBX's own times of 101's calls, and how much audio it received of a call, by channel id."""

    up: dict[str, datetime] = field(default_factory=dict)
    over: dict[str, datetime] = field(default_factory=dict)
    received: dict[str, timedelta] = field(default_factory=dict)

    def take(self, event: Json) -> None:
        """Note when a call was answered, when it was to end, and what was received."""
        channel, at = event["channel"], datetime.fromisoformat(event["timestamp"])
        match event["type"]:
            case "ChannelStateChange" if channel["state"] == "Up":
                self.up.setdefault(channel["id"], at)
            case "ChannelHangupRequest" | "ChannelDestroyed":
                self.over.setdefault(channel["id"], at)
            case "ChannelUserevent":
                self.received[channel["id"]] = int(event["userevent"]["packets"]) * PACKET

    def length(self, channel: str) -> timedelta:
        """How long a recording of the call is to be."""
        whole = self.over[channel] - self.up[channel]
        return min(whole, self.received.get(channel, whole))

    @property
    def going_on(self) -> int:
        """How many are answered and not over."""
        return len(self.up.keys() - self.over.keys())


@dataclass(frozen=True)
class Found:
    """A call's recording: when it began, how long it is, and whether anything is said to be wrong with it."""

    began_at: datetime | None = None
    length: timedelta = timedelta()
    told: bool = False


@dataclass(frozen=True)
class Reading:
    """CPU that both Asterisks have used (s), and packets that the PBX has received of each channel."""

    at_s: float
    asterisk_s: float
    phones_s: float
    packets: dict[str, int]

    @classmethod
    def take(cls, lab: Lab) -> Reading:
        """Read now."""
        lines = [line.split() for line in lab.pbx.rx("pjsip show channelstats").splitlines()]
        packets = {words[CHANNEL]: int(words[RECEIVED]) for words in lines if "alaw" in words}
        return cls(time.monotonic(), lab.pbx.cpu_s(), lab.phones_asterisk.cpu_s(), packets)

    def since(self, before: Reading) -> dict[str, float]:
        """Per cent of a core that each used, and of the channels' audio that arrived."""
        part = (self.at_s - before.at_s) / 100
        more = [
            count - before.packets[name] for name, count in self.packets.items() if name in before.packets
        ]
        found = {
            "asterisk": (self.asterisk_s - before.asterisk_s) / part,
            "phones": (self.phones_s - before.phones_s) / part,
            "arrived": sum(more) / max(1, len(more)) / PACKETS_PER_S / part,
        }
        return {name: round(per_cent, 1) for name, per_cent in found.items()}


async def run() -> Result:
    """Measure each level, both ways."""
    rows: list[Row] = []
    notes: list[str] = []
    async with bench_lab(port_thousands=2) as lab:
        for line in DIALPLAN:
            lab.pbx.rx(f"dialplan add extension {line}")
        for line in (f"s,1,MusicOnHold(tone-440,{CALL_S})", "s,2,Hangup()"):
            lab.phones_asterisk.rx(f"dialplan add extension {line} into {APP}")
        since_s = level_s = time.monotonic()
        for count in LEVELS:
            before_s, level_s = level_s, time.monotonic()
            if 2 * level_s - before_s - since_s > LONGEST_S:
                notes.append(f"{count} calls and more: not measured, it would take too long")
                break
            for way in WAYS:
                row, note = await _measure(lab, way, count)
                rows.append(row)
                notes.append(note)
    return Result("Calls at once, recorded whole", rows, notes)


async def _measure(lab: Lab, way: str, count: int) -> tuple[Row, str]:
    recorder = nullcontext() if way == "mixmonitor_d" else recorder_on(lab)
    async with recorder as on, _watching(lab) as watched:
        if on and way == "ours_real_time":
            in_real_time(on[0])
        used = await _calls(lab, WAYS[way], count, watched)
        found = await _ours(on[1]) if on else await _mixmonitor(lab, watched)
    row: Row = {"calls": count, "way": way, **_judged(watched, found), "asterisk_pct": used["asterisk"]}
    row |= {"answered": len(watched.up), "arrived_pct": used["arrived"]}
    return row, f"{count} calls, {way}: {_worst(watched, found)}; phones {used['phones']} % of a core"


async def _calls(lab: Lab, number: str, count: int, watched: Watched) -> dict[str, float]:
    """Have the calls; what was used and arrived while all of them went on (per cent)."""
    until_s = time.monotonic() + RING_S + CALL_S
    await _place(lab, number, count)
    await _until(lambda: len(watched.up) >= count, ANSWER_S)
    before = await asyncio.to_thread(Reading.take, lab)
    await asyncio.sleep(max(1.0, until_s - time.monotonic() - MARGIN_S))
    used = (await asyncio.to_thread(Reading.take, lab)).since(before)
    await _until(lambda: not watched.going_on, END_S)
    await lab.idle(END_S)
    return used


async def _place(lab: Lab, number: str, count: int) -> None:
    """Have the phones' own dialplan call, which costs least. A call that Asterisk refuses is not answered."""
    loop = asyncio.get_running_loop()
    since_s = loop.time()
    placed = []
    for index in range(count):
        await asyncio.sleep(max(0.0, since_s + index / PER_SECOND - loop.time()))
        placed.append(asyncio.create_task(_call(lab, number)))
    await asyncio.gather(*placed)


async def _call(lab: Lab, number: str) -> None:
    endpoint = f"PJSIP/{number}@101"
    with suppress(LabError, TimeoutError):
        await lab.phones.ari.post(
            "/channels", endpoint=endpoint, callerId="101", context=APP, extension="s", priority=1
        )


@asynccontextmanager
async def _watching(lab: Lab) -> AsyncIterator[Watched]:
    watched = Watched()
    async with Ari(lab.pbx.http_url, lab.pbx.ari_user, lab.pbx.ari_password) as ari:
        events = ari.events(APP, ("endpoint:PJSIP/101",))
        await anext(events)
        allowed = {"allowed": [{"type": kind} for kind in EVENTS]}
        await ari.request("PUT", f"/applications/{APP}/eventFilter", allowed)
        reading = asyncio.create_task(_read(events, watched))
        try:
            yield watched
        finally:
            reading.cancel()
            await asyncio.wait([reading])


async def _read(events: AsyncIterator[Json], watched: Watched) -> None:
    async for event in events:
        watched.take(event)


async def _until(true: Callable[[], object], within_s: float) -> None:
    """Return when ``true()``, or after that time: what is missing then shows in the result."""
    until_s = time.monotonic() + within_s
    while not true() and time.monotonic() < until_s:  # noqa: ASYNC110 - what changes is in another process
        await asyncio.sleep(POLL_S)


# What is left of the calls


async def _ours(evidence: Evidence) -> Mapping[str, Found]:
    until_s = time.monotonic() + FINISH_S
    while await evidence.store.read(_unfinished):
        if time.monotonic() > until_s:
            raise LabTimeout(f"The recorder had not finished {FINISH_S} s after the calls.")
        await asyncio.sleep(POLL_S)
    return await evidence.store.read(_catalogue)


def _unfinished() -> bool:
    going_on = models.Leg.select().where(models.Leg.state != State.ENDED).exists()
    return going_on or finishing.waiting().count > 0


def _catalogue() -> dict[str, Found]:
    """Every leg; one without a recording is told of if its ledger line has a reason."""
    lines = models.LedgerLine.select(models.LedgerLine, models.Leg).join(models.Leg)
    found = {line.leg.channel: Found(told=bool(line.reason)) for line in lines}
    for row in models.Recording.select(models.Recording, models.Leg).join(models.Leg):
        length = timedelta(milliseconds=row.duration_ms or 0)
        told = bool(row.problems) or found[row.leg.channel].told
        found[row.leg.channel] = Found(row.started_at if length else None, length, told)
    return found


async def _mixmonitor(lab: Lab, watched: Watched) -> Mapping[str, Found]:
    await _until(lambda: "mixmonitor_thread" not in lab.pbx.rx("core show threads"), END_S)
    folder = lab.pbx.spool.parent / "monitor"
    files = {path.stem.removeprefix("bench-"): path for path in folder.glob("bench-*.raw")}
    found = {channel: _file(path, watched.up.get(channel)) for channel, path in files.items()}
    shutil.rmtree(folder)
    folder.mkdir()
    return found


def _file(path: Path, up: datetime | None) -> Found:
    length = timedelta(seconds=path.stat().st_size / BYTES_PER_S)
    return Found(up if length else None, length)


def _judged(watched: Watched, found: Mapping[str, Found]) -> Row:
    late, short, untold = 0, 0, 0
    for channel, up in watched.up.items():
        recording = found.get(channel, Found())
        is_late = recording.began_at is None or recording.began_at - up > TOLERANCE
        is_short = watched.length(channel) - recording.length > TOLERANCE
        late, short = late + is_late, short + is_short
        untold += (is_late or is_short) and not recording.told
    return {"late": late, "short": short, "untold": untold}


def _worst(watched: Watched, found: Mapping[str, Found]) -> str:
    """Of the recordings that are there: the latest beginning, and the most that is missing of one."""
    there = {channel: one for channel, one in found.items() if one.began_at and channel in watched.up}
    late = max((one.began_at - watched.up[at] for at, one in there.items() if one.began_at), default=0 * MS)
    missing = max((watched.length(at) - one.length for at, one in there.items()), default=0 * MS)
    return f"at worst {late / MS:.0f} ms late, {missing / MS:.0f} ms short"
