"""The recording folder: what lies in it, and one that does not answer."""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ari_recorder.errors import SpoolError
from ari_recorder.handlers import spool as module
from ari_recorder.handlers.spool import Spool, by_leg
from ari_recorder.policies.leg.inputs import Measured

AT = datetime(2026, 3, 2, 8, 0, 0, 250_000, UTC)
OURS = re.compile(r"app-([0-9a-f]{32})-([0-9a-f]{32})-")
LEG, OTHER, USER = "a" * 32, "b" * 32, "c" * 32


def write(folder: Path, name: str, length_s: float, rate_hz: int = 8000, at: datetime = AT) -> Path:
    path = folder / name
    path.write_bytes(b"RIFF".ljust(44, b"\0") + bytes(round(length_s * rate_hz * 2)))
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


async def test_what_is_written_began_as_long_before_its_end_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "narrow.wav", 2.5)
    write(tmp_path, "wide.wav16", 2.5, 16_000)
    write(tmp_path, "empty.wav", 0)
    (tmp_path / "headless.wav").write_bytes(b"RIFF")
    found = await Spool(tmp_path).written(["narrow", "wide", "empty", "headless", "missing"])
    assert found.keys() == {"narrow", "wide", "empty", "headless"}
    for name, file_format in (("narrow", "wav"), ("wide", "wav16")):
        assert (found[name].format, found[name].changed_at) == (file_format, AT)
        assert found[name].began_at == AT - timedelta(seconds=2.5)
    assert found["empty"].began_at == found["empty"].changed_at
    assert found["headless"].began_at == found["headless"].changed_at


async def test_all_that_bear_our_names_are_found_by_leg(tmp_path: Path) -> None:
    for leg, number in ((LEG, 1), (LEG, 2), (OTHER, 1)):
        for side in ("in", "out"):
            write(tmp_path, f"app-{leg}-{USER}-r{number}-{side}.wav", 1)
    write(tmp_path, f"app-{LEG}-{USER}-r3-in.gsm", 1)
    write(tmp_path, f"other-{LEG}-{USER}-r1-in.wav", 1)
    write(tmp_path, "voicemail.wav", 1)
    (tmp_path / f"app-{LEG}-{USER}-folder").mkdir()
    found = by_leg(await Spool(tmp_path).all_of(OURS), OURS)
    assert {leg: sorted(name[70:] for name in names) for leg, names in found.items()} == {
        LEG: ["r1-in", "r1-out", "r2-in", "r2-out"],
        OTHER: ["r1-in", "r1-out"],
    }


async def test_sizes_tell_whether_files_grow(tmp_path: Path) -> None:
    write(tmp_path, "a.wav", 1)
    write(tmp_path, "b.wav16", 1, 16_000, AT + timedelta(seconds=1))
    assert await Spool(tmp_path).measure(["a", "b", "missing"]) == Measured(
        {"a": 16_044, "b": 32_044}, AT + timedelta(seconds=1)
    )
    assert await Spool(tmp_path).measure(["missing"]) == Measured({}, None)


async def test_what_cannot_be_read_as_audio_does_not_grow(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(bytes(5000))
    assert (await Spool(tmp_path).measure(["a"])).sizes == {"a": 0}


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match=f"{tmp_path}/none cannot be used: No such file"):
        await Spool(tmp_path / "none").all_of(OURS)


class Hanging:
    """A disk that answers nothing until it is back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.back = threading.Event()
        self.asked = 0
        self._look = module._look
        monkeypatch.setattr(module, "_look", self.look)

    def look(self, path: Path, file_format: str) -> object:
        self.asked += 1
        self.back.wait()
        return self._look(path, file_format)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    monkeypatch.setattr(module, "ANSWERS_WITHIN_S", 0.2)
    disk = Hanging(monkeypatch)
    yield disk
    disk.back.set()


async def test_a_disk_that_does_not_answer_is_said_in_time_and_freezes_nothing_else(
    tmp_path: Path, hanging: Hanging
) -> None:
    write(tmp_path, "a.wav", 1)
    other = tmp_path / "other"
    other.mkdir()
    spool, another = Spool(tmp_path), Spool(other)
    began_s = time.monotonic()
    asking = [asyncio.create_task(spool.written(["a"])) for _ in range(20)]
    while not all(task.done() for task in asking):
        assert await another.measure(["b"]) == Measured({}, None), "another folder answers"
        assert time.monotonic() - began_s < 5
        await asyncio.sleep(0)
    for task in asking:
        with pytest.raises(SpoolError, match=f"{tmp_path} does not answer within 0.2 s"):
            task.result()
    assert hanging.asked <= 4, "and not every question holds a thread"
    assert await asyncio.to_thread(lambda: "free") == "free"


async def test_when_the_disk_is_back_it_is_asked_again(tmp_path: Path, hanging: Hanging) -> None:
    write(tmp_path, "a.wav", 1)
    spool = Spool(tmp_path)
    for _ in range(6):
        with pytest.raises(SpoolError):
            await spool.written(["a"])
    hanging.back.set()
    assert (await spool.written(["a"])).keys() == {"a"}


async def test_a_question_that_nobody_waits_for_any_more_leaves_no_trouble(
    tmp_path: Path, hanging: Hanging
) -> None:
    write(tmp_path, "a.wav", 1)
    spool = Spool(tmp_path)
    asking = asyncio.create_task(spool.written(["a"]))
    while not hanging.asked:
        await asyncio.sleep(0.005)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    hanging.back.set()
    assert (await spool.written(["a"])).keys() == {"a"}
