"""Calls in progress over HTTP: who sees and commands what, notes, bad input, and the live feed."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from ari_recorder.live import Answer, Changed, Live, Refused
from ari_recorder.policies.commands import Source
from ari_recorder.policies.leg import begin, inputs, receive
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Event, Mode, Reason, State, decide
from ari_recorder.store import calls, models
from ari_recorder.store.audit import Action
from ari_recorder.store.rows import LegRow, shown

from .world import NOON, Browser, Clock, NewBrowser, World

SEES = {
    "admin-acme": {"anna", "bo"},
    "admin-other": {"olle"},
    "anna": {"anna"},
    "bo": {"bo"},
    "olle": {"olle"},
}
LOCKED_WITHIN_S = 0.9
"""Much less than a locked catalogue keeps a write waiting."""
COMMANDED = models.AuditLine.action == Action.COMMAND
_numbers = count(1)


class Followed:
    """A leg that the policy's table decides about, with no Asterisk behind it."""

    def __init__(self, live: Live, row: LegRow) -> None:
        self.live, self.row = live, row
        live.add(self)

    def command(self, command: Event) -> asyncio.Future[Answer]:
        decision = decide(self.row.policy, command, NOON)
        self.row = replace(self.row, policy=decision.leg)
        self.live.publish(Changed(self.row))
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        answer.set_result(Answer(self.row, decision.reason))
        return answer

    def annotated(self, annotations: Mapping[str, str]) -> None:
        self.row = replace(self.row, annotations=annotations)
        self.live.publish(Changed(self.row))


def follow(world: World, live: Live, login: str, mode: Mode = Mode.ALWAYS_PAUSE_RESUME) -> Followed:
    """A call of that user, answered, in the catalogue and among those that go on."""
    owner = world.store.read_now(lambda: models.User.get_by_id(world.ids[login]))
    channel = f"1763812800.{next(_numbers)}"
    leg = begin(
        app="app", pbx="main", channel=channel, channel_name="PJSIP/101-00000001", created_at=NOON,
        user=owner.id, organisation=owner.organisation_id, user_number=owner.number or "",
        user_name=owner.name, mode=mode, preferences=Preferences(), direction="inbound",
        counterpart=Counterpart("0812345678", "Eva"), segment_max_s=3600.0,
    )  # fmt: skip
    for happened in (inputs.Begun(channel), inputs.Answered(NOON, "(ulaw)")):
        leg, _ = receive(leg, happened, NOON)
    world.store.write_now(calls.save, leg, None, NOON)
    return Followed(live, replace(shown(leg), policy=leg.standing))


def test_a_call_names_its_last_recording_when_that_is_over(world: World, live: Live) -> None:
    bo, anna = follow(world, live, "bo"), follow(world, live, "anna", Mode.ON_DEMAND_USER_START)
    leg = world.store.read_now(calls.open_legs, "main")
    (always,) = (one for one in leg if one.id == bo.row.id)
    over, _ = receive(always, inputs.HungUp(NOON), NOON)
    assert shown(over).recording == bo.row.recording == always.recording_id(1)
    (idle,) = (one for one in leg if one.id == anna.row.id)
    assert shown(idle).recording is None
    for n, command in enumerate((Event.START, Event.STOP, Event.START, Event.STOP)):
        idle, _ = receive(idle, inputs.Asked(command, NOON, n), NOON)
    assert (idle.recording, shown(idle).recording) == (None, idle.recording_id(2))


@pytest.fixture
def ongoing(world: World, live: Live) -> dict[str, Followed]:
    return {login: follow(world, live, login) for login in ("anna", "bo", "olle")}


async def send(browser: Browser, method: str, path: str, **options: Any) -> Any:
    page = await browser.get("/")
    token = page.text.partition('name="form_token" value="')[2].partition('"')[0]
    return await browser.request(method, path, headers={"X-Form-Token": token}, **options)


@pytest.mark.parametrize("asker", SEES)
async def test_who_asks_sees_their_own_calls_and_an_administrator_the_organisations(
    open_browser: NewBrowser, ongoing: dict[str, Followed], asker: str
) -> None:
    found = (await (await open_browser(asker)).get("/api/v1/calls/live")).json()["calls"]
    assert {call["id"] for call in found} == {str(ongoing[login].row.id) for login in SEES[asker]}


