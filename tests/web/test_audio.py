"""The audio: whole and in part, to play and to keep, and what happens when the vault lets us down."""

from __future__ import annotations

import asyncio
import hashlib
from uuid import UUID

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.store.models import Recording
from ari_recorder.web import ranges
from ari_recorder.web.ranges import Span, Unsatisfiable

from .world import Browser, NewBrowser, World, opus

BIG = bytes(range(256)) * 4096  # 1 MiB: several blocks


@pytest.fixture
def recording(world: World) -> UUID:
    return world.recording(world.ids["anna"], audio=BIG)


@pytest.fixture
async def browser(open_browser: NewBrowser) -> Browser:
    return await open_browser("anna")


def address(recording: UUID) -> str:
    return f"/api/v1/recordings/{recording}/audio"


async def test_the_whole_file(browser: Browser, recording: UUID) -> None:
    answer = await browser.get(address(recording))
    assert (answer.status, answer.body) == (200, BIG)
    assert answer.headers["ETag"] == f'"{hashlib.sha256(BIG).hexdigest()}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "audio/ogg"
    assert answer.headers["Content-Length"] == str(len(BIG))
    assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0), ("bytes=100-299999", 100, 299999), ("bytes=1048575-", 1048575, 1048575),
        ("bytes=-10", 1048566, 1048575), ("bytes=-99999999", 0, 1048575), ("bytes=5-99999999", 5, 1048575),
        ("BYTES=0-1", 0, 1),
    ],
)  # fmt: skip
async def test_a_range(browser: Browser, recording: UUID, asked: str, first: int, last: int) -> None:
    answer = await browser.get(address(recording), headers={"Range": asked})
    assert answer.status == 206
    assert answer.body == BIG[first : last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(BIG)}"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "items=0-1", "bytes=9-1", "bytes=-", "bytes=a-b", "nonsense"]
)
async def test_a_range_that_is_ignored(browser: Browser, recording: UUID, asked: str) -> None:
    answer = await browser.get(address(recording), headers={"Range": asked})
    assert (answer.status, len(answer.body)) == (200, len(BIG))


@pytest.mark.parametrize("asked", ["bytes=1048576-", "bytes=2000000-3000000", "bytes=-0"])
async def test_a_range_with_nothing_in_it(browser: Browser, recording: UUID, asked: str) -> None:
    answer = await browser.get(address(recording), headers={"Range": asked})
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(BIG)}")
    assert answer.json()["status"] == 416


async def test_head(browser: Browser, recording: UUID) -> None:
    whole = await browser.request("HEAD", address(recording))
    assert (whole.status, whole.headers["Content-Length"], whole.body) == (200, str(len(BIG)), b"")
    part = await browser.request("HEAD", address(recording), headers={"Range": "bytes=0-9"})
    assert (part.status, part.headers["Content-Length"]) == (206, "10")


async def test_what_the_client_has_already(browser: Browser, recording: UUID) -> None:
    etag = (await browser.request("HEAD", address(recording))).headers["ETag"]
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        assert (await browser.get(address(recording), headers={"If-None-Match": known})).status == 304
    assert (await browser.get(address(recording), headers={"If-None-Match": '"x"'})).status == 200
    part = {"Range": "bytes=0-9"}
    assert (await browser.get(address(recording), headers={**part, "If-Range": etag})).status == 206
    assert (await browser.get(address(recording), headers={**part, "If-Range": '"other"'})).status == 200


async def test_a_copy_to_keep(browser: Browser, world: World) -> None:
    recording = world.recording(world.ids["anna"])
    answer = await browser.get(f"{address(recording)}?download=1")
    assert answer.body == opus()
    expected = 'attachment; filename="2026-11-22_12-59-00_101_0812345678_in.opus"'  # Stockholm's time
    assert answer.headers["Content-Disposition"] == expected


async def test_a_file_that_is_gone(browser: Browser, world: World, recording: UUID) -> None:
    world.change(Recording, recording, vault_key="gone.ogg")
    for method in ("GET", "HEAD"):
        answer = await browser.request(method, address(recording))
        assert answer.status == 500
        assert b"gone.ogg" not in answer.body


async def test_a_file_that_is_too_short_is_not_taken_for_whole(
    browser: Browser, world: World, recording: UUID
) -> None:
    world.change(Recording, recording, size_bytes=len(BIG) + 1000)
    with pytest.raises(aiohttp.ClientError):  # broken off, neither ended well nor left hanging
        await browser.get(address(recording), timeout=aiohttp.ClientTimeout(total=5))
    past = await browser.get(address(recording), headers={"Range": f"bytes={len(BIG)}-"})
    assert past.status == 500


async def test_many_listeners_at_once(browser: Browser, recording: UUID) -> None:
    answers = await asyncio.gather(*(browser.get(address(recording)) for _ in range(20)))
    assert {answer.sha256 for answer in answers} == {hashlib.sha256(BIG).hexdigest()}


@given(st.text("bytes=0123456789-, "), st.integers(0, 200))
def test_no_range_reaches_outside_the_file(header: str, size_bytes: int) -> None:
    try:
        span = ranges.parse(header, size_bytes)
    except Unsatisfiable:
        return
    if span is not None:
        assert 0 <= span.offset < span.offset + span.length <= size_bytes


def test_ranges_as_the_standard_counts_them() -> None:
    assert ranges.parse("bytes=0-499", 10000) == Span(0, 500)
    assert ranges.parse("bytes=-500", 10000) == Span(9500, 500)
    assert ranges.parse("bytes=9500-", 10000) == Span(9500, 500)
    assert Span(9500, 500).content_range(10000) == "bytes 9500-9999/10000"
