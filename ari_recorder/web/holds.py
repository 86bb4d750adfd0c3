"""The API of legal holds: what must not be deleted, why, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta

from ari_recorder.policies.holds import PEOPLE_MAX, REASON_MAX, Kind
from ari_recorder.policies.parties import NUMBER_MAX
from ari_recorder.policies.rights import Right
from ari_recorder.store import holding, holds
from ari_recorder.store.hold_about import About
from ari_recorder.store.holding import HoldRow
from ari_recorder.store.paging import Page
from ari_recorder.web import find, page
from ari_recorder.web.context import CONTEXT, changed_by, own_organisation, scope
from ari_recorder.web.editing import create, guard
from ari_recorder.web.find_values import Reading
from ari_recorder.web.language import N_
from ari_recorder.web.lists import Cursor, Limit
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import operation, path_id
from ari_recorder.web.shapes import Time, ZeroOrOne, time, time_or_none
from ari_recorder.web.words import Words

_HOLDS = "/api/v1/holds"
_HOLD = _HOLDS + "/{id}"

Reason = Annotated[str, Meta(min_length=1, max_length=REASON_MAX)]
End = Annotated[
    datetime,
    Meta(tz=True, description="When it ends by itself; it holds for one more day, should a clock be wrong."),
]


class Hold(msgspec.Struct):
    """What keeps recordings. One of `recording`, `user`, `number`, `query` and `recordings` says which."""

    id: UUID
    kind: Kind
    recording: UUID | None
    user: UUID | None
    user_name: str
    number: str
    query: Annotated[str, Meta(description="A search, as in the address of the list.")]
    recordings: Annotated[list[UUID], Meta(description="Of a selection: those that were held then.")]
    reason: str
    people: Annotated[str, Meta(description="Who asked for it, and who was told.")]
    begun_at: Time
    begun_by: str
    ends_at: Time | None
    over_at: Annotated[Time, Meta(description="Since when it holds nothing any more.")] | None
    over_by: Annotated[str, Meta(description="Who released it; empty if its end came.")]
    over_why: str


class Holds(msgspec.Struct):
    """A page of legal holds, the newest first."""

    holds: list[Hold]
    next_cursor: str | None


class HoldsQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which holds."""

    over: Annotated[ZeroOrOne, Meta(description="`1`: those that are over, instead.")] = "0"
    recording: Annotated[UUID, Meta(description="Those that keep this recording now.")] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class NewHold(msgspec.Struct, forbid_unknown_fields=True):
    """A hold to be placed, on one of `recording`, `user`, `number` and `query`."""

    reason: Reason
    recording: UUID | None = None
    user: UUID | None = None
    number: Annotated[str, Meta(max_length=NUMBER_MAX, description="In any writing.")] = ""
    query: Annotated[
        str,
        Meta(
            max_length=find.QUERY_MAX,
            description="As in the address of the list, behind the question mark: `q=eva&mark=red`."
            " `when` becomes the days that it is now.",
        ),
    ] = ""
    people: Annotated[str, Meta(max_length=PEOPLE_MAX)] = ""
    ends_at: End | None = None


class HoldEnd(msgspec.Struct, forbid_unknown_fields=True):
    """Another end of a hold; null for none."""

    ends_at: End | None


class Release(msgspec.Struct, forbid_unknown_fields=True):
    """Why a hold is released."""

    why: Reason


@operation("GET", _HOLDS, need=Right.HOLDS_READ, problems=(422,))
async def legal_holds(request: web.Request, query: HoldsQuery) -> Holds:
    """The legal holds of the organisation: those that hold, or those that are over."""
    store, asker = request.app[CONTEXT].store, scope(request)
    if query.recording is not None:
        keeping = await store.read(holds.holding, [query.recording])
        found = Page(await store.read(holding.some, asker, list(keeping.get(query.recording, ()))), None)
    else:
        found = await store.read(
            holding.listed, asker, over=query.over == "1", limit=query.limit, cursor=query.cursor
        )
    return Holds([shown(row) for row in found.rows], found.next_cursor)


@operation("POST", _HOLDS, need=Right.HOLDS_WRITE, answer=Hold, problems=(404, 409, 422), creates=True)
async def place_hold(request: web.Request, body: NewHold) -> web.Response:
    """Place a legal hold: what it fits is not deleted, whatever the reason, until it is over."""
    about, asker = await understood(request, body), scope(request)
    organisation, by, ends_at = own_organisation(request), changed_by(request), moment(body.ends_at)
    return await create(
        request,
        lambda: holding.place(
            asker, organisation, about, reason=body.reason, people=body.people, ends_at=ends_at, **by
        ),
        shown,
        lambda row: f"{_HOLDS}/{row.id}",
    )


