"""The pages in a process of their own: what it shows and does of calls, and what becomes of it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from ari_recorder import apart
from ari_recorder.config import Log, Vault
from ari_recorder.line import Beat, Line
from ari_recorder.live import Answer, Changed, Live, Refused
from ari_recorder.policies.commands import Source
from ari_recorder.policies.table import Event, Reason
from ari_recorder.store import audit_key, models
from ari_recorder.store.audit import Action
from ari_recorder.web import Part, line, opening
from ari_recorder.web.apart import Pages
from ari_recorder.web.opening import Opening
from ari_recorder.web.server import prepare
from lab.my_pages import MyPages, signed_in

from .conftest import SETTINGS
from .test_calls import follow
from .world import NOON, PASSWORD, World, opus, until

STARTED_WITHIN_S = 60.0
"""It is started as any program is, on a machine that may have other things to do."""
TOLD_WITHIN_S = 20.0


async def fine() -> Part:
    return Part(True, "as it should be")


@asynccontextmanager
async def running(world: World, live: Live, folder: Path) -> AsyncIterator[Pages]:
    """The process of that catalogue's pages; returns when it answers, and ends it."""
    settings = msgspec.structs.replace(SETTINGS, port=0, health_port=0, key_file=folder / "session.key")
    begin = Opening(
        settings, Log(), world.store.url,
        Vault(path=folder / "vault", key_file=folder / "master.key"), ("main",),
        audit_key.made(folder / "audit.key").public, ("store",), await prepare(settings, world.store),
    )  # fmt: skip
    pages = Pages(begin, live, {"store": fine})
    task = asyncio.create_task(pages.run())
    try:
        await answers(pages)
        yield pages
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def pages(world: World, live: Live, tmp_path: Path) -> AsyncIterator[Pages]:
    async with running(world, live, tmp_path) as found:
        yield found


async def answers(pages: Pages) -> int:
    """The id of the process that serves; returns when it does."""
    await is_alive(pages.bound.pages.port)
    return process_of(pages)


async def is_alive(port: int) -> None:
    """Returns when it answers."""
    timeout = aiohttp.ClientTimeout(STARTED_WITHIN_S)
    url = f"http://127.0.0.1:{port}/healthz"
    async with aiohttp.ClientSession(timeout=timeout) as client, client.get(url) as answer:
        assert answer.status == 200


def process_of(pages: Pages) -> int:
    assert pages.process is not None
    assert pages.process.pid is not None
    return pages.process.pid


def anna(pages: Pages) -> Any:
    return signed_in(pages.bound.pages.url, "anna", PASSWORD)


async def shows(browser: MyPages, condition: Callable[[list[dict[str, Any]]], object]) -> None:
    """Wait until that is true of the calls that go on."""
    async with asyncio.timeout(TOLD_WITHIN_S):
        while not condition(await browser.calls()):
            await asyncio.sleep(0.02)  # polling: it is another process


NICEST = 19
"""No process yields more; these tests may run as one that does."""


async def test_it_is_another_process_that_yields_to_the_recorder(pages: Pages) -> None:
    assert process_of(pages) != os.getpid()
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, process_of(pages)) == min(own + opening.NICENESS, NICEST)


async def test_it_shows_the_calls_as_they_are_now(pages: Pages, world: World, live: Live) -> None:
    async with anna(pages) as browser:
        assert await browser.calls() == []
        call = follow(world, live, "anna")
        await shows(browser, lambda calls: [one["id"] for one in calls] == [str(call.row.id)])
        call.command(Event.PAUSE)
        await shows(browser, lambda calls: calls[0]["state"] == "paused")
        live.remove(call)
        await shows(browser, lambda calls: calls == [])


async def test_it_shows_the_calls_that_went_on_before_it_was_there(
    world: World, live: Live, tmp_path: Path
) -> None:
    call = follow(world, live, "anna")
    call.command(Event.PAUSE)
    async with running(world, live, tmp_path) as pages, anna(pages) as browser:
        (shown,) = await browser.calls()
        assert (shown["id"], shown["state"]) == (str(call.row.id), "paused")


