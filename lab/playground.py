"""The demo for people: phones that talk, the pages to listen on, accounts for a softphone of your own."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile as sf
from rich.console import Console
from rich.table import Table

from ari_recorder.store.catalogue import RecordingRow
from lab.cases import OUTSIDE, phone_of
from lab.evidence import Evidence
from lab.lab import Lab
from lab.people import OUTSIDE_PREFIX, SERVICES, USERS
from lab.recorder import ADMINISTRATOR, LabRecorder

POLL_S = 0.5
CALLS = (("101", "106"), (OUTSIDE, "102"), ("101", "102"), ("103", "106"), ("104", "101"), ("105", "106"))
"""Who calls whom: every mode has its call."""

LINES = {
    "101": "Hello, this is Anna. I would like two tickets for tomorrow, for the train at nine.",
    "102": "Good morning, Bo speaking. Of course. Let me see what we have. Yes, that one has seats left.",
    "103": "Cecilia here. I am calling about the invoice from last month. The number is four seven one one.",
    "104": "Hi, it is David. Could you call me back when you have had time to look at it?",
    "105": "This is Eva. Nobody records what I say, so you will not hear me again.",
    "106": "Fredrik speaking. I have no recording service: you hear me on the right.",
    OUTSIDE: "Good day. I am calling from outside. Is this call recorded? I hope so.",
}
VOICES = ("en-gb+f3", "en-us+m3", "en-gb+f4", "en-us+m7", "en-gb+f2", "en-gb+m5", "en-us+f5")


async def run(folder: Path, console: Console) -> int:
    """Start everything, make the calls, and stay until cancelled."""
    async with Lab(folder, "demo") as lab:
        recorder = LabRecorder(lab, folder / "demo-data")
        recorder.add_users()
        try:
            recorder.start()
            _introduce(lab, recorder, console)
            showing = asyncio.create_task(_show_recordings(recorder, console))
            await _make_calls(lab, folder / "speech", console)
            console.print(
                "[bold]Listen to them in My Pages, or call with a phone of your own.[/] Ctrl-C ends it."
            )
            await showing
        finally:
            recorder.stop()
    return 0


def _introduce(lab: Lab, recorder: LabRecorder, console: Console) -> None:
    login, password = ADMINISTRATOR
    console.print(
        f"\n[bold]My Pages[/]  {recorder.url}   login [bold]{login}[/]  password [bold]{password}[/]"
    )
    table = Table(
        title=f"SIP accounts at {lab.sip_address}:{lab.pbx.sip_port} (UDP); the same logins in My Pages"
    )
    for heading in ("Number and user name", "Password", "Name", "Recording mode"):
        table.add_column(heading)
    for user in USERS:
        table.add_row(user.number, user.password, user.name, user.mode or "no recording service")
    console.print(table)
    console.print("Also: " + ", ".join(f"{number} {what}" for number, what in SERVICES.items()) + "\n")


async def _make_calls(lab: Lab, folder: Path, console: Console) -> None:
    speech = await asyncio.to_thread(_speak, folder)
    for caller, callee in CALLS:
        console.print(f"☎  {caller} calls {callee} …")
        await _converse(lab, caller, callee, speech)


async def _converse(lab: Lab, caller: str, callee: str, speech: dict[str, Path]) -> None:
    """One after the other, as people do."""
    dialled = f"{OUTSIDE_PREFIX}{callee}" if caller == OUTSIDE else callee
    calling = await phone_of(lab, caller).call(dialled)
    called = await lab.phones[callee].incoming()
    await called.answer()
    await calling.answered()
    for call, number in ((called, callee), (calling, caller)):
        await call.play(speech[number])
        await asyncio.sleep(sf.info(speech[number]).duration + 0.5)
    await calling.hangup()
    await calling.ended()


async def _show_recordings(recorder: LabRecorder, console: Console) -> None:
    evidence = Evidence(recorder)
    shown: set[Any] = set()
    try:
        while True:
            for row in await asyncio.to_thread(evidence.recordings):
                if row.place and row.id not in shown:
                    shown.add(row.id)
                    console.print(_line(row, recorder.url), soft_wrap=True)
            await asyncio.sleep(POLL_S)
    finally:
        evidence.close()


def _line(row: RecordingRow, url: str) -> str:
    arrow = "→" if row.direction == "outbound" else "←"
    who = f"{row.user_number} {row.user_name} {arrow} {row.counterpart_number} {row.counterpart_name}".strip()
    length_s = (row.duration_ms or 0) / 1000
    when = f"{row.started_at.astimezone():%H:%M:%S} {length_s:5.1f} s"
    return f"[green]●[/] {when}  {who}  {url}/recordings/{row.id}"


def _speak(folder: Path) -> dict[str, Path]:
    """What each party says, as 8 kHz WAV files; synthesised once."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        number: _say(folder / f"{number}.wav", text, voice)
        for (number, text), voice in zip(LINES.items(), VOICES, strict=True)
    }


def _say(path: Path, text: str, voice: str) -> Path:
    if not path.exists():
        spoken = path.with_suffix(".22k.wav")
        subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", str(spoken), text], check=True)
        _to_telephone(spoken, path)
        spoken.unlink()
    return path


def _to_telephone(source: Path, target: Path) -> None:
    with av.open(str(source)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    sf.write(target, np.concatenate([frame.to_ndarray()[0] for frame in frames]), 8000)
