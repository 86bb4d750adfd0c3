"""The demo for people: phones that talk, pages to listen on, a softphone in the browser to call with."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import soundfile as sf
from rich.console import Console
from rich.table import Table

from ari_recorder.store.catalogue import RecordingRow
from lab import past_talk, softphone, speech
from lab.answering import BETWEEN_S, Answering
from lab.call import PhoneCall
from lab.cases import OUTSIDE, phone_of
from lab.errors import LabError
from lab.evidence import Evidence
from lab.lab import Lab
from lab.past_calls import DAYS
from lab.people import OUTSIDE_PREFIX, SPARE, STAFF, USERS
from lab.recorder import LabRecorder

POLL_S = 0.5
CALLS = (("101", "106"), (OUTSIDE, "102"), ("101", "102"), ("103", "106"), ("104", "101"), ("105", "106"))
"""Who calls whom: every mode has its call."""
ON_SHOW = (OUTSIDE, "102")
"""The call that goes on all the time, to be watched: 102 pauses in it."""
ON_SHOW_ROUNDS = 12
"""So often each of them speaks before they hang up, and call again."""
AGAIN_S = 8.0

LINES = {
    "101": "Hello, this is Anna. I would like two tickets for tomorrow, for the train at nine.",
    "102": "Good morning, Bo speaking. Of course. Let me see what we have. Yes, that one has seats left.",
    "103": "Cecilia here. I am calling about the invoice from last month. The number is four seven one one.",
    "104": "Hi, it is David. Could you call me back when you have had time to look at it?",
    "105": "This is Eva. Nobody records what I say, so you will not hear me again.",
    "106": "Fredrik speaking. Say something, hang up, and hear yourself in My Pages. I am on the right.",
    OUTSIDE: "Good day. I am calling from outside. Is this call recorded? I hope so.",
}  # fmt: skip


async def run(folder: Path, console: Console) -> int:
    """Start everything, make the calls, and stay until cancelled."""
    began_at = datetime.now(UTC)
    async with Lab(folder, "demo") as lab:
        recorder = LabRecorder(lab, folder / "demo-data")
        recorder.add_users(began_at - timedelta(days=DAYS + 1))
        try:
            recorder.start()
            with _furnishing(recorder, folder):
                await recorder.beside(_show(lab, recorder, folder, began_at, console))
        finally:
            recorder.stop()
    return 0


async def _show(lab: Lab, recorder: LabRecorder, folder: Path, began_at: datetime, console: Console) -> None:
    evidence = Evidence(recorder)
    try:
        async with (
            softphone.serving(lab, recorder.url, evidence.store) as phone,
            asyncio.TaskGroup() as together,
        ):
            _introduce(lab, recorder, phone, console)
            together.create_task(_show_recordings(evidence, recorder.url, began_at, console))
            together.create_task(_play(lab, folder / "speech", console))
    finally:
        evidence.close()


@contextmanager
def _furnishing(recorder: LabRecorder, folder: Path) -> Iterator[None]:
    """Fill the catalogue beside everything else, at the lowest priority; once is enough, and it says so."""
    command = ("nice", "-n", "19", sys.executable, "-m", "lab.furnish")
    with (folder / "furnish.log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | recorder.environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _introduce(lab: Lab, recorder: LabRecorder, phone: str, console: Console) -> None:
    console.print("\n[bold]1.[/] Open the softphone, press [bold]Call 106[/], say something, and hang up:")
    console.print(
        f"   [bold]{phone}[/]   you are 101 Anna there; any browser on this machine, with a microphone"
    )
    console.print("[bold]2.[/] Hear yourself in My Pages:")
    console.print(f"   [bold]{recorder.url}[/]   login [bold]101[/]  password [bold]demo-101[/]\n")
    words = softphone.words("en")
    table = Table(title="Who else you can be in My Pages; the password is demo- and the login")
    for heading in ("Login", "Who", "What for"):
        table.add_column(heading)
    for one in STAFF:
        table.add_row(one.login, one.name, one.what)
    for user in USERS:
        table.add_row(user.number, user.name, words["modes"][user.mode]["name"])
    console.print(table)
    first, *others = (one.number for one in SPARE)
    console.print(
        f"Add somebody: as [bold]admin[/], under Administration, with the telephone PJSIP/{first}. It is"
        f" a spare one in the browser ({phone}?as={first}), as are {' and '.join(others)}."
    )
    console.print(
        f"The users are SIP accounts, with the same passwords: {lab.sip_address}:{lab.pbx.sip_port} (UDP)."
        " To call: " + ", ".join(f"{number} {what}" for number, what in words["services"].items()) + ".\n"
    )


async def _play(lab: Lab, folder: Path, console: Console) -> None:
    """Every mode has its call; then one goes on for everybody to watch, and who is called answers."""
    said = await asyncio.to_thread(_speak, folder)
    async with Answering(lab, said):
        for caller, callee in CALLS:
            console.print(f"☎  {caller} calls {callee} …")
            with suppress(LabError):  # somebody has registered as one of them, and does not answer
                await _converse(lab, caller, callee, said)
        console.print(
            "[bold]A call goes on in Calls now; call with the softphone meanwhile.[/] Ctrl-C ends it."
        )
        while True:
            with suppress(LabError):
                await _show_call(lab, *ON_SHOW, said)
            await asyncio.sleep(AGAIN_S)


async def _converse(lab: Lab, caller: str, callee: str, said: dict[str, Path]) -> None:
    """Who is called speaks first, by itself (`Answering`)."""
    async with _calling(lab, caller, callee) as calling:
        await asyncio.sleep(_length_s(said[callee]))
        await _say(calling, said[caller])


async def _show_call(lab: Lab, caller: str, callee: str, said: dict[str, Path]) -> None:
    """A long one, in which the called one now and then pauses the recording while the other speaks."""
    async with _calling(lab, caller, callee) as calling:
        called = [one for one in lab.phones.calls() if one.phone.number == callee and one.answered_at]
        for turn in range(ON_SHOW_ROUNDS):
            await asyncio.sleep(_length_s(said[callee]))
            pausing = called if turn % 3 == 1 else []
            for one in pausing:
                await one.dtmf("*48")
            await _say(calling, said[caller])
            for one in pausing:
                await one.dtmf("*49")
            await asyncio.sleep(BETWEEN_S - _length_s(said[caller]))


@asynccontextmanager
async def _calling(lab: Lab, caller: str, callee: str) -> AsyncIterator[PhoneCall]:
    """A call that has been answered, and is hung up afterwards."""
    dialled = f"{OUTSIDE_PREFIX}{callee}" if caller == OUTSIDE else callee
    calling = await phone_of(lab, caller).call(dialled)
    try:
        await calling.answered()
        yield calling
    finally:
        await calling.hangup()
        await calling.ended()


async def _say(call: PhoneCall, sound: Path) -> None:
    await call.play(sound)
    await asyncio.sleep(_length_s(sound))


def _length_s(sound: Path) -> float:
    return float(sf.info(sound).duration) + 0.5


async def _show_recordings(evidence: Evidence, url: str, since: datetime, console: Console) -> None:
    shown: set[Any] = set()
    while True:
        for row in await asyncio.to_thread(evidence.recordings):
            if row.place and row.id not in shown and row.started_at >= since:
                shown.add(row.id)
                console.print(_line(row, url), soft_wrap=True)
        await asyncio.sleep(POLL_S)


def _line(row: RecordingRow, url: str) -> str:
    arrow = "→" if row.direction == "outbound" else "←"
    who = f"{row.user_number} {row.user_name} {arrow} {row.counterpart_number} {row.counterpart_name}".strip()
    length_s = (row.duration_ms or 0) / 1000
    when = f"{row.started_at.astimezone():%H:%M:%S} {length_s:5.1f} s"
    return f"[green]●[/] {when}  {who}  {url}/recordings/{row.id}"


def _speak(folder: Path) -> dict[str, Path]:
    """What each party says, as 8 kHz WAV files; synthesised once."""
    return {number: speech.say(folder, text, past_talk.voice_of(number)) for number, text in LINES.items()}
