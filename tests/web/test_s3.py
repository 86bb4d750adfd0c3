"""The audio of a recording that lies in an S3-compatible store: played, downloaded, converted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import UUID

import pytest

from ari_recorder.config import Vault
from ari_recorder.safes import safe
from ari_recorder.store.s3 import client as s3_client
from ari_recorder.store.s3 import vault as s3_vault
from ari_recorder.web import audio

from ..s3 import KEY, S3, Proxy
from ..store.build import BEGIN
from .test_audio import BIG, address
from .world import Browser, NewBrowser, World, opus


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    waits_s = 1.0 if "silent" in request.node.name else 20.0  # others are not to fail where all is slow
    for name, value in {
        "CONNECT_S": waits_s,
        "SILENT_S": waits_s,
        "TRIES": 2,
        "LOOK_S": waits_s,
        "LOOK_TRIES": 1,
    }.items():
        monkeypatch.setattr(s3_client, name, value)
    monkeypatch.setattr(s3_vault, "RESUMED_AFTER_S", 0.01)


@pytest.fixture
def proxy(s3_store: S3) -> Iterator[Proxy]:
    made = Proxy(s3_store)
    yield made
    made.close()


@pytest.fixture
def world(world: World, s3_store: S3, proxy: Proxy) -> World:
    """The vault of the template's world was never used: from its first recording on they are in a bucket."""
    settings = Vault(
        path=world.folder / "vault", key_file=world.folder / "master.key",
        url=s3_store.address(s3_store.bucket(), "acme", endpoint=proxy.endpoint),
        access_key=KEY.id, secret_key=KEY.secret,
    )  # fmt: skip
    world.safe = safe(settings, world.store, lambda: BEGIN)
    return world


@pytest.fixture
def recording(world: World) -> UUID:
    return world.recording(world.ids["anna"], audio=BIG)


@pytest.fixture
async def browser(open_browser: NewBrowser) -> Browser:
    return await open_browser("anna")


async def test_it_is_played_and_downloaded_whole_and_in_part(browser: Browser, recording: UUID) -> None:
    for query in ("", "?download=1"):
        answer = await browser.get(address(recording) + query)
        assert (answer.status, answer.body) == (200, BIG)
    for first, last in ((0, 0), (100, 299_999), (len(BIG) - 5, len(BIG) - 1)):
        answer = await browser.get(address(recording), headers={"Range": f"bytes={first}-{last}"})
        assert (answer.status, answer.body) == (206, BIG[first : last + 1])


async def test_of_a_range_no_more_is_fetched_than_the_segments_it_lies_in(
    browser: Browser, recording: UUID, proxy: Proxy
) -> None:
    proxy.asked.clear()
    await browser.get(address(recording), headers={"Range": "bytes=500000-500010"})
    ranges = [one.headers["Range"] for one in proxy.asked if "Range" in one.headers]
    assert len(ranges) == 2, "the file's header, and what was asked for"
    first, last = map(int, ranges[1].removeprefix("bytes=").split("-"))
    assert last - first < 2 * 65_536


async def test_another_format_is_made_of_it(browser: Browser, world: World) -> None:
    recording = world.recording(world.ids["anna"], audio=opus())
    answer = await browser.get(f"{address(recording)}?format=wav")
    assert (answer.status, answer.body[:4]) == (200, b"RIFF")


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        *(
            (away, 503, "cannot be reached")
            for away in ("hang_up", "silent", "503 SlowDown", "403 AccessDenied")
        ),
        ("rot", 500, "cannot be read from the vault"),
    ],
)
async def test_while_it_cannot_be_read_that_is_said_and_nothing_is_sent(
    browser: Browser, recording: UUID, proxy: Proxy, fault: str, status: int, says: str
) -> None:
    """Whether it is worth to ask again: a program goes by the status."""
    proxy.fault = lambda request: fault if request.method == "GET" and not request.is_mark else None
    answer = await browser.get(address(recording), headers={"Accept": "application/json"})
    assert answer.status == status
    assert says in answer.json()["detail"]
    assert ("Retry-After" in answer.headers) is (status == 503)
    proxy.fault = lambda _: None
    answer = await browser.get(address(recording))
    assert (answer.status, answer.body) == (200, BIG)


async def test_who_waits_is_told_though_the_store_is_tried_again_for_longer(
    browser: Browser, recording: UUID, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio, "FIRST_WITHIN_S", 0.2)
    monkeypatch.setattr(s3_client, "SILENT_S", 5.0)
    proxy.fault = lambda request: "silent" if request.method == "GET" and not request.is_mark else None
    begun_s = time.monotonic()
    answer = await browser.get(address(recording))
    assert (answer.status, time.monotonic() - begun_s < 5) == (503, True)
