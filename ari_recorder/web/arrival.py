"""How long a request's body may take to arrive: who sends it slowly holds a connection and memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused


@asynccontextmanager
async def arriving(within_s: float) -> AsyncIterator[None]:
    """What is read of a body inside has to come within that time. Raises `Refused` (408)."""
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError as error:
        told = N_("The request did not arrive as a whole within %(within_s)s s.")
        raise Refused(408, told, values={"within_s": f"{within_s:g}"}) from error
