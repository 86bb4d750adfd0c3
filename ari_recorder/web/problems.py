"""Errors as answers: a page for browsers, `application/problem+json` (RFC 9457) under ``/api``.

What is shown is chosen here. A text that was made for the log (a path, a database's words) never
leaves the program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from ari_recorder.errors import (
    ARIRecorderError,
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    PasswordRefused,
    StoreError,
)
from ari_recorder.policies.passwords import MOST, Weakness
from ari_recorder.web import page
from ari_recorder.web.language import N_, SOURCE, Language, language

_log = structlog.get_logger(__name__)

API = "/api/"
TITLES = {
    400: N_("That address is not right"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("Not possible here"),
    413: N_("Too much at once"),
    429: N_("Too many attempts"),
    500: N_("Something went wrong"),
    503: N_("Not available just now"),
}
EXPLANATIONS = {
    400: N_("Part of the address could not be understood. Start again from the start page."),
    403: N_("The form was not sent from a page that is still open for you. Reload the page and try again."),
    404: N_("There is no such page, or none that you may see."),
    405: N_("This address cannot be used that way."),
    413: N_("More was sent than is accepted."),
    429: N_("Wait a while before you try again."),
    500: N_("The fault is ours and has been noted. Try again; if it stays, tell your administrator."),
    503: N_("The recordings cannot be reached at the moment. Try again in a little while."),
}


PHRASES = {
    400: N_("Bad Request"),
    401: N_("Unauthorized"),
    403: N_("Forbidden"),
    404: N_("Not Found"),
    405: N_("Method Not Allowed"),
    408: N_("Request Timeout"),
    409: N_("Conflict"),
    412: N_("Precondition Failed"),
    413: N_("Content Too Large"),
    415: N_("Unsupported Media Type"),
    416: N_("Range Not Satisfiable"),
    417: N_("Expectation Failed"),
    421: N_("Misdirected Request"),
    422: N_("Unprocessable Content"),
    426: N_("Upgrade Required"),
    429: N_("Too Many Requests"),
    431: N_("Request Header Fields Too Large"),
    500: N_("Internal Server Error"),
    502: N_("Bad Gateway"),
    503: N_("Service Unavailable"),
    504: N_("Gateway Timeout"),
}
"""The titles of the statuses that the API answers with."""
_OF_AIOHTTP = {
    404: N_("There is no such address."),
    405: N_("This address cannot be used that way."),
    413: N_("More was sent than is accepted."),
}


PASSWORDS = {
    Weakness.TOO_SHORT: N_("it is too short: it needs at least %(least)s characters."),
    Weakness.TOO_LONG: N_("it is too long: it may have at most %(most)s characters."),
    Weakness.COMMON: N_("it is one that is tried first: choose a less common one, a few words."),
    Weakness.PERSONAL: N_(
        "it would be little more than the login, name, number or organisation: choose one that nobody who"
        " knows them would try."
    ),
}
"""Why a password is not taken."""


class Marked(str):
    """A value of a message that is a text of its own, marked by `N_`, and is translated with it."""

    __slots__ = ()


NOT_ALLOWED = N_("Your role does not include this. Ask your administrator if you need it.")
"""What a page explains where a right is missing."""


class Refused(ARIRecorderError):
    """A request that is answered with ``status`` and, under ``/api``, with this message.

    ``message`` is translated (marked by `N_`), and ``%(name)s`` in it filled in from ``values``, of which
    those that are `Marked` are translated, too. ``field`` is what it is about, and stands before it.
    ``members`` are further members of the answer. A page says ``explanation``, which is translated, or
    else what `EXPLANATIONS` has for the status.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
        explanation: str = "",
        *,
        values: Mapping[str, object] | None = None,
        field: str = "",
    ) -> None:
        self.status = status
        self.message = message
        self.values = dict(values or {})
        self.field = field
        self.explanation = explanation
        self.headers = dict(headers or {})
        self.members = {**({"field": field} if field else {}), **(members or {})}
        super().__init__(self.said_in(language(SOURCE)))

    def said_in(self, words: Language) -> str:
        """The message in that language."""
        values = {
            name: words.gettext(value) if isinstance(value, Marked) else value
            for name, value in self.values.items()
        }
        text = words.gettext(self.message, **values)
        return f"{self.field}: {text}" if self.field else text