async def test_a_call_is_told_with_what_can_be_done(
    open_browser: NewBrowser, ongoing: dict[str, Followed]
) -> None:
    (call,) = (await (await open_browser("anna")).get("/api/v1/calls/live")).json()["calls"]
    anna = ongoing["anna"].row.user
    assert call["user"] == {"id": str(anna), "number": "101", "name": "Anna Andersson"}
    assert (call["state"], call["commands"], call["since"]) == (
        "recording",
        ["pause"],
        "2026-11-22T12:00:00.000Z",
    )


async def test_calls_that_begin_and_end_meanwhile_do_not_fail_who_asks_for_all(
    open_browser: NewBrowser, ongoing: dict[str, Followed], live: Live
) -> None:
    browser = await open_browser("anna")
    for _ in range(500):
        Followed(live, replace(ongoing["bo"].row, id=uuid4()))
    before_s, asked = sys.getswitchinterval(), 20
    sys.setswitchinterval(1e-6)  # threads take turns as they would in many more tries
    answers = asyncio.gather(*(browser.get("/api/v1/calls/live") for _ in range(asked)))
    try:
        while not answers.done():
            live.remove(Followed(live, replace(ongoing["bo"].row, id=uuid4())))
            await asyncio.sleep(0)
    finally:
        sys.setswitchinterval(before_s)
    assert [answer.status for answer in await answers] == [200] * asked


