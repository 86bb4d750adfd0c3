"""What is done with several recordings of the list at once: marked, or exported, or asked of a page.

Holding them is in `bulk_holds`, removing them in `bulk_removal`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta

from ari_recorder.policies.annotations import MARKS
from ari_recorder.policies.rights import Right
from ari_recorder.policies.selection import SELECTED_MAX
from ari_recorder.store.annotations import Marking, mark_all
from ari_recorder.web import annotating, export, find
from ari_recorder.web.context import ACTOR, CONTEXT, scope
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.routing import operation
from ari_recorder.web.session import read_form
from ari_recorder.web.shapes import Mark

NO_MARK = "none"
CHOSEN = "recordings"
"""Of the address of a page about a selection: ids, parted by commas."""
Recordings = Annotated[list[UUID], Meta(min_length=1, max_length=SELECTED_MAX)]
"""What was chosen, in the body of a request."""


class NewMark(msgspec.Struct, forbid_unknown_fields=True):
    """A mark for several recordings."""

    recordings: Recordings
    mark: Annotated[Mark, Meta(description="Empty for none.")]


class MarkBefore(msgspec.Struct):
    """A recording that was marked, and the mark that it had."""

    id: UUID
    before: str


class MarkedAll(msgspec.Struct):
    """What became of it; ``left`` are those that are not there, or not to be changed by who asks."""

    marked: list[MarkBefore]
    left: list[UUID]


@operation("POST", "/api/v1/recordings/mark", need=Right.RECORDINGS_ANNOTATE)
async def mark_recordings(request: web.Request, body: NewMark) -> MarkedAll:
    """Set or take away the mark of several recordings, all in one change; 100 at most.

    What of them who asks may not see or change is left as it is, and named. As the mark is the call's, other
    recordings of the same call have it, too.
    """
    done = await _mark(request, body.recordings, body.mark)
    return MarkedAll([MarkBefore(one, before) for one, before in done.before.items()], done.left)


async def mark(request: web.Request) -> web.Response:
    """``POST /recordings/mark``: of those that were chosen in the list, and back to it."""
    sent = await read_form(request)
    chosen, wanted = _chosen(sent), str(sent.get("mark", ""))
    if wanted not in (NO_MARK, *MARKS):
        raise Refused(400, N_("There is no such mark."), field="mark")
    back = _back(sent)
    if chosen:
        done = await _mark(request, chosen, "" if wanted == NO_MARK else wanted)
        back |= {"marked": str(len(done.before)), **({"left": str(len(done.left))} if done.left else {})}
    raise web.HTTPSeeOther(find.address(back))


async def export_chosen(request: web.Request) -> web.Response:
    """``POST /recordings/export``: to the file of those that were chosen in the list."""
    sent = await read_form(request)
    chosen = _chosen(sent)
    raise web.HTTPSeeOther(export.address_of(chosen) if chosen else find.address(_back(sent)))


async def _mark(request: web.Request, recordings: Sequence[UUID], mark: str) -> Marking:
    context = request.app[CONTEXT]
    done = await context.store.write(
        mark_all, scope(request), request[ACTOR], list(dict.fromkeys(recordings)), mark, context.now()
    )
    for leg, now in done.legs.items():
        annotating.tell(request, leg, now)
    return done


async def to_page(request: web.Request, address: str) -> web.Response:
    """To a page that asks about those that were chosen in the list; nothing is changed yet."""
    sent = await read_form(request)
    chosen = _chosen(sent)
    raise web.HTTPSeeOther(f"{address}?{CHOSEN}={as_text(chosen)}" if chosen else find.address(_back(sent)))


def as_text(chosen: Iterable[UUID]) -> str:
    """A selection as in an address, or in a hidden field."""
    return ",".join(map(str, dict.fromkeys(chosen)))


def from_text(text: str) -> list[UUID]:
    """A selection that was written by `as_text`. Raises `Refused` (400) for what is none, and too many."""
    return _read(text.split(",") if text else [], CHOSEN)


def _chosen(sent: Any) -> list[UUID]:
    """The recordings that were chosen in a form. Raises `Refused` (400) for what is none, and too many."""
    return _read(sent.getall("recording", []), "recording")


def _read(texts: Sequence[str], field: str) -> list[UUID]:
    try:
        found = [UUID(text) for text in texts]
    except (ValueError, AttributeError) as error:
        raise Refused(400, N_("That is no recording of the list."), field=field) from error
    if len(found) > SELECTED_MAX:
        raise Refused(400, N_("at most %(most)s at once."), values={"most": SELECTED_MAX}, field=field)
    return found


def _back(sent: Any) -> dict[str, str]:
    """The search that the form stood under, without anything else that may have been put there."""
    back = dict(parse_qsl(str(sent.get("back", ""))[: find.QUERY_MAX * 2], max_num_fields=100))
    return {name: back[name] for name in (*find.ASKS, "cursor") if back.get(name, "").strip()}
