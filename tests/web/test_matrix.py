"""The matrix: every route × every kind of asker × whose thing it is about, from the table in `matrix_table`.

All of it is asked of one application. What is refused may change nothing, what is allowed nothing of another
organisation, and no answer may have a word of what who asks does not see.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from ari_recorder.live import Changed, Refused
from ari_recorder.policies.commands import Source
from ari_recorder.policies.table import Event, Reason
from ari_recorder.web.routes import ROUTES

from .matrix_people import FOREIGN, Asker, Stage, subjects
from .matrix_service import AT_ONCE, Matrix, matrix
from .matrix_table import FORM_FIRST, LINES, OF_ALL, expected, whose
from .world import NOON

__all__ = ["matrix"]
pytestmark = pytest.mark.asyncio(loop_scope="module")
SAFE = ("GET", "HEAD")
NAMES = [f"{route.method} {route.path}" for route in ROUTES]
LISTS = {
    "GET /": ("note of", "see"),
    "GET /api/v1/recordings": ("note of", "see"),
    "GET /api/v1/recordings.csv": ("note of", "see"),
    "GET /calls": ("call of", "follow"),
    "GET /api/v1/calls/live": ("call of", "follow"),
}
"""Lists, which have of everybody that who asks sees, and of nobody else."""
LIVE = "GET /api/v1/live"


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
    """Of who is not let in, and for HEAD, whose things are only told apart by organisation."""
    _, _, path = route.partition(" ")
    for asker in matrix.cast.askers:
        if method == "HEAD" and not asker.is_in and asker.stage is not Stage.NOBODY:
            continue
        about = list(subjects(LINES[route].about, matrix.cast, asker))
        if method == "HEAD" or not asker.is_in:
            about = [about[0], *(one for one in about[1:] if one[0] == "foreign")]
        for subject, given in about:
            yield Cell(route, method, filled(path, given), asker, subject)


def filled(path: str, given: Mapping[str, str]) -> str:
    """The path of a route with what stands in it."""
    values = {
        "language": "sv",
        "kind": "start",
        "command": "pause",
        "path": "style.css",
        "file": "none",
        **given,
    }
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
        and cell.asker.letter == "o"
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


@pytest.mark.parametrize("message", ["snapshot", "call", "refused"])
async def test_what_the_live_feed_tells(matrix: Matrix, message: str) -> None:
    wrong: list[str] = []
    for asker in matrix.cast.askers:
        wanted = expected(LIVE, asker, "")
        should = (
            sorted(_people(matrix, whose(asker, "follow"), asker) - _gone(matrix)) if wanted == "426" else []
        )
        outcome, told = await _followed(matrix, asker, message, len(should))
        matrix.counted[f"live {message}"] += 1
        if outcome != ("101" if wanted == "426" else wanted) or told != should:
            wrong.append(f"{message} to {asker.name!r}: {outcome}, {told}, not {should}")
    assert not wrong, _told(wrong)


async def _followed(matrix: Matrix, asker: Asker, message: str, many: int) -> tuple[str, list[str]]:
    """What came of asking for the feed, and whose calls its first ``many`` messages were of, in order.

    Of those that who follows should not see it is told first: one that is shown is among them.
    """
    answered, feed = await matrix.follow(asker)
    if feed is None:
        return answered, []
    first = await feed.receive_json(timeout=5)
    if message == "snapshot":
        found = [call["id"] for call in first["calls"]]
    else:
        seen = {call["id"] for call in first["calls"]}
        for _, row in sorted(matrix.legs, key=lambda leg: str(leg[1].id) in seen):
            told = Refused(row, Event.START, Source.APP, Reason.ALREADY, NOON)
            matrix.cast.live.publish(Changed(row) if message == "call" else told)
        answers = [await feed.receive_json(timeout=5) for _ in range(many)]
        assert {answer["type"] for answer in answers} == {message}
        found = [answer["call"]["id"] if message == "call" else answer["id"] for answer in answers]
    await feed.close()
    return answered, sorted(matrix.whose_call(one) for one in found)


def _gone(matrix: Matrix) -> set[str]:
    """Who has no call going on."""
    return {name for name, user in matrix.cast.world.ids.items() if user not in matrix.cast.legs}
