"""Calls through a real Asterisk become recordings whose audio is right."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from ari_recorder.policies.table import Mode
from ari_recorder.store import models
from ari_recorder.store.catalogue import RecordingRow
from lab.cases import CASES, Case, Stage, connect, length_s, over, talk
from lab.directory import add_user, change_user
from lab.evidence import Expected
from lab.tones import frequency_hz, tone_dbfs
from tests.asterisk.station import Begin, Station, until

pytestmark = pytest.mark.asterisk


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_every_case_of_the_demo(begin: Begin, case: Case) -> None:
    station = begin()
    made = await case.make(Stage(station.lab, station.recorder.url))
    await station.evidence.settled()
    rows = {row.user_number: row for row in station.evidence.recordings()}
    assert sorted(rows) == sorted(expected.user for expected in made.expected)
    for expected in made.expected:
        assert station.evidence.faults(rows[expected.user], expected) == []


async def test_a_mode_changed_while_running_holds_from_the_next_call(begin: Begin) -> None:
    station = begin()
    await talk(station.lab, "105", "106", talk_s=0.5)
    await station.store.write(change_user, "105", mode=Mode.ALWAYS)
    await until(lambda: "known=10" in station.recorder.log.read_text())
    calling, _ = await talk(station.lab, "105", "106")
    row = await station.only()
    assert station.evidence.faults(row, Expected("105", "106", length_s(calling), "outbound")) == []


async def test_a_wide_band_leg_is_recorded_wide_band(begin: Begin) -> None:
    station = begin()
    await station.store.write(change_user, "103", mode=Mode.ALWAYS)
    await until(lambda: station.recorder.log.read_text().count("following endpoints") == 2)
    calling, _ = await talk(station.lab, "103", "106")
    row = await station.only()
    assert row.sample_rate_hz == 16000
    assert station.evidence.faults(row, Expected("103", "106", length_s(calling), "outbound")) == []


async def test_a_wide_band_leg_that_was_called_is_recorded_wide_band(begin: Begin) -> None:
    """Its codec is chosen at the answer, after the snoops were made: they are made anew, which takes time."""
    station = begin()
    await station.store.write(change_user, "103", mode=Mode.ALWAYS)
    await until(lambda: station.recorder.log.read_text().count("following endpoints") == 2)
    _, called = await talk(station.lab, "106", "103")
    row = await station.only()
    assert row.sample_rate_hz == 16000
    expected = Expected("103", "106", length_s(called), "inbound")
    assert station.evidence.faults(row, expected) == []


@pytest.mark.parametrize("audio_format", ["flac", "wav"])
async def test_a_lossless_format_by_setting(begin: Begin, audio_format: str) -> None:
    station = begin(media__format=audio_format)
    calling, _ = await talk(station.lab, "101", "106")
    row = await station.only()
    assert row.media_type == f"audio/{audio_format}"
    assert station.evidence.faults(row, Expected("101", "106", length_s(calling), "outbound")) == []


async def test_both_sides_are_aligned_to_a_frame(begin: Begin) -> None:
    """The PBX sends back what it hears at once: the same sound on both sides, at the same moment."""
    station = begin(media__format="wav")
    for line in ("107,1,Answer()", "107,2,Echo()"):
        station.lab.pbx.rx(f"dialplan add extension {line} into users")
    for _ in range(3):
        before = {row.id for row in station.evidence.recordings()}
        calling = await station.lab.phones["101"].call("107")
        await calling.answered()
        await calling.play("tone")
        await asyncio.sleep(1)  # the length of the conversation
        await calling.hangup()
        await calling.ended()
        await station.evidence.settled()
        (row,) = (row for row in station.evidence.recordings() if row.id not in before)
        samples, rate_hz = station.evidence.audio(row)
        apart_s = first_heard_s(samples[:, 1], rate_hz) - first_heard_s(samples[:, 0], rate_hz)
        assert abs(apart_s) <= 0.020


async def test_a_long_call_rolls_over_without_a_gap(begin: Begin) -> None:
    station = begin(media__format="wav", media__segment_max_s="1.5")
    calling, _ = await talk(station.lab, "101", "106", talk_s=7)
    row = await station.only()
    assert station.evidence.faults(row, Expected("101", "106", length_s(calling), "outbound")) == []
    begins_ms = spans(station, row)
    assert len(begins_ms) == 5
    samples, rate_hz = station.evidence.audio(row)
    for side, number in ((0, "101"), (1, "106")):
        seams = [ms for ms in begins_ms[1:] if is_seam(samples[:, side], rate_hz, frequency_hz(number), ms)]
        assert len(seams) <= 1, "one can be the network's; a gap of ours would be at each of the four"


async def test_a_call_without_any_audio_is_recorded_and_says_so(begin: Begin) -> None:
    station = begin()
    calling = await station.lab.phones["101"].call("106")
    called = await station.lab.phones["106"].incoming()
    await called.answer()
    await calling.answered()
    await asyncio.sleep(1)  # the length of the conversation
    await calling.hangup()
    await calling.ended()
    row = await station.only()
    assert row.duration_ms == pytest.approx(length_s(calling) * 1000, abs=100)
    assert (row.left_dbfs, row.right_dbfs) == (None, None)
    assert station.ledger() == [("recorded", "")]


async def test_a_call_under_a_second(begin: Begin) -> None:
    station = begin()
    calling, _ = await talk(station.lab, "101", "106", talk_s=0.3)
    row = await station.only()
    assert row.duration_ms == pytest.approx(length_s(calling) * 1000, abs=100)
    assert row.problems == ()


async def test_an_endpoint_that_does_not_exist_is_reported_and_breaks_no_other(begin: Begin) -> None:
    station = begin()
    await station.store.write(
        add_user, name="Ghost", number="999", mode=Mode.ALWAYS, endpoints=[("main", "PJSIP/999")]
    )
    await until(lambda: "unknown=1" in station.recorder.log.read_text())
    assert "PJSIP/999" in station.recorder.log.read_text()
    await talk(station.lab, "101", "106", talk_s=0.5)
    assert (await station.only()).user_number == "101"


async def test_a_missing_recording_folder_costs_the_recording_not_the_call(begin: Begin) -> None:
    station = begin()
    spool = station.lab.pbx.spool
    away = spool.rename(spool.with_name("recording.away"))
    try:
        calling, called = await talk(station.lab, "101", "106")
        assert length_s(calling) == pytest.approx(2.0, abs=0.3)
        assert called.cause == 16  # normal clearing: hung up by the caller, not by us
        await station.evidence.settled()
    finally:
        away.rename(spool)
    assert station.evidence.recordings() == []
    ((outcome, reason),) = station.ledger()
    assert outcome == "not_recorded"
    assert "Asterisk refused to record" in reason


async def test_a_whole_call_on_each_database(store_url: str, begin: Begin) -> None:
    station = begin(store__url=store_url)
    calling, _ = await talk(station.lab, "101", "106")
    row = await station.only()
    assert station.evidence.faults(row, Expected("101", "106", length_s(calling), "outbound")) == []
    assert station.ledger() == [("recorded", "")]


def first_heard_s(samples: np.ndarray, rate_hz: int) -> float:
    return float(np.argmax(np.abs(samples) > 0.05)) / rate_hz


def spans(station: Station, row: RecordingRow) -> list[int]:
    def offsets_ms() -> list[int]:
        parts = models.Segment.select().where(models.Segment.recording == row.id)
        return [part.offset_ms for part in parts.order_by(models.Segment.ordinal)]

    return station.store.read_now(offsets_ms)


def is_seam(samples: np.ndarray, rate_hz: int, hz: float, at_ms: int) -> bool:
    """Whether a steady sine is interrupted there: 80 ms around it are not as loud as the second around it."""
    at, half = at_ms * rate_hz // 1000, rate_hz // 25
    step = 2 * half
    levels = [
        tone_dbfs(samples[i : i + step], rate_hz, hz)
        for i in range(at - half - 6 * step, at + 6 * step, step)
    ]
    return abs(levels[6] - float(np.median(levels))) > 1.0


async def test_hold_is_on_the_time_line_and_what_was_heard_meanwhile_in_the_audio(station: Station) -> None:
    calling, called = await connect(station.lab, "102", "106")
    await asyncio.sleep(1.0)
    await calling.hold()
    await until(lambda: held(station))
    await asyncio.sleep(1.5)
    await calling.unhold()
    await until(lambda: all(ended for _, ended in held(station)))
    await over(calling, called)
    row = await station.only()
    ((began_at, ended_at),) = held(station)
    assert row.started_at < began_at < ended_at < row.ended_at
    assert 1.4 < (ended_at - began_at).total_seconds() < 3.0


def held(station: Station) -> list[tuple[Any, Any]]:
    return station.store.read_now(lambda: [(row.began_at, row.ended_at) for row in models.OnHold.select()])
