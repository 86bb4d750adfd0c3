"""A file of users by the pages: tried and shown line by line, then done, while calls write between."""

from __future__ import annotations

import asyncio
import html
import time
from typing import Any

import aiohttp
import pytest

from ari_recorder.errors import StoreError
from ari_recorder.policies.spreadsheet import read
from ari_recorder.store import models, people
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.models import AuditLine, User
from ari_recorder.store.people import COLUMNS, Importing, Outcome
from ari_recorder.store.people.importing import STEP_ROWS
from ari_recorder.web.administration import imports
from ari_recorder.web.administration.imports import IMPORTS
from ari_recorder.web.exchange import FILE_MAX_BYTES

from .forms import follow, said, send_from
from .settings import Client
from .world import NOON, Answer, Browser, NewBrowser, World, until

PAGE = "/users/import"
HEAD = "number,name,mode,endpoints,groups,acknowledgement\n"


@pytest.fixture
async def admin(open_browser: NewBrowser) -> Browser:
    return await open_browser("admin-acme")


async def upload(browser: Browser, content: str | bytes, name: str = "kollegor.csv") -> Answer:
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("form_token", await browser.form_token(PAGE))
    data = content.encode() if isinstance(content, str) else content
    form.add_field("file", data, filename=name, content_type="text/csv")
    return await browser.request("POST", PAGE, data=form)


async def over(browser: Browser, answer: Answer, within_s: float = 60) -> tuple[str, str]:
    """The address of a file, and its page when what was begun with it is over."""
    assert answer.status == 303, said(answer.text)
    address = answer.headers["Location"]
    async with asyncio.timeout(within_s):
        while "data-goes-on" in (text := (await browser.get(address)).text):
            await asyncio.sleep(0.05)
    return address, text


def figures(text: str) -> list[int]:
    """New, changed, unchanged and wrong."""
    parts = text.partition('class="figures"')[2].partition("</dl>")[0].split("<b>")[1:]
    return [int(part.partition("</b>")[0].replace(",", "")) for part in parts]


def users(world: World) -> int:
    return int(world.store.read_now(lambda: User.select().count()))


async def test_a_file_is_shown_before_anything_is_done(admin: Browser, world: World) -> None:
    api = await Client.of(admin)
    await api.made("/groups", {"name": "Sales"})
    before = users(world)
    file = (
        HEAD + "301,Åke Öberg,always,PJSIP/301,Sales,Told\n302,Eva,,,,\n101,Anna Changed,,,,\n102,,,,,\n"
        "3/3,Wrong,,,,\n304,,,,,\n305,Kim,always,,,\n306,Li,,,Nowhere,\n301,Twice,,,,\n307,Ola,,PJSIP/301,,\n"
    )
    address, text = await over(admin, await upload(admin, file))
    assert "What the file would do" in text
    assert figures(text) == [2, 1, 1, 6]
    assert "1 user begins to be recorded" in text
    assert "billed from today" in text
    for line in (
        "&#39;3/3&#39; is no number", "The user is new, and needs a name.",
        "Recording is switched on for this user",
        "There is no group &#39;Nowhere&#39;: add it first.", "Line 2 is of the same user.",
        "main:PJSIP/301 is given in line 2, too.",
    ):  # fmt: skip
        assert line in text, line
    assert users(world) == before
    assert "Åke Öberg" in text
    done = await send_from(admin, text, address)
    _, report = await over(admin, done)
    assert figures(report) == [2, 1, 1, 6]
    assert users(world) == before + 2
    assert world.store.read_now(lambda: User.get(User.number == "301").name) == "Åke Öberg"
    assert (await send_from(admin, text, address)).status == 303, "sent twice, it is done once"
    assert users(world) == before + 2
    line = world.store.read_now(lambda: list(AuditLine.select().where(AuditLine.action == "import"))[-1])
    assert (line.actor_name, '"created": 2' in line.detail) == ("admin-acme", True)
    shown = (await admin.get(PAGE)).text
    assert "Last import: 22 Nov 2026, by admin-acme. 2 new, 1 changed." in shown


