"""Recordings on their way from the recording folder to the vault, with what can be in the way."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path, PosixPath
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from ari_recorder.config import Vault
from ari_recorder.handlers import files as files_module
from ari_recorder.handlers import finisher as finisher_module
from ari_recorder.handlers.files import Files
from ari_recorder.handlers.finisher import Finisher
from ari_recorder.media import pool as pool_module
from ari_recorder.media.jobs import AudioFormat
from ari_recorder.policies import finishing as waits
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg.state import file_names
from ari_recorder.policies.table import Event, Mode
from ari_recorder.safes import safe
from ari_recorder.store import finishing, models, verify
from ari_recorder.store.database import Store
from ari_recorder.store.places import place
from ari_recorder.store.s3 import client as s3_client
from ari_recorder.store.safe import Kept, Safe
from ari_recorder.store.vault import MARKER

from ..media.conftest import header, tone
from ..s3 import KEY, S3, Proxy, Request
from ..store.build import BEGIN, Call, add_user, safe_in

PROJECT = Path(__file__).parents[2]
WITHIN_S = 60.0


@dataclass
class Asterisk:
    """What it has in its recording folder, by its own account."""

    files: list[str] = field(default_factory=list)

    async def stored_recordings(self) -> list[Any]:
        return [SimpleNamespace(name=name) for name in self.files]


@dataclass
class World:
    """A finisher at work on calls of one user."""

    folder: Path
    store: Store
    safe: Safe
    asterisk: Asterisk = field(default_factory=Asterisk)
    spools: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spool = self.folder / "spool"
        self.spool.mkdir()
        self.spools = {"main": self.spool}
        self.users = {mode: add_user(self.store, str(n), mode) for n, mode in enumerate(Mode, 101)}

    @property
    def vault_folder(self) -> Path:
        return self.folder / "vault"

    def call(self, mode: Mode = Mode.ALWAYS, minute: int = 0) -> Call:
        call = Call.rings(self.store, self.users[mode], at=BEGIN + timedelta(minutes=minute))
        return call.happens(Event.ANSWERED).hangs_up()

    def files(self, call: Call) -> list[Path]:
        return [self.spool / f"{name}.wav" for name in call.segment.files]

    def recorded(self, mode: Mode = Mode.ALWAYS, minute: int = 0) -> Call:
        call = self.call(mode, minute)
        for path in self.files(call):
            audio = tone(440, 1.0).tobytes()
            path.write_bytes(header(8000, len(audio)) + audio)
        return call

    def row(self, call: Call) -> Any:
        return self.store.read_now(models.Recording.get_by_id, call.recording)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not condition():
                await asyncio.sleep(0.01)

    async def until_it_is(self, call: Call, state: RecordingState) -> Any:
        await self.until(
            lambda: self.row(call).state == state and not any(p.exists() for p in self.files(call))
        )
        return self.row(call)

    def finisher(self, audio_format: AudioFormat = "wav", *going_on: Call) -> Finisher:
        aris: Any = dict.fromkeys(self.spools, self.asterisk)
        return Finisher(
            store=self.store, safe=self.safe, spools=self.spools, aris=aris, work=self.folder / "work",
            audio_format=audio_format, workers=1, now=lambda: BEGIN,
            going_on=lambda: [one.leg for one in going_on],
        )  # fmt: skip


@pytest.fixture
def world(tmp_path: Path, empty_sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(finisher_module, "LOOK_S", 0.05)
    monkeypatch.setattr(waits, "FIRST_S", 0.02)
    monkeypatch.setattr(waits, "LONGEST_S", 0.05)
    (tmp_path / "catalogue.db").write_bytes(empty_sqlite.read_bytes())
    store = Store(f"sqlite:///{tmp_path}/catalogue.db")
    yield World(tmp_path, store, safe_in(store, tmp_path))
    store.close()


@pytest.fixture
async def working(world: World) -> AsyncIterator[Callable[[], None]]:
    """Start the finisher."""
    tasks: list[asyncio.Task[None]] = []
    yield lambda: tasks.append(asyncio.create_task(world.finisher().run()))
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


Working = Callable[[], None]


async def test_a_recording_is_stored_and_its_files_go(world: World, working: Working) -> None:
    call = world.recorded()
    (world.folder / "work").mkdir()
    for name in (f"{call.recording}.ogg", f"{call.recording}.ahead.ogg"):
        (world.folder / "work" / name).write_bytes(b"left by a crash")
    working()
    row = await world.until_it_is(call, RecordingState.STORED)
    audio = b"".join(world.safe.read(place(row)))
    assert (row.sha256, row.duration_ms) == (hashlib.sha256(audio).hexdigest(), 1000)
    await world.until(lambda: not list((world.folder / "work").iterdir()))


async def test_without_a_work_folder_it_waits_for_one(world: World, working: Working) -> None:
    call = world.recorded()
    (world.folder / "work").write_text("in the way")
    with capture_logs() as said:
        working()
        await world.until(lambda: any("cannot be written" in line.get("error", "") for line in said))
    (world.folder / "work").unlink()
    await world.until_it_is(call, RecordingState.STORED)


async def test_what_many_recordings_wait_for_is_told_once(world: World, working: Working) -> None:
    failures = finisher_module.FAILURES._value.get()
    calls = [world.recorded(minute=minute) for minute in range(5)]
    world.vault_folder.write_text("in the way")
    with capture_logs() as said:
        working()
        await world.until(lambda: finisher_module.FAILURES._value.get() >= failures + 10)
        world.vault_folder.unlink()
        for call in calls:
            await world.until_it_is(call, RecordingState.STORED)
    told = [line for line in said if line["log_level"] == "error"]
    assert len(told) == 1, told


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from ari_recorder.handlers.files import Files
from ari_recorder.handlers.finisher import Finisher
from ari_recorder.store import finishing
from ari_recorder.store.database import Store
from ari_recorder.store.safe import Safe
from tests.store.build import BEGIN, safe_in

vars(sys.modules["__main__"]).pop("__file__")  # its stitching process does without all that
folder, when, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = Store(f"sqlite:///{folder}/catalogue.db")

def step(asked):
    global left
    left -= asked == when
    if left == 0 and asked == when:
        os.kill(os.getpid(), signal.SIGKILL)

def steps(owner, name):
    original = getattr(owner, name)
    if asyncio.iscoroutinefunction(original):
        async def counted(*given, **more):
            step("before")
            found = await original(*given, **more)
            step("after")
            return found
    else:
        def counted(*given, **more):
            step("before")
            found = original(*given, **more)
            step("after")
            return found
    setattr(owner, name, counted)

for owner, name in ((Safe, "keep"), (Store, "write"), (Files, "delete"), (Finisher, "_seal")):
    steps(owner, name)

class Asterisk:
    async def stored_recordings(self):
        return []

async def main():
    finisher = Finisher(
        store=store, safe=safe_in(store, folder),
        spools={"main": folder / "spool"}, aris={"main": Asterisk()},
        work=folder / "work", audio_format="wav", workers=1, now=lambda: BEGIN,
    )
    running = asyncio.create_task(finisher.run())
    while store.read_now(finishing.waiting).count or list((folder / "spool").iterdir()):
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    store.close()

asyncio.run(main())
"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_at_any_step_it_is_kept_once_and_whole(world: World, when: str) -> None:
    program = world.folder / "finishes.py"
    program.write_text(KILLED)

    async def finish(step: int) -> bool:
        """Have it killed at that step; whether it came so far."""
        command = [sys.executable, str(program), str(world.folder), when, str(step)]
        process = await asyncio.create_subprocess_exec(
            *command, env=os.environ | {"PYTHONPATH": str(PROJECT)}
        )
        async with asyncio.timeout(WITHIN_S):
            status = await process.wait()
        assert status in (0, -signal.SIGKILL)
        return status != 0

    step, died = 0, True
    while died:
        call = world.recorded(minute=step)
        step += 1
        died = await finish(step)
        kept = world.row(call).state == RecordingState.STORED
        assert kept or all(path.exists() for path in world.files(call)), "nothing goes before it is kept"
        if died:
            working = asyncio.create_task(world.finisher().run())
            await world.until_it_is(call, RecordingState.STORED)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        row = world.row(call)
        audio = b"".join(world.safe.read(place(row)))
        assert (row.state, row.sha256) == (RecordingState.STORED, hashlib.sha256(audio).hexdigest())
        assert not any(path.exists() for path in world.files(call))
        assert verify.verify(world.store, world.safe, now=BEGIN).damage == []
    assert step > 4


@pytest.mark.parametrize("killed", [False, True])
async def test_what_goes_on_is_made_ahead_and_finished_with_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    monkeypatch.setattr(finisher_module, "AHEAD_FROM", timedelta(days=-1))
    provisional = Call.rings(world.store, world.users[Mode.ON_DEMAND], at=BEGIN).happens(Event.ANSWERED)
    call = Call.rings(world.store, world.users[Mode.ALWAYS], at=BEGIN).happens(Event.ANSWERED)
    for one in (provisional, call):
        for name in file_names(one.leg.prefix, 1):
            (world.spool / f"{name}.wav").write_bytes(header(8000, 0) + tone(440, 7.5).tobytes())
    finisher, work = world.finisher("opus", provisional, call), world.folder / "work"
    running = asyncio.create_task(finisher.run())
    try:
        await world.until(work.exists)
        await finisher.advance()
        assert [path.name for path in work.iterdir()] == [f"{call.recording}.ahead.ogg"], (
            "of what is kept alone"
        )
        if killed:
            finisher._ahead._worker.kill()  # type: ignore[union-attr]
        call.hangs_up()
        for path in world.files(call):
            path.write_bytes(header(8000, 0) + tone(440, 9.25).tobytes())
        finisher.wake()
        row = await world.until_it_is(call, RecordingState.STORED)
        assert row.duration_ms == 9250
        assert row.sha256 == hashlib.sha256(b"".join(world.safe.read(place(row)))).hexdigest()
        await world.until(lambda: not list(work.iterdir()))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_was_made_ahead_waits_for_the_catalogue_to_know_of_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that is over goes on no more, and it is a moment until its recording is due."""
    monkeypatch.setattr(finisher_module, "AHEAD_FROM", timedelta(days=-1))
    call = Call.rings(world.store, world.users[Mode.ALWAYS], at=BEGIN).happens(Event.ANSWERED)
    for name in file_names(call.leg.prefix, 1):
        (world.spool / f"{name}.wav").write_bytes(header(8000, 0) + tone(440, 7.5).tobytes())
    followed = [call]
    finisher, work = world.finisher("opus"), world.folder / "work"
    work.mkdir()
    monkeypatch.setattr(finisher, "_going_on", lambda: [one.leg for one in followed])
    await finisher.advance()
    followed.clear()
    await finisher.advance()
    assert [path.name for path in work.iterdir()] == [f"{call.recording}.ahead.ogg"]
    monkeypatch.setattr(pool_module, "FORGOTTEN_AFTER_S", 0.0)
    await finisher.advance()
    assert not list(work.iterdir()), "it never came to be due"
    await finisher._ahead.close()


