"""Everything an administrator can do begins at most three clicks from the first page.

Followed as a person without scripts does: each link is a click, and so is what opens a closed part of a page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from ari_recorder.policies.rights import RIGHTS, Right, Role
from ari_recorder.store import tokens
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.models import Activation, Group, Membership, Supervision, User
from ari_recorder.web.routes import ROUTES

from .world import NOON, Browser, NewBrowser, World

CLICKS_MAX = 3
WITHIN = {
    "/users/import/{file}": "the file is sent on the page before",
    "/users/import/{file}/forget": "the file is sent on the page before",
    "/users/{id}/remove": "a confirmation: the button that leads to it counts",
    "/groups/{id}/remove": "a confirmation",
    "/tokens/{id}/revoke": "a confirmation",
    "/prompts/{language}/{kind}/reset": "takes back what was done on the page",
    "/prompts/{language}/{kind}/undo": "takes back what was done on the page",
}
"""Deeds that go on where another has begun, which is what has to be near."""


@dataclass
class Sight:
    """What a page leads to: addresses and forms, each with the clicks that it takes there."""

    links: dict[str, int] = field(default_factory=dict)
    deeds: dict[tuple[str, str], int] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sight = Sight()
        self._closed: list[bool] = []
        self._method = "get"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        clicks = sum(self._closed)
        if tag == "details":
            self._closed.append("open" not in of)
        elif tag == "a" and of.get("href", "").startswith("/"):
            self._see(self.sight.links, of["href"].partition("#")[0], clicks + 1)
        elif tag == "form":
            self._method = of.get("method", "get")
            self._see(
                self.sight.deeds, (self._method.upper(), of.get("action", "").partition("#")[0]), clicks
            )
        elif "formaction" in of:
            self._see(self.sight.deeds, (self._method.upper(), of["formaction"]), clicks)

    def handle_endtag(self, tag: str) -> None:
        if tag == "details":
            self._closed.pop()

    @staticmethod
    def _see(seen: dict[Any, int], what: object, clicks: int) -> None:
        seen[what] = min(clicks, seen.get(what, clicks))


async def _look_around(browser: Browser) -> dict[tuple[str, str], int]:
    """Every deed and page that is within reach of the first page, with the clicks to it."""
    clicks = {"/": 0}
    found: dict[tuple[str, str], int] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop(0)
        answer = await browser.get(path)
        if answer.status != 200 or not answer.headers["Content-Type"].startswith("text/html"):
            continue
        reader = _Reader()
        reader.feed(answer.text)
        for deed, more in reader.sight.deeds.items():
            found[deed] = min(clicks[path] + more, found.get(deed, 99))
        for link, more in reader.sight.links.items():
            found["GET", link] = min(clicks[path] + more, found.get(("GET", link), 99))
            if clicks[path] + more <= CLICKS_MAX and clicks.get(link, 99) > clicks[path] + more:
                clicks[link] = clicks[path] + more
                waiting.append(link)
    return found


async def test_every_administrative_deed_is_at_most_three_clicks_away(
    open_browser: NewBrowser, world: World
) -> None:
    world.store.write_now(_furnish, world)
    await open_browser("bo")  # is signed in, which can be ended
    found = await _look_around(await open_browser("admin-acme"))
    rights = RIGHTS[Role.ADMINISTRATOR]
    deeds = [
        route
        for route in ROUTES
        if route.method == "POST" and route.need in rights and not route.path.startswith("/api/")
        if route.path.startswith(("/users", "/groups", "/organisation", "/prompts", "/tokens", "/sessions"))
    ]
    assert len(deeds) > 20
    far = {}
    for route in deeds:
        method = "GET" if route.path.endswith(("/remove", "/revoke")) and route.path in WITHIN else "POST"
        pattern = re.compile(re.sub(r"\{\w+(:[^}]*)?\}", "[^/]+", route.path))
        ways = [
            clicks - (method == "GET")  # the link that begins it is shown one click before its page
            for (how, path), clicks in found.items()
            if how == method and pattern.fullmatch(path.partition("?")[0])
        ]
        if route.path not in WITHIN or method == "GET":
            far[route.path] = min(ways, default=99)
    assert {path: clicks for path, clicks in far.items() if clicks > CLICKS_MAX} == {}


def _furnish(world: World) -> None:
    """One of everything that there can be something to do with."""
    anna = User.get_by_id(world.ids["anna"])
    group = Group.create(organisation=anna.organisation_id, name="Sales")
    Membership.create(group=group, user=anna)
    Supervision.create(group=group, user=world.ids["admin-acme"])
    User.update(mode="always").where(User.id == anna.id).execute()
    Activation.create(
        organisation=anna.organisation_id,
        user=anna,
        plan="basic",
        began_at=NOON,
        began_by="x",
        start_fee=True,
    )
    actor = Actor(ActorKind.COMMAND_LINE, "test", "test")
    tokens.add(actor, anna.organisation_id, None, "Wallboard", {Right.USERS_READ}, None, NOON)
