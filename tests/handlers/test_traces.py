"""Traces: every step is in them, as it was; and nothing of them can disturb a call."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ari_recorder.handlers import legs, traces
from ari_recorder.handlers.legs import LegRunner
from ari_recorder.handlers.traces import Traces, encode
from ari_recorder.policies.leg import Leg, begin
from ari_recorder.policies.leg.effects import Release, Request, Stop, WakeAt
from ari_recorder.policies.leg.inputs import Accepted, Begun, FileBegan, Time
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Mode
from tests.policies import replay

AT = datetime(2026, 3, 2, 8, 0, 0, 123456, UTC)
LEG = begin(
    app="app",
    pbx="main",
    channel="1772438400.1",
    channel_name="PJSIP/101-1",
    created_at=AT,
    user=UUID(int=2),
    organisation=UUID(int=3),
    user_number="101",
    user_name="Anna",
    mode=Mode.ALWAYS,
    preferences=Preferences(),
    direction="outbound",
    counterpart=Counterpart("106", "Fredrik"),
    segment_max_s=3600.0,
)

st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
st.register_type_strategy(Mapping, lambda kind: st.dictionaries(*map(st.from_type, get_args(kind))))
REQUESTS = [st.from_type(kind) for kind in replay.KINDS if issubclass(kind, Request)]
st.register_type_strategy(Request, st.one_of(*REQUESTS))


def lines_of(folder: Path) -> list[dict[str, Any]]:
    file = folder / f"{LEG.id}.jsonl"
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


@given(st.one_of(*map(st.from_type, replay.KINDS)))
def test_every_input_and_effect_comes_back_as_it_was(value: Any) -> None:
    line = msgspec.json.decode(encode({"told": value}))
    assert replay.decode(line["told"]) == value


def test_fields_that_another_version_has_or_has_not_are_no_difference() -> None:
    assert replay.decode({"Begun": {"found": True, "unheard_of": 1}}) == Begun(found=True)


def test_every_step_of_a_leg_is_a_line(tmp_path: Path) -> None:
    written = Traces(tmp_path / "made" / "traces")
    written.begun(LEG)
    written.received(LEG, FileBegan("r1", AT), AT, [Stop("r1"), WakeAt(None)])
    written.received(LEG, Accepted(Stop("r1")), AT, [], ValueError("it is wrong"))
    written.over(LEG)
    written.close()
    begun, first, second, over = lines_of(tmp_path / "made" / "traces")
    assert begun["begun"]["user_number"] == over["over"]["user_number"] == "101"
    at = "2026-03-02T08:00:00.123456Z"
    assert first == {
        "at": at,
        "told": {"FileBegan": {"name": "r1", "at": at}},
        "effects": [{"Stop": {"name": "r1"}}, {"WakeAt": {"at": None}}],
    }
    assert second == {
        "at": at,
        "told": {"Accepted": {"request": {"Stop": {"name": "r1"}}}},
        "effects": [],
        "fault": "ValueError: it is wrong",
    }


def test_they_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    written = Traces(tmp_path / "traces")
    written.begun(LEG)
    written.close()
    (file,) = (tmp_path / "traces").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_without_a_folder_there_are_none() -> None:
    written = Traces()
    written.begun(LEG)
    written.close()


def test_what_cannot_be_written_is_told_once_and_no_more_is_tried(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with capture_logs() as log:
        written = Traces(tmp_path / "file")
        for _ in range(3):
            written.begun(LEG)
        written.close()
        written.over(LEG)
        written.close()
    (line,) = log
    assert line["log_level"] == "error"
    assert "File exists" in line["error"]


def test_a_folder_that_hangs_costs_nobody_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that nobody reads stands for it."""
    monkeypatch.setattr(traces, "WAITING_MAX", 3)
    monkeypatch.setattr(traces, "LAST_LINES_S", 0.01)
    os.mkfifo(tmp_path / f"{LEG.id}.jsonl")
    with capture_logs() as log:
        written = Traces(tmp_path)
        for _ in range(10):
            written.begun(LEG)
        written.close()
    assert [line["error"] for line in log] == ["the folder is too slow"]
    os.close(os.open(tmp_path / f"{LEG.id}.jsonl", os.O_RDONLY | os.O_NONBLOCK))


async def test_the_runner_traces_from_the_beginning_to_the_end_and_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context: Any = SimpleNamespace(
        now=lambda: AT,
        traces=Traces(tmp_path),
        books=SimpleNamespace(put=lambda *_: None),
        live=SimpleNamespace(publish=lambda _: None),
    )
    over: list[LegRunner] = []
    runner = LegRunner(context, LEG, over.append)
    runner.tell(Begun("1772438400.0"))
    ended = runner.leg
    monkeypatch.setattr(legs, "receive", _fail)
    runner.tell(Time())
    monkeypatch.setattr(legs, "receive", lambda *_: (_over(ended), []))
    runner.tell(Time())
    await runner.stop()
    context.traces.close()
    lines = lines_of(tmp_path)
    assert [next(iter(line)) for line in lines] == ["begun", "at", "at", "at", "over"]
    assert [line.get("fault", "") for line in lines] == ["", "", "KeyError: 'x'", "", ""]
    assert over == [runner]


def _fail(*_: Any) -> Any:
    raise KeyError("x")


def _over(leg: Leg) -> Leg:
    leg.ended_at, leg.saved = AT, leg.version
    return leg


def test_what_is_recorded_is_what_is_replayed(tmp_path: Path) -> None:
    written = Traces(tmp_path)
    leg, effects = legs.receive(LEG, Begun("1772438400.0"), AT)
    written.begun(LEG)
    written.received(leg, Begun("1772438400.0"), AT, effects)
    written.received(leg, Time(), AT, [Release("nothing of the kind")])
    written.close()
    (file,) = tmp_path.iterdir()
    first, *differing = replay.differences(file)
    assert first == f"line 3: at {AT} Time()"
    assert "-Release(snoop='nothing of the kind')" in differing
