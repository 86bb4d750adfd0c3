"""Who sees what: every route that gives something of a recording, for every kind of asker."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import pytest

from ari_recorder.store import models

from .world import NewBrowser, World

READS = (
    "/recordings/{id}",
    "/api/v1/recordings/{id}",
    "/api/v1/recordings/{id}/audio",
    "/api/v1/recordings/{id}/waveform",
    "/api/v1/recordings/{id}/timeline",
)
OWNERS = ("anna", "bo", "olle")
SEES = {
    "admin-acme": {"anna", "bo"},
    "admin-other": {"olle"},
    "anna": {"anna"},
    "bo": set(),
    "olle": {"olle"},
}


@pytest.fixture
def recordings(world: World) -> dict[str, UUID]:
    return {owner: world.recording(world.ids[owner]) for owner in OWNERS}


@pytest.mark.parametrize("asker", SEES)
async def test_the_list_has_what_the_asker_may_see(
    open_browser: NewBrowser, recordings: dict[str, UUID], asker: str
) -> None:
    browser = await open_browser(asker)
    expected = {str(recordings[owner]) for owner in SEES[asker]}
    listed = (await browser.get("/api/v1/recordings")).json()["recordings"]
    assert {row["id"] for row in listed} == expected
    page = (await browser.get("/")).text
    assert {str(found) for found in recordings.values() if str(found) in page} == expected


@pytest.mark.parametrize("asker", SEES)
async def test_what_is_hidden_looks_as_if_it_were_not_there(
    open_browser: NewBrowser, recordings: dict[str, UUID], asker: str
) -> None:
    browser = await open_browser(asker)
    for route in READS:
        nothing = await browser.get(route.format(id=uuid4()))
        for owner, recording in recordings.items():
            answer = await browser.get(route.format(id=recording))
            if owner in SEES[asker]:
                assert answer.status == 200, (route, owner)
            else:
                assert answer.status == nothing.status == 404
                assert _but_ids(answer.text) == _but_ids(nothing.text), (route, owner)


async def test_signed_out_nothing_is_read(open_browser: NewBrowser, recordings: dict[str, UUID]) -> None:
    browser = await open_browser()
    for route in ("/", "/api/v1/recordings", *READS):
        for recording in (*recordings.values(), uuid4()):
            answer = await browser.get(route.format(id=recording))
            assert answer.status == (401 if route.startswith("/api/") else 303), route
            assert answer.headers["Cache-Control"] == "no-store"


async def test_the_pages_say_why_there_is_nothing(open_browser: NewBrowser) -> None:
    texts = {
        "admin-acme": "Make a call with the phone of",
        "anna": "your phone, 101",
        "bo": "not open to you",
    }
    for login, text in texts.items():
        assert text in (await (await open_browser(login)).get("/")).text


@pytest.mark.parametrize("may_listen", [True, False])
async def test_a_supervisor_of_no_group_reads_that_also_when_just_removed(
    open_browser: NewBrowser, world: World, may_listen: bool
) -> None:
    acme = world.store.read_now(models.User.get_by_id, world.ids["bo"]).organisation_id
    world.user("sue", acme, role="supervisor", mode="never", may_listen=may_listen)
    sue = await open_browser("sue")
    world.store.write_now(_supervise, world.ids["sue"])
    shown = (await sue.get("/")).text
    assert "members of your groups" in shown
    assert "is off for you" not in shown
    world.store.write_now(models.Supervision.delete().execute)
    for address in ("/", "/?part=list"):
        shown = (await sue.get(address)).text
        assert "You supervise no group" in shown
        assert "An administrator of your organisation can make you one." in shown
    assert "No recording fits this" in (await sue.get("/?mark=red")).text or not may_listen


def _supervise(user: UUID) -> None:
    group = models.Group.create(organisation=models.User.get_by_id(user).organisation_id, name="Sales")
    models.Membership.create(group=group, user=models.User.get(models.User.login == "anna"))
    models.Supervision.create(group=group, user=user)


def _but_ids(text: str) -> str:
    """Without what is new in every answer: the ids asked for, the nonce and the form's token."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[\w-]{32}", "", text)
