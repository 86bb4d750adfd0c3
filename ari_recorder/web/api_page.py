"""The page on which the API can be read: each operation with what goes in and comes out, and an example."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from aiohttp import web
from markupsafe import Markup, escape

from ari_recorder.web import page
from ari_recorder.web.documentation import ROUTES, described
from ari_recorder.web.language import language
from ari_recorder.web.routing import Route
from ari_recorder.web.thread import aside

_HOW = {"token": ['-H "Authorization: Bearer $token"'], "session": ["-b jar"]}
"""How curl says who asks."""
_DEPTH_MAX = 4
"""Of an example: deeper ones are left out."""
_TEXTS = {
    "uuid": "0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b",
    "date-time": "2026-11-22T13:12:05Z",
    "date": "2026-11-22",
}


@dataclass(frozen=True)
class Field:
    """A parameter, or a member of a body or an answer. ``type`` and ``refers_to`` say what it is."""

    name: str
    type: str
    refers_to: str
    required: bool
    told: Markup


@dataclass(frozen=True)
class Shown:
    """An operation, as the page shows it."""

    id: str
    method: str
    path: str
    title: str
    told: Markup
    right: str
    parameters: tuple[tuple[str, Field], ...]
    body: str
    body_name: str
    answers: tuple[tuple[str, Markup, str], ...]
    """Status, what it says, and the name of the schema, if it has one."""
    example: str


async def show(request: web.Request) -> web.Response:
    """``GET /api``: every operation, by subject. Long, so compressed, from where no form and no secret is."""
    code = page.reader_language(request).code
    operations = await aside(_content, request.app[ROUTES], code)
    answer = await page.render(request, "api.html", {"content": operations})
    answer.headers["Vary"] = "Accept-Encoding"
    if page.reads_gzip(request):
        top, mark, content = (answer.text or "").partition("<main")
        answer.body = await aside(page.packed, top.encode(), (mark + content).encode())
        answer.headers["Content-Encoding"] = "gzip"
    return answer


@cache
def _content(routes: tuple[Route, ...], code: str) -> Markup:
    """Made once for each language: anybody can ask for it, and it takes tens of milliseconds."""
    return page.part("api_content.html", language(code), _made(routes))


@cache
def _made(routes: tuple[Route, ...]) -> dict[str, Any]:
    made = described(routes)
    operations = [
        _shown(made, method, path, operation)
        for path, methods in made["paths"].items()
        for method, operation in methods.items()
    ]
    groups = [
        (name, tuple(found))
        for name, found in groupby(sorted(operations, key=_subject), key=lambda one: _subject(one))
    ]
    schemas = [
        (name, code_marked(schema.get("description", "")), tuple(_fields(schema)), _words_of(schema))
        for name, schema in made["components"]["schemas"].items()
    ]
    return {"about": _paragraphs(made["info"]["description"]), "groups": groups, "schemas": schemas}


def _subject(shown: Shown) -> str:
    return shown.path.split("/")[3]


def _shown(made: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> Shown:
    body: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {})
    kind = next(iter(body), "")
    return Shown(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        title=operation["summary"],
        told=code_marked(operation["description"].partition("\n")[2].strip()),
        right=operation["x-right"],
        parameters=tuple(_parameter(one) for one in operation["parameters"]),
        body=kind,
        body_name=_named(body[kind].get("schema", {})) if body else "",
        answers=tuple(_answer(made, status, one) for status, one in operation["responses"].items()),
        example=_example(made, method.upper(), path, operation),
    )


def _parameter(given: Mapping[str, Any]) -> tuple[str, Field]:
    schema = given["schema"]
    told = code_marked(given.get("description", ""))
    return given["in"], Field(given["name"], _words_of(schema), _named(schema), given["required"], told)


def _answer(made: Mapping[str, Any], status: str, answer: Mapping[str, Any]) -> tuple[str, Markup, str]:
    if "$ref" in answer:
        answer = made["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    content: Mapping[str, Any] = next(iter(answer.get("content", {}).values()), {})
    messages = _words_of(answer["x-messages"]) if "x-messages" in answer else ""
    told = f"{answer['description']} {messages}".strip()
    return status, code_marked(told), _named(content.get("schema", {}))


def _fields(schema: Mapping[str, Any]) -> Iterator[Field]:
    for name, one in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        yield Field(name, _words_of(one), _named(one), required, code_marked(one.get("description", "")))


def _words_of(schema: Mapping[str, Any]) -> str:
    """What kind of value it is: ``array of string (uuid)``, ``integer, 1 to 500``."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_words_of(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join("null" if one is None else str(one) or "(empty)" for one in schema["enum"])
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    kind = schema.get("type", "")
    if kind == "array":
        return f"array of {_words_of(schema.get('items', {}))}"
    if "format" in schema:
        kind += f" ({schema['format']})"
    limits = [f"{word} {schema[key]}" for key, word in _LIMITS.items() if key in schema]
    return ", ".join([kind, *limits])


_LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "length at least",
    "maxLength": "length at most",
    "default": "default",
}


def _named(schema: Mapping[str, Any]) -> str:
    """The schema that it refers to, itself or as what a list or a choice has."""
    parts: list[Mapping[str, Any]] = [schema, schema.get("items", {}), *schema.get("anyOf", ())]
    parts += [one.get("items", {}) for one in schema.get("anyOf", ())]
    return next((one["$ref"].rpartition("/")[2] for one in parts if "$ref" in one), "")


def _example(made: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> str:
    for one in operation["parameters"]:
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", str(_value(made, one["schema"])))
    words = ["curl", *_HOW.get(next(iter(operation["security"][0])) if operation["security"] else "", ())]
    if words[1:] == _HOW["session"] and method != "GET":
        words.append('-H "X-Form-Token: $form_token"')
    if method != "GET":
        words.append(f"-X {method}")
    content = operation.get("requestBody", {}).get("content", {})
    for kind, body in content.items():
        if kind == "application/json":
            sent = json.dumps(_value(made, body["schema"]), ensure_ascii=False)
            words.append(f"-H 'Content-Type: application/json' -d '{sent}'")
        else:
            words.append("--data-binary @file")
    return " ".join([*words, f'"$base{path}"'])


def _value(made: Mapping[str, Any], schema: Mapping[str, Any], depth: int = 0) -> Any:
    """A value as the schema wants it: of an object the required members, or else all of them."""
    if "$ref" in schema:
        return _value(made, made["components"]["schemas"][schema["$ref"].rpartition("/")[2]], depth)
    if "anyOf" in schema:
        return _value(made, next(one for one in schema["anyOf"] if one.get("type") != "null"), depth)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        wanted = schema.get("required") or list(properties)
        shown = {name: properties[name] for name in wanted if depth < _DEPTH_MAX}
        return {name: _value(made, one, depth + 1) for name, one in shown.items()}
    if kind == "array":
        return [_value(made, schema.get("items", {}), depth + 1)]
    if kind == "string":
        return _TEXTS.get(schema.get("format", ""), "…")
    return {"integer": 1, "number": 1.5, "boolean": True}.get(kind or "")


def code_marked(text: str) -> Markup:
    """The text as HTML, with what stands between backticks as code, and between ``**`` strong."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else _strong(part)
        for number, part in enumerate(parts)
    )


def _strong(text: str) -> Markup:
    parts = text.split("**")
    return Markup("").join(
        Markup("<strong>{}</strong>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )


def _paragraphs(text: str) -> list[Markup]:
    return [code_marked(" ".join(one.split())) for one in text.strip().split("\n\n")]