@operation("GET", _HOLD, need=Right.HOLDS_READ, problems=(404,))
async def legal_hold(request: web.Request) -> Hold:
    """One legal hold."""
    return shown(await request.app[CONTEXT].store.read(holding.one, scope(request), path_id(request)))


@operation("PATCH", _HOLD, need=Right.HOLDS_WRITE, problems=(404, 409, 412, 422), guarded=True)
async def change_hold(request: web.Request, body: HoldEnd) -> Hold:
    """Give a legal hold another end, or none."""
    changed = await request.app[CONTEXT].store.write(
        holding.change_end, scope(request), path_id(request), moment(body.ends_at),
        check=guard(request, shown), **changed_by(request),
    )  # fmt: skip
    return shown(changed)


@operation("POST", _HOLD + "/release", need=Right.HOLDS_WRITE, problems=(404, 409, 412, 422), guarded=True)
async def release_hold(request: web.Request, body: Release) -> Hold:
    """Release a legal hold: what no other keeps can be deleted from then on, and erasures go on."""
    released = await request.app[CONTEXT].store.write(
        holding.release, scope(request), path_id(request), body.why, check=guard(request, shown),
        **changed_by(request),
    )  # fmt: skip
    return shown(released)


OPERATIONS = (legal_holds, place_hold, legal_hold, change_hold, release_hold)


async def understood(request: web.Request, given: NewHold) -> About:
    """What a hold is to be about. Raises `Refused` (422) unless it is one thing."""
    said = {name: value for name in _OF_RULES if (value := getattr(given, _FIELD.get(name, name)))}
    if len(said) != 1:
        raise Refused(422, N_("give one of recording, user, number and query."), field="kind")
    ((kind, value),) = said.items()
    if kind is Kind.SEARCH:
        return await searching(request, value)
    return About(kind, **{str(kind): value})


async def searching(request: web.Request, query: str) -> About:
    """A search as a hold keeps it. Raises `Refused` (422)."""
    return searched(query, await find.reading(request), page.words(request))


def searched(query: str, by: Reading, say: Words) -> About:
    """A search as a hold keeps it: of days that do not move on. Raises `Refused` (422)."""
    fields = find.fields_of(query)
    fields.pop(find.SORT, None)
    asked = find.understood(fields, by, say)
    if asked.problems:
        name, told = next(iter(asked.problems.items()))
        label = find.label(name, say) if name in find.FIELDS else name
        raise Refused(422, N_("%(name)s: %(told)s"), values={"name": label, "told": told}, field="query")
    if not asked.given:
        raise Refused(422, N_("it searches for nothing."), field="query")
    return About(Kind.SEARCH, query=find.query_of(_fixed(asked, by)), wanted=asked.wanted)


def shown(row: HoldRow) -> Hold:
    """A hold as the API shows it."""
    times = {
        "begun_at": time(row.begun_at),
        "ends_at": time_or_none(row.ends_at),
        "over_at": time_or_none(row.over_at),
    }
    told = {name: value for name, value in vars(row).items() if name != "organisation"}
    return Hold(**{**told, **times, "recordings": list(row.recordings)})


_OF_RULES = tuple(kind for kind in Kind if kind is not Kind.SELECTION)
"""What `POST /api/v1/holds` places; a selection has an address of its own (`bulk_holds`)."""
_FIELD = {Kind.SEARCH: "query"}
_MOMENT = timedelta(microseconds=1)


def _fixed(asked: find.Asked, by: Reading) -> dict[str, str]:
    """What was asked for, its period as the days that it is now."""
    given = dict(asked.given)
    if given.pop("when", None):
        first, behind = (asked.values[name].astimezone(by.zone) for name in ("from", "to"))
        given |= {"from": str(first.date()), "to": str((behind - _MOMENT).date())}
    return {name: given[name] for name in find.ASKS if name in given}


def moment(at: datetime | None) -> datetime | None:
    """A time in UTC. Raises `Refused` (422) for a time that no calendar has."""
    try:
        return None if at is None else at.astimezone(UTC)
    except OverflowError as error:
        raise Refused(422, N_("there is no such time."), field="ends_at") from error
