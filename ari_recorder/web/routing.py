"""What an address is: its handler, what it needs, and, of the API, what goes in and comes out.

One table of `Route` says everything: the application is made of it, the gate asks it who may come in, and the
OpenAPI document is made of the same types that decode what is sent and encode what is answered::

    @operation("GET", "/api/v1/groups", need=Right.GROUPS_READ, problems=(403,))
    async def groups(request: web.Request, query: Paging) -> Groups:
        '''Every group of the organisation.'''

``query`` and ``body`` are `msgspec.Struct` types; what is not in them is refused (400). The answer is one,
too, or a `web.StreamResponse` where it is no JSON.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar, get_type_hints

import msgspec
from aiohttp import web

from ari_recorder.policies.rights import Right
from ari_recorder.web.arrival import arriving
from ari_recorder.web.context import CONTEXT
from ari_recorder.web.problems import Refused
from ari_recorder.web.thread import aside

Handler = Callable[..., Awaitable[Any]]
T = TypeVar("T")


class Open(Enum):
    """What needs no right."""

    PUBLIC = "public"
    """Anybody, also who is not signed in."""
    SIGNED_IN = "signed in"
    """Everybody who is signed in, or has a token."""
    HALFWAY = "halfway"
    """Also who has given their password, and not yet the second factor that they have or need."""


Need = Right | Open


@dataclass(frozen=True)
class Route:
    """An address. ``query``, ``body`` and ``answer`` are None where there is none, or it is no JSON.

    ``media_type`` is of an answer that is no JSON, ``status`` of one that is as it should be; ``problems``
    are the statuses of others, besides those of every route.
    """

    method: str
    path: str
    name: str
    handler: Handler
    need: Need
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    answer: Any = None
    media_type: str = ""
    status: int = 200
    problems: tuple[int, ...] = ()
    described: bool = False
    """Whether it is in the OpenAPI document."""


def page(method: str, path: str, handler: Handler, name: str, need: Need) -> Route:
    """A page, or what belongs to one."""
    return Route(method, path, name, handler, need)


def operation(
    method: str,
    path: str,
    *,
    need: Need,
    status: int = 200,
    media_type: str = "",
    problems: tuple[int, ...] = (),
) -> Callable[[Handler], Route]:
    """An address of the API; what goes in and comes out is read off the handler's annotations."""

    def made(handler: Handler) -> Route:
        hints = get_type_hints(handler)
        returned = hints.get("return")
        answers_json = isinstance(returned, type) and issubclass(returned, msgspec.Struct)
        return Route(
            method,
            path,
            handler.__name__,
            handler,
            need,
            query=hints.get("query"),
            body=hints.get("body"),
            answer=returned if answers_json else None,
            media_type=media_type,
            status=status,
            problems=problems,
            described=True,
        )

    return made


def served(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The route's handler as aiohttp calls it."""
    if not route.described:
        return route.handler

    async def answer(request: web.Request) -> web.StreamResponse:
        given: dict[str, Any] = {}
        query = read_query(request, route.query)
        if query is not None:
            given["query"] = query
        if route.body is not None:
            given["body"] = await read_body(request, route.body)
        found = await route.handler(request, **given)
        if isinstance(found, web.StreamResponse):
            return found
        return await answered(found, route.status)

    return answer


async def answered(found: msgspec.Struct | None, status: int = 200) -> web.Response:
    """An answer of JSON, made beside the loop; of nothing, 204."""
    if found is None:
        return web.Response(status=204)
    text = await aside(lambda: msgspec.json.encode(found))
    return web.Response(body=text, status=status, content_type="application/json")


def read_query(request: web.Request, wanted: type[msgspec.Struct] | None) -> Any:
    """The query's parameters. Raises `Refused` (400) for what is unknown, repeated or not as it should be."""
    given = request.query
    for name in given:
        if len(given.getall(name)) > 1:
            raise Refused(400, f"{_shown(name)}: give it once.")
    known = {} if wanted is None else {field.encode_name for field in msgspec.structs.fields(wanted)}
    if unknown := sorted(set(given) - set(known)):
        allowed = f"known here: {', '.join(sorted(known))}" if known else "there are none here"
        raise Refused(400, f"Unknown query parameter {_shown(unknown[0])!r}; {allowed}.")
    return None if wanted is None else _converted(dict(given), wanted)


async def read_body(request: web.Request, wanted: type[T]) -> T:
    """What was sent, as JSON. Raises `Refused`: 400 if it is none or not as it should be, 408, 413."""
    async with arriving(request.app[CONTEXT].settings.idle_s):
        sent = await request.read()
    try:
        return msgspec.json.decode(sent, type=wanted)
    except msgspec.ValidationError as error:
        raise _not_right(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "The body is not JSON in UTF-8.") from error


def _converted(given: Mapping[str, str], wanted: type[T]) -> T:
    try:
        return msgspec.convert(given, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise _not_right(error) from error


def _not_right(error: msgspec.ValidationError) -> Refused:
    """msgspec says where behind `` - at `$``; that is put first."""
    what, _, where = str(error).partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    if not field:
        return Refused(400, f"{what}.")
    return Refused(400, f"{field}: {what}.", members={"field": field})


def _shown(name: str) -> str:
    return name[:40]