class NoRight(Refused):
    """A request that who asks may not make, whatever it says (403)."""

    def __init__(self, message: str, values: Mapping[str, object] | None = None) -> None:
        super().__init__(403, message, explanation=NOT_ALLOWED, values=values)


class NotOwnPage(Refused):
    """A request that was not sent from a page that is open for who asks (403): another site may have."""

    def __init__(
        self,
        message: str = N_("The form token is missing or not this session's: reload the page and try again."),
    ) -> None:
        super().__init__(403, message)


class Problem(msgspec.Struct):
    """What went wrong (RFC 9457); ``field``, ``reason`` and others stand beside it where they help."""

    type: str
    title: str
    status: int
    detail: str
    """What is wrong, where, and what to do, in the language of who asks."""
    field: str | msgspec.UnsetType = msgspec.UNSET
    """The part of what was sent that it is about."""


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error in the form that who asks can read."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        return await _answer(request, _refusal(answer))
    except Refused as refused:
        return await _answer(request, refused)
    except NotFound:
        return await _answer(request, Refused(404, N_("There is no such thing, or none that you may see.")))
    except Invalid as error:
        status = 409 if isinstance(error, Conflict) else 422
        return await _answer(request, Refused(status, error.message, values=error.values, field=error.field))
    except PasswordRefused as error:
        return await _answer(request, weak_password("password", error))
    except NotAllowed as error:
        return await _answer(request, NoRight(str(error)))
    except StoreError as error:
        _log.error("the store did not answer", path=request.path, error=str(error))
        return await _answer(
            request, Refused(503, N_("The catalogue cannot be reached just now."), {"Retry-After": "5"})
        )
    except Exception as error:
        if isinstance(error, ConnectionError) and request.transport is None:
            raise  # who asked has gone: there is nobody to answer
        _log.exception("a request failed", method=request.method, path=request.path)
        return await _answer(request, Refused(500, N_("Something went wrong here; it has been logged.")))


def weak_password(field: str, error: PasswordRefused) -> Refused:
    """A password that is not taken, in the reader's language."""
    members = {"problem": error.weakness, "least": error.least}
    values = {"least": error.least, "most": MOST}
    return Refused(422, PASSWORDS[Weakness(error.weakness)], None, members, values=values, field=field)


def _refusal(answer: web.HTTPException) -> Refused:
    """What aiohttp refuses by itself: an address that is none, a method, a body that is too large."""
    kept = {name: value for name, value in answer.headers.items() if name == "Allow"}
    return Refused(answer.status, _OF_AIOHTTP.get(answer.status, answer.reason), kept)


async def _answer(request: web.Request, refused: Refused) -> web.Response:
    if request.path.startswith(API):
        return problem(refused, page.reader_language(request))
    status = refused.status if refused.status in TITLES else 500 if refused.status >= 500 else 400
    explanation = refused.explanation or EXPLANATIONS[status]
    again = request.path_qs if refused.status in (429, 503) and request.method == "GET" else ""
    texts = {"title": TITLES[status], "explanation": explanation, "status": refused.status, "again": again}
    return await page.render(request, "error.html", texts, status=refused.status, headers=refused.headers)


def problem(refused: Refused, words: Language) -> web.Response:
    """The answer for a program (RFC 9457), in the language of who asks."""
    phrase = PHRASES.get(refused.status) or HTTPStatus(refused.status).phrase
    body = {
        "type": "about:blank",
        "title": words.gettext(phrase),
        "status": refused.status,
        "detail": refused.said_in(words),
        **refused.members,
    }
    return web.Response(
        text=json.dumps(body),
        status=refused.status,
        headers={**refused.headers, "Content-Language": words.code},
        content_type="application/problem+json",
    )
