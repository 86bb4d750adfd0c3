"""What a request gives, read into the type that its route names; everything else is refused (400)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import inspect

from ari_recorder.policies.text import is_plain, tidy
from ari_recorder.web.arrival import arriving
from ari_recorder.web.context import CONTEXT
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Marked, Refused

T = TypeVar("T")
_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_WORDS = {"true": True, "false": False}
_SHOWN_MAX = 40


def check_names(request: web.Request, known: Collection[str]) -> None:
    """Raise `Refused` (400) for a parameter of the query that is not known here, or is there twice."""
    given = request.query
    for name in given:
        if len(given.getall(name)) > 1:
            raise Refused(400, N_("give it once."), field=name[:_SHOWN_MAX])
    if unknown := sorted(set(given) - set(known)):
        raise _unknown(unknown[0], known)


def read_query(request: web.Request, wanted: type[msgspec.Struct] | None) -> Any:
    """The query's parameters. Raises `Refused` (400) for what is unknown, repeated or not as it should be."""
    known = {} if wanted is None else parameters(wanted)
    check_names(request, known)
    if wanted is None:
        return None
    given = {name: tidy(text) for name, text in request.query.items()}
    for name, text in given.items():
        if not is_plain(text):
            raise Refused(400, N_("it has a character that cannot be shown."), field=name)
    return _converted({name: _plain(known[name], text) for name, text in given.items()}, wanted)


async def read_body(request: web.Request, wanted: type[T]) -> T:
    """What was sent, as JSON; nothing is taken for no fields.

    Raises `Refused`: 400 if it is none or not as it should be, 408, 413.
    """
    async with arriving(request.app[CONTEXT].settings.idle_s):
        sent = await request.read() or b"{}"
    try:
        return msgspec.json.decode(sent, type=wanted)
    except msgspec.ValidationError as error:
        raise not_right(error, wanted) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, N_("The body is not JSON in UTF-8.")) from error


@cache
def parameters(wanted: type[msgspec.Struct]) -> dict[str, inspect.Type]:
    """The type of each parameter, by its name in the address."""
    info = inspect.type_info(wanted)
    assert isinstance(info, inspect.StructType)
    return {field.encode_name: _bare(field.type) for field in info.fields}


def _bare(found: inspect.Type) -> inspect.Type:
    """Without what was noted beside it, and without null."""
    if isinstance(found, inspect.Metadata):
        return _bare(found.type)
    if isinstance(found, inspect.UnionType):
        (found,) = (_bare(one) for one in found.types if not isinstance(one, inspect.NoneType))
    return found


def _plain(wanted: inspect.Type, text: str) -> Any:
    """A number or a truth where one is wanted and written; anything else is left for the type to refuse."""
    if isinstance(wanted, inspect.IntType) and _INTEGER.fullmatch(text):
        return int(text)
    if isinstance(wanted, inspect.FloatType) and _NUMBER.fullmatch(text):
        return float(text)
    if isinstance(wanted, inspect.BoolType):
        return _WORDS.get(text, text)
    return text


def _converted(given: Mapping[str, Any], wanted: type[T]) -> T:
    try:
        return msgspec.convert(given, wanted)
    except msgspec.ValidationError as error:
        raise not_right(error, wanted) from error


def _unknown(name: str, known: Collection[str]) -> Refused:
    values = {"name": repr(name[:_SHOWN_MAX]), "known": ", ".join(sorted(known))}
    if not known:
        return Refused(400, N_("Unknown query parameter %(name)s; there are none here."), values=values)
    return Refused(400, N_("Unknown query parameter %(name)s; known here: %(known)s."), values=values)


def not_right(error: msgspec.ValidationError, wanted: Any) -> Refused:
    """What msgspec refuses, in the reader's language; where it is stands behind `` - at `$`` in its words."""
    what, _, where = str(error).partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    for pattern, message in _TOLD.items():
        if found := re.fullmatch(pattern, what, re.DOTALL):
            values = {name: _named(value) for name, value in found.groupdict().items()}
            if "name" in values:
                return Refused(400, message, field=f"{field}.{values['name']}".lstrip("."))
            if message is _NONE_OF and (possible := _possible(wanted, field)):
                return Refused(400, _ONE_OF, values={**values, "possible": ", ".join(possible)}, field=field)
            return Refused(400, message, values=values, field=field)
    return Refused(400, f"{what}.", field=field)


