"""The frame of administration: who is shown which places, and what is told once after a form was sent."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest

from ari_recorder.policies.rights import RIGHTS, Right, Role
from ari_recorder.store.models import Endpoint, Organisation, SecondFactor, Session, User
from ari_recorder.web import Part, told
from ari_recorder.web.administration.sections import PARTS, Place, home, menu, sections
from ari_recorder.web.routes import ROUTES
from ari_recorder.web.told import KEPT_MAX, Kept, Told

from .world import NOON, NewBrowser, World

PLACES = [place for part in PARTS for place in part.places]


def test_the_menu_is_short_and_leads_to_what_one_may_open() -> None:
    shown = {role: [(e.name, e.address) for e in menu(RIGHTS[role], "/")] for role in Role}
    assert shown[Role.USER] == [("Recordings", "/"), ("Calls now", "/calls")]
    assert shown[Role.ADMINISTRATOR] == [*shown[Role.USER], ("Administration", "/administration")]
    assert shown[Role.AUDITOR] == [("Administration", "/audit")]
    assert shown[Role.OPERATOR] == [("Administration", "/organisations")]


@pytest.mark.parametrize(
    ("role", "address"),
    [
        ("user", "/"),
        ("supervisor", "/"),
        ("administrator", "/"),
        ("auditor", "/audit"),
        ("operator", "/organisations"),
    ],
)
async def test_everybody_begins_with_their_work(
    open_browser: NewBrowser, world: World, role: str, address: str
) -> None:
    assert home(RIGHTS[Role(role)]) == address
    world.user("ines", world.store.read_now(lambda: only_acme().id), role=role, mode="never")
    browser = await open_browser("ines")
    begins = await browser.get("/")
    assert begins.status == (200 if address == "/" else 303)
    assert address == "/" or begins.headers["Location"] == address
    text = (await browser.get("/recordings/no-uuid")).text
    assert f'<a class="button" href="{address}">' in text
    assert ("To the recordings" in text) == (address == "/")
    assert "To the recordings" not in (await browser.get("/nothing")).text, "who asks is not known there"


def test_who_has_no_place_begins_with_their_account() -> None:
    assert home(()) == "/account"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: str(place.address))
def test_a_place_is_a_page_that_needs_the_right_it_names(place: Place) -> None:
    needs = {(route.path, route.method): route.need for route in ROUTES}
    assert needs[place.address, "GET"] is place.right


@pytest.mark.parametrize(
    ("here", "name"),
    [("/", "Recordings"), ("/recordings/1", "Recordings"), ("/calls", "Calls now"), ("/account", None)]
    + [(place.address, "Administration") for place in PLACES],
)
def test_where_one_is(here: str, name: str | None) -> None:
    entries = menu(Right, here)
    assert [entry.name for entry in entries if entry.current] == ([name] if name else [])
    within = [entry for part in sections(Right, here) for entry in part.entries]
    assert sum(entry.current for entry in within) == (name == "Administration")


def test_what_is_told_is_of_one_user_and_forgotten_for_newer() -> None:
    kept, one, other = Kept(), uuid4(), uuid4()
    first = kept.keep(one, Told("One.", {}))
    assert kept.find(one, first) == Told("One.", {})
    assert kept.find(other, first) is None
    for _ in range(KEPT_MAX):
        kept.keep(one, Told("More.", {}))
    assert kept.find(one, first) is None
    assert len(kept.of) == KEPT_MAX


async def test_the_overview(open_browser: NewBrowser) -> None:
    browser = await open_browser("admin-acme")
    text = (await browser.get("/administration")).text
    assert re.search(r"<b>2</b> of 3", text)
    for missing in (
        "2 recorded users are not known to have been told.",
        "2 recorded users have no telephone",
        "There is one administrator",
        "1 administrator signs in with a password alone.",
        "It is not said in which country you are",
    ):
        assert missing in text
    assert "in no group" not in text, "there are no groups"
    assert (await browser.get(f"/administration?{told.PARAMETER}=unknown")).status == 200
    assert (await browser.get("/administration?x=1")).status == 400
    assert (await (await open_browser("anna")).get("/administration")).status == 403


async def test_a_telephone_that_asterisk_does_not_know_is_told(
    open_browser: NewBrowser, world: World, parts: dict[str, Part]
) -> None:
    for login, name in (("anna", "PJSIP/117"), ("anna", "PJSIP/101"), ("olle", "PJSIP/other-1")):
        world.store.write_now(
            lambda login=login, name=name: Endpoint.create(user=world.ids[login], pbx="main", name=name)
        )
    parts["pbx.main"] = Part(True, unknown=("PJSIP/117", "PJSIP/999", "PJSIP/other-1"))
    browser = await open_browser("admin-acme")
    anna = f"/users/{world.ids['anna']}"
    text = (await browser.get("/administration")).text
    assert "Asterisk does not know PJSIP/117 of Anna Andersson: no call is recorded there." in text
    assert f'href="{anna}#who"' in text
    assert "other-1" not in text, "another organisation's"
    assert "Asterisk does not know PJSIP/117, so no call is recorded there." in (await browser.get(anna)).text
    assert "does not know" not in (await browser.get(f"/users/{world.ids['bo']}")).text


async def test_nothing_is_missing(open_browser: NewBrowser, world: World) -> None:
    world.user("admin-two", world.store.read_now(lambda: only_acme().id), role="administrator", mode="never")
    browser = await open_browser("admin-acme")
    world.store.write_now(_all_well, world)
    text = (await browser.get("/administration")).text
    assert "Nothing: every recorded user has a telephone and was told" in text
    assert "Begin here" not in text


def only_acme() -> Any:
    return Organisation.get(Organisation.name == "Acme")


def _all_well(world: World) -> None:
    Organisation.update(country="SE").where(Organisation.name == "Acme").execute()
    User.update(mode="never").where(User.organisation == only_acme()).execute()
    Session.update(second_factor_at=NOON).execute()
    for login in ("admin-acme", "admin-two"):
        SecondFactor.create(user=world.ids[login], kind="totp", name="", secret="", created_at=NOON)
