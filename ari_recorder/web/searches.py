"""The API of saved searches: everybody has their own."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from ari_recorder.policies.rights import Right
from ari_recorder.store import searches
from ari_recorder.store.searches import SearchRow
from ari_recorder.web import find, page
from ari_recorder.web.context import CONTEXT, changed_by, scope
from ari_recorder.web.editing import create, guard
from ari_recorder.web.language import N_
from ari_recorder.web.problems import NoRight, Refused
from ari_recorder.web.routing import operation, path_id
from ari_recorder.web.shapes import Time, time

_SEARCHES = "/api/v1/searches"
_SEARCH = _SEARCHES + "/{id}"

Name = Annotated[
    str, Meta(min_length=1, max_length=searches.NAME_MAX, description="Unlike your other searches' names.")
]
Query = Annotated[
    str,
    Meta(
        max_length=find.QUERY_MAX,
        description="As in the address of the list, behind the question mark: `q=eva&mark=red`.",
    ),
]


class SavedSearch(msgspec.Struct):
    """A search of the list, kept under a name; `address` opens it."""

    id: UUID
    name: str
    query: str
    address: str
    created_at: Time


class SavedSearches(msgspec.Struct):
    """All of one's own, by name."""

    searches: list[SavedSearch]


class NewSearch(msgspec.Struct, forbid_unknown_fields=True):
    """A search to be kept."""

    name: Name
    query: Query


class SearchChange(msgspec.Struct, forbid_unknown_fields=True):
    """What becomes of a saved search; what is left out stays."""

    name: Name | UnsetType = UNSET
    query: Query | UnsetType = UNSET


@operation("GET", _SEARCHES, need=Right.RECORDINGS_READ, problems=(403,))
async def saved_searches(request: web.Request) -> SavedSearches:
    """Your saved searches, by name; 50 at most."""
    found = await request.app[CONTEXT].store.read(searches.saved, whose(request))
    return SavedSearches([shown(row) for row in found])


@operation(
    "POST", _SEARCHES, need=Right.RECORDINGS_READ, answer=SavedSearch, problems=(403, 409, 422), creates=True
)
async def save_search(request: web.Request, body: NewSearch) -> web.Response:
    """Keep a search of the list of recordings under a name."""
    user, by, query = whose(request), changed_by(request), await checked(request, body.query)
    return await create(
        request,
        lambda: searches.save(user, body.name, query, **by),
        shown,
        lambda row: f"{_SEARCHES}/{row.id}",
    )


@operation("GET", _SEARCH, need=Right.RECORDINGS_READ, problems=(403, 404))
async def saved_search(request: web.Request) -> SavedSearch:
    """One of your saved searches."""
    return shown(await request.app[CONTEXT].store.read(searches.search, whose(request), path_id(request)))


@operation("PATCH", _SEARCH, need=Right.RECORDINGS_READ, problems=(403, 404, 409, 422), guarded=True)
async def change_search(request: web.Request, body: SearchChange) -> SavedSearch:
    """Rename one of your saved searches, or let it search for something else."""
    name = body.name if isinstance(body.name, str) else None
    query = await checked(request, body.query) if isinstance(body.query, str) else None
    changed = await request.app[CONTEXT].store.write(
        searches.change, whose(request), path_id(request), name, query,
        check=guard(request, shown), **changed_by(request),
    )  # fmt: skip
    return shown(changed)


@operation("DELETE", _SEARCH, need=Right.RECORDINGS_READ, problems=(403, 404), guarded=True)
async def remove_search(request: web.Request) -> None:
    """Keep one of your saved searches no longer."""
    await request.app[CONTEXT].store.write(
        searches.remove, whose(request), path_id(request), check=guard(request, shown), **changed_by(request)
    )


OPERATIONS = (saved_searches, save_search, saved_search, change_search, remove_search)


def whose(request: web.Request) -> UUID:
    """Who asks. Raises `NoRight` for a token of the organisation: it is nobody."""
    user = scope(request).user
    if user is None:
        raise NoRight(N_("Saved searches are a person's: use a token of your own."))
    return user


async def checked(request: web.Request, query: str) -> str:
    """A search as it is kept: without what was left empty. Raises `Refused` (422) for what finds nothing."""
    fields, by = find.fields_of(query), await find.reading(request)
    asked = find.understood(fields, by, page.words(request))
    if asked.problems:
        name, told = next(iter(asked.problems.items()))
        label = find.label(name, page.words(request)) if name in find.FIELDS else name
        raise Refused(422, N_("%(name)s: %(told)s"), values={"name": label, "told": told}, field="query")
    if not asked.given:
        raise Refused(422, N_("it searches for nothing."), field="query")
    return find.query_of(asked.given)


def shown(row: SearchRow) -> SavedSearch:
    """A saved search as the API shows it."""
    return SavedSearch(row.id, row.name, row.query, f"/?{row.query}", time(row.created_at))
