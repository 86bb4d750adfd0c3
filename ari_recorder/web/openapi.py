"""The OpenAPI 3.1 document, made of the table of routes and of the types that the code reads and writes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ari_recorder import __version__
from ari_recorder.policies.preferences import LANGUAGES
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.rights import TOKEN_RIGHTS, Right
from ari_recorder.web.editing import KEY, KEY_MAX, REPLAYED
from ari_recorder.web.problems import PHRASES, Problem
from ari_recorder.web.routing import Open, Route
from ari_recorder.web.session import COOKIE, FORM_HEADER

SAFE = frozenset({"GET", "HEAD"})
_COMPONENT = "#/components/schemas/"
_REFERENCE = _COMPONENT + "{name}"
_PLACE = re.compile(r"\{(\w+)(?::([^}]*))?\}")
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_ABOUT = """\
Recordings of telephone calls, the calls that go on, and the settings of both.

What the API calls a call is **one recorded user's leg of it**: a call between two recorded users is two,
with the same `call`, which names the conversation. A recording is what is kept of one leg for one stretch
of time.

A program sends a token (`Authorization: Bearer ari_…`), a page its session's cookie and, with what changes
something, the session's form token. `x-right` names what an operation needs: a right, which is also the
scope that a token needs, `signed in` for anybody who is, `a person` for who is so without a token, `public`
for everybody. Where `security` does not name a token, none is enough: no token makes tokens or
organisations, or says who may fetch everybody's recordings.

Times are RFC 3339, in answers in UTC with milliseconds. Errors are `application/problem+json` (RFC 9457) in
the language that `Accept-Language` asks for. What cannot be seen is answered like what does not exist (404).
"""
_PROBLEMS = {
    400: "Something of the request is not right: `detail` says what, and `field` where.",
    401: "Not signed in, or the token is wrong, expired or revoked.",
    403: "The right is missing, or the form token is.",
    404: "There is no such thing, or none that may be seen.",
    408: "The request did not arrive in time.",
    409: "It cannot be done as things are.",
    412: "It has been changed since: `If-Match` names another version.",
    413: "The body is too large.",
    415: "The body is of another kind than is taken here.",
    416: "The range begins behind the end.",
    421: "The service does not go by the name in `Host`.",
    422: "What was sent cannot be used, or the `Idempotency-Key` was another request's.",
    426: "This address is a websocket.",
    429: "Too many requests: `Retry-After` says when to go on.",
    431: "The address or a header is too long.",
    500: "The fault is the service's, and has been logged.",
    502: "Asterisk refused.",
    503: "The catalogue or the vault cannot be reached, or the service is stopping: `Retry-After`.",
    504: "Asterisk has not confirmed it in time.",
}
_PLACES: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "format": "uuid"},
    "user": {"type": "string", "format": "uuid"},
    "language": {"type": "string", "enum": [*LANGUAGES, "-"]},
    "kind": {"type": "string", "enum": [*map(str, PromptKind)]},
}
"""What stands in a path, by its name; a pattern in the route says the rest."""


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The document of those of the routes that are described."""
    described = [route for route in routes if route.described]
    schemas = _schemas(described)
    paths: dict[str, dict[str, Any]] = {}
    for route in described:
        paths.setdefault(_PLACE.sub(r"{\1}", route.path), {})[route.method.lower()] = _operation(
            route, schemas
        )
    used = {route.query for route in described if route.query}
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "ari_recorder",
            "version": __version__,
            "summary": "Call recording for Asterisk",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {name: schemas.parts[name] for name in schemas.named_without(used)},
            "responses": {str(status): _problem(status, text) for status, text in _PROBLEMS.items()},
            "securitySchemes": _SECURITY,
        },
    }


class _Schemas:
    """The schemas of all types, by their names in the document."""

    def __init__(self, types: list[Any]) -> None:
        references, parts = msgspec.json.schema_components(types, ref_template=_REFERENCE)
        references, named = _named(references), _named(parts)
        self.parts = {_short(name): {**part, "title": _short(name)} for name, part in named.items()}
        self._of = dict(zip(map(id, types), references, strict=True))

    def of(self, wanted: Any) -> dict[str, Any]:
        """How the document refers to that type."""
        return dict(self._of[id(wanted)])

    def part(self, wanted: Any) -> dict[str, Any]:
        """The schema itself."""
        return dict(self.parts[self.of(wanted)["$ref"].rpartition("/")[2]])

    def named_without(self, left_out: Iterable[Any]) -> list[str]:
        """The names in the document: a query's parameters stand with their operation."""
        names = {self.of(one)["$ref"].rpartition("/")[2] for one in left_out}
        return [name for name in sorted(self.parts) if name not in names]


def _short(name: str) -> str:
    """A name that is one in every language: of types that are called alike, msgspec's has their module."""
    module, _, own = name.rpartition(".")
    return module.rpartition(".")[2].capitalize() + own


