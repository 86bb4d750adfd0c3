"""What takes long to make is not made in the loop that follows calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from ari_recorder.live import Live
from ari_recorder.web import api, calls, page
from ari_recorder.web.words import Words

from .test_calls import follow
from .world import NewBrowser, World


def noting(work: Callable[..., Any], threads: set[threading.Thread]) -> Callable[..., Any]:
    """The same, with a note of the thread that it ran in."""

    def noted(*args: Any, **kwargs: Any) -> Any:
        threads.add(threading.current_thread())
        return work(*args, **kwargs)

    return noted


@pytest.mark.parametrize(
    ("where", "what", "path"),
    [
        (Words, "duration", "/"),
        (Words, "mode", "/recordings/{recording}"),
        (Words, "moment", "/calls"),
        (page, "static_address", "/nothing"),
        (api, "shown", "/api/v1/recordings"),
        (calls, "shown", "/api/v1/calls/live"),
    ],
)
async def test_pages_and_lists_are_made_beside_the_loop(
    open_browser: NewBrowser,
    world: World,
    live: Live,
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    what: str,
    path: str,
) -> None:
    recording = world.recording(world.ids["anna"])
    browser, threads = await open_browser("anna"), set[threading.Thread]()
    follow(world, live, "anna")
    monkeypatch.setattr(where, what, noting(getattr(where, what), threads))
    if what == "static_address":
        monkeypatch.setitem(page._templates().globals, "static", page.static_address)
    await browser.get(path.format(recording=recording))
    assert threads
    assert threading.current_thread() not in threads
