"""Which telephones the administrators of an organisation may give to its users.

Asterisk does not say whose a telephone is. Who gives one to a user has its calls recorded and hears them, so
where several customers share an Asterisk, the provider says by patterns which are whose.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from ari_recorder.policies.unfit import Unfit

PATTERN_MAX = 200
PATTERNS_MAX = 100
TOLD_MAX = 5
"""Patterns that an error tells of."""

_PATTERN = re.compile(r"(?:(?P<pbx>[a-z0-9_-]{1,32}):)?(?P<name>[A-Z][A-Za-z0-9]*/[^\s,/|]+)")


def patterns(field: str, value: object) -> list[str]:
    """Patterns such as ``PJSIP/acme-*`` and ``main:PJSIP/1??``, each once. Raises `Unfit`.

    Without the name of an Asterisk in front, telephones of every one are meant.
    """
    if not isinstance(value, list | tuple):
        raise Unfit(field, "a list of patterns, such as PJSIP/acme-*.")
    if len(value) > PATTERNS_MAX:
        raise Unfit(field, "%(length)s patterns; at most %(most)s.", length=len(value), most=PATTERNS_MAX)
    return list(dict.fromkeys(_pattern(field, one) for one in value))


def check_given(
    field: str,
    given: Iterable[tuple[str, str]],
    had: Collection[tuple[str, str]],
    own: Sequence[str],
    *,
    alone: bool,
) -> None:
    """Raises `Unfit` for the first telephone that an administrator may not give to a user.

    Telephones are ``(pbx, "PJSIP/101")``. What the user ``had`` may stay. ``own`` are the organisation's
    patterns; with none, any telephone is its own as long as it is ``alone``, the only organisation there is.
    """
    if alone and not own:
        return
    for pbx, name in given:
        if (pbx, name) not in had and not any(_matches(pattern, pbx, name) for pattern in own):
            raise _not_own(field, f"{pbx}:{name}", own)


def _pattern(field: str, text: object) -> str:
    if isinstance(text, str) and len(text) > PATTERN_MAX:
        raise Unfit(field, "%(length)s characters; at most %(most)s.", length=len(text), most=PATTERN_MAX)
    if not isinstance(text, str) or not _PATTERN.fullmatch(text) or not text.isprintable():
        raise Unfit(
            field,
            "%(value)s is not of the form TECH/NAME or PBX:TECH/NAME, where * in NAME stands for anything and"
            " ? for one character: PJSIP/acme-* or main:PJSIP/1??",
            value=repr(text),
        )
    return text


def _matches(pattern: str, pbx: str, name: str) -> bool:
    """The whole of it; small and capital letters differ."""
    match = _PATTERN.fullmatch(pattern)
    return match is not None and match["pbx"] in (None, pbx) and fnmatchcase(name, match["name"])


def _not_own(field: str, telephone: str, own: Sequence[str]) -> Unfit:
    if not own:
        return Unfit(
            field,
            "%(telephone)s cannot be given: it is not said which telephones are this organisation's, and"
            " there are others. The provider says it: ari-recorder organisation set NAME --endpoints"
            " 'PJSIP/acme-*'",
            telephone=telephone,
        )
    told = ", ".join(own[:TOLD_MAX]) + (", …" if len(own) > TOLD_MAX else "")
    return Unfit(
        field,
        "%(telephone)s is none of this organisation's telephones (%(own)s). The provider says which are:"
        " ari-recorder organisation set NAME --endpoints 'PJSIP/acme-*'",
        telephone=telephone,
        own=told,
    )
