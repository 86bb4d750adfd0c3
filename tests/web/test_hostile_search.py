"""What is looked for is a text, whatever it looks like; a search that cannot be is refused, never a 500."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from .world import NOON, NewBrowser, World

API = "/api/v1/recordings"
TEXTS = [
    '"', '""', "'", "'; DROP TABLE recording; --", "*", "a*", "NEAR(a b, 3)", "a AND b", "NOT", "OR OR",
    "note:x", "{note} : x", "^a", "a + b", "-", "(", ")", "%", "_", "\\", "\\%", "a\\", "😀", "👩‍👩‍👧",
    "שלום", "مرحبا", "é", "e\u0301", "\u00b4", "ﷺ", "x" * 200, "å" * 200, " ".join("ab" for _ in
    range(66)), "1" * 128, "+", "++46", "#", "{}", "%s", "?", "$1", ":a", "\u2028", "日本語", "𝕏𝕐𝕫",
    "<script>alert(1)</script>",
]  # fmt: skip


@pytest.mark.parametrize("name", ["q", "note", "number", "tag1"])
async def test_every_text_is_only_looked_for(open_browser: NewBrowser, world: World, name: str) -> None:
    hidden = world.recording(world.ids["olle"], started_at=NOON, note=" ".join(TEXTS))
    shown = [
        world.recording(world.ids["anna"], note=text, tag1=text[:128], started_at=NOON) for text in TEXTS
    ]
    admin, anna = await open_browser("admin-acme"), await open_browser("anna")
    for at, text in enumerate(TEXTS):
        if name in ("number", "tag1") and len(text) > 128:
            continue
        for browser in (admin, anna):
            answer = await browser.get(API, params={name: text, "count": "1", "limit": "500"})
            assert answer.status in (200, 400), (text, answer.text)
            if answer.status == 200:
                found = [row["id"] for row in answer.json()["recordings"]]
                assert len(found) == answer.json()["count"]["number"]
                assert str(hidden) not in found, text
                assert name != "tag1" or str(shown[at]) in found, text


@pytest.mark.parametrize("query", ["q=%00", "note=%00", "number=%00", "note=a%00b"])
async def test_what_is_no_text_is_refused(open_browser: NewBrowser, query: str) -> None:
    answer = await (await open_browser("anna")).get(f"{API}?{query}")
    assert answer.status == 400, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize("query", ["q=%ff", "note=%ED%A0%80", "number=%C0%AF", "q=%F4%90%80%80"])
async def test_bytes_that_are_no_text_find_nothing(
    open_browser: NewBrowser, world: World, query: str
) -> None:
    world.recording(world.ids["anna"], note="text")
    answer = await (await open_browser("anna")).get(f"{API}?{query}")
    assert answer.status == 400 or answer.json()["recordings"] == []


@pytest.mark.parametrize("path", [API, "/"])
async def test_two_hundred_filters_are_refused_as_what_they_are(open_browser: NewBrowser, path: str) -> None:
    browser = await open_browser("anna")
    for query in (
        urlencode([("q", str(n)) for n in range(200)]),
        urlencode({f"f{n}": "x" for n in range(200)}),
    ):
        assert (await browser.get(f"{path}?{query}")).status == 400


@contextmanager
def gone(path: Path) -> Iterator[None]:
    """While inside, the file is somewhere else."""
    away = path.rename(path.with_suffix(".away"))
    try:
        yield
    finally:
        away.rename(path)


async def test_a_catalogue_that_is_gone_is_said_to_be(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("anna")
    with gone(Path(world.store.url.partition(":///")[2])):
        answer = await browser.get(API, params={"q": "anna"})
        assert answer.status == 503
        assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert (await browser.get(API, params={"q": "anna"})).status == 200
