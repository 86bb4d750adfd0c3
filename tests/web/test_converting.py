"""The audio in another format than it is kept in, and the names that copies have."""

from __future__ import annotations

import asyncio
import hashlib
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import aiohttp
import pytest
import soundfile

from ari_recorder.media import convert
from ari_recorder.store import catalogue
from ari_recorder.store.models import AuditLine, Recording
from ari_recorder.store.scope import scope_of
from ari_recorder.web.filenames import download_name

from .test_audio import address
from .world import AUDIO_S, NOON, RATE_HZ, Browser, NewBrowser, World, opus, until


@pytest.fixture
def recording(world: World) -> UUID:
    return world.recording(world.ids["anna"])


@pytest.fixture
async def browser(open_browser: NewBrowser) -> Browser:
    return await open_browser("anna")


def heard(world: World) -> list[tuple[str, str]]:
    lines = world.store.read_now(lambda: list(AuditLine.select().order_by(AuditLine.number)))
    return [(line.action, line.detail) for line in lines if line.action in ("listen", "download")]


@pytest.mark.parametrize(
    ("wanted", "media_type", "ending"), [("wav", "audio/wav", "wav"), ("flac", "audio/flac", "flac")]
)
async def test_a_copy_in_another_format(
    browser: Browser, world: World, recording: UUID, wanted: str, media_type: str, ending: str
) -> None:
    answer = await browser.get(f"{address(recording)}?download=1&format={wanted}")
    assert (answer.status, answer.headers["Content-Type"]) == (200, media_type)
    assert answer.headers["ETag"].startswith('W/"')
    name = f"2026-11-22_12-59-00_101_0812345678_in.{ending}"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    with soundfile.SoundFile(io.BytesIO(answer.body)) as sound:
        assert (sound.frames, sound.samplerate, sound.channels) == (AUDIO_S * RATE_HZ, RATE_HZ, 2)
    assert heard(world) == [("download", f'{{"form": "{wanted}", "from_ms": 0, "to_ms": {AUDIO_S * 1000}}}')]


async def test_what_it_is_kept_in_is_the_file_itself(browser: Browser, recording: UUID) -> None:
    answer = await browser.get(f"{address(recording)}?format=opus")
    assert answer.body == opus()
    assert answer.headers["ETag"] == f'"{hashlib.sha256(opus()).hexdigest()}"'


async def test_no_such_format(browser: Browser, recording: UUID) -> None:
    answer = await browser.get(f"{address(recording)}?format=mp3")
    assert (answer.status, answer.json()["field"]) == (400, "format")


async def test_wav_is_sought_in(browser: Browser, world: World, recording: UUID) -> None:
    """A player that cannot play Opus asks for the first two bytes, and goes on only if it gets these."""
    where = f"{address(recording)}?format=wav"
    whole = await browser.get(where)
    size = len(whole.body)
    assert int(whole.headers["Content-Length"]) == size == 44 + AUDIO_S * RATE_HZ * 4
    first = await browser.get(where, headers={"Range": "bytes=0-1"})
    assert (first.status, first.body, first.headers["Content-Range"]) == (206, b"RI", f"bytes 0-1/{size}")
    last = await browser.get(where, headers={"Range": "bytes=-4000"})
    assert (last.status, len(last.body)) == (206, 4000)
    beyond = await browser.get(where, headers={"Range": f"bytes={size}-"})
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    known = await browser.get(where, headers={"If-None-Match": whole.headers["ETag"]})
    assert known.status == 304


async def test_flac_has_no_ranges(browser: Browser, recording: UUID) -> None:
    answer = await browser.get(f"{address(recording)}?format=flac", headers={"Range": "bytes=0-1"})
    assert (answer.status, answer.headers.get("Accept-Ranges")) == (200, None)
    assert answer.body[:4] == b"fLaC"


async def test_head_makes_nothing_and_is_no_listening(
    browser: Browser, world: World, recording: UUID
) -> None:
    answer = await browser.request("HEAD", f"{address(recording)}?format=wav")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "384044")
    assert heard(world) == []


