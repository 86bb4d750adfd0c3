"""The log names nobody: a call whose parties are known leaves neither their numbers nor their names in it."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import structlog

from ari_recorder.config import Log
from ari_recorder.errors import AriRefused
from ari_recorder.handlers.bridge import Bridges
from ari_recorder.handlers.tap import Taps
from ari_recorder.log import configure, without
from ari_recorder.policies.table import Event, Mode
from ari_recorder.store.database import Store

from . import world as worlds
from .world import CHANNEL, World

PERSONAL = ("0701234567", "Eva", "Anna")
"""Number and name of the counterpart, and the user's name."""
NOT_A_USER = "0709999999"


@pytest.fixture(params=["text", "json"], autouse=True)
def log(request: pytest.FixtureRequest) -> Iterator[None]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    configure(Log(level="debug", format=request.param))
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


@asynccontextmanager
async def ringing(tmp_path: Path, empty_sqlite: Path) -> AsyncIterator[World]:
    store = Store(f"sqlite:///{shutil.copy(empty_sqlite, tmp_path / 'catalogue.db')}")
    async with worlds.ringing(store, tmp_path, Mode.ALWAYS_PAUSE_RESUME) as world:
        yield world
    store.close()


async def test_a_call_with_a_known_number_and_name(
    tmp_path: Path, empty_sqlite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one in which Asterisk refuses what it is asked, and a command changes nothing."""
    async with ringing(tmp_path, empty_sqlite) as world:
        world.asterisk.next["record"] = ["refused"]
        await world.recording()
        await asyncio.wait_for(world.leg.command(Event.PAUSE), 5)
        await asyncio.wait_for(world.leg.command(Event.START), 5)
        world.hangs_up()
        await world.until(lambda: world.over)
        said = capsys.readouterr().err
        assert "not done" in said
        assert str(world.leg.leg.id) in said
        assert not [word for word in PERSONAL if word in said]


async def test_a_tap_of_nobody_known(
    tmp_path: Path, empty_sqlite: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dialplan is told which number it was; the log is not."""
    async with ringing(tmp_path, empty_sqlite) as world:
        told: dict[str, str] = {}

        async def set_variable(_: str, name: str, value: str) -> None:
            told[name] = value

        async def nothing(*_: Any) -> None:
            pass

        monkeypatch.setattr(world.asterisk, "set_channel_variable", set_variable, raising=False)
        monkeypatch.setattr(world.asterisk, "continue_in_dialplan", nothing, raising=False)
        taps = Taps(world.context, lambda *_, **__: pytest.fail("nobody is recorded"), SimpleNamespace())  # type: ignore[arg-type]
        for arguments in ([f"{NOT_A_USER}@Acme"], [NOT_A_USER, NOT_A_USER], [NOT_A_USER, *"12345"]):
            told.clear()
            taps.entered(await world.asterisk.channel(CHANNEL), ["tap", *arguments])
            await world.until(lambda: "RECORDER_REASON" in told)
            assert NOT_A_USER in told["RECORDER_REASON"]
        await taps.stop()
        said = capsys.readouterr().err
        assert said.count("tapped") == 3
        assert NOT_A_USER not in said
        assert "No user has the number" in said


async def test_a_call_by_a_trunk_that_cannot_be_made(
    tmp_path: Path, empty_sqlite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The endpoint has the number that is called; Asterisk repeats it."""
    async with ringing(tmp_path, empty_sqlite) as world:
        endpoint = f"PJSIP/{NOT_A_USER}@trunk"
        channel = await world.asterisk.channel(CHANNEL)
        tasks: list[asyncio.Task[None]] = []

        class Ari:
            app = "app"

            def __getattr__(self, operation: str) -> Any:
                async def refused(*_: Any, **__: Any) -> None:
                    raise AriRefused(operation, endpoint, 500, f"no way to {endpoint}")

                return refused

        context = SimpleNamespace(
            app="app", pbx="main", ari=Ari(), now=world.clock,
            spawn=lambda work, name: tasks.append(asyncio.create_task(work, name=name)),
        )  # fmt: skip
        bridges = Bridges(context)  # type: ignore[arg-type]
        said = ""
        bridges.entered(channel, ["bridge", endpoint, "20"])
        bridges.entered(channel, ["bridge", f"x{NOT_A_USER}", "20"])

        def heard() -> bool:
            nonlocal said
            said += capsys.readouterr().err
            return "not connected" in said

        await world.until(heard)
        assert NOT_A_USER not in said
        await bridges.stop()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_what_postgresql_adds_to_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """The row that it is about, in which the number and a note of several lines are."""
    text = f'duplicate key value\nDETAIL:  Failing row contains ({NOT_A_USER}, "a\nnote of Eva").'
    try:
        raise psycopg.errors.UniqueViolation(text)
    except psycopg.Error as error:
        structlog.get_logger().error("the catalogue does not take a call", error=str(error), exc_info=error)
    said = capsys.readouterr().err
    assert said.count("duplicate key value") == 2
    assert not [word for word in (NOT_A_USER, "Eva") if word in said]


def test_without() -> None:
    assert without("No user '0701@Acme' of Acme.", "0701@Acme", "0701", "", "Acme") == "No user '…' of …."