@pytest.mark.parametrize("language", ["en", "sv"])
async def test_the_example_can_be_imported(admin: Browser, language: str) -> None:
    await (await Client.of(admin)).made("/groups", {"name": {"en": "Sales", "sv": "Försäljning"}[language]})
    await admin.get(f"{PAGE}?lang={language}")
    text = (await admin.get(PAGE)).text
    example = html.unescape(text.partition('<pre class="sample"')[2].partition(">")[2].partition("</pre>")[0])
    _, text = await over(admin, await upload(admin, example))
    *_, wrong = read = figures(text)
    assert (sum(read), wrong) == (2, 0)


async def test_nothing_is_imported_if_that_is_what_one_wants(admin: Browser, world: World) -> None:
    before = users(world)
    address, text = await over(admin, await upload(admin, "number,name\n301,A\n"))
    left = await follow(admin, await send_from(admin, text, f"{address}/forget"))
    assert "Nothing was imported." in left
    gone = await admin.get(address)
    assert "The file is not here any more: choose it again." in await follow(admin, gone)
    assert users(world) == before


@pytest.mark.parametrize(
    ("content", "status", "why"),
    [
        (b"", 422, "It is empty: its first row names the columns."),
        (b"number,name\n1,\xe5\n", 422, "It is not text in UTF-8: save it as CSV UTF-8."),
        (b"shoe\n1\n", 422, "There is no column 'shoe'; known: number, name"),
        (b'number,name\n1,"A\n', 422, "Line 2 cannot be read"),
        (b"PK\x03\x04\x00", 422, "It is not a CSV file"),
        (b"number,name\n" + b"1,A\n" * 10_001, 422, "More than 10000 rows: send them in parts."),
        (b"number,name\n" + b"x" * FILE_MAX_BYTES, 413, "The file is larger than 5 MB: import it in parts."),
    ],
)
async def test_a_file_that_cannot_be_read(admin: Browser, content: bytes, status: int, why: str) -> None:
    answer = await upload(admin, content)
    assert (answer.status, why in said(answer.text)) == (status, True), said(answer.text)
    assert "<title>Not imported" in answer.text


async def test_a_form_without_a_file_or_a_token(admin: Browser) -> None:
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("form_token", await admin.form_token(PAGE))
    form.add_field("file", b"", filename="")
    answer = await admin.request("POST", PAGE, data=form)
    assert "Choose a file first." in said(answer.text)
    bare = aiohttp.FormData(default_to_multipart=True)
    bare.add_field("file", b"number,name\n301,A\n", filename="a.csv")
    assert (await admin.request("POST", PAGE, data=bare)).status == 403


async def test_five_thousand_lines_and_calls_between_them(admin: Browser, world: World) -> None:
    """Few of them new, so that the test is short; each step is as long as if all were."""
    acme = world.store.read_now(lambda: User.get_by_id(world.ids["anna"]).organisation_id)
    made = [{"organisation": acme, "name": f"User {n}", "number": str(10_000 + n)} for n in range(4900)]
    world.store.write_now(
        lambda: [User.insert_many(made[n : n + 500]).execute() for n in range(0, 4900, 500)]
    )
    lines = [f"{10_000 + n},User {n},,,," for n in range(4900)]
    for n in range(0, 4900, 100):
        lines.insert(n, f"bad {n},Åke Öberg,,,,")
    lines += [f"{20_000 + n},Åke Öberg,always,PJSIP/{n},,Told" for n in range(20)]
    lines += lines[:31]
    assert len(lines) == 5000
    waits: list[float] = []
    stop = asyncio.Event()

    async def call() -> None:
        while not stop.is_set():
            began = time.perf_counter()
            await world.store.write(lambda: User.update(name=User.name).where(User.number == "101").execute())
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.005)

    calls = asyncio.create_task(call())
    address, text = await over(admin, await upload(admin, HEAD + "\n".join(lines)))
    assert figures(text) == [20, 0, 4900, 80]
    assert len(text) < 100_000
    _, report = await over(admin, await send_from(admin, text, address))
    stop.set()
    await calls
    assert figures(report)[0] == 20
    assert len(waits) > 50, "calls' writes went between"
    assert world.store.read_now(lambda: User.select().where(User.name == "Åke Öberg").count()) == 20


