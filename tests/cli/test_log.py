"""The log's lines."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Literal

import pytest
import structlog

from ari_recorder.config import Log
from ari_recorder.log import configure


@pytest.fixture(autouse=True)
def restored() -> object:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(format="json"))
    structlog.get_logger("any").warning("event socket lost", pbx="main")
    logging.getLogger("aiohttp").error("a library's %s", "line")
    ours, library = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["pbx"], ours["level"]) == ("event socket lost", "main", "warning")
    assert (library["event"], library["level"]) == ("a library's line", "error")
    assert ours["timestamp"].endswith("Z")
    assert library["timestamp"].endswith("Z")


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(level="warning"))
    structlog.get_logger().info("unheard")
    logging.getLogger("aiohttp").info("unheard")
    structlog.get_logger().warning("heard")
    said = capsys.readouterr()
    assert said.out == ""
    assert "heard" in said.err
    assert "unheard" not in said.err


@pytest.mark.parametrize("shape", ["text", "json"])
def test_a_traceback_without_values(
    shape: Literal["text", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    configure(Log(format=shape))
    secret = "".join(("070", "1234567"))
    try:
        _fail(secret)
    except ValueError:
        structlog.get_logger().exception("trying again")
    said = capsys.readouterr().err
    assert "ValueError: a fault" in said
    assert "_fail" in said
    assert secret not in said


def _fail(number: str) -> None:
    assert number
    raise ValueError("a fault")


def test_personal_fields_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log())
    structlog.get_logger().error("call", counterpart_number="0701234567", endpoint="PJSIP/101")
    said = capsys.readouterr().err
    assert "0701234567" not in said
    assert "PJSIP/101" in said


@pytest.mark.parametrize("shape", ["text", "json"])
def test_nothing_in_a_line_acts(shape: Literal["text", "json"], capsys: pytest.CaptureFixture[str]) -> None:
    configure(Log(format=shape))
    hostile = "\x1b[2J\x9b31m\u202etxt.exe\u2028\nlevel=info event=forged"
    log = structlog.get_logger()
    try:
        raise ValueError(hostile)
    except ValueError as error:
        log.exception("told", endpoint=hostile, error=error, channels=[hostile], path=Path(hostile))
    logging.getLogger("aiohttp").error("library: %s", hostile)
    said = capsys.readouterr().err
    assert "txt.exe" in said
    assert [one for one in said if not (one.isprintable() or one == "\n")] == []
    if shape == "json":
        assert len(said.splitlines()) == 2
        assert all(json.loads(line)["timestamp"] for line in said.splitlines())
