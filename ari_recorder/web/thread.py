"""The one thread in which pages and long answers are made: what follows calls does not wait for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from aiohttp import web

P = ParamSpec("P")
T = TypeVar("T")

_THREAD = ThreadPoolExecutor(1, thread_name_prefix="pages")
"""One: more would only take the interpreter from each other, and from the loop."""


async def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``work`` returns or raises, computed beside the loop, one after the other."""
    return await asyncio.get_running_loop().run_in_executor(_THREAD, lambda: work(*args, **kwargs))


async def json_aside(make: Callable[[], Any]) -> web.Response:
    """An answer of what ``make`` returns, made and written as JSON beside the loop."""
    return web.json_response(text=await aside(lambda: json.dumps(make())))