async def test_what_breaks_off_is_told(admin: Browser, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before, lines = users(world), [f"{300 + n},User {n},,,," for n in range(4 * STEP_ROWS)]
    address, text = await over(admin, await upload(admin, HEAD + "\n".join(lines)))
    left = 100

    async def write(work: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise StoreError("The disk is full.")
        return await original(work, *args, **kwargs)

    original = world.store.write
    monkeypatch.setattr(world.store, "write", write)
    token = await admin.form_token(PAGE)
    left = 3  # what notes that the session is in use may be one of them
    done = await admin.post(address, {"form_token": token})
    _, report = await over(admin, done)
    monkeypatch.undo()
    made = users(world) - before
    assert 0 < made < 4 * STEP_ROWS
    assert made % STEP_ROWS == 0
    assert f"It broke off after {made} of {4 * STEP_ROWS} rows" in said(report)
    shown = (await admin.get(PAGE)).text
    assert "The import that admin-acme began on 22 Nov 2026 at 13:00 broke off" in shown
    address, text = await over(admin, await upload(admin, HEAD + "\n".join(lines)))
    assert figures(text) == [4 * STEP_ROWS - made, 0, made, 0], "the rest follows"


async def test_who_is_no_administrator_any_more_imports_no_further(
    admin: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "LOOKED_EVERY", 1)
    lines = [f"{300 + n},User {n},,,," for n in range(4 * STEP_ROWS)]
    address, text = await over(admin, await upload(admin, HEAD + "\n".join(lines)))
    before, original = users(world), world.store.write

    async def write(work: Any, *args: Any, **kwargs: Any) -> Any:
        done = await original(work, *args, **kwargs)
        if users(world) > before:
            world.change(User, world.ids["admin-acme"], role="user")
        return done

    monkeypatch.setattr(world.store, "write", write)
    assert (await send_from(admin, text, address)).status == 303
    await until(lambda: the_file(admin).over)
    monkeypatch.undo()
    assert users(world) == before + STEP_ROWS
    assert (await send_from(admin, text, address)).status == 403


def the_file(browser: Browser) -> imports.File:
    """The one file that there is."""
    app = browser.client.app
    assert app is not None
    (file,) = app[IMPORTS]._files.values()
    return file


async def test_a_file_is_its_senders_alone(admin: Browser, world: World) -> None:
    address, text = await over(admin, await upload(admin, "number,name\n301,A\n"))
    other = admin.another()
    await other.sign_in("admin-other")
    assert (await other.get(address)).headers["Location"].startswith(f"{PAGE}?told=")
    token = await other.form_token(PAGE)
    assert (await other.post(address, {"form_token": token})).headers["Location"].startswith(f"{PAGE}?told=")
    assert "301" not in {user.number for user in world.store.read_now(lambda: list(User.select()))}
    assert (await send_from(admin, text, address)).status == 303


async def test_a_step_that_is_run_again_does_the_same(world: World) -> None:
    """A write that the database ends is tried once more."""
    acme = world.store.read_now(lambda: User.get_by_id(world.ids["anna"]).organisation_id)
    by = {"actor": Actor(ActorKind.COMMAND_LINE, "root", "root"), "now": NOON}
    rows = read(b"number,name\n" + b"".join(b"%d,A\n" % (300 + n) for n in range(2 * STEP_ROWS)), COLUMNS)
    running = Importing(acme, rows, ("main",), partial=True, **by)  # type: ignore[arg-type]
    world.store.read_now(running.look)

    def twice(step: Any) -> None:
        with models.database.savepoint() as first:
            step()
            first.rollback()
        step()

    for step in running.steps():
        world.store.write_now(twice, step)
    assert running.report().count(Outcome.CREATED) == 2 * STEP_ROWS
    last = world.store.read_now(people.last_import, acme)
    assert last is not None
    assert (last.ended, last.counts[Outcome.CREATED]) == (True, 2 * STEP_ROWS)


async def test_no_more_files_than_there_is_room_for(open_browser: NewBrowser) -> None:
    browser = await open_browser("admin-acme")
    first, _ = await over(browser, await upload(browser, "number,name\n301,A\n"))
    second, _ = await over(browser, await upload(browser, "number,name\n302,B\n"))
    assert (await browser.get(first)).status == 303, "one to a user"
    assert (await browser.get(second)).status == 200
    assert browser.client.app is not None
    assert IMPORTS in browser.client.app
