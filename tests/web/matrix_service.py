"""The application that the matrix asks, everybody who asks it, and the catalogue to be put back as it was."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, repeat
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
from ari_recorder.web import Part, WebContext, create_app, limiting, signin
from ari_recorder.web.administration import delivery, hooks
from ari_recorder.web.seals import SEALS
from ari_recorder.web.session import COOKIE, FORM_COOKIE, FORM_HEADER

from ..store.build import safe_in
from .conftest import SETTINGS
from .matrix_people import Asker, Cast, Stage, newcomers
from .matrix_table import MEMBERS
from .world import NOON, World, token_in

AT_ONCE = 8
VOLATILE = frozenset({"audit_line", "audit_head", "answered", "revision"})
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

    async def ask(
        self, method: str, path: str, asker: Asker, sent: Any = None, more: Mapping[str, str] | None = None
    ) -> tuple[str, bytes]:
        """The outcome, and what was answered; ``more`` are further headers."""
        headers, body = self._from(asker, sent, api=path.startswith("/api/"))
        headers |= more or {}
        asked = self.client.request(method, path, headers=headers, allow_redirects=False, **body)
        async with asked as answer:
            leads = urlsplit(answer.headers.get("Location", "")).path if answer.status == 303 else ""
            return f"{answer.status} {_where(leads, path)}".strip(), await answer.read()

    async def follow(self, asker: Asker) -> tuple[str, aiohttp.ClientWebSocketResponse | None]:
        """The live feed, or the outcome of asking for it."""
        headers, _ = self._from(asker, None, api=True)
        try:
            return "101", await self.client.ws_connect("/api/v1/live", headers=headers)
        except aiohttp.WSServerHandshakeError as refused:
            return str(refused.status), None

    def whose_call(self, leg: str) -> str:
        """The login of whose call that is."""
        of = {followed.row.user: str(followed.row.id) for followed, _ in self.legs}
        return next(name for name, user in self.cast.world.ids.items() if of.get(user) == leg)

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
        tables = (zip(repeat(name), connection.execute(f'SELECT * FROM "{name}"')) for name in names)  # noqa: S608
        return frozenset(chain.from_iterable(tables))

    def now(self) -> frozenset[Row]:
        """As it is now, read again if anything has been written since."""
        (written,) = self.reader.execute("PRAGMA data_version").fetchone()
        if written != self.read[0]:
            self.read = written, self.rows(self.reader)
        return self.read[1]

    def restore(self) -> None:
        """As it was."""
        if self.now() != self.before:
            with closing(sqlite3.connect(self.catalogue)) as connection:
                connection.execute("PRAGMA synchronous = OFF")
                self.template.backup(connection)
        for followed, row in self.legs:
            if followed.row != row:
                followed.row = row
                self.cast.live.publish(Changed(row))

    def __post_init__(self) -> None:
        self.reader = sqlite3.connect(self.catalogue)
        self.read: tuple[int, frozenset[Row]] = (0, frozenset())
        self.legs = [(followed, followed.row) for followed in self.cast.legs.values()]
        self.before = self.rows(self.template)
        self.theirs = frozenset(_of(self.before, self.cast.ids["foreign organisation"]))


def _where(leads: str, path: str) -> str:
    """Where an answer leads, without the ids that stand in it."""
    if leads == path:
        return "to itself"
    made = path.removesuffix("/new")
    if leads.startswith(made) and _NEW.fullmatch(leads.removeprefix(made)):
        return "to what it made"
    return "to its page" if _OF_ONE.fullmatch(leads) and path.startswith(leads + "/") else leads


_NEW = re.compile(r"/(?:[0-9a-f-]{36}|[\w-]{12})")
"""An id, or the word that an import goes by."""
_OF_ONE = re.compile(r".*/[0-9a-f-]{36}")


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
    world, live = World(store, safe_in(store, folder), folder), Live()

    async def probe() -> Part:
        return Part(True, "where it is")

    context = WebContext(
        store, world.safe, SETTINGS, folder / "session.key", {"store": probe}, live, lambda: NOON,
        audit_key=made_key(folder / "audit.key").public,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hooks, "PING_WITHIN_S", 0.0)  # nobody sends
        patch.setattr(delivery, "TESTED_WITHIN_S", 0.0)  # nor tries
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
            async with aiohttp.ClientSession(
                server.make_url("/"), connector=connector, cookie_jar=jar
            ) as client:
                found = Matrix(cast, client, folder / "catalogue.db", template)
                found.form = await _form(client)
                yield found
    store.close()
    if found.counted:
        cells = sum(found.counted.values())
        print(f"\nthe matrix: {len(found.counted)} routes × {len(cast.askers)} askers, {cells} cells")


async def _form(client: aiohttp.ClientSession) -> tuple[str, str]:
    async with client.get("/sign-in", headers={"Host": "localhost"}) as answer:
        return answer.cookies[FORM_COOKIE].value, token_in(await answer.text())
