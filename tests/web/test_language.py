"""Swedish is complete, and everybody gets the language they asked for."""

from __future__ import annotations

import re
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from ari_recorder.store.models import Organisation, User
from ari_recorder.web import page
from ari_recorder.web.language import LANGUAGES, LOCALES, SOURCE, choose, language

from .world import Browser, NewBrowser, World

METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS: dict[str, Any] = {"_": None, "N_": None, "gettext": None, "say": None, "ngettext": (1, 2)}
REFUSING = ("policies", "store")
"""Where it is decided that a value cannot be, and said with a sentence that the API translates."""
REFUSALS: dict[str, Any] = {"Unfit": (2,), "Invalid": (2,), "Conflict": (2,), "NotAllowed": (1,)}
FIELD = re.compile(r"%\(\w+\)s")

Message = str | tuple[str, ...]


def texts() -> set[Message]:
    found = [*extract_from_dir(page.TEMPLATES.parent, METHODS, keywords=KEYWORDS)]
    for folder in REFUSING:
        found += extract_from_dir(page.TEMPLATES.parents[1] / folder, METHODS, keywords=REFUSALS)
    return {message for _, _, message, _, _ in found}


def catalogue(code: str) -> Catalog:
    with (LOCALES / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


def test_the_texts_are_found() -> None:
    assert {"Recordings", "Incoming", "Login or password is not right."} < texts()
    assert ("%(n)s problem", "%(n)s problems") in texts()


@pytest.mark.parametrize("code", sorted(set(LANGUAGES) - {SOURCE}))
def test_every_text_is_translated(code: str) -> None:
    translated = catalogue(code)
    missing = [text for text in texts() if not (entry := translated.get(_id(text))) or not _whole(entry)]
    assert not missing, f"no translation into {code}"
    assert {_id(m.id) for m in translated if m.id} == {_id(text) for text in texts()}, (
        "texts not used any more"
    )


@pytest.mark.parametrize("code", sorted(set(LANGUAGES) - {SOURCE}))
def test_a_translation_fills_in_the_same_values(code: str) -> None:
    for message in catalogue(code):
        if message.id:
            for translation in _forms(message.string):
                assert set(FIELD.findall(translation)) == set(FIELD.findall(_id(message.id))), message.id


def test_the_language_is_the_chosen_the_organisations_or_the_browsers() -> None:
    assert choose("sv", "en", "en").code == "sv"
    assert choose(None, "sv", "en").code == "sv"
    assert choose("xx", None, "de, sv-SE;q=0.8, en;q=0.5").code == "sv"
    assert choose(None, None, "sv;q=0, en;q=0.1").code == "en"
    assert choose(None, None, "").code == choose(None, None, ";q=;;,,x;q=y").code == "en"


async def test_choosing_a_language_stays_chosen(open_browser: NewBrowser) -> None:
    browser = await open_browser()
    chosen = await browser.get("/sign-in?next=%2Fx&lang=sv")
    assert (chosen.status, chosen.headers["Location"]) == (303, "/sign-in?next=/x")
    assert "Lösenord" in (await browser.get("/sign-in")).text
    assert "stämmer inte" in (await browser.sign_in("anna", "wrong")).text
    await browser.get("/sign-in?lang=en")
    assert "Password" in (await browser.get("/sign-in")).text


async def test_the_browsers_and_the_organisations_language(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser()
    assert 'lang="sv"' in (await browser.get("/sign-in", headers={"Accept-Language": "sv"})).text
    await browser.sign_in("anna")
    assert await _title(browser) == "Recordings"
    organisation = world.store.read_now(lambda: User.get_by_id(world.ids["anna"]).organisation_id)
    world.change(Organisation, organisation, language="sv")
    assert await _title(browser) == "Inspelningar"


async def test_times_are_the_organisations_own(open_browser: NewBrowser, world: World) -> None:
    world.recording(world.ids["anna"])
    shown = (await (await open_browser("anna")).get("/")).text
    assert ">12:59:00</time>" in shown
    organisation = world.store.read_now(lambda: User.get_by_id(world.ids["anna"]).organisation_id)
    world.change(Organisation, organisation, timezone="no/such")
    assert ">11:59:00</time>" in (await (await open_browser("anna")).get("/")).text


def test_plural_forms() -> None:
    assert language("sv").ngettext("%(n)s problem", "%(n)s problems", 2) == "2 problem"
    assert language("en").ngettext("%(n)s problem", "%(n)s problems", 1) == "1 problem"


async def _title(browser: Browser) -> str:
    found = re.search(r"<h1>([^<]*)</h1>", (await browser.get("/")).text)
    assert found
    return found[1]


def _id(message: Message) -> str:
    return message if isinstance(message, str) else message[0]


def _forms(string: Message) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string)


def _whole(entry: Any) -> bool:
    return not entry.fuzzy and all(_forms(entry.string))
