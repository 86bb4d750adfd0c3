"""Several recordings under one legal hold: by API and by the list's form; of those that who asks may see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from ari_recorder.policies.holds import EACH_MAX
from ari_recorder.policies.rights import COMMAND_LINE, Right
from ari_recorder.store import holding, holds, models, tokens
from ari_recorder.store.audit import Actor, ActorKind

from .forms import follow, form, said, send_from
from .settings import Client
from .world import NOON, Browser, NewBrowser, World

HOLD, PAGE = "/recordings/hold", "/recordings/chosen/hold"
WHY = {"reason": "Case T 4711-26"}


@pytest.fixture
async def admin(open_browser: NewBrowser) -> Browser:
    return await open_browser("admin-acme")


def several(world: World, n: int = 3) -> list[UUID]:
    return [world.recording(world.ids["anna"], counterpart_name=f"Caller {one}") for one in range(n)]


def acme(world: World) -> UUID:
    return UUID(str(world.store.read_now(models.User.get_by_id, world.ids["anna"]).organisation_id))


def texts(recordings: list[UUID]) -> list[str]:
    return sorted(map(str, recordings))


def keeping(world: World, *recordings: UUID) -> dict[UUID, set[UUID]]:
    return world.store.read_now(holds.holding, recordings)


async def test_one_hold_keeps_them_all(admin: Browser, world: World) -> None:
    chosen, other = several(world), world.recording(world.ids["anna"])
    foreign, gone = world.recording(world.ids["olle"]), uuid4()
    api = await Client.of(admin)
    first = await api.made("/holds", {"recording": str(chosen[0]), **WHY})
    sent = {"recordings": [str(one) for one in (*chosen, foreign, gone, chosen[1])], "people": "Eva", **WHY}
    answer = await api("POST", HOLD, sent)
    assert answer.status == 201
    told = answer.json()
    hold = told["hold"]
    assert (hold["kind"], sorted(hold["recordings"]), hold["people"]) == ("selection", texts(chosen), "Eva")
    assert told["held_before"] == [str(chosen[0])]
    assert told["left"] == [str(foreign), str(gone)]
    assert answer.headers["Location"] == f"/api/v1/holds/{hold['id']}"
    read = await api("GET", f"/holds/{hold['id']}")
    assert (read.json(), read.headers["ETag"]) == (hold, answer.headers["ETag"])
    assert keeping(world, *chosen, other, foreign) == {
        chosen[0]: {UUID(first["id"]), UUID(hold["id"])},
        **{one: {UUID(hold["id"])} for one in chosen[1:]},
    }
    refused = await api("DELETE", f"/recordings/{chosen[1]}")
    assert refused.status == 409
    line = world.store.read_now(
        lambda: (
            models.AuditLine.select()
            .where(models.AuditLine.subject == hold["id"])
            .order_by(models.AuditLine.number)
            .get()
        )
    )
    assert all(str(one) in line.detail for one in chosen)


async def test_it_is_released_as_one_and_still_says_what_it_was(admin: Browser, world: World) -> None:
    chosen, api = several(world), await Client.of(admin)
    made = (await api.made(HOLD, {"recordings": [str(one) for one in chosen], **WHY}))["hold"]
    freed = world.store.read_now(holding.freed_by, COMMAND_LINE, UUID(made["id"]))
    assert freed.recordings == 3
    assert (await api("POST", f"/holds/{made['id']}/release", {"why": "Closed"})).status == 200
    assert keeping(world, *chosen) == {}
    world.store.write_now(holds.forget_next)
    over = (await api.get("/holds?over=1"))["holds"]
    assert [sorted(one["recordings"]) for one in over] == [texts(chosen)]


async def test_what_comes_later_is_not_of_it_and_no_edit_frees_it(admin: Browser, world: World) -> None:
    (one,), api = several(world, 1), await Client.of(admin)
    await api.made(HOLD, {"recordings": [str(one)], **WHY})
    assert (await api("PATCH", f"/recordings/{one}", {"note": "x", "mark": "red"})).status == 200
    later = world.recording(world.ids["anna"], counterpart_name="Caller 0")
    world.store.write_now(holds.fix_next, NOON + timedelta(days=9))
    assert set(keeping(world, one, later)) == {one}


async def test_the_same_request_again_places_no_second_one(admin: Browser, world: World) -> None:
    api = await Client.of(admin)
    sent = {"recordings": [str(one) for one in several(world)], **WHY}
    answers = [await api("POST", HOLD, sent, {"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert world.store.read_now(models.Hold.select().count) == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 400),
        ({"recordings": []}, 400),
        ({"recordings": ["x"]}, 400),
        ({"recordings": [str(uuid4())] * 101}, 400),
        ({"recordings": [str(uuid4())]}, 404),
        ({"recordings": [str(uuid4())], "reason": ""}, 400),
        ({"recordings": [str(uuid4())], "reason": " "}, 422),
        ({"recordings": [str(uuid4())], "ends_at": "2026-11-22T11:59:59Z"}, 422),
        ({"recordings": [str(uuid4())], "ends_at": "9999-12-31T23:59:59-14:00"}, 422),
        ({"recordings": [str(uuid4())], "mark": "red"}, 400),
    ],
)
async def test_what_cannot_be_held(admin: Browser, world: World, sent: dict[str, Any], status: int) -> None:
    world.change(models.Organisation, acme(world), language="sv")
    answer = await (await Client.of(admin))("POST", HOLD, {**WHY, **sent})
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (
        status, "application/problem+json",
    )  # fmt: skip
    assert answer.headers["Content-Language"] == "sv"
    assert world.store.read_now(models.Hold.select().count) == 0


async def test_a_hundred_are_held_and_no_hold_too_many(
    admin: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, api = several(world, 2), await Client.of(admin)
    many = [str(one) for one in [*chosen, *(uuid4() for _ in range(98))]]
    assert len((await api.made(HOLD, {"recordings": many, **WHY}))["left"]) == 98
    assert EACH_MAX > 1
    monkeypatch.setattr(holding, "EACH_MAX", 1)
    refused = await api("POST", HOLD, {"recordings": many, **WHY})
    assert (refused.status, "release one first" in refused.json()["detail"]) == (409, True)
    assert world.store.read_now(models.Hold.select().count) == 1


async def test_who_may_not_does_not(open_browser: NewBrowser, world: World) -> None:
    chosen = several(world)
    world.user("xaver", acme(world), role="auditor", mode="never")
    sent = {"recordings": [str(one) for one in chosen], **WHY}
    for login, status in (("anna", 403), ("xaver", 403), ("admin-other", 404)):
        api = await Client.of(await open_browser(login))
        assert (await api("POST", HOLD, sent)).status == status, login
    page = (await (await open_browser("anna")).get("/")).text
    assert "bulk-hold" not in page
    assert "bulk-remove" not in page
    assert keeping(world, *chosen) == {}


@pytest.mark.parametrize(
    ("scopes", "status"),
    [(["holds:write", "recordings:read"], 201), (["holds:write"], 404), (["recordings:read"], 403)],
)
async def test_a_token_needs_the_scopes(
    open_browser: NewBrowser, world: World, scopes: list[str], status: int
) -> None:
    by, rights = Actor(ActorKind.COMMAND_LINE, "test", "test"), [Right(one) for one in scopes]
    made = world.store.write_now(tokens.add, by, acme(world), None, "program", rights, None, NOON)
    stranger = await open_browser()
    answer = await stranger.request(
        "POST", f"/api/v1{HOLD}", json={"recordings": texts(several(world)), **WHY},
        headers={"Authorization": f"Bearer {made.secret}"},
    )  # fmt: skip
    assert answer.status == status


async def test_from_the_list_without_scripts(admin: Browser, world: World) -> None:
    chosen, foreign = several(world), world.recording(world.ids["olle"])
    api = await Client.of(admin)
    await api.made("/holds", {"recording": str(chosen[0]), **WHY})
    listed = (await admin.get("/?q=caller")).text
    assert 'formaction="/recordings/chosen/hold"' in listed
    token = form(listed, "/recordings/mark").values("form_token")[0]
    sent = [("form_token", token), ("back", "q=caller"), ("mark", "red")]
    sent += [("recording", str(one)) for one in (*chosen, foreign)]
    led = await admin.request("POST", PAGE, data=sent)
    assert (led.status, led.headers["Location"].partition("?")[0]) == (303, "/holds/new")
    assert world.store.read_now(models.Hold.select().count) == 1
    assert world.store.read_now(models.Recording.get_by_id, chosen[0]).mark == ""
    asked = await admin.get(led.headers["Location"])
    assert "3 chosen recordings" in asked.text
    assert "1 of them is under another legal hold already" in asked.text
    assert "1 recording is not there any more, or not yours to see" in asked.text
    assert str(foreign) not in asked.text.partition("<form")[0]
    empty = await send_from(admin, asked.text, "/holds/new", reason=" ")
    assert (empty.status, "it is empty" in empty.text.lower()) == (422, True)
    assert "3 chosen recordings" in empty.text
    placed = await send_from(admin, empty.text, "/holds/new", reason="Case <1>", ends="2026-12-31")
    assert placed.headers["Location"].startswith("/holds/")
    shown = await follow(admin, placed)
    for words in (
        "3 recordings are under this legal hold now.",
        "1 of them was",
        "is left",
        "Case &lt;1&gt;",
    ):
        assert words in shown
    for one in chosen:
        assert f'href="/recordings/{one}"' in shown
    assert "3 chosen recordings" in (await admin.get("/holds")).text
    assert len(keeping(world, *chosen)) == 3


async def test_a_form_that_is_none_of_ours(admin: Browser, world: World) -> None:
    token = await admin.form_token("/holds")
    nothing = await admin.post(PAGE, {"form_token": token, "back": "q=eva"})
    assert (nothing.status, nothing.headers["Location"]) == (303, "/?q=eva")
    assert (await admin.post(PAGE, {"form_token": token, "recording": "x"})).status == 400
    too_many = [("form_token", token), *(("recording", str(uuid4())) for _ in range(101))]
    assert (await admin.request("POST", PAGE, data=too_many)).status == 400
    assert (await admin.post(PAGE, {"recording": str(uuid4())})).status == 403
    for chosen, status in (("x", 400), (",".join([str(uuid4())] * 101), 400), (str(uuid4()), 404)):
        assert (await admin.get(f"/holds/new?recordings={chosen}")).status == status


async def test_an_auditor_sees_which_and_not_what(open_browser: NewBrowser, world: World) -> None:
    world.user("xaver", acme(world), role="auditor", mode="never")
    chosen, api = several(world), await Client.of(await open_browser("admin-acme"))
    made = (await api.made(HOLD, {"recordings": texts(chosen), **WHY}))["hold"]
    page = (await (await open_browser("xaver")).get(f"/holds/{made['id']}")).text
    assert all(str(one) in page for one in chosen)
    assert "Caller" not in page
    assert said(page) == ""
