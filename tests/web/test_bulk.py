"""Marks of several recordings at once: of those that who asks may annotate, and of no other."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from ari_recorder.store import models

from .settings import Client
from .world import NewBrowser, World

MARK = "/recordings/mark"


def marks(world: World, *recordings: UUID) -> list[str]:
    def read() -> list[str]:
        return [models.Recording.get_by_id(one).mark for one in recordings]

    return world.store.read_now(read)


async def test_several_are_marked_in_one_change(open_browser: NewBrowser, world: World) -> None:
    anna, bo, foreign = (world.recording(world.ids[who]) for who in ("anna", "bo", "olle"))
    red = world.recording(world.ids["anna"])
    admin = await Client.of(await open_browser("admin-acme"))
    assert (await admin("PATCH", f"/recordings/{red}", {"mark": "red"})).status == 200
    gone = uuid4()
    sent = {"recordings": [str(one) for one in (anna, red, bo, foreign, gone, anna)], "mark": "blue"}
    answer = await admin("POST", MARK, sent)
    assert answer.json() == {
        "marked": [
            {"id": str(anna), "before": ""},
            {"id": str(red), "before": "red"},
            {"id": str(bo), "before": ""},
        ],
        "left": [str(foreign), str(gone)],
    }
    assert marks(world, anna, red, bo, foreign) == ["blue", "blue", "blue", ""]
    assert (await admin("POST", MARK, {"recordings": [str(red)], "mark": ""})).status == 200
    assert marks(world, red) == [""]
    history = (await admin.get(f"/recordings/{red}/history"))["changes"]
    assert [(one["before"], one["after"]) for one in history] == [("", "red"), ("red", "blue"), ("blue", "")]

    def written() -> list[str]:
        lines = models.AuditLine.select().where(models.AuditLine.action == "annotate")
        return [line.actor_name for line in lines]

    assert world.store.read_now(written) == ["admin-acme"] * 5


async def test_those_of_others_are_left(open_browser: NewBrowser, world: World) -> None:
    """Who may see a colleague's recordings may not always mark them."""
    bo, own = world.recording(world.ids["bo"]), None

    def supervise() -> None:
        acme = models.User.get_by_id(world.ids["bo"]).organisation_id
        group = models.Group.create(organisation=acme, name="Sales")
        models.Membership.create(group=group, user=world.ids["bo"])
        models.Supervision.create(group=group, user=world.ids["sue"], may_listen=True, may_annotate=False)

    acme = world.store.read_now(lambda: models.User.get_by_id(world.ids["bo"]).organisation_id)
    world.user("sue", acme, number="103", role="supervisor")
    world.store.write_now(supervise)
    own = world.recording(world.ids["sue"])
    for login, left in (("sue", [bo]), ("anna", [bo, own]), ("olle", [bo, own])):
        client = await Client.of(await open_browser(login))
        answer = await client("POST", MARK, {"recordings": [str(bo), str(own)], "mark": "red"})
        assert answer.json()["left"] == [str(one) for one in left], login
    assert marks(world, bo, own) == ["", "red"]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"recordings": [], "mark": "red"},
        {"recordings": ["x"], "mark": "red"},
        {"recordings": [str(uuid4())], "mark": "mauve"},
        {"recordings": [str(uuid4())], "mark": "none"},
        {"recordings": [str(uuid4())] * 101, "mark": "red"},
        {"recordings": [str(uuid4())], "mark": "red", "note": "x"},
    ],
)
async def test_what_is_no_marking_is_refused(open_browser: NewBrowser, sent: dict[str, Any]) -> None:
    client = await Client.of(await open_browser("anna"))
    assert (await client("POST", MARK, sent)).status == 400


async def test_the_form_does_the_same_without_scripts(open_browser: NewBrowser, world: World) -> None:
    one, two, bo = (world.recording(world.ids[who], note="eva") for who in ("anna", "anna", "bo"))
    browser = await open_browser("anna")
    token = await browser.form_token("/")
    form = [("form_token", token), ("mark", "green"), ("back", "q=eva&sort=oldest&evil=//x")]
    form += [("recording", str(each)) for each in (one, two, bo)]
    answer = await browser.request("POST", "/recordings/mark", data=form)
    assert (answer.status, answer.headers["Location"]) == (303, "/?q=eva&sort=oldest&marked=2&left=1")
    assert marks(world, one, two, bo) == ["green", "green", ""]
    told = (await browser.get(answer.headers["Location"])).text
    assert "2 recordings marked. 1 of them may not be changed by you." in told
    form = [("form_token", token), ("mark", "none"), ("recording", str(one))]
    assert (await browser.request("POST", "/recordings/mark", data=form)).headers["Location"] == "/?marked=1"
    assert marks(world, one) == [""]


@pytest.mark.parametrize(
    "form", [{"mark": "mauve"}, {"mark": "red", "recording": "x"}, {"recording": str(uuid4())}]
)
async def test_a_form_that_is_none_of_ours(open_browser: NewBrowser, form: dict[str, str]) -> None:
    browser = await open_browser("anna")
    token = await browser.form_token("/")
    assert (await browser.post("/recordings/mark", {**form, "form_token": token})).status == 400
    assert (await browser.post("/recordings/mark", {**form, "mark": "red"})).status == 403