async def test_a_file_that_was_changed_is_not_made_into_another(
    browser: Browser, world: World, recording: UUID
) -> None:
    for encrypted in (True, False):
        row = world.store.read_now(lambda: Recording.get_by_id(recording))
        path = world.safe.vault.root / row.vault_key
        changed = bytearray(path.read_bytes() if encrypted else opus())
        changed[len(changed) // 2] ^= 1
        path.write_bytes(changed)
        if not encrypted:
            world.change(Recording, recording, organisation_key=None, wrapped_key=None)
        answer = await browser.get(f"{address(recording)}?download=1&format=wav")
        assert (answer.status, heard(world)) == (500, [])


async def test_one_of_before_there_was_encryption(browser: Browser, world: World, recording: UUID) -> None:
    row = world.store.read_now(lambda: Recording.get_by_id(recording))
    (world.safe.vault.root / row.vault_key).write_bytes(opus())
    world.change(Recording, recording, organisation_key=None, wrapped_key=None)
    answer = await browser.get(f"{address(recording)}?download=1&format=wav")
    assert (answer.status, len(answer.body)) == (200, 44 + AUDIO_S * RATE_HZ * 4)


async def test_what_is_no_audio_is_told(browser: Browser, world: World) -> None:
    for audio in (b"x" * 3000, b""):
        recording = world.recording(world.ids["anna"], audio=audio)
        for wanted in ("wav", "flac"):
            answer = await browser.get(f"{address(recording)}?format={wanted}")
            assert answer.status == 500
    assert heard(world) == []


async def test_it_breaks_off_where_the_file_ends_too_early(browser: Browser, world: World) -> None:
    """Of a file that is shorter than the catalogue says nobody gets a copy that looks whole."""
    recording = world.recording(world.ids["anna"], audio=opus())
    row = world.store.read_now(lambda: Recording.get_by_id(recording))
    path = world.safe.vault.root / row.vault_key
    path.write_bytes(path.read_bytes()[:-300])
    try:
        answer = await browser.get(
            f"{address(recording)}?format=flac", timeout=aiohttp.ClientTimeout(total=5)
        )
    except aiohttp.ClientError:
        return
    assert answer.status == 500


async def test_it_ends_when_the_reader_goes_away(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand seconds, of which one block is read."""
    made: list[int] = []
    ended: list[bool] = []

    class Long(convert.Conversion):
        def blocks(self) -> Any:
            try:
                for number in range(1000):
                    made.append(number)
                    yield bytes(1_000_000)
            finally:
                ended.append(True)

    monkeypatch.setattr(convert, "Conversion", Long)
    recording = world.recording(world.ids["anna"])
    browser = await open_browser("anna")
    answer = await browser.client.get(f"{address(recording)}?format=flac")
    await answer.content.readexactly(1000)
    answer.close()
    await until(lambda: ended)
    assert len(made) < 100


async def test_many_at_once_are_all_answered(browser: Browser, recording: UUID) -> None:
    answers = await asyncio.gather(*(browser.get(f"{address(recording)}?format=flac") for _ in range(12)))
    assert len({answer.sha256 for answer in answers}) == 1


async def test_no_two_copies_have_the_same_name(open_browser: NewBrowser, world: World) -> None:
    """In one minute the second tells them apart, in one second the id, of two users the number."""
    anna, at = world.ids["anna"], NOON - timedelta(hours=1)
    made = [
        world.recording(anna, started_at=at),
        world.recording(anna, started_at=at + timedelta(seconds=1)),
        world.recording(anna, started_at=at + timedelta(milliseconds=900), direction="outbound"),
        world.recording(world.ids["bo"], started_at=at),
        world.recording(world.ids["olle"], started_at=at),
    ]
    browser = await open_browser("admin-acme")
    names = [
        (await browser.request("HEAD", f"{address(one)}?download=1")).headers["Content-Disposition"][22:-1]
        for one in made[:4]
    ]
    ids = [one.hex[-8:] for one in made]
    assert names == [
        f"2026-11-22_12-00-00_101_0812345678_in_{ids[0]}.opus",
        "2026-11-22_12-00-01_101_0812345678_in.opus",
        f"2026-11-22_12-00-00_101_0812345678_out_{ids[2]}.opus",
        "2026-11-22_12-00-00_102_0812345678_in.opus",
    ]


def test_the_hour_that_is_there_twice(world: World) -> None:
    stockholm = ZoneInfo("Europe/Stockholm")
    names = []
    for hour in (0, 1, 2):  # 02:30, 02:30 again, 03:30
        made = world.recording(world.ids["anna"], started_at=datetime(2026, 10, 25, hour, 30, tzinfo=UTC))
        asker = scope_of(world.ids["anna"])
        assert asker
        row = world.store.read_now(catalogue.recording, asker, made)
        names.append(download_name(row, stockholm, ".opus", twin=False))
    assert len(set(names)) == 3
    assert names[2] == "2026-10-25_03-30-00_101_0812345678_in.opus"
