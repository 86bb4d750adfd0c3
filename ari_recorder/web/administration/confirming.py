"""The page before something is done that cannot be undone: it names what goes, and what stays."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aiohttp import web

from ari_recorder.web import page


@dataclass(frozen=True)
class Confirmation:
    """What is asked, in the reader's language: ``button`` names the deed, ``back`` is where nothing is done.

    ``action`` and ``fields`` are of the form that does it.
    """

    title: str
    button: str
    action: str
    back: str
    goes: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    after: str = ""
    """What can be done about it afterwards."""
    fields: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    """Why it was not done just now."""


async def ask(
    request: web.Request, asked: Confirmation, problem: str = "", status: int = 200
) -> web.Response:
    """The page; with a ``problem``, again."""
    shown = replace(asked, problem=problem)
    return await page.render(request, "administration/confirm.html", {"asked": shown}, status=status)
