"""The page of saved searches: plain forms, which work without scripts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import Invalid
from ari_recorder.store import searches
from ari_recorder.store.searches import NAME_MAX, SearchRow
from ari_recorder.web import find, page
from ari_recorder.web.context import CONTEXT, changed_by
from ari_recorder.web.find_values import Reading
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import path_id
from ari_recorder.web.searches import checked, whose
from ari_recorder.web.session import read_form
from ari_recorder.web.words import Words

TAKES = ("done", "removed", "query")
"""Parameters of the page: what a form has led to, and what was removed, to be put back."""


@dataclass(frozen=True)
class Kept:
    """A saved search as it is listed: ``says`` are its filters in words."""

    row: SearchRow
    says: list[tuple[str, str]]


@dataclass(frozen=True)
class Typed:
    """What was typed into a form and refused: of which search, None for a new one, and why."""

    search: UUID | None
    name: str
    query: str
    problem: str


async def show(request: web.Request) -> web.Response:
    """``GET /searches``: one's own, to open, rename and remove."""
    return await _render(request)


async def save(request: web.Request) -> web.Response:
    """``POST /searches``: keep one, and back to what it finds; what is refused is shown again."""
    sent = await read_form(request)
    name, query = str(sent.get("name", ""))[: NAME_MAX * 2], str(sent.get("query", ""))[: find.QUERY_MAX * 2]

    async def work() -> None:
        wanted = await checked(request, query)
        await _store(request, searches.save, name, wanted)

    problem = await _tried(request, work)
    if problem:
        return await _render(request, Typed(None, name, query, problem))
    raise web.HTTPSeeOther("/searches?done=saved" if "again" in sent else find.address(find.fields_of(query)))


async def rename(request: web.Request) -> web.Response:
    """``POST /searches/{id}``: another name, or to search for something else, and on to what that finds."""
    sent, search = await read_form(request), path_id(request)
    name = str(sent["name"])[: NAME_MAX * 2] if "name" in sent else None
    query = str(sent["query"])[: find.QUERY_MAX * 2] if "query" in sent else None

    async def work() -> None:
        wanted = None if query is None else await checked(request, query)
        await _store(request, searches.change, search, name, wanted)

    problem = await _tried(request, work)
    if problem:
        return await _render(request, Typed(search, name or "", "", problem))
    raise web.HTTPSeeOther(find.address(find.fields_of(query)) if query else "/searches?done=renamed")


async def remove(request: web.Request) -> web.Response:
    """``POST /searches/{id}/remove``: gone, and offered to be put back."""
    was = await _store(request, searches.remove, path_id(request))
    raise web.HTTPSeeOther(f"/searches?{urlencode({'removed': was.name, 'query': was.query})}")


async def _store(request: web.Request, change: Callable[..., SearchRow], *args: Any) -> SearchRow:
    return await request.app[CONTEXT].store.write(change, whose(request), *args, **changed_by(request))


async def _tried(request: web.Request, work: Callable[[], Awaitable[None]]) -> str:
    """What is wrong, in the reader's words; empty when it is done."""
    try:
        await work()
    except (Invalid, Refused) as error:
        said = Refused(422, error.message, values=error.values).said_in(page.reader_language(request))
        return said[:1].upper() + said[1:]
    return ""


async def _render(request: web.Request, typed: Typed | None = None) -> web.Response:
    rows = await request.app[CONTEXT].store.read(searches.saved, whose(request))
    by, say = await find.reading(request), page.words(request)
    values: Mapping[str, Any] = {
        "kept": [_kept(row, by, say) for row in rows],
        "typed": typed,
        "done": request.query.get("done", ""),
        "removed": request.query.get("removed", "")[:NAME_MAX],
        "removed_query": request.query.get("query", "")[: find.QUERY_MAX],
        "most": searches.EACH,
        "name_max": NAME_MAX,
    }
    return await page.render(request, "searches.html", values, status=422 if typed else 200)


def _kept(row: SearchRow, by: Reading, say: Words) -> Kept:
    asked = find.understood(find.fields_of(row.query), by, say)
    if asked.problems:
        return Kept(row, [(find.label(name, say), told) for name, told in asked.problems.items()])
    names = [name for name in asked.filters if not name.endswith("_time")]
    return Kept(row, [(find.label(name, say), find.said(name, asked, say)) for name in names])
