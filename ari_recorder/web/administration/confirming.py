"""The page before something is done that cannot be undone: it names what goes, and what stays."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aiohttp import web

from ari_recorder.web import page


@dataclass(frozen=True)
class Listing:
    """Things by name: what each is, and its address."""

    title: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Confirmation:
    """What is asked, in the reader's language: ``button`` names the deed, ``back`` is where nothing is done.

    ``action`` and ``fields`` are of the form that does it. Without a ``button`` there is nothing to be done.
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
    lists: tuple[Listing, ...] = ()
    """Each of what goes or stays, where it is several."""
    problem: str = ""
    """Why it was not done just now."""


def impossible(title: str, back: str) -> Confirmation:
    """For what cannot be done, as is known beforehand: ``problem`` says why, and there is only a way back."""
    return Confirmation(title=title, button="", action="", back=back)


async def ask(
    request: web.Request, asked: Confirmation, problem: str = "", status: int = 200
) -> web.Response:
    """The page; with a ``problem``, again."""
    shown = replace(asked, problem=problem)
    return await page.render(request, "administration/confirm.html", {"asked": shown}, status=status)