def _named(found: Any) -> Any:
    """The same with every reference to a short name."""
    if isinstance(found, dict):
        return {key: _named(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [_named(value) for value in found]
    if isinstance(found, str) and found.startswith(_COMPONENT):
        return _REFERENCE.format(name=_short(found.removeprefix(_COMPONENT)))
    return found


def _schemas(routes: list[Route]) -> _Schemas:
    types: dict[int, Any] = {id(Problem): Problem}
    for route in routes:
        for one in (route.query, route.body, route.reads, route.answer):
            if one is not None and not isinstance(one, str):
                types[id(one)] = one
    return _Schemas(list(types.values()))


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    told = (route.handler.__doc__ or "").strip()
    made: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.title,
        "description": re.sub(r"\n {4}", "\n", told).replace("``", "`"),
        "tags": [route.path.split("/")[3].partition(".")[0]],
        "x-right": str(route.need.value),
        "security": _security(route),
        "parameters": [*_in_path(route), *_in_query(route, schemas), *_in_headers(route)],
        "responses": _responses(route, schemas),
    }
    if body := route.body or route.reads:
        content = _file(body) if isinstance(body, str) else {_JSON: {"schema": schemas.of(body)}}
        made["requestBody"] = {"required": _has_to_come(body), "content": content}
    return made


def _file(media_type: str) -> dict[str, Any]:
    """What is sent or answered as it is; programs that make clients leave out what has no schema."""
    if media_type == _JSON:
        return {media_type: {"schema": {"type": "object"}}}
    binary = {} if media_type.startswith("text/") else {"format": "binary"}
    return {media_type: {"schema": {"type": "string", **binary}}}


def _has_to_come(body: Any) -> bool:
    """Whether there is anything in it that has to be said."""
    return isinstance(body, str) or any(field.required for field in msgspec.structs.fields(body))


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.need is Open.PUBLIC:
        return []
    session: dict[str, list[str]] = {"session": []}
    if route.method not in SAFE:
        session["form"] = []
    for_people = route.need is Open.PERSON or (
        isinstance(route.need, Right) and route.need not in TOKEN_RIGHTS
    )
    return [session] if for_people else [{"token": []}, session]


_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token, made at `POST /api/v1/tokens` or by `ari-recorder token add`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A session of the pages. Never together with a token.",
    },
    "form": {
        "type": "apiKey",
        "in": "header",
        "name": FORM_HEADER,
        "description": "The session's form token, with everything that changes something.",
    },
}


def _in_path(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _place(name, pattern)}
        for name, pattern in _PLACE.findall(route.path)
    ]


def _place(name: str, pattern: str) -> dict[str, Any]:
    if pattern:
        return {"type": "string", "enum": pattern.split("|")}
    return _PLACES.get(name, {"type": "string"})


def _in_query(route: Route, schemas: _Schemas) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    part = schemas.part(route.query)
    return [
        _parameter(name, "query", dict(schema), required=name in part.get("required", ()))
        for name, schema in part["properties"].items()
    ]


def _parameter(name: str, where: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    described = {"description": schema.pop("description")} if "description" in schema else {}
    return {"name": name, "in": where, "required": required, **described, "schema": schema}


def _in_headers(route: Route) -> list[dict[str, Any]]:
    found = []
    if route.creates:
        told = f"Sent again with the same key within 24 hours, the first answer is given again ({REPLAYED})."
        schema = {"type": "string", "minLength": 1, "maxLength": KEY_MAX, "description": told}
        found.append(_parameter(KEY, "header", schema))
    if route.guarded:
        told = "The `ETag` that was read: done only if it is still so (412)."
        found.append(_parameter("If-Match", "header", {"type": "string", "description": told}))
    if _is_versioned(route):
        told = "The `ETag` that is known: 304 if it is still so."
        found.append(_parameter("If-None-Match", "header", {"type": "string", "description": told}))
    return found


def _responses(route: Route, schemas: _Schemas) -> dict[str, Any]:
    good: dict[str, Any] = {"description": PHRASES_OF_SUCCESS[route.status]}
    if route.answer is not None and route.status != 101:
        good["content"] = {_JSON: {"schema": schemas.of(route.answer)}}
    elif route.answer is not None:
        good["x-messages"] = schemas.of(route.answer)
    elif route.media_type:
        good["content"] = _file(route.media_type)
    headers = _headers(route)
    if headers:
        good["headers"] = headers
    responses = {str(route.status): good}
    if route.media_type.startswith("audio/"):
        responses["206"] = {**good, "description": "The part that was asked for by `Range`."}
    if _is_versioned(route) or "206" in responses:
        responses["304"] = {"description": "It is what `If-None-Match` names."}
    for status in sorted(_possible(route)):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return responses


def _is_versioned(route: Route) -> bool:
    """Whether what is read has an `ETag`: a websocket has none."""
    return route.method == "GET" and route.answer is not None and route.status != 101


def _headers(route: Route) -> dict[str, Any]:
    text: dict[str, Any] = {"schema": {"type": "string"}}
    found = {}
    if (route.answer is not None and route.method != "POST" and route.status != 101) or route.creates:
        found["ETag"] = {"description": "Names this version of it.", **text}
    if route.creates:
        found["Location"] = {"description": "The address of what was made.", **text}
        found[REPLAYED] = {"description": "`true` on an answer that was given before.", **text}
    return found


def _possible(route: Route) -> set[int]:
    """The statuses of problems: those of every route, those that follow from what it is, and its own."""
    found = {400, 421, 429, 431, 500, 503, *route.problems}
    if route.need is not Open.PUBLIC:
        found.add(401)
    if isinstance(route.need, Right) or route.need is Open.PERSON or route.method not in SAFE:
        found.add(403)
    if "{" in route.path:
        found.add(404)
    if route.body or route.reads:
        found |= {408, 413}
    if route.creates:
        found |= {408, 409, 413, 422}
    if route.guarded:
        found.add(412)
    return found


def _problem(status: int, told: str) -> dict[str, Any]:
    schema = _REFERENCE.format(name=Problem.__name__)
    return {
        "description": f"{PHRASES[status]}. {told}",
        "content": {_PROBLEM: {"schema": {"$ref": schema}}},
    }


PHRASES_OF_SUCCESS = {
    101: "A websocket. Its messages, told apart by `type`:",
    200: "As asked.",
    201: "Made.",
    202: "It is on its way.",
    204: "Done; there is nothing to say.",
}
