"""Errors as answers: a page for browsers, `application/problem+json` (RFC 9457) under ``/api``.

What is shown is chosen here. A text that was made for the log (a path, a database's words) never
leaves the program.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from ari_recorder.errors import ARIRecorderError, NotAllowed, NotFound, StoreError
from ari_recorder.web import page
from ari_recorder.web.language import N_

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
    400: N_("Part of the address could not be understood. Start again from the list of recordings."),
    403: N_("The form was not sent from a page that is still open for you. Reload the page and try again."),
    404: N_("There is no such page, or none that you may see."),
    405: N_("This address cannot be used that way."),
    413: N_("More was sent than is accepted."),
    429: N_("Wait a while before you try again."),
    500: N_("The fault is ours and has been noted. Try again; if it stays, tell your administrator."),
    503: N_("The recordings cannot be reached at the moment. Try again in a little while."),
}


_NOT_ALLOWED = N_("Your role does not include this. Ask your administrator if you need it.")


class Refused(ARIRecorderError):
    """A request that is answered with ``status`` and, under ``/api``, with this message.

    ``members`` are further members of the answer there. A page says ``explanation``, which is translated, or
    else what `EXPLANATIONS` has for the status.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
        explanation: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.explanation = explanation
        self.headers = dict(headers or {})
        self.members = dict(members or {})


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error in the form that who asks can read."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        return await _answer(request, Refused(answer.status, answer.reason, _kept(answer)))
    except Refused as refused:
        return await _answer(request, refused)
    except NotFound:
        return await _answer(request, Refused(404, "There is no such thing, or none that you may see."))
    except NotAllowed as error:
        return await _answer(request, Refused(403, str(error), explanation=_NOT_ALLOWED))
    except StoreError as error:
        _log.error("the store did not answer", path=request.path, error=str(error))
        return await _answer(
            request, Refused(503, "The catalogue cannot be reached just now.", {"Retry-After": "5"})
        )
    except Exception:
        _log.exception("a request failed", method=request.method, path=request.path)
        return await _answer(request, Refused(500, "Something went wrong here; it has been logged."))


def _kept(answer: web.HTTPException) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name == "Allow"}


async def _answer(request: web.Request, refused: Refused) -> web.Response:
    if request.path.startswith(API):
        return problem(refused)
    status = refused.status if refused.status in TITLES else 500 if refused.status >= 500 else 400
    explanation = refused.explanation or EXPLANATIONS[status]
    texts = {"title": TITLES[status], "explanation": explanation, "status": refused.status}
    return await page.render(request, "error.html", texts, status=refused.status, headers=refused.headers)


def problem(refused: Refused) -> web.Response:
    """The answer for a program (RFC 9457)."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "detail": str(refused),
        **refused.members,
    }
    return web.Response(
        text=json.dumps(body),
        status=refused.status,
        headers=refused.headers,
        content_type="application/problem+json",
    )