async def test_a_command_does_not_wait_for_a_catalogue_that_is_locked(
    open_browser: NewBrowser, ongoing: dict[str, Followed], world: World, clock: Clock
) -> None:
    """Neither for the note that the session is in use, nor for its line in the audit log."""
    browser, path = await open_browser("bo"), f"/api/v1/calls/{ongoing['bo'].row.id}/pause"
    token = await browser.form_token("/calls")
    clock.at += timedelta(minutes=5)
    other = sqlite3.connect(world.folder / "catalogue.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        async with asyncio.timeout(LOCKED_WITHIN_S):
            answer = await browser.request("POST", path, headers={"X-Form-Token": token})
        assert (answer.status, answer.json()["call"]["state"]) == (200, "paused")
    finally:
        other.execute("ROLLBACK")
        other.close()
    while not world.store.read_now(lambda: models.AuditLine.select().where(COMMANDED).count()):
        await asyncio.sleep(0.01)


async def test_a_command_is_carried_out_and_the_same_again_is_harmless(
    open_browser: NewBrowser, ongoing: dict[str, Followed]
) -> None:
    browser, path = await open_browser("bo"), f"/api/v1/calls/{ongoing['bo'].row.id}/pause"
    first, again = await send(browser, "POST", path), await send(browser, "POST", path)
    assert (first.status, first.json()["already"], first.json()["call"]["state"]) == (200, False, "paused")
    assert (again.status, again.json()["already"], again.json()["call"]["commands"]) == (
        200,
        True,
        ["resume"],
    )


async def test_what_the_mode_has_not_is_refused_with_the_reason(
    open_browser: NewBrowser, ongoing: dict[str, Followed]
) -> None:
    refused = await send(await open_browser("anna"), "POST", f"/api/v1/calls/{ongoing['anna'].row.id}/stop")
    assert (refused.status, refused.json()["reason"]) == (409, "not_in_this_mode")
    assert refused.json()["commands"] == ["pause"]
    assert ongoing["anna"].row.policy.state is State.RECORDING


@pytest.mark.parametrize(
    ("asker", "owner", "status"),
    [("admin-acme", "anna", 403), ("bo", "anna", 404), ("olle", "anna", 404), ("admin-other", "bo", 404)],
)
async def test_nobody_commands_the_call_of_another(
    open_browser: NewBrowser, ongoing: dict[str, Followed], asker: str, owner: str, status: int
) -> None:
    browser = await open_browser(asker)
    answer = await send(browser, "POST", f"/api/v1/calls/{ongoing[owner].row.id}/pause")
    assert answer.status == status
    assert ongoing[owner].row.policy.state is State.RECORDING


async def test_a_call_that_is_over_is_not_commanded_but_can_be_noted(
    open_browser: NewBrowser, ongoing: dict[str, Followed], live: Live
) -> None:
    live.remove(ongoing["anna"])
    browser, path = await open_browser("anna"), f"/api/v1/calls/{ongoing['anna'].row.id}"
    over = await send(browser, "POST", f"{path}/pause")
    assert (over.status, over.json()["reason"]) == (409, "call_ended")
    noted = await send(browser, "PATCH", path, json={"note": "Ring back"})
    assert (noted.status, noted.json()["note"]) == (200, "Ring back")


@pytest.mark.parametrize("path", ["/api/v1/calls/{id}/pause", "/api/v1/calls/{id}"])
async def test_unknown_ids(open_browser: NewBrowser, path: str) -> None:
    method = "PATCH" if path.endswith("}") else "POST"
    browser = await open_browser("anna")
    for text, status in ((str(uuid4()), 404), ("nonsense", 400)):
        assert (await send(browser, method, path.format(id=text), json={"note": ""})).status == status


async def test_without_a_form_token_or_session_nothing_is_done(
    open_browser: NewBrowser, ongoing: dict[str, Followed]
) -> None:
    path = f"/api/v1/calls/{ongoing['anna'].row.id}"
    assert (await (await open_browser("anna")).request("POST", f"{path}/pause")).status == 403
    assert (await (await open_browser()).request("POST", f"{path}/pause")).status == 401
    assert (await (await open_browser()).get("/api/v1/calls/live")).status == 401
    assert ongoing["anna"].row.policy.state is State.RECORDING


BAD = {
    "a tag too long": ({"tag1": "x" * 129}, 400, "tag1: 129 characters; at most 128"),
    "a note too long": ({"note": "x" * 4001}, 400, "note: 4001 characters; at most 4000"),
    "a body too long": ({"note": "x" * 10_000_000}, 413, ""),
    "no such field": ({"nota": "x"}, 400, "Unknown field 'nota'"),
    "no such colour": ({"mark": "mauve"}, 400, "mark: one of red"),
    "no text": ({"note": 7}, 400, "note: text"),
    "nothing": ({}, 400, "Nothing to change"),
    "a list": ([], 400, "not a JSON object"),
    "a null byte": ({"note": "a\0b"}, 400, "cannot be shown: U+0000 at position 2"),
    "half a character": ({"tag2": "\ud800"}, 400, "tag2"),
    "a good and a bad one": ({"note": "good", "tag3": "x" * 129}, 400, "tag3"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_change_is_refused_whole(
    open_browser: NewBrowser, ongoing: dict[str, Followed], world: World, case: str
) -> None:
    body, status, detail = BAD[case]
    browser, leg = await open_browser("anna"), ongoing["anna"].row.id
    answer = await send(browser, "PATCH", f"/api/v1/calls/{leg}", json=body)
    assert answer.status == status
    assert detail in answer.json()["detail"]
    row = world.store.read_now(lambda: models.Leg.get_by_id(leg))
    assert (row.note, row.mark, row.tag1, row.tag2, row.tag3) == ("",) * 5
    assert world.store.read_now(models.Annotation.select().count) == 0


async def test_broken_json(open_browser: NewBrowser, ongoing: dict[str, Followed]) -> None:
    browser = await open_browser("anna")
    for body in (b"{", b"\xff\xfe", b"[" * 50_000):
        answer = await send(browser, "PATCH", f"/api/v1/calls/{ongoing['anna'].row.id}", data=body)
        assert (answer.status, answer.json()["detail"]) == (400, "The body is not JSON in UTF-8.")


async def test_the_longest_tag_is_kept_whole_on_the_call_and_its_recordings_with_its_history(
    open_browser: NewBrowser, world: World
) -> None:
    recording = world.recording(world.ids["anna"])
    leg = world.store.read_now(lambda: models.Recording.get_by_id(recording).leg_id)
    browser = await open_browser("anna")
    for tag in ("å" * 128, "short"):
        changed = await send(browser, "PATCH", f"/api/v1/calls/{leg}", json={"tag1": tag, "mark": "red"})
        assert changed.json() == {
            "id": str(leg),
            "note": "",
            "mark": "red",
            "tag1": tag,
            "tag2": "",
            "tag3": "",
        }
        assert (await browser.get(f"/api/v1/recordings/{recording}")).json()["tag1"] == tag

    def history() -> list[tuple[str, str, str, UUID]]:
        rows = models.Annotation.select().order_by(models.Annotation.id)
        return [(row.field, row.before, row.after, row.user_id) for row in rows]

    anna = world.ids["anna"]
    assert sorted(world.store.read_now(history)) == sorted(
        [("tag1", "", "å" * 128, anna), ("mark", "", "red", anna), ("tag1", "å" * 128, "short", anna)]
    )


async def test_the_feed_begins_with_a_snapshot_and_tells_every_change(
    open_browser: NewBrowser, ongoing: dict[str, Followed], live: Live
) -> None:
    browser, anna = await open_browser("anna"), ongoing["anna"]
    async with browser.client.ws_connect("/api/v1/live") as feed:
        snapshot = await feed.receive_json(timeout=5)
        assert [call["id"] for call in snapshot["calls"]] == [str(anna.row.id)]
        ongoing["bo"].command(Event.PAUSE)  # not for her
        await send(browser, "POST", f"/api/v1/calls/{anna.row.id}/pause")
        changed = await feed.receive_json(timeout=5)
        assert (changed["type"], changed["call"]["state"], changed["call"]["commands"]) == (
            "call",
            "paused",
            ["resume"],
        )
        await send(browser, "PATCH", f"/api/v1/calls/{anna.row.id}", json={"note": "Hello"})
        assert (await feed.receive_json(timeout=5))["call"]["note"] == "Hello"
        live.publish(Refused(anna.row, Event.STOP, Source.DIGITS, Reason.NOT_IN_THIS_MODE, NOON))
        refused = await feed.receive_json(timeout=5)
        assert (refused["type"], refused["command"], refused["source"]) == ("refused", "stop", "digits")
        assert (refused["reason"], refused["id"]) == ("not_in_this_mode", str(anna.row.id))


async def test_the_feed_is_not_for_others_pages_and_not_without_a_session(open_browser: NewBrowser) -> None:
    browser = await open_browser("anna")
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await browser.client.ws_connect("/api/v1/live", headers={"Origin": "https://elsewhere.example"})
    assert (await browser.get("/api/v1/live")).status == 426
    with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
        await (await open_browser()).client.ws_connect("/api/v1/live")


async def test_the_feed_ends_when_who_follows_is_gone(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ari_recorder.web.watch.ASKED_AGAIN_S", 0.05)
    browser = await open_browser("anna")
    async with browser.client.ws_connect("/api/v1/live") as feed:
        await feed.receive_json(timeout=5)
        world.change(models.User, world.ids["anna"], password_hash=None)
        assert (await feed.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_signing_out_ends_the_feed(open_browser: NewBrowser) -> None:
    browser = await open_browser("anna")
    async with browser.client.ws_connect("/api/v1/live") as feed:
        await feed.receive_json(timeout=5)
        await browser.post("/sign-out", {"form_token": await browser.form_token("/")})
        assert (await feed.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_nobody_opens_feeds_without_end(
    open_browser: NewBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ari_recorder.web.places.FEEDS_EACH", 2)
    browser = await open_browser("anna")
    feeds = [await browser.client.ws_connect("/api/v1/live") for _ in range(2)]
    with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
        await browser.client.ws_connect("/api/v1/live")
    await feeds[0].close()
    again = await browser.client.ws_connect("/api/v1/live")
    assert (await again.receive_json(timeout=5))["type"] == "snapshot"


async def test_a_follower_too_slow_is_let_go(
    monkeypatch: pytest.MonkeyPatch, world: World, live: Live
) -> None:
    monkeypatch.setattr("ari_recorder.live.WAITING_MAX", 3)
    leg = follow(world, live, "anna")
    with live.follow() as slow:
        for _ in range(5):
            live.publish(Changed(leg.row))
        assert len([change async for change in slow]) == 3


async def test_a_follower_is_woken_by_what_they_see_alone(
    monkeypatch: pytest.MonkeyPatch, world: World, ongoing: dict[str, Followed], live: Live
) -> None:
    monkeypatch.setattr("ari_recorder.live.WAITING_MAX", 3)
    anna, bo = ongoing["anna"].row, ongoing["bo"].row
    with live.follow(lambda leg: leg.user == anna.user) as follower:
        for _ in range(5):
            live.publish(Changed(bo))
        live.publish(Changed(anna))
        assert (await anext(follower)).leg == anna, "nor is anybody dropped for what they do not see"
