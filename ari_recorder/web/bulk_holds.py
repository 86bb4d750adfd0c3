"""A legal hold of several recordings of the list at once; its pages are those of every hold."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta

from ari_recorder.policies.holds import PEOPLE_MAX, Kind
from ari_recorder.policies.rights import Right
from ari_recorder.store import holding
from ari_recorder.store.hold_about import About
from ari_recorder.store.holding import Placed
from ari_recorder.web.bulk import Recordings, to_page
from ari_recorder.web.context import changed_by, own_organisation, scope
from ari_recorder.web.editing import create
from ari_recorder.web.holds import End, Hold, Reason, moment, shown
from ari_recorder.web.routing import operation


class NewHoldOfSeveral(msgspec.Struct, forbid_unknown_fields=True):
    """A hold of several recordings, to be placed."""

    recordings: Recordings
    reason: Reason
    people: Annotated[str, Meta(max_length=PEOPLE_MAX)] = ""
    ends_at: End | None = None


class HeldAll(msgspec.Struct):
    """The hold, whose `recordings` are those that are held; ``left`` are those that are not there, or not to
    be seen by who asks."""

    hold: Hold
    held_before: Annotated[list[UUID], Meta(description="Those that another hold keeps, too.")]
    left: list[UUID]


@operation(
    "POST", "/api/v1/recordings/hold", need=Right.HOLDS_WRITE, answer=HeldAll, problems=(404, 409, 422),
    creates=True,
)  # fmt: skip
async def hold_recordings(request: web.Request, body: NewHoldOfSeveral) -> web.Response:
    """Place one legal hold of several recordings, in one change; 100 at most.

    What of them who asks may not see is left, and named; 404 if that is all of them. What is under a hold
    already is under this one, too: the release of one frees nothing that another keeps.
    """
    asker, organisation, by = scope(request), own_organisation(request), changed_by(request)
    about, ends_at = About(Kind.SELECTION, recordings=tuple(body.recordings)), moment(body.ends_at)
    return await create(
        request,
        lambda: holding.place_and_tell(
            asker, organisation, about, reason=body.reason, people=body.people, ends_at=ends_at, **by
        ),
        _told,
        lambda placed: f"/api/v1/holds/{placed.row.id}",
        made=lambda placed: shown(placed.row),
    )


async def hold(request: web.Request) -> web.Response:
    """``POST /recordings/chosen/hold``: to the form of a hold of those that were chosen in the list."""
    return await to_page(request, "/holds/new")


def _told(placed: Placed) -> HeldAll:
    return HeldAll(shown(placed.row), placed.before, placed.left)
