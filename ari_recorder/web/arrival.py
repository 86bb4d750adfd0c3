"""How a request's body arrives: readable, and in time: who sends it slowly holds a connection and memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http import HttpProcessingError

from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused


@asynccontextmanager
async def arriving(within_s: float) -> AsyncIterator[None]:
    """What is read of a body inside has to come within that time. Raises `Refused` (408).

    And (400) for one that is not compressed, or not parted, as it says. Anybody can send that: it is no fault
    of ours to be logged.
    """
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError as error:
        told = N_("The request did not arrive as a whole within %(within_s)s s.")
        raise Refused(408, told, values={"within_s": f"{within_s:g}"}) from error
    except (web.RequestPayloadError, HttpProcessingError, RuntimeError) as error:  # the last: of its encoding
        raise Refused(
            400, N_("What was sent cannot be read: it is not encoded as its headers say.")
        ) from error
