"""What a legal hold is about, in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from aiohttp import web

from ari_recorder.errors import NotFound
from ari_recorder.policies.holds import Kind
from ari_recorder.policies.rights import Right
from ari_recorder.store import catalogue, holding
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.hold_about import About
from ari_recorder.store.holding import HoldRow, Placed
from ari_recorder.web import find, page
from ari_recorder.web.context import CONTEXT, own_organisation, scope
from ari_recorder.web.words import Words


async def about(request: web.Request, what: HoldRow | About) -> dict[str, Any]:
    """``kind``, what it ``says``, with the ``filters`` of a search and how many are of a selection, and where
    the recordings are listed."""
    sees = Right.RECORDINGS_READ in scope(request).rights
    match what.kind:
        case Kind.RECORDING:
            says, address = await _recording(request, what.recording), f"/recordings/{what.recording}"
        case Kind.USER:
            says, address = await _user(request, what), f"/?user={what.user}"
        case Kind.NUMBER:
            says, address = what.number, find.address({"number": what.number})
        case Kind.SEARCH:
            says, address = "", f"/?{what.query}"
        case Kind.SELECTION:
            says, address = "", ""
    filters = await _filters(request, what.query) if what.kind is Kind.SEARCH else []
    return {
        "kind": what.kind.value,
        "says": says,
        "several": len(what.recordings),
        "filters": filters,
        "address": address if sees else "",
    }


async def each(request: web.Request, recordings: Sequence[UUID]) -> list[tuple[str, str]]:
    """Of a selection what each is, and its address; its id alone where it is gone, or not to be seen."""
    store, asker = request.app[CONTEXT].store, scope(request)
    rows = await store.read(catalogue.chosen, asker, recordings) if recordings else ()
    shown = {row.id for row in rows}
    return [*named(rows, page.words(request)), *((str(one), "") for one in recordings if one not in shown)]


def named(rows: Sequence[RecordingRow], say: Words) -> list[tuple[str, str]]:
    """What each recording is, and its address."""
    return [(say.named(row), f"/recordings/{row.id}") for row in rows]


def placed(done: Placed, say: Words) -> str:
    """What came of holding a selection."""
    ngettext, n = say.language.ngettext, len(done.row.recordings)
    told = [
        ngettext(
            "%(n)s recording is under this legal hold now.",
            "%(n)s recordings are under this legal hold now.",
            n,
        )
    ]
    if n := len(done.before):
        told.append(
            ngettext(
                "%(n)s of them was under another already.", "%(n)s of them were under another already.", n
            )
        )
    if n := len(done.left):
        told.append(left(n, say))
    return " ".join(told)


def left(n: int, say: Words) -> str:
    """That some of a selection are not there."""
    return say.language.ngettext(
        "%(n)s recording is not there any more, or not yours to see: it is left.",
        "%(n)s recordings are not there any more, or not yours to see: they are left.",
        n,
    )


def back(what: About | None, otherwise: str) -> str:
    """Where the form of a hold was come from."""
    if what is None:
        return otherwise
    known: Mapping[Kind, str] = {
        Kind.RECORDING: f"/recordings/{what.recording}",
        Kind.USER: f"/users/{what.user}",
        Kind.SEARCH: f"/?{what.query}",
        Kind.SELECTION: "/",
    }
    return known.get(what.kind, otherwise)


async def _recording(request: web.Request, recording: UUID | None) -> str:
    """When and with whom it was, for who may see it; otherwise its id."""
    words = page.words(request)
    assert recording is not None
    try:
        row = await request.app[CONTEXT].store.read(catalogue.recording, scope(request), recording)
    except NotFound:
        return str(recording)
    return f"{words.exactly(row.started_at)}, {words.counterpart(row)}"


async def _user(request: web.Request, what: HoldRow | About) -> str:
    if isinstance(what, HoldRow):
        return what.user_name or str(what.user)
    name = await request.app[CONTEXT].store.read(holding.user_name, own_organisation(request), what.user)
    return name or str(what.user)


async def _filters(request: web.Request, query: str) -> list[tuple[str, str]]:
    say = page.words(request)
    asked = find.understood(find.fields_of(query), await find.reading(request), say)
    if asked.problems:  # of a group that is gone, say, or that the reader may not see
        return [("", query)]
    names = [name for name in asked.filters if not name.endswith("_time")]
    return [(find.label(name, say), find.said(name, asked, say)) for name in names]
