"""The export of recordings: what is in it for whom, in which words, and that it ends when it should."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from ari_recorder.errors import StoreError
from ari_recorder.store import catalogue, models
from ari_recorder.web import export

from .world import ABSENT, NOON, Answer, NewBrowser, World

CSV = "/api/v1/recordings.csv"


def rows(answer: Answer, separator: str = ",") -> list[dict[str, str]]:
    text = io.StringIO(answer.body.decode("utf-8-sig"), newline="")
    return list(csv.DictReader(text, delimiter=separator))


def lines(world: World) -> list[dict[str, Any]]:
    def read() -> list[dict[str, Any]]:
        found = models.AuditLine.select().where(models.AuditLine.action == "export")
        return [json.loads(row.detail) for row in found.order_by(models.AuditLine.number)]

    return world.store.read_now(read)


async def test_what_is_found_in_the_readers_words(open_browser: NewBrowser, world: World) -> None:
    made = world.recording(
        world.ids["anna"], started_at=NOON, duration_ms=90_400, mark="red", note="=1+1", tag2="@x",
        counterpart_number="+46701234567", counterpart_name="Åke Öberg", problems="Late.\nA hole.",
    )  # fmt: skip
    world.recording(world.ids["anna"], started_at=NOON - timedelta(days=200), stored=False)
    world.recording(world.ids["olle"], mark="red")
    browser = await open_browser("anna")
    answer = await browser.get(f"{CSV}?mark=red")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="recordings-2026-11-22.csv"'
    (row,) = rows(answer)
    assert row["Recorded from"] == "2026-11-22 13:00:00+01:00"
    assert (row["Duration"], row["Seconds"], row["Mark"]) == ("1:30", "90.4", "Red")
    assert (row["Note"], row["Field 2"], row["Counterpart's number"]) == ("'=1+1", "'@x", "'+46701234567")
    assert (row["Counterpart"], row["Problems"], row["Recording's id"]) == (
        "Åke Öberg",
        "Late. A hole.",
        str(made),
    )
    await browser.get("/?lang=sv")
    swedish = rows(
        await browser.get(CSV), ";"
    )  # as spreadsheets in Swedish read it: the comma is the decimal one
    assert {row["Märkning"] for row in swedish} == {"Röd", ""}
    assert "90,4" in {row["Sekunder"] for row in swedish}
    assert lines(world) == [
        {"form": "csv", "mark": "red", "sort": "newest"},
        {"form": "csv", "sort": "newest"},
    ]


async def test_all_of_it_in_parts_and_in_its_order(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PART_ROWS", 3)
    made = [str(world.recording(world.ids["anna"], note="a\r\nb")) for _ in range(10)]
    asked: list[int] = []
    before = catalogue.recordings

    def counted(*args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs["limit"])
        return before(*args, **kwargs)

    monkeypatch.setattr(catalogue, "recordings", counted)
    browser = await open_browser("anna")
    assert [row["Recording's id"] for row in rows(await browser.get(CSV))] == made
    assert asked == [3, 3, 3, 3]
    answer = await browser.get(f"{CSV}?sort=oldest")
    assert [row["Recording's id"] for row in rows(answer)] == made[::-1]
    assert answer.body.count(b"\r\n") == 11, "a row ends as the page's script counts it"


async def test_only_those_that_were_chosen_and_may_be_seen(open_browser: NewBrowser, world: World) -> None:
    own, other = world.recording(world.ids["anna"]), world.recording(world.ids["anna"])
    foreign = world.recording(world.ids["olle"])
    browser = await open_browser("anna")
    answer = await browser.get(f"{CSV}?ids={own},{foreign},{uuid4()}")
    assert [row["Recording's id"] for row in rows(answer)] == [str(own)]
    assert lines(world)[-1] == {"form": "csv", "recordings": 3, "sort": "newest"}
    token = await browser.form_token("/")
    form = [("form_token", token), ("recording", str(own)), ("recording", str(other))]
    chosen = await browser.request("POST", "/recordings/export", data=form)
    assert (chosen.status, chosen.headers["Location"]) == (303, f"{CSV}?ids={own},{other}")
    none = await browser.post("/recordings/export", {"form_token": token, "back": "q=eva&bad=1&sort=oldest"})
    assert none.headers["Location"] == "/?q=eva&sort=oldest"


@pytest.mark.parametrize(
    "query", [f"ids={ABSENT}&mark=red", "limit=1", "cursor=x", "count=1", "ids=", "ids=x", f"ids={'-' * 36}",
              "mark=mauve",
              "ids=" + ",".join([str(ABSENT)] * 101)],
)  # fmt: skip
async def test_what_is_no_export_is_refused(open_browser: NewBrowser, world: World, query: str) -> None:
    answer = await (await open_browser("anna")).get(f"{CSV}?{query}")
    assert (answer.status, lines(world)) == (400, [])


async def test_without_its_line_nothing_is_sent(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.recording(world.ids["anna"])

    def full(*_: object, **__: object) -> None:
        raise StoreError("disk full")

    browser = await open_browser("anna")
    monkeypatch.setattr("ari_recorder.store.audit.write", full)
    assert (await browser.get(CSV)).status == 503


@pytest.mark.parametrize("what", ["catalogue", "rights"])
async def test_it_is_broken_off(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A file that is not whole must not look as if it were."""
    monkeypatch.setattr(export, "PART_ROWS", 2)
    for _ in range(5):
        world.recording(world.ids["anna"])
    browser = await open_browser("anna")
    before, asked = catalogue.recordings, 0

    def second(*args: Any, **kwargs: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 2 and what == "catalogue":
            raise StoreError("is locked")
        return before(*args, **kwargs)

    monkeypatch.setattr(catalogue, "recordings", second)
    if what == "rights":
        still = export.scope_now

        async def changed(request: Any) -> Any:
            return await still(request) if asked < 1 else None

        monkeypatch.setattr(export, "scope_now", changed)
    with pytest.raises(Exception, match=r"payload|Response|Connection|disconnect"):
        await browser.get(CSV)


async def test_the_pages_link_exports_what_it_shows(open_browser: NewBrowser, world: World) -> None:
    anna, midnight = world.ids["anna"], NOON + timedelta(hours=11)
    at = str(world.recording(anna, started_at=midnight, duration_ms=89_600))
    world.recording(anna, started_at=midnight - timedelta(seconds=1), duration_ms=89_600)
    world.recording(anna, started_at=midnight, duration_ms=89_400)
    world.recording(anna, started_at=midnight, duration_ms=89_600, mark="red")
    browser = await open_browser("anna")
    answer = await browser.get("/?from=2026-11-23&min_duration=1:30&mark=none&sort=oldest")
    link = re.search(r'class="button quiet export" href="([^"]+)"', answer.text)
    assert link
    exported = rows(await browser.get(html.unescape(link[1])))
    assert [row["Recording's id"] for row in exported] == [at]
