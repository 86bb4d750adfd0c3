"""The matrix: every route × every kind of asker × whose thing it is about, from the table in `matrix_table`.

All of it is asked of one application. What is refused may change nothing, what is allowed nothing of another
organisation, and no answer may have a word of what who asks does not see.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from ari_recorder.live import Changed, Live
from ari_recorder.store.audit_key import made as made_key
from ari_recorder.store.database import Store
from ari_recorder.store.vault import LocalVault
from ari_recorder.web import Part, WebContext, create_app, limiting, signin
from ari_recorder.web.routes import ROUTES
from ari_recorder.web.seals import SEALS
from ari_recorder.web.session import COOKIE, FORM_COOKIE, FORM_HEADER

from .conftest import SETTINGS
from .matrix_people import FOREIGN, Asker, Cast, Stage, newcomers, subjects
from .matrix_table import FORM_FIRST, LINES, MEMBERS, OF_ALL, TAKE_TOKENS, expected, whose
from .world import NOON, World, token_in

pytestmark = pytest.mark.asyncio(loop_scope="module")
AT_ONCE = 8
SAFE = ("GET", "HEAD")
NAMES = [f"{route.method} {route.path}" for route in ROUTES]
VOLATILE = frozenset({"audit_line", "audit_head", "answered", "revision"})
LISTS = {
    "GET /": ("note of", "see"),
    "GET /api/v1/recordings": ("note of", "see"),
    "GET /calls": ("call of", "follow"),
    "GET /api/v1/calls/live": ("call of", "follow"),
}
"""Lists, which have of everybody that who asks sees, and of nobody else."""
Row = tuple[str, tuple[Any, ...]]


@dataclass
class Matrix:
    """The application, who asks it, and the catalogue as it was."""

    cast: Cast
    client: aiohttp.ClientSession
    catalogue: Path
    template: sqlite3.Connection
    form: tuple[str, str] = ("", "")
    counted: Counter[str] = field(default_factory=Counter)

    async def ask(self, method: str, path: str, asker: Asker, sent: Any = None) -> tuple[str, bytes]:
        """The outcome, and what was answered."""
        headers, body = self._from(asker, sent, api=path.startswith("/api/"))
        asked = self.client.request(method, path, headers=headers, allow_redirects=False, **body)
        async with asked as answer:
            leads = urlsplit(answer.headers.get("Location", "")).path if answer.status == 303 else ""
            return f"{answer.status} {leads}".strip(), await answer.read()

    def _from(self, asker: Asker, sent: Any, *, api: bool) -> tuple[dict[str, str], dict[str, Any]]:
        headers = {"Host": "localhost", "Accept-Language": "en"}
        form = asker.form
        if asker.is_program:
            headers["Authorization"] = f"Bearer {asker.secret}"
        if asker.is_program or asker.stage is Stage.NOBODY:
            form = self.form[1]
            cookies = {FORM_COOKIE: self.form[0], **({} if asker.is_program else {COOKIE: asker.secret})}
        else:
            cookies = {COOKIE: asker.secret}
        if not (api and asker.is_program):
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items() if value)
        if api:
            headers[FORM_HEADER] = form
            return headers, self._api_body(asker, sent, headers)
        return headers, _page_body(sent, form, asker)

    def _api_body(self, asker: Asker, sent: Any, headers: dict[str, str]) -> dict[str, Any]:
        if sent == MEMBERS:
            sent = newcomers(self.cast)
        given = sent(asker) if _is_made_for(sent) else sent() if callable(sent) else sent
        if isinstance(given, bytes):
            headers["Content-Type"] = "text/csv" if given.startswith(b"number") else "audio/wav"
            return {"data": given}
        return {} if given is None else {"json": given}

    def rows(self, connection: sqlite3.Connection) -> frozenset[Row]:
        """Everything in the catalogue, but for what is written down of what was tried."""
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        names = [name for (name,) in tables if name not in VOLATILE and not name.startswith("sqlite_")]
        return frozenset(
            (name, row) for name in names for row in connection.execute(f'SELECT * FROM "{name}"')
        )

    def now(self) -> frozenset[Row]:
        """As it is now."""
        with sqlite3.connect(self.catalogue) as connection:
            return self.rows(connection)

    def restore(self) -> None:
        """As it was."""
        with sqlite3.connect(self.catalogue) as connection:
            self.template.backup(connection)
        for followed, row in self.legs:
            if followed.row != row:
                followed.row = row
                self.cast.live.publish(Changed(row))

    def __post_init__(self) -> None:
        self.legs = [(followed, followed.row) for followed in self.cast.legs.values()]
        self.before = self.rows(self.template)
        self.theirs = frozenset(_of(self.before, self.cast.ids["foreign organisation"]))


def _is_made_for(sent: Any) -> bool:
    return callable(sent) and sent.__code__.co_argcount == 1


def _page_body(sent: Any, form: str, asker: Asker) -> dict[str, Any]:
    if sent is None:
        return {}
    fields = sent(asker) if _is_made_for(sent) else sent
    if not callable(fields):
        return {"data": {**fields, "form_token": form}}
    upload = aiohttp.FormData(default_to_multipart=True)
    upload.add_field("form_token", form)
    upload.add_field("text", "What it says")
    upload.add_field("file", fields(), filename="file.wav")
    return {"data": upload}


def _of(rows: frozenset[Row], organisation: str) -> Iterator[Row]:
    """The rows of an organisation: those that name it, and those that name one of these."""
    known = {UUID(organisation).hex}
    found: set[Row] = set()
    while more := {row for row in rows - found if any(_id(value) in known for value in row[1])}:
        found |= more
        known |= {_id(row[1][0]) for row in more if len(_id(row[1][0])) == 32}
    yield from found


def _id(value: object) -> str:
    return value.replace("-", "") if isinstance(value, str) else ""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    folder = tmp_path_factory.mktemp("matrix")
    store = Store(f"sqlite:///{folder}/catalogue.db")
    world, live = World(store, LocalVault(folder / "vault"), folder), Live()

    async def probe() -> Part:
        return Part(True, "where it is")

    context = WebContext(
        store, world.vault, SETTINGS, folder / "session.key", {"store": probe}, live, lambda: NOON,
        audit_key=made_key(folder / "audit.key").public,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limiting, "WRONG_TOKENS_PER_MINUTE", 1_000_000)
        patch.setattr(signin, "FORMS_MAX", AT_ONCE)
        app = create_app(context)
    cast = Cast(world, live, app[SEALS])
    cast.fill()
    template = sqlite3.connect(folder / "template.db")
    with sqlite3.connect(folder / "catalogue.db") as written:
        written.backup(template)
    async with TestServer(app) as server:
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(server.make_url("/"), connector=connector, cookie_jar=jar) as client:
            found = Matrix(cast, client, folder / "catalogue.db", template)
            found.form = await _form(client)
            yield found
    store.close()
    cells = sum(found.counted.values())
    print(f"\nthe matrix: {len(found.counted)} routes × {len(cast.askers)} askers, {cells} cells")


async def _form(client: aiohttp.ClientSession) -> tuple[str, str]:
    async with client.get("/sign-in", headers={"Host": "localhost"}) as answer:
        return answer.cookies[FORM_COOKIE].value, token_in(await answer.text())


async def test_every_route_has_its_line() -> None:
    assert sorted(LINES) == sorted(NAMES)


@dataclass(frozen=True)
class Cell:
    """One question: who asks what, about whose thing."""

    route: str
    method: str
    path: str
    asker: Asker
    subject: str

    def __str__(self) -> str:
        return f"{self.method} {self.path} by {self.asker.name!r} about {self.subject!r}"


def cells(matrix: Matrix, route: str, method: str) -> Iterator[Cell]:
    _, _, path = route.partition(" ")
    for asker in matrix.cast.askers:
        for subject, given in subjects(LINES[route].about, matrix.cast, asker):
            yield Cell(route, method, _filled(path, given), asker, subject)


def _filled(path: str, given: Mapping[str, str]) -> str:
    values = {"language": "sv", "kind": "start", "command": "pause", "path": "style.css", **given}
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: values[found[1]], path)


@pytest.mark.parametrize("route", [name for name in NAMES if name.startswith("GET ")])
async def test_what_is_read(matrix: Matrix, route: str) -> None:
    wrong: list[str] = []
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(cell: Cell) -> None:
        async with gate:
            outcome, body = await matrix.ask(cell.method, cell.path, cell.asker)
        matrix.counted[route] += 1
        wanted = expected(route, cell.asker, cell.subject)
        if outcome != wanted:
            wrong.append(f"{cell}: {outcome}, not {wanted}")
        wrong.extend(f"{cell}: {fault}" for fault in _told_too_much(matrix, cell, body, wanted))

    await asyncio.gather(*(one(cell) for method in SAFE for cell in cells(matrix, route, method)))
    if more := matrix.now() ^ matrix.before:
        wrong.append(f"something was changed: {sorted(more, key=str)[:4]}")
        matrix.restore()
    assert not wrong, _told(wrong)


@pytest.mark.parametrize("route", [name for name in NAMES if not name.startswith("GET ")])
async def test_what_is_changed(matrix: Matrix, route: str) -> None:
    line, wrong, refused = LINES[route], list[str](), True
    asked = list(cells(matrix, route, route.partition(" ")[0]))
    asked.sort(key=lambda cell: _is_refused(expected(route, cell.asker, cell.subject), route), reverse=True)
    for cell in asked:
        wanted = expected(route, cell.asker, cell.subject)
        if not _is_refused(wanted, route) and refused:
            refused = False
            wrong.extend(f"what was refused changed something: {row}" for row in matrix.now() ^ matrix.before)
        outcome, body = await matrix.ask(cell.method, cell.path, cell.asker, line.sent)
        matrix.counted[route] += 1
        if outcome != wanted:
            wrong.append(f"{cell}: {outcome}, not {wanted}: {body[:300]!r}")
        if FOREIGN.encode() in body and route not in OF_ALL:
            wrong.append(f"{cell}: has a word of the other organisation")
        if _is_refused(wanted, route) and outcome == wanted:
            continue
        now = matrix.now()
        if route not in OF_ALL and not matrix.theirs <= now:
            wrong.append(f"{cell}: something of the other organisation was changed")
        matrix.restore()
    assert not wrong, _told(wrong)


def _is_refused(outcome: str, route: str) -> bool:
    return outcome[:3] in ("401", "403", "404") and route not in FORM_FIRST


def _told_too_much(matrix: Matrix, cell: Cell, body: bytes, wanted: str) -> Iterator[str]:
    """What is in an answer that should not be, and what should be and is not."""
    text = body.decode(errors="replace")
    if FOREIGN in text and cell.route not in OF_ALL:
        yield "has a word of the other organisation"
    if cell.route == "GET /readyz" and ("where it is" in text) != (
        cell.method == "GET" and cell.asker.stage in (Stage.IN, Stage.FORGED, Stage.TOKEN)
        and cell.asker.letter in "aop"
    ):  # fmt: skip
        yield "details for who may not read them, or none for who may"
    if cell.route in LISTS and wanted == "200" and cell.method == "GET":
        words, verb = LISTS[cell.route]
        found = {name for name in matrix.cast.world.ids if f"{words} {name} " in text}
        should = _people(matrix, whose(cell.asker, verb), cell.asker)
        there = matrix.cast.owned["recording"] if verb == "see" else matrix.cast.legs
        should = {name for name in should if matrix.cast.world.ids[name] in there}
        if found != should:
            yield f"has {sorted(found - should)} too many, {sorted(should - found)} too few"


def _people(matrix: Matrix, subjects: frozenset[str], asker: Asker) -> set[str]:
    logins = matrix.cast.world.ids
    if "elsewhere" in subjects:
        return {name for name in logins if not name.startswith("foreign")}
    own = {name for name, user in logins.items() if user == asker.user} if "own" in subjects else set()
    return own | ({"mia"} if "member" in subjects else set())


def _told(wrong: list[str]) -> str:
    return f"{len(wrong)} cells:\n" + "\n".join(wrong[:25])
