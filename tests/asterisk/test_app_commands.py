"""Commands from the app in real calls, beside those by keys; and every state through a ``kill -9``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ari_recorder.policies.table import State
from ari_recorder.store import calls
from lab.call import PhoneCall
from lab.cases import connect, over
from lab.commanded import SECRET_HZ
from lab.my_pages import Json, MyPages, signed_in
from lab.recorder import PBX
from lab.tones import frequency_hz, tone_found, tone_s
from tests.asterisk.station import Begin, Station, until
from tests.asterisk.test_commands import STRETCH_S, press, write_tone

pytestmark = pytest.mark.asterisk


async def the_call(pages: MyPages) -> Json:
    """The one call that goes on, once it has been answered."""
    async with asyncio.timeout(10):
        while not (found := [one for one in await pages.calls() if one["answered_at"]]):
            await asyncio.sleep(0.02)  # polling: the answer happens in another process
    (call,) = found
    return call


async def play_both(calling: PhoneCall, called: PhoneCall, folder: Path) -> None:
    for call, hz in zip((calling, called), SECRET_HZ, strict=True):
        await call.play(write_tone(folder, hz))


async def test_a_pause_by_app_is_closed_when_it_is_answered(begin: Begin, tmp_path: Path) -> None:
    station = begin(media__format="wav")
    calling, called = await connect(station.lab, "102", "106")
    async with signed_in(station.recorder.url, "102", "demo-102") as pages, pages.live() as feed:
        call = await the_call(pages)
        assert (call["state"], call["commands"], call["mode"]) == (
            "recording",
            ["pause"],
            "always_pause_resume",
        )
        snapshot = await feed.receive_json(timeout=5)
        assert [one["id"] for one in snapshot["calls"]] == [call["id"]]
        await asyncio.sleep(STRETCH_S)
        status, answer = await pages.command(call["id"], "pause")
        assert (status, answer["already"], answer["call"]["state"]) == (200, False, "paused")
        files = {path: path.stat().st_size for path in station.lab.pbx.spool.glob("*.wav")}
        await play_both(calling, called, tmp_path)
        status, answer = await pages.command(call["id"], "pause")
        assert (status, answer["already"]) == (200, True)
        status, answer = await pages.command(call["id"], "stop")
        assert (status, answer["reason"], answer["commands"]) == (409, "not_in_this_mode", ["resume"])
        await asyncio.sleep(STRETCH_S)
        assert files == {path: path.stat().st_size for path in station.lab.pbx.spool.glob("*.wav")}
        for one in (calling, called):
            await one.play("tone")
        await asyncio.sleep(0.3)  # what was played is on its way
        assert (await pages.command(call["id"], "resume"))[0] == 200
        assert (await pages.annotate(call["id"], note="Ring back", mark="red", tag1="case 4711"))[0] == 200
        await asyncio.sleep(STRETCH_S)
        await over(calling, called)
        told = [await feed.receive_json(timeout=5)]
        while told[-1].get("call", {}).get("state") != "ended":
            told.append(await feed.receive_json(timeout=5))
    states = [one["call"]["state"] for one in told if one["type"] == "call"]
    assert list(dict.fromkeys(states)) == ["paused", "recording", "ended"]
    assert [(one["command"], one["source"]) for one in told if one["type"] == "refused"] == [
        ("pause", "app"), ("stop", "app"),
    ]  # fmt: skip
    row = await station.only()
    assert told[-1]["call"]["recording"] == str(row.id)
    assert (row.note, row.mark, row.tags) == ("Ring back", "red", ("case 4711", "", ""))
    samples, rate_hz = station.evidence.audio(row)
    for side in samples.T:
        for hz in SECRET_HZ:
            assert tone_found(side, rate_hz, hz) == []
    assert tone_s(samples[:, 0], rate_hz, frequency_hz("102")) >= 2 * STRETCH_S - 0.3


async def test_by_keys_and_by_app_at_the_same_moment_it_is_done_once(begin: Begin) -> None:
    station = begin()
    calling, called = await connect(station.lab, "104", "106")
    async with signed_in(station.recorder.url, "104", "demo-104") as pages:
        call = await the_call(pages)
        await calling.dtmf("*44")
        answers = await asyncio.gather(*(pages.command(call["id"], "start") for _ in range(5)))
        assert {status for status, _ in answers} == {200}
        await until(lambda: station.recorder.log.read_text().count("start ") == 1)
        await asyncio.sleep(STRETCH_S)
        await over(calling, called)
    row = await station.only()
    assert row.duration_ms is not None
    assert row.duration_ms >= STRETCH_S * 900


async def test_nobody_but_the_recorded_user_gives_commands(begin: Begin) -> None:
    station = begin()
    calling, called = await connect(station.lab, "102", "106")
    async with (
        signed_in(station.recorder.url, "101", "demo-101") as colleague,
        signed_in(station.recorder.url, "admin", "demo-admin") as admin,
    ):
        call = await the_call(admin)
        assert await colleague.calls() == []
        assert (await colleague.command(call["id"], "pause"))[0] == 404
        assert (await admin.command(call["id"], "pause"))[0] == 403
        await over(calling, called)
        await station.only()
        status, answer = await admin.command(call["id"], "pause")
        assert (status, answer["reason"]) == (409, "call_ended")
    assert "pause " not in station.recorder.log.read_text()


STATES: dict[str, tuple[str, tuple[str, ...], State]] = {
    "provisional_paused": ("103", ("*48",), State.PROVISIONAL_PAUSED),
    "paused": ("103", ("*44", "*48"), State.PAUSED),
    "user_stopped": ("104", ("*44", "*45"), State.IDLE),
}
"""Of those in `tests/handlers/test_legs.py` that are not as in the beginning."""
SAID = {"*44": "start ", "*45": "stop ", "*48": "pause ", "*49": "resume "}


def state_of(station: Station) -> State:
    (leg,) = station.store.read_now(calls.open_legs, PBX)
    return leg.standing.state


@pytest.mark.parametrize("name", STATES)
async def test_killed_in_each_state_it_comes_back_to_it(begin: Begin, name: str) -> None:
    """And goes on from there: what was kept is kept, what was provisional is destroyed."""
    number, codes, state = STATES[name]
    station = begin()
    calling, called = await connect(station.lab, number, "106")
    await until(lambda: "answered" in station.recorder.log.read_text())
    await asyncio.sleep(STRETCH_S)
    for code in codes:
        await press(station, calling, code, SAID[code])
    station.recorder.kill()
    await asyncio.to_thread(station.recorder.start)
    assert state_of(station) is state
    async with signed_in(station.recorder.url, number, f"demo-{number}") as pages:
        assert (await the_call(pages))["state"] == state
    await asyncio.sleep(STRETCH_S)
    await over(calling, called)
    await station.evidence.settled()
    kept = "*44" in codes
    assert len(station.evidence.recordings()) == kept
    ((outcome, _),) = station.ledger()
    nothing = "not_recorded" if number == "104" else "discarded"
    assert outcome == ("recorded" if kept else nothing)
    assert list(station.lab.pbx.spool.glob("*.wav*")) == []


async def test_killed_while_it_rings(begin: Begin) -> None:
    station = begin()
    calling = await station.lab.phones["101"].call("106", play="tone")
    called = await station.lab.phones["106"].incoming()
    await calling.ringing()
    await until(lambda: station.store.read_now(calls.open_legs, PBX))
    station.recorder.kill()
    await asyncio.to_thread(station.recorder.start)
    assert state_of(station) is State.RINGING
    await called.answer(play="tone")
    await calling.answered()
    await asyncio.sleep(STRETCH_S)
    await over(calling, called)
    row = await station.only()
    assert row.problems == ()
