"""The demo's calls, each with what must be recorded of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from lab.call import TONE, PhoneCall
from lab.evidence import Expected
from lab.lab import Lab
from lab.people import OUTSIDE_PREFIX
from lab.phones import Phone

TALK_S = 2.0
OUTSIDE = "0812345678"
INCOMING_S = 8.0


@dataclass(frozen=True)
class Stage:
    """Where a case is played: the lab, and the address of the recorder's pages."""

    lab: Lab
    url: str


@dataclass
class Made:
    """A call that was made, and the recordings that it must have left: these, in this order."""

    expected: list[Expected] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """One of the demo's cases. ``mode`` is that of the recorded user it is about."""

    name: str
    mode: str
    make: Callable[[Stage], Awaitable[Made]]


def length_s(call: PhoneCall) -> float:
    """From answer to end as the phone saw it (s)."""
    return (_known(call.ended_at) - _known(call.answered_at)).total_seconds()


def _known(at: datetime | None) -> datetime:
    assert at is not None
    return at


def phone_of(lab: Lab, number: str) -> Phone:
    """A user's phone, or an outside one."""
    return lab.phones[number] if number in lab.phones else lab.outside(number)


async def connect(
    lab: Lab, caller: str, callee: str, *, dialled: str = "", play: str | None = TONE
) -> tuple[PhoneCall, PhoneCall]:
    """A call between two parties, up on both sides: (caller's side, callee's side).

    They ``play`` their tones, or are silent (None). ``dialled`` leads to the callee instead of their number.
    """
    if not dialled:
        dialled = callee if caller in lab.phones else f"{OUTSIDE_PREFIX}{callee}"
    calling = await phone_of(lab, caller).call(dialled, play=play)
    called = await phone_of(lab, callee).incoming(INCOMING_S)
    await called.answer(play=play)
    await calling.answered()
    return calling, called


async def over(*calls: PhoneCall) -> None:
    """The first hangs up; returns when all have ended."""
    await calls[0].hangup()
    for call in calls:
        await call.ended()


async def talk(
    lab: Lab, caller: str, callee: str, talk_s: float = TALK_S, *, dialled: str = ""
) -> tuple[PhoneCall, PhoneCall]:
    """A whole call of this length between two parties who play their tones (`connect`)."""
    calling, called = await connect(lab, caller, callee, dialled=dialled)
    await asyncio.sleep(talk_s)
    await over(calling, called)
    return calling, called


def answered(caller: str, callee: str, recorded: tuple[str, ...]) -> Callable[[Stage], Awaitable[Made]]:
    """A call that is answered, of which ``recorded`` parties get a recording each."""

    async def make(stage: Stage) -> Made:
        calling, called = await talk(stage.lab, caller, callee)
        expected = {
            caller: Expected(caller, callee, length_s(calling), "outbound"),
            callee: Expected(callee, caller, length_s(called), "inbound"),
        }
        return Made([expected[party] for party in recorded])

    return make


def unanswered() -> Callable[[Stage], Awaitable[Made]]:
    """A call that rings and is given up."""

    async def make(stage: Stage) -> Made:
        lab = stage.lab
        calling = await lab.phones["101"].call("106", play="tone")
        called = await lab.phones["106"].incoming()
        await calling.ringing()
        await calling.hangup()
        await calling.ended()
        await called.ended()
        return Made()

    return make


def busy() -> Callable[[Stage], Awaitable[Made]]:
    """A call that is refused."""

    async def make(stage: Stage) -> Made:
        lab = stage.lab
        calling = await lab.phones["101"].call("106", play="tone")
        called = await lab.phones["106"].incoming()
        await called.reject(busy=True)
        await calling.ended()
        return Made()

    return make


CASES = (
    Case("101 calls 106", "always", answered("101", "106", ("101",))),
    Case("106 calls 101", "always", answered("106", "101", ("101",))),
    Case("101 calls outside", "always", answered("101", OUTSIDE, ("101",))),
    Case("outside calls 101", "always", answered(OUTSIDE, "101", ("101",))),
    Case("101 calls 102", "always", answered("101", "102", ("101", "102"))),
    Case("102 calls 101", "always", answered("102", "101", ("102", "101"))),
    Case("103 calls 106, start not given", "on_demand", answered("103", "106", ())),
    Case("104 calls 106, start not given", "on_demand_user_start", answered("104", "106", ())),
    Case("105 calls 106", "never", answered("105", "106", ())),
    Case("101 calls 106, nobody answers", "always", unanswered()),
    Case("101 calls 106, busy", "always", busy()),
)
