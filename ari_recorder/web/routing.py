"""What an address is: its handler, what it needs, and, of the API, what goes in and comes out.

One table of `Route` says everything: the application is made of it, the gate asks it who may come in, and the
OpenAPI document is made of the same types that decode what is sent and encode what is answered::

    @operation("GET", "/api/v1/groups", need=Right.GROUPS_READ, problems=(403,))
    async def groups(request: web.Request, query: Paging) -> Groups:
        '''Every group of the organisation.'''

``query`` and ``body`` are `msgspec.Struct` types; what is not in them is refused (400). The answer is one,
too, or a `web.StreamResponse` where it is no JSON. What is edited has its hash as ``ETag`` (`editing.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, get_type_hints
from uuid import UUID

import msgspec
from aiohttp import web

from ari_recorder.policies.rights import Right
from ari_recorder.web.given import check_names, read_body, read_query
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.tags import is_known, tag_of
from ari_recorder.web.thread import aside

Handler = Callable[..., Awaitable[Any]]


class Open(Enum):
    """What needs no right."""

    PUBLIC = "public"
    """Anybody, also who is not signed in."""
    SIGNED_IN = "signed in"
    """Everybody who is signed in, or has a token."""
    PERSON = "a person"
    """Everybody who is signed in, and no token: what a stolen one must not do."""
    HALFWAY = "halfway"
    """Also who has given their password, and not yet the second factor that they have or need."""


Need = Right | Open


@dataclass(frozen=True)
class Route:
    """An address. ``takes`` are the parameters of a page; those of the API are the fields of ``query``.

    ``query``, ``body`` and ``answer`` are None where there is none, or it is no JSON.

    ``body`` is of JSON that is read before the handler is called, ``reads`` of what the handler reads by
    itself: a struct, or a media type. ``media_type`` is of an answer that is no JSON, ``status`` of one that
    is as it should be; ``problems`` are the statuses of others, besides those of every route.
    """

    method: str
    path: str
    name: str
    handler: Handler
    need: Need
    takes: tuple[str, ...] = ()
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    reads: type[msgspec.Struct] | str | None = None
    answer: Any = None
    media_type: str = ""
    status: int = 200
    problems: tuple[int, ...] = ()
    creates: bool = False
    """Whether it makes something (`editing.create`), and so takes an idempotency key."""
    guarded: bool = False
    """Whether it changes something (`editing.guard`), and so takes ``If-Match``."""
    described: bool = False
    """Whether it is in the OpenAPI document."""

    @property
    def title(self) -> str:
        """The first line of what the handler says of itself."""
        return (self.handler.__doc__ or "").strip().partition("\n")[0].rstrip(".")


def page(
    method: str, path: str, handler: Handler, name: str, need: Need, takes: tuple[str, ...] = ()
) -> Route:
    """A page, or what belongs to one; ``takes`` are the parameters that its address may have."""
    return Route(method, path, name, handler, need, takes=takes)


def operation(
    method: str,
    path: str,
    *,
    need: Need,
    answer: Any = None,
    reads: type[msgspec.Struct] | str | None = None,
    status: int = 200,
    media_type: str = "",
    problems: tuple[int, ...] = (),
    creates: bool = False,
    guarded: bool = False,
) -> Callable[[Handler], Route]:
    """An address of the API; what goes in and comes out is read off the handler's annotations.

    ``answer`` is what a handler answers with that returns a response; one that returns None answers 204.
    """

    def made(handler: Handler) -> Route:
        hints = get_type_hints(handler)
        returned = hints.get("return")
        answers_json = isinstance(returned, type) and issubclass(returned, msgspec.Struct)
        return Route(
            method,
            path,
            f"api-{handler.__name__}",
            handler,
            need,
            query=hints.get("query"),
            body=hints.get("body"),
            reads=reads,
            answer=returned if answers_json else answer,
            media_type=media_type,
            status=201 if creates else 204 if returned is type(None) else status,
            problems=problems,
            creates=creates,
            guarded=guarded,
            described=True,
        )

    return made


def served(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The route's handler as aiohttp calls it."""
    if not route.described:

        async def show(request: web.Request) -> web.StreamResponse:
            check_names(request, route.takes)
            answered: web.StreamResponse = await route.handler(request)
            return answered

        return show

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
        return await answered(request, found, route.status)

    return answer


async def answered(request: web.Request, found: msgspec.Struct | None, status: int = 200) -> web.Response:
    """An answer of JSON, made beside the loop, with its ``ETag``; of nothing, 204.

    Who has it already is told so (304).
    """
    if found is None:
        return web.Response(status=204)
    body, tag = await aside(_encoded, found)
    headers = {} if request.method == "POST" else {"ETag": tag}
    if request.method in ("GET", "HEAD") and is_known(request.headers.get("If-None-Match", ""), tag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def _encoded(found: msgspec.Struct) -> tuple[bytes, str]:
    body = msgspec.json.encode(found)
    return body, tag_of(body)


def path_id(request: web.Request, name: str = "id") -> UUID:
    """An id in the address. Raises `Refused` (400) if it is not a UUID as we write them."""
    text = request.match_info[name]
    try:
        found = UUID(text)
    except ValueError:
        found = None
    if found is None or str(found) != text.lower():
        raise Refused(400, N_("The id in the address is a UUID: 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b."))
    return found
