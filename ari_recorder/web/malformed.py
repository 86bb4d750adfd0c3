"""What is no HTTP, and what aiohttp refuses before our own code is asked: a small answer that says little."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.http_exceptions import LineTooLong

from ari_recorder.web.language import N_, SOURCE, language
from ari_recorder.web.problems import Refused, problem

_DETAILS = {
    400: N_("This is not a request of HTTP/1.1 as it should be."),
    417: N_("No other expectation is met than 100-continue."),
    431: N_("A line or header of the request is too long."),
    500: N_("Something went wrong here; it has been logged."),
    504: N_("It took too long."),
}


class _Bare(web.Response):
    """aiohttp names itself and its version in answers that no application is asked about."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)


class RequestHandler(web.RequestHandler):
    """A connection; ``finish_response`` and ``handle_error`` are where aiohttp would answer by itself."""

    __slots__ = ()

    def log_exception(self, *args: Any, **named: Any) -> None:
        """Not of what could not be read: anybody can send that, and fill the disk."""
        if not isinstance(named.get("exc_info"), HttpProcessingError | web.RequestPayloadError):
            super().log_exception(*args, **named)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what could not be read, or has gone wrong outside of the application."""
        self.log_exception("an answer failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("The answer has begun: there cannot be another.")
        answer = _answer(431 if isinstance(exc, LineTooLong) else status)
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Ours in place of a refusal that did not come through the application's own errors."""
        if isinstance(resp, web.HTTPException) and resp.status >= HTTPStatus.BAD_REQUEST:
            resp = _answer(resp.status)
        return await super().finish_response(request, resp, start_time)


def _answer(status: int) -> web.Response:
    made = problem(Refused(status, _DETAILS.get(status, HTTPStatus(status).phrase)), language(SOURCE))
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return _Bare(body=made.body, status=status, headers=headers, content_type="application/problem+json")
