"""Several recordings removed at once, by API and by the list's form: what was said before, no other."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from ari_recorder.store import disposal, models

from .forms import follow, form, said, send_from
from .settings import Client
from .world import Browser, NewBrowser, World

REMOVE, PAGE, CHOSEN = "/recordings/remove", "/recordings/remove", "/recordings/chosen/remove"


@pytest.fixture
async def admin(open_browser: NewBrowser) -> Browser:
    return await open_browser("admin-acme")


@pytest.fixture
def chosen(world: World) -> list[UUID]:
    return [world.recording(world.ids["anna"], counterpart_name=f"Caller {one}") for one in range(3)]


async def hold(admin: Browser, *recordings: UUID) -> None:
    sent = {"recordings": [str(one) for one in recordings], "reason": "Case 1"}
    await (await Client.of(admin)).made("/recordings/hold", sent)


def states(world: World, recordings: list[UUID]) -> list[str]:
    return [world.store.read_now(models.Recording.get_by_id, one).state for one in recordings]


def asked_for(*recordings: UUID) -> str:
    return f"{PAGE}?recordings={','.join(map(str, recordings))}"


async def test_those_that_may_go_go(admin: Browser, world: World, chosen: list[UUID]) -> None:
    going_on = world.recording(world.ids["anna"], stored=False)
    foreign, unknown = world.recording(world.ids["olle"]), uuid4()
    await hold(admin, chosen[2])
    api = await Client.of(admin)
    sent = [str(one) for one in (*chosen, going_on, foreign, unknown, chosen[0])]
    answer = await api("POST", REMOVE, {"recordings": sent})
    assert answer.json() == {
        "removed": [str(one) for one in chosen[:2]],
        "held": [str(chosen[2])],
        "busy": [str(going_on)],
        "left": [str(foreign), str(unknown)],
    }
    assert states(world, [*chosen, foreign]) == ["disposing", "disposing", "stored", "stored"]
    assert world.store.read_now(models.Recording.get_by_id, chosen[0]).wrapped_key is None
    lines = world.store.read_now(
        lambda: list(models.AuditLine.select().where(models.AuditLine.action == "remove"))
    )
    assert {(line.subject, line.actor_name) for line in lines} == {
        (str(one), "admin-acme") for one in chosen[:2]
    }
    again = (await api("POST", REMOVE, {"recordings": [str(chosen[0])]})).json()
    assert (again["removed"], again["left"]) == ([], [str(chosen[0])])
    assert world.store.read_now(disposal.left).count == 2


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"recordings": []},
        {"recordings": ["x"]},
        {"recordings": [str(uuid4())] * 101},
        {"recordings": [str(uuid4())], "mark": "red"},
    ],
)
async def test_what_is_no_removal_is_refused(admin: Browser, world: World, sent: dict[str, Any]) -> None:
    acme = world.store.read_now(models.User.get_by_id, world.ids["anna"]).organisation_id
    world.change(models.Organisation, acme, language="sv")
    answer = await (await Client.of(admin))("POST", REMOVE, sent)
    assert (answer.status, answer.headers["Content-Language"]) == (400, "sv")


@pytest.mark.parametrize("login", ["anna", "admin-other"])
async def test_who_may_not_does_not(
    open_browser: NewBrowser, world: World, chosen: list[UUID], login: str
) -> None:
    other = await open_browser(login)
    answer = await (await Client.of(other))("POST", REMOVE, {"recordings": [str(one) for one in chosen]})
    page = await other.get(asked_for(*chosen))
    if login == "anna":
        assert (answer.status, page.status) == (403, 403)
    else:
        assert answer.json()["left"] == [str(one) for one in chosen]
        assert "None of these can be removed." in page.text
        assert "Caller" not in page.text
    assert set(states(world, chosen)) == {"stored"}


async def test_from_the_list_without_scripts(admin: Browser, world: World, chosen: list[UUID]) -> None:
    going_on, noted = world.recording(world.ids["anna"], stored=False), chosen[1]
    world.change(models.Recording, noted, note="Important")
    await hold(admin, chosen[2])
    listed = (await admin.get("/?q=caller")).text
    assert 'formaction="/recordings/chosen/remove"' in listed
    token = form(listed, "/recordings/mark").values("form_token")[0]
    sent = [("form_token", token), ("back", "q=caller"), ("mark", "red")]
    sent += [("recording", str(one)) for one in (*chosen, going_on)]
    led = await admin.request("POST", CHOSEN, data=sent)
    assert (led.status, led.headers["Location"]) == (303, asked_for(*chosen, going_on))
    assert set(states(world, chosen)) == {"stored"}
    asked = (await admin.get(led.headers["Location"])).text
    for words in (
        "Remove 2 recordings?", "The audio of 2 recordings", "Their notes, marks and fields",
        "1 recording is under a legal hold and stays.", "1 recording is not ready and stays",
        "cannot be undone", "disposal log", "Caller 0", "Caller 2",
    ):  # fmt: skip
        assert words in asked, words
    shown = await follow(admin, await send_from(admin, asked, PAGE))
    assert "2 recordings were removed." in said(shown)
    assert "1 recording is under a legal hold" in said(shown)
    assert states(world, chosen) == ["disposing", "disposing", "stored"]
    again = await send_from(admin, asked, PAGE)
    assert again.status == 409
    assert "None of these can be removed." in again.text


async def test_what_was_changed_meanwhile_is_asked_again(
    admin: Browser, world: World, chosen: list[UUID]
) -> None:
    opened = (await admin.get(asked_for(*chosen))).text
    await hold(admin, chosen[0])
    again = await send_from(admin, opened, PAGE)
    assert (again.status, "changed meanwhile" in said(again.text)) == (412, True)
    assert set(states(world, chosen)) == {"stored"}
    world.change(models.Recording, chosen[1], note="Important")
    once_more = await send_from(admin, again.text, PAGE)
    assert once_more.status == 412
    assert set(states(world, chosen)) == {"stored"}
    assert (await send_from(admin, once_more.text, PAGE)).status == 303
    assert states(world, chosen) == ["stored", "disposing", "disposing"]


async def test_it_is_asked_before_by_who_sends_no_version(
    admin: Browser, world: World, chosen: list[UUID]
) -> None:
    fields = {"form_token": await admin.form_token("/holds"), "recordings": str(chosen[0])}
    assert (await admin.post(PAGE, fields)).status == 412
    assert (await admin.post(PAGE, {"recordings": str(chosen[0])})).status == 403
    assert (await admin.post(PAGE, {**fields, "recordings": "x"})).status == 400
    assert (await admin.get(f"{PAGE}?recordings=x")).status == 400
    assert (await admin.get(f"{PAGE}?other=1")).status == 400
    assert set(states(world, chosen)) == {"stored"}


async def test_nothing_is_removed_of_what_is_held_alone(
    admin: Browser, world: World, chosen: list[UUID]
) -> None:
    await hold(admin, *chosen)
    asked = (await admin.get(asked_for(*chosen))).text
    assert "None of these can be removed." in asked
    assert "3 recordings are under a legal hold and stay." in asked
    assert 'class="button danger"' not in asked
    sent = {"recordings": [str(one) for one in chosen]}
    answer = (await (await Client.of(admin))("POST", REMOVE, sent)).json()
    assert (answer["removed"], len(answer["held"])) == ([], 3)
    assert set(states(world, chosen)) == {"stored"}
