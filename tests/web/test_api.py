"""The API: what it shows, how it pages, and how it refuses."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store.models import Leg, Recording

from .world import ABSENT, AUDIO_S, NOON, NewBrowser, World, peaks

API = "/api/v1/recordings"


async def test_a_recording_as_json(open_browser: NewBrowser, world: World) -> None:
    began = NOON + timedelta(milliseconds=5)
    recording = world.recording(
        world.ids["anna"], counterpart_name="Eva", note="n", mark="red", tag2="t", problems="One.\nTwo.",
        started_at=began,
    )  # fmt: skip
    browser = await open_browser("anna")
    shown = (await browser.get(f"{API}/{recording}")).json()
    assert shown["started_at"] == "2026-11-22T12:00:00.005Z"
    anna = world.ids["anna"]
    assert shown["user"] == {"id": str(anna), "number": "101", "name": "Anna Andersson"}
    row = world.store.read_now(Recording.get_by_id, recording)
    row = world.store.read_now(lambda: Recording.select(Recording, Leg).join(Leg).get())
    assert (shown["leg"], shown["call"]) == (str(row.leg_id), str(row.leg.call_id))
    assert shown["counterpart"] == {"number": "0812345678", "name": "Eva"}
    assert shown["problems"] == ["One.", "Two."]
    assert (shown["state"], shown["duration_ms"], shown["tag2"]) == ("stored", AUDIO_S * 1000, "t")
    assert "vault_key" not in shown
    assert (await browser.get(API)).json() == {"recordings": [shown], "next_cursor": None}


async def test_every_counterpart_is_told_with_times_and_searched_for(
    open_browser: NewBrowser, world: World
) -> None:
    recording = world.recording(world.ids["anna"], started_at=NOON)
    world.recording(world.ids["anna"])
    world.counterpart(recording, "102", "Bo", 0, 2.5)
    world.counterpart(recording, "0701234567", "", 2.5, None)
    browser = await open_browser("anna")
    (shown,) = (await browser.get(API, params={"number": "70123"})).json()["recordings"]
    assert shown["id"] == str(recording)
    first, second = shown["counterparts"]
    assert first == {
        "number": "102",
        "name": "Bo",
        "joined_at": "2026-11-22T12:00:00.000Z",
        "left_at": "2026-11-22T12:00:02.500Z",
    }
    assert (second["number"], second["left_at"]) == ("0701234567", None)
    assert (await browser.get(API, params={"number": "999"})).json()["recordings"] == []


async def test_the_page_lists_the_counterparts_if_there_were_several(
    open_browser: NewBrowser, world: World
) -> None:
    recording = world.recording(world.ids["anna"])
    world.counterpart(recording, "102", "<b>Bo</b>", 0, 2.5)
    browser = await open_browser("anna")
    assert (await browser.get(f"/recordings/{recording}")).text.count("Connected to") == 1
    world.counterpart(recording, "0701234567", "", 2.5, None)
    shown = (await browser.get(f"/recordings/{recording}")).text
    assert shown.count("Connected to") == 2
    assert "&lt;b&gt;Bo&lt;/b&gt;" in shown
    assert "0701234567" in shown
    await browser.get(f"/recordings/{recording}?lang=sv")
    assert "Kopplad till" in (await browser.get(f"/recordings/{recording}")).text


async def test_pages_by_cursor_have_every_recording_once_newest_first(
    open_browser: NewBrowser, world: World
) -> None:
    made = [str(world.recording(world.ids["anna"], stored=False, started_at=NOON)) for _ in range(3)]
    made += [str(world.recording(world.ids["anna"], stored=False)) for _ in range(4)]
    expected = sorted(made[:3], reverse=True) + made[3:]
    browser = await open_browser("anna")
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = (
            await browser.get(API, params={"limit": "2", **({"cursor": cursor} if cursor else {})})
        ).json()
        found += [row["id"] for row in answer["recordings"]]
        cursor = answer["next_cursor"]
    assert found == expected


async def test_the_waveform_and_the_timeline(open_browser: NewBrowser, world: World) -> None:
    recording = world.recording(world.ids["anna"])
    browser = await open_browser("anna")
    waveform = (await browser.get(f"{API}/{recording}/waveform")).json()
    assert (waveform["version"], waveform["channels"], waveform["buckets"]) == (1, 2, 300)
    assert bytes(waveform["peaks"]) == peaks()
    segments = (await browser.get(f"{API}/{recording}/timeline")).json()["segments"]
    assert [(s["ordinal"], s["offset_ms"], s["duration_ms"]) for s in segments] == [(1, 0, AUDIO_S * 1000)]


async def test_before_there_is_audio(open_browser: NewBrowser, world: World) -> None:
    recording = world.recording(world.ids["anna"], stored=False)
    browser = await open_browser("anna")
    assert (await browser.get(f"{API}/{recording}/waveform")).json()["buckets"] == 0
    refused = await browser.get(f"{API}/{recording}/audio")
    assert (refused.status, refused.json()["detail"]) == (
        409,
        "The recording has no audio: its state is open.",
    )


def encoded(cursor: str) -> str:
    return base64.urlsafe_b64encode(cursor.encode()).decode()


CURSORS = (
    "x",
    "é",
    "!",
    encoded("2026-01-01|x"),
    encoded(f"0001-01-01T00:00:00+23:00|{ABSENT}"),
    "A" * 5000,
)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("?limit=0", 400), ("?limit=501", 400), ("?limit=x", 400), ("?limit=-1", 400), ("?limit=", 400),
        ("?limit=1&limit=2", 400), ("?limit=99999999999999999999", 400), ("?limit=٣", 400),
        ("?number=", 400), (f"?number={'7' * 129}", 400), ("?number=%00", 400), ("?number=1&number=2", 400),
        ("?colour=red", 400), (f"/{ABSENT}?x=1", 400), (f"/{ABSENT}/audio?download=yes", 400),
        ("/nothing", 400), ("/1234", 400), (f"/{ABSENT.hex}", 400), (f"/urn:uuid:{ABSENT}", 400),
        (f"/{ABSENT}", 404), (f"/{ABSENT}/audio", 404), (f"/{ABSENT}/nothing", 404),
    ],
)  # fmt: skip
async def test_refusals_are_problems(open_browser: NewBrowser, path: str, status: int) -> None:
    browser = await open_browser("anna")
    answer = await browser.get(API + path)
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]


@pytest.mark.parametrize("cursor", CURSORS)
async def test_a_cursor_that_is_none(open_browser: NewBrowser, cursor: str) -> None:
    browser = await open_browser("anna")
    assert (await browser.get(API, params={"cursor": cursor})).status == 400
    page = await browser.get("/", params={"cursor": cursor})
    assert (page.status, page.headers["Content-Type"]) == (400, "text/html; charset=utf-8")


async def test_other_methods_are_refused(open_browser: NewBrowser) -> None:
    browser = await open_browser("anna")
    answer = await browser.request("DELETE", API)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
    assert answer.json()["title"] == "Method Not Allowed"


@pytest.mark.parametrize("state", RecordingState)
async def test_every_state_has_a_page(open_browser: NewBrowser, world: World, state: RecordingState) -> None:
    stored = state is RecordingState.STORED
    recording = world.recording(world.ids["anna"], stored=stored, state=state, kept=False)
    page = await (await open_browser("anna")).get(f"/recordings/{recording}")
    assert page.status == (404 if state is RecordingState.DISPOSING else 200)
    assert ("<audio" in page.text) is stored


async def test_an_error_of_ours_says_nothing_of_our_inside(
    open_browser: NewBrowser, world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    recording = world.recording(world.ids["anna"], stored=False, state="no such state")
    browser = await open_browser("anna")
    for path in (f"/recordings/{recording}", f"{API}/{recording}"):
        answer = await browser.get(path)
        assert answer.status == 500
        assert "no such state" not in answer.text
    assert "no such state" in "".join(capfd.readouterr())