async def test_what_could_not_be_stored_is_tried_again_and_told_once(world: World, working: Working) -> None:
    world.vault_folder.write_text("in the way")
    call = world.recorded()
    tries = finisher_module.FAILURES._value.get
    before = tries()
    with capture_logs() as log:
        working()
        await world.until(lambda: tries() >= before + 4)
        assert all(path.exists() for path in world.files(call))
        world.vault_folder.unlink()
        await world.until_it_is(call, RecordingState.STORED)
    errors = [line for line in log if line["log_level"] == "error"]
    assert [line["subject"] for line in errors] == [str(call.recording)]
    assert "cannot be written" in errors[0]["error"]


async def test_what_waits_for_the_vault_is_tried_as_soon_as_another_is_in_it(
    world: World, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not only when its own time has come, up to ten minutes later."""
    for name in ("FIRST_S", "LONGEST_S"):
        monkeypatch.setattr(waits, name, 600.0)
    failures = finisher_module.FAILURES._value.get()
    world.vault_folder.write_text("in the way")
    calls = [world.recorded(minute=minute) for minute in range(3)]
    working()
    await world.until(lambda: finisher_module.FAILURES._value.get() >= failures + 3)
    world.vault_folder.unlink()
    for call in (world.recorded(minute=3), *calls):
        await world.until_it_is(call, RecordingState.STORED)


async def test_what_another_recorder_is_about_to_finish_is_left_to_it(
    world: World, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standby with the same catalogue; otherwise one's file would get the other's key."""
    monkeypatch.setattr(files_module, "TAKEN_S", 0.01)
    lock, looks = files_module._locked, []
    monkeypatch.setattr(files_module, "_locked", lambda paths: looks.append(1) or lock(paths))
    call = world.recorded()
    with world.files(call)[0].open("rb") as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        working()
        await world.until(lambda: len(looks) >= 3)
        assert world.row(call).state == RecordingState.CLOSING
        assert world.row(call).vault_key is None
    await world.until_it_is(call, RecordingState.STORED)


async def test_another_recorder_that_hangs_is_told_of_and_waited_for(
    world: World, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "TAKEN_S", 0.01)
    monkeypatch.setattr(files_module, "TAKEN_WITHIN_S", 0.05)
    call = world.recorded()
    with world.files(call)[0].open("rb") as theirs, capture_logs() as logged:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        working()
        await world.until(lambda: logged)
    assert "Another recorder has locked" in str(logged[0])
    await world.until_it_is(call, RecordingState.STORED)


async def test_what_must_be_destroyed_is_tried_until_it_is_gone(world: World, working: Working) -> None:
    call = world.call(Mode.ON_DEMAND)
    inward, outward = world.files(call)
    outward.write_bytes(b"secret")
    (inward / "in the way").mkdir(parents=True)
    with capture_logs() as log:
        working()
        await world.until(lambda: any(line["log_level"] == "error" for line in log))
        (inward / "in the way").rmdir()
        inward.rmdir()
        inward.write_bytes(b"secret")
        await world.until_it_is(call, RecordingState.DISCARDED)
    assert "a recording cannot be destroyed yet" in log[0]["event"]


async def test_a_stored_recordings_file_that_could_not_be_deleted_is_tried_again(
    world: World, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = world.recorded()
    stuck = threading.Event()
    unlink = files_module._unlink

    def and_stick(paths: list[Path]) -> None:
        if paths and not stuck.is_set():
            raise OSError("the folder cannot be written")
        unlink(paths)

    monkeypatch.setattr(files_module, "_unlink", and_stick)
    working()
    await world.until(lambda: world.row(call).state == RecordingState.STORED)
    assert all(path.exists() for path in world.files(call))
    stuck.set()
    await world.until_it_is(call, RecordingState.STORED)


class Rotten(Safe):
    """Keeps something else than what it was given, the first time; and says so of itself."""

    puts = 0

    def keep(self, *given: Any) -> Kept:
        self.puts += 1
        kept = super().keep(*given)
        return kept if self.puts > 1 else replace(kept, content=replace(kept.content, sha256="0" * 64))


async def test_what_is_not_what_was_stitched_is_not_sealed(world: World, working: Working) -> None:
    honest = world.safe
    world.safe = safe = Rotten(honest.vaults, honest._keyring)
    call = world.recorded()
    with capture_logs() as log:
        working()
        await world.until_it_is(call, RecordingState.STORED)
    assert safe.puts == 2
    assert "is not what was stitched" in log[0]["error"]


async def test_files_that_asterisk_has_and_we_do_not_see_are_waited_for(
    world: World, working: Working
) -> None:
    call = world.call()
    world.asterisk.files = list(call.segment.files)
    with capture_logs() as log:
        working()
        await world.until(lambda: log)
        assert "Asterisk has the files of it" in log[0]["error"]
        for path in world.files(call):
            audio = tone(440, 1.0).tobytes()
            path.write_bytes(header(8000, len(audio)) + audio)
        await world.until_it_is(call, RecordingState.STORED)


async def test_without_audio_it_ends_empty_and_what_is_no_audio_is_left(
    world: World, working: Working
) -> None:
    call = world.call()
    inward, outward = world.files(call)
    inward.write_bytes(header(8000, 0))
    outward.write_bytes(b"something that is no sound, and somebody may want to look at")
    working()
    await world.until(lambda: world.row(call).state == RecordingState.EMPTY)
    assert (inward.exists(), outward.exists()) == (False, True)
    assert "is not a WAV file" in world.row(call).problems


async def test_calls_of_an_asterisk_that_is_not_configured_are_in_nobodys_way(
    world: World, working: Working
) -> None:
    old, call = world.recorded(), world.recorded(minute=1)
    world.store.write_now(models.Leg.update(pbx="old").where(models.Leg.id == old.row.id).execute)
    with capture_logs() as log:
        working()
        await world.until_it_is(call, RecordingState.STORED)
    assert world.row(old).state == RecordingState.CLOSING
    assert [line for line in log if line["log_level"] == "error"] == []


class Hung(PosixPath):
    """A folder on a share that is lost."""

    answering = threading.Event()

    def exists(self) -> bool:
        self.answering.wait()
        return super().exists()


async def test_a_folder_that_does_not_answer_is_told_and_stops_nobody_else(
    world: World, working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "ANSWER_S", 0.2)
    hung, call = world.recorded(), world.recorded(minute=1)
    world.store.write_now(models.Leg.update(pbx="lost").where(models.Leg.id == hung.row.id).execute)
    world.spools["lost"] = Hung(world.spool)
    Hung.answering.clear()
    with capture_logs() as log:
        working()
        await world.until_it_is(call, RecordingState.STORED)
        await world.until(lambda: any("does not answer within" in line.get("error", "") for line in log))
        Hung.answering.set()
        await world.until_it_is(hung, RecordingState.STORED)


async def test_it_ends_at_once_whatever_it_waits_for(world: World, working: Working) -> None:
    world.recorded()
    world.spools["main"] = Hung(world.spool)
    Hung.answering.clear()
    task = asyncio.create_task(world.finisher().run())
    await world.until(lambda: any(thread.name == "exists" for thread in threading.enumerate()))
    async with asyncio.timeout(10):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    Hung.answering.set()


async def test_calls_that_end_together_are_looked_for_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []
    due = finishing.due
    monkeypatch.setattr(finishing, "due", lambda *given: looks.append(given) or due(*given))  # type: ignore[func-returns-value]
    monkeypatch.setattr(finisher_module, "TOGETHER_S", 1.0)
    monkeypatch.setattr(finisher_module, "LOOK_S", 60.0)
    finisher = world.finisher()
    task = asyncio.create_task(finisher.run())
    await world.until(lambda: finisher._wake._waiters)
    began_s = time.monotonic()
    for number in range(5):
        finisher.wake()
        await world.store.read(finishing.waiting)
        assert len(looks) <= 1 + time.monotonic() - began_s, number
    await world.until(lambda: len(looks) >= 2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_it_ends_also_when_it_is_woken_in_the_same_moment(world: World) -> None:
    for steps in range(4):  # how far the event has come to who waits for it
        finisher = world.finisher()
        task = asyncio.create_task(finisher.run())
        await world.until(lambda finisher=finisher: finisher._wake._waiters)  # type: ignore[misc]
        finisher.wake()
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=10)
        task.cancel()
        assert done, steps


async def test_of_what_was_cut_to_nothing_the_files_go(world: World) -> None:
    call = world.recorded()
    kept = Files("main", world.spool, world.asterisk)  # type: ignore[arg-type]
    inward, outward = world.files(call)
    await kept.delete_bare([call.segment], frozenset({inward}))
    assert (inward.exists(), outward.exists()) == (False, True)


# A vault in an S3-compatible store that fails


@pytest.fixture
def proxy(s3_store: S3) -> Iterator[Proxy]:
    made = Proxy(s3_store)
    yield made
    made.close()


def is_put(request: Request) -> bool:
    return request.method == "PUT" and not request.is_mark


@pytest.mark.parametrize(
    "fault", ["hang_up", "silent", "lose_answer", "503 SlowDown", "403 AccessDenied", "forget", "rot"]
)
async def test_what_an_s3_store_does_not_keep_waits_where_it_was(
    world: World, working: Working, s3_store: S3, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(s3_client, "TRIES", 1)
    if fault == "silent":
        monkeypatch.setattr(s3_client, "SILENT_S", 1.0)
    bucket = s3_store.bucket()
    world.safe = safe(
        Vault(
            path=world.vault_folder, key_file=world.folder / "master.key",
            url=s3_store.address(bucket, "acme", endpoint=proxy.endpoint),
            access_key=KEY.id, secret_key=KEY.secret,
        ), world.store, lambda: BEGIN,
    )  # fmt: skip
    proxy.fault = lambda request: fault if is_put(request) else None
    call = world.recorded()
    tries = finisher_module.FAILURES._value.get
    before = tries()
    with capture_logs() as log:
        working()
        await world.until(lambda: tries() >= before + 2)
        assert all(path.exists() for path in world.files(call))
        assert world.row(call).state == RecordingState.CLOSING
        proxy.fault = lambda _: None
        row = await world.until_it_is(call, RecordingState.STORED)
    errors = [line["error"] for line in log if line["log_level"] == "error"]
    assert errors
    assert KEY.secret not in str(log)
    audio = b"".join(world.safe.read(place(row)))
    assert row.sha256 == hashlib.sha256(audio).hexdigest()
    assert sorted(s3_store.objects(bucket)) == sorted([f"acme/{MARKER}", f"acme/{row.vault_key}"])
    assert s3_store.unfinished(bucket) == []
    await world.until(lambda: not list((world.folder / "work").iterdir()))