async def test_a_command_is_carried_out_by_the_recorder_and_answered(
    pages: Pages, world: World, live: Live
) -> None:
    call = follow(world, live, "anna")
    async with anna(pages) as browser:
        await shows(browser, len)
        status, told = await browser.command(str(call.row.id), "pause")
        assert (status, told["call"]["state"], told["already"]) == (200, "paused", False)
        assert call.row.policy.state == "paused"
        status, told = await browser.command(str(call.row.id), "stop")
        assert (status, told["reason"]) == (409, Reason.NOT_IN_THIS_MODE)


async def test_a_command_for_a_leg_that_has_just_ended_is_refused(
    pages: Pages, world: World, live: Live
) -> None:
    call = follow(world, live, "anna")
    async with anna(pages) as browser:
        await shows(browser, len)
        del live._legs[call.row.id]  # and the process has not been told yet
        status, told = await browser.command(str(call.row.id), "pause")
        assert (status, told["reason"]) == (409, Reason.CALL_ENDED)


async def test_a_command_that_the_recorder_gives_up_is_told(
    pages: Pages, world: World, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopping(_command: Event) -> asyncio.Future[Answer]:
        never: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        never.cancel()
        return never

    call = follow(world, live, "anna")
    monkeypatch.setattr(call, "command", stopping)
    async with anna(pages) as browser:
        await shows(browser, len)
        status, _ = await browser.command(str(call.row.id), "pause")
        assert status == 503


async def test_notes_set_on_a_page_are_with_the_call(pages: Pages, world: World, live: Live) -> None:
    call = follow(world, live, "anna")
    async with anna(pages) as browser:
        await shows(browser, len)
        status, _ = await browser.annotate(str(call.row.id), note="to be called back")
        assert status == 200
        assert (await browser.calls())[0]["note"] == "to be called back"
        await until(lambda: call.row.annotations["note"] == "to be called back", TOLD_WITHIN_S)


async def test_it_reads_the_vault_and_writes_down_who_listens(pages: Pages, world: World) -> None:
    recording = world.recording(world.ids["anna"])
    address = f"/api/v1/recordings/{recording}/audio"
    async with anna(pages) as browser, browser._session.get(address) as answer:
        assert (answer.status, await answer.read()) == (200, opus())
    lines = world.store.read_now(lambda: list(models.AuditLine.select()))
    assert ("anna", Action.LISTEN) in [(one.actor_name, one.action) for one in lines]


async def test_the_live_feed_tells_every_change(pages: Pages, world: World, live: Live) -> None:
    call = follow(world, live, "anna")
    async with anna(pages) as browser, browser.live() as feed, asyncio.timeout(TOLD_WITHIN_S):
        await shows(browser, len)
        assert (await feed.receive_json())["type"] == "snapshot"
        live.publish(Refused(call.row, Event.STOP, Source.DIGITS, Reason.NOT_IN_THIS_MODE, NOON))
        live.publish(Changed(replace(call.row, user_name="Another")))
        told = [await feed.receive_json() for _ in range(2)]
        assert [one["type"] for one in told] == ["refused", "call"]
        assert told[1]["call"]["user"]["name"] == "Another"


async def test_health_is_the_recorder_s_and_counters_are_both_s(pages: Pages) -> None:
    assert pages.bound.health is not None
    url = f"{pages.bound.health.url}readyz"
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        assert (await answer.json())["parts"] == {"store": {"ok": True, "detail": "as it should be"}}
    lines = (await counters(pages)).splitlines()
    assert f"process_start_time_seconds {started_at()}" in lines, "not the recorder's"
    names = [one.split()[2] for one in lines if one.startswith("# TYPE")]
    assert len(names) == len(set(names))
    assert "ari_recorder_web_refused_connections_total" in names


async def counters(pages: Pages) -> str:
    assert pages.bound.health is not None
    url = f"{pages.bound.health.url}metrics"
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return await answer.text()


def started_at() -> str:
    text = generate_latest().decode()
    return next(one.split()[1] for one in text.splitlines() if one.startswith("process_start_time_seconds"))


async def test_one_that_is_killed_is_replaced_and_who_comes_meanwhile_waits(
    pages: Pages, world: World, live: Live
) -> None:
    call, descriptors = follow(world, live, "anna"), count(Path("/proc/self/fd"))
    with capture_logs() as logged:
        for _ in range(3):
            before = process_of(pages)
            os.kill(before, signal.SIGKILL)
            assert await answers(pages) != before
        async with anna(pages) as browser:
            assert [one["id"] for one in await browser.calls()] == [str(call.row.id)]
    told = [one for one in logged if "started again" in one["event"]]
    assert [one["log_level"] for one in told] == ["error"], "said once"
    await until(lambda: count(Path("/proc/self/fd")) == descriptors)


async def test_one_that_is_frozen_is_replaced(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    before = process_of(pages)
    monkeypatch.setattr(apart, "SILENT_S", 1.5)
    await counters(pages)  # since it was asked for these, it is waited for that long
    os.kill(before, signal.SIGSTOP)
    await until(lambda: not Path(f"/proc/{before}").exists(), TOLD_WITHIN_S)
    monkeypatch.undo()
    assert await answers(pages) != before


async def test_one_that_cannot_begin_is_tried_again(world: World, live: Live, tmp_path: Path) -> None:
    path = Path(world.store.url.partition(":///")[2])
    with capture_logs() as logged:
        async with running(world, live, tmp_path) as pages:
            os.rename(path, tmp_path / "away.db")  # noqa: PTH104
            os.kill(process_of(pages), signal.SIGKILL)
            await until(lambda: pages._failures >= 3, STARTED_WITHIN_S)
            os.rename(tmp_path / "away.db", path)  # noqa: PTH104
            await answers(pages)
    assert [one["why"] for one in logged if "started again" in one["event"]] == ["it has ended"]


async def test_it_ends_when_the_recorder_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    recorder = opening.Recorder(await Line.over(theirs, line.FromRecorder))
    monkeypatch.setattr(opening, "HEARD_WITHIN_S", 0.2)
    async with asyncio.timeout(TOLD_WITHIN_S):
        await recorder.listen()
    recorder.line.close()
    ours.close()


PROGRAM = """
import asyncio, sys
from pathlib import Path
from ari_recorder.config import Log, Vault, Web
from ari_recorder.live import Live
from ari_recorder.store import audit_key
from ari_recorder.store.database import Store
from ari_recorder.web.apart import Pages
from ari_recorder.web.opening import Opening
from ari_recorder.web.server import prepare

async def main(folder):
    store, settings = Store(f"sqlite:///{folder}/catalogue.db"), Web(port=0, key_file=folder / "key")
    key = audit_key.made(folder / "audit.key").public
    bound = await prepare(settings, store)
    begin = Opening(settings, Log(), store.url, Vault(path=folder), ("main",), key, (), bound)
    pages = Pages(begin, Live(), {})
    running = asyncio.create_task(pages.run())
    while pages.process is None:
        await asyncio.sleep(0.01)
    print(pages.process.pid, begin.bound.pages.port, flush=True)
    await running

if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
"""


async def test_it_ends_with_the_recorder_however_that_ends(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    recorder = await asyncio.create_subprocess_exec(sys.executable, program, tmp_path, stdout=subprocess.PIPE)
    assert recorder.stdout is not None
    pid, port = map(int, (await recorder.stdout.readline()).split())
    await is_alive(port)
    recorder.kill()
    await recorder.wait()
    await until(lambda: not Path(f"/proc/{pid}").exists(), TOLD_WITHIN_S)
    with socket.create_server(("127.0.0.1", port)):
        pass  # it holds the port no longer


async def test_what_is_no_message_of_the_other_side_is_not_taken() -> None:
    ours, theirs = socket.socketpair()
    taking: Line[line.FromPages] = await Line.over(ours, line.FromPages)
    giving: Line[line.FromRecorder] = await Line.over(theirs, line.FromRecorder)
    giving.send(Beat())
    assert await taking.receive(TOLD_WITHIN_S) == Beat()
    giving.send(line.TellCounters(1, b""))  # which is for the recorder to say
    with pytest.raises(OSError, match="a message that is none"):
        await taking.receive(TOLD_WITHIN_S)
    giving._writer.write(b"\xff" * 64)
    with pytest.raises(OSError, match="a message of 4294967295 bytes"):
        await taking.receive(TOLD_WITHIN_S)
    for one in (taking, giving):
        one.close()


async def test_a_line_that_is_not_read_is_closed() -> None:
    ours, theirs = socket.socketpair()
    giving: Line[line.FromPages] = await Line.over(ours, line.FromPages)
    for _ in range(64):
        giving.send(line.TellCounters(1, bytes(1024**2)))
    assert giving._writer.transport.is_closing()
    theirs.close()


def count(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())
