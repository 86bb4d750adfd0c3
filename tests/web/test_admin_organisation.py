"""The page of the organisation: its settings, with the words of the API where one cannot be."""

from __future__ import annotations

import re

import pytest

from ari_recorder.store.models import Organisation, User

from .forms import follow, form, said, send, send_from, undo
from .settings import Client
from .world import Browser, NewBrowser, World

PAGE = "/organisation"


@pytest.fixture
async def admin(open_browser: NewBrowser) -> Browser:
    return await open_browser("admin-acme")


def acme(world: World) -> Organisation:
    return world.store.read_now(lambda: User.get_by_id(world.ids["anna"]).organisation)  # type: ignore[no-any-return]


async def test_time_and_language(admin: Browser, world: World) -> None:
    changed = await send(
        admin, PAGE, f"{PAGE}/place", timezone="Europe/Helsinki", country="FI", language="sv"
    )
    shown = await follow(admin, changed)
    assert "Sparat" in shown
    assert (acme(world).timezone, acme(world).country, acme(world).language) == (
        "Europe/Helsinki",
        "FI",
        "sv",
    )
    await undo(admin, shown)
    now = acme(world)
    assert (now.timezone, now.country, now.language) == ("Europe/Stockholm", "", "en")


async def test_who_needs_a_second_factor(admin: Browser, world: World) -> None:
    changed = await send(admin, PAGE, f"{PAGE}/second-factor", second_factor=["auditor", "user"])
    shown = await follow(admin, changed)
    assert acme(world).second_factor == "user auditor"
    assert form(shown, f"{PAGE}/second-factor").values("second_factor") == ["user", "auditor"]
    await undo(admin, shown)
    assert acme(world).second_factor == ""


async def test_what_calls_sound_like(admin: Browser) -> None:
    keys = {"code__start": "**1", "code__stop": "**2", "code__pause": "**3", "code__resume": "**4"}
    shown = await follow(admin, await send(admin, PAGE, f"{PAGE}/calls", on_failure="end", **keys))
    api = await Client.of(admin)
    now = await api.get("/preferences")
    assert (now["on_failure"], now["codes"]["start"]) == ("end", "**1")
    assert now["origins"]["announce_internal"] == "default"
    assert "**1" in (await admin.get("/users/add")).text, "the sentences of the modes name the keys"
    await undo(admin, shown)
    assert (await api.get("/preferences"))["origins"]["codes"] == "default"


@pytest.mark.parametrize(
    ("part", "given", "why"),
    [
        ("place", {"timezone": "Stockholm"}, "'Stockholm' is no time zone: use a name of the tz database"),
        ("place", {"timezone": "../etc/passwd"}, "is no time zone"),
        ("place", {"country": "XX"}, "is no country with telephone numbers: use two letters"),
        ("place", {"language": "de"}, "'de' is unknown: use one of en, sv."),
        ("second-factor", {"second_factor": "king"}, "'king' is unknown"),
        ("calls", {"warning_tone_s": "9"}, "0 for none, or a whole number of seconds from 10 to 1800."),
        ("calls", {"code__start": "*44"}, "The code of stop is 2 to 8 of"),
        ("calls", {"announce_external": "song"}, "'song' is not one of none, beep, announcement."),
    ],
)
async def test_what_cannot_be(
    admin: Browser, world: World, part: str, given: dict[str, str], why: str
) -> None:
    before = acme(world).__data__
    refused = await send(admin, PAGE, f"{PAGE}/{part}", **given)
    assert (refused.status, why in said(refused.text)) == (422, True), said(refused.text)
    assert acme(world).__data__ == before


async def test_another_s_change_is_shown_first(admin: Browser, world: World) -> None:
    opened = (await admin.get(PAGE)).text
    api = await Client.of(admin)
    await api("PATCH", "/organisation", {"timezone": "Europe/Oslo"})
    stale = await send_from(admin, opened, f"{PAGE}/place", timezone="Europe/Paris")
    assert stale.status == 412
    assert "It is now: Europe/Oslo" in said(stale.text)
    assert acme(world).timezone == "Europe/Oslo"


async def test_another_s_change_is_shown_at_its_field_by_its_name(admin: Browser) -> None:
    opened = (await admin.get(PAGE)).text
    api = await Client.of(admin)
    codes = {"start": "*71", "stop": "*72", "pause": "*73", "resume": "*74"}
    assert (
        await api("PATCH", "/preferences", {"announce_internal": "announcement", "codes": codes})
    ).status == 200
    stale = await send_from(admin, opened, f"{PAGE}/calls", warning_tone_s="15")
    assert stale.status == 412
    told = re.findall(r'id="calls-([^"]+)-now">(.*?)</p>', stale.text, re.S)
    assert [(name, re.sub("<[^>]*>", "", text)) for name, text in told] == [
        ("announce_internal", "It is now: A voice"),
        ("warning_tone_s", "It is now: empty"),
        *((f"code.{command}", f"It is now: {code}") for command, code in codes.items()),
    ]
    assert 'aria-describedby="calls-announce_internal-now calls-announce_internal-hint"' in stale.text