def _possible(wanted: Any, field: str) -> list[str]:
    """The values that a body or query may have there, if they can be counted; an empty one is not told."""
    found = inspect.type_info(wanted)
    for name in re.findall(r"[^.\[\]]+|\[[^\]]*\]", field):
        found = _within(found, name)
    if isinstance(found, inspect.EnumType):
        return [str(one.value) for one in found.cls]
    return [str(one) for one in found.values if one != ""] if isinstance(found, inspect.LiteralType) else []


def _within(found: inspect.Type, name: str) -> inspect.Type:
    """The type of a member of that name, or of what is in a list."""
    if isinstance(found, inspect.StructType):
        fields = {field.encode_name: field.type for field in found.fields}
        return _given(fields.get(name, inspect.AnyType()))
    if isinstance(found, inspect.ListType):
        return _given(found.item_type)
    return inspect.AnyType()


def _given(found: inspect.Type) -> inspect.Type:
    """Without what was noted beside it, and without null and what is left out."""
    if isinstance(found, inspect.Metadata):
        return _given(found.type)
    if isinstance(found, inspect.UnionType):
        nothing = inspect.NoneType | inspect.CustomType
        others = [_given(one) for one in found.types if not isinstance(one, nothing)]
        return others[0] if len(others) == 1 else found
    return found


def _named(value: str) -> str:
    return Marked(_TYPES[value]) if value in _TYPES else value[:_SHOWN_MAX]


_TYPES = {
    "str": N_("text"),
    "int": N_("a whole number"),
    "float": N_("a number"),
    "bool": N_("true or false"),
    "array": N_("a list"),
    "object": N_("an object"),
    "null": N_("nothing (null)"),
    "uuid": N_("an id (UUID)"),
    "datetime": N_("a time"),
    "date": N_("a date"),
    "str | null": N_("text or null"),
    "int | null": N_("a whole number or null"),
}
"""What msgspec calls the types, in words."""
_NONE_OF = N_("%(value)s is none of the possible values.")
_ONE_OF = N_("%(value)s is none of %(possible)s.")
_TOLD = {
    "Expected `(?P<expected>[^`]*)`, got `(?P<got>[^`]*)`": N_("%(expected)s is expected here, not %(got)s."),
    "Expected `(str|array|object)` of length >= (?P<least>.*)": N_("too short: at least %(least)s."),
    "Expected `(str|array|object)` of length <= (?P<most>.*)": N_("too long: at most %(most)s."),
    "Expected `(int|float)` >= (?P<least>.*)": N_("too small: at least %(least)s."),
    "Expected `(int|float)` > (?P<least>.*)": N_("too small: more than %(least)s."),
    "Expected `(int|float)` <= (?P<most>.*)": N_("too large: at most %(most)s."),
    "Expected `(int|float)` < (?P<most>.*)": N_("too large: less than %(most)s."),
    "Number out of range": N_("the number is too large."),
    "Expected `str` matching regex (?P<pattern>.*)": N_("it is not of the form %(pattern)s."),
    "Expected `datetime` with a timezone component": N_(
        "a time needs its zone: 2026-11-22T13:12:05Z, or with +01:00 (in an address %2B01:00)."
    ),
    "Invalid RFC3339 encoded .*": N_(
        "a time is written as 2026-11-22T13:12:05Z, or with +01:00 (in an address %2B01:00)."
    ),
    "Invalid UUID": N_("an id is a UUID: 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b."),
    "Invalid enum value (?P<value>.*)": _NONE_OF,
    "Invalid value (?P<value>.*)": _NONE_OF,
    "Object contains unknown field `(?P<name>.*)`": N_("there is no such field here."),
    "Object missing required field `(?P<name>.*)`": N_("this field is missing."),
}
"""What msgspec says of a value that does not fit."""
