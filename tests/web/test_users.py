"""Users by the API: added, changed, listed, removed; what cannot be is told with its field."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any
from uuid import uuid4

import pytest

from ari_recorder.store.models import Activation, AuditLine, Endpoint, Recording, User
from ari_recorder.web import signin

from .settings import TOLD, Client
from .world import NewBrowser, World, until

ANNA = "/users/{anna}"
CHANGED = AuditLine.action.in_(("create", "change", "remove"))


@pytest.fixture
async def admin(open_browser: NewBrowser) -> Client:
    return await Client.of(await open_browser("admin-acme"))


def audit(world: World) -> list[tuple[str, str, str, dict[str, Any]]]:
    lines = world.store.read_now(
        lambda: list(AuditLine.select().where(CHANGED).order_by(AuditLine.at, AuditLine.number))
    )
    return [(line.action, line.subject_kind, line.actor_name, json.loads(line.detail)) for line in lines]


async def test_a_user_is_added_shown_and_listed(admin: Client, world: World) -> None:
    sent = {
        "name": " Eva Ek ", "number": "103", "mode": "always", "plan": "pro", "login": "eva",
        "endpoints": ["PJSIP/103", "main:PJSIP/103-mobile"], "acknowledgement": TOLD,
    }  # fmt: skip
    answer = await admin("POST", "/users", sent)
    assert answer.status == 201
    made = answer.json()
    assert answer.headers["Location"] == f"/api/v1/users/{made['id']}"
    assert (made["name"], made["endpoints"]) == ("Eva Ek", ["main:PJSIP/103", "main:PJSIP/103-mobile"])
    assert await admin.get(f"/users/{made['id']}") == made
    assert made in (await admin.get("/users"))["users"]
    (action, kind, who, detail) = audit(world)[-1]
    assert (action, kind, who) == ("create", "user", "admin-acme")
    assert detail["after"]["number"] == "103"
    assert detail["activation"]["acknowledgement"] == TOLD["text"]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "   "}),
        ("name", {"name": "x" * 5000}),
        ("name", {"name": "Eva\nEk"}),
        ("name", {"name": "Eva\u202eEk"}),
        ("name", {"name": "Eva\x1b[31m"}),
        ("number", {"number": "10/3"}),
        ("number", {"number": "abc"}),
        ("number", {"number": "1" * 65}),
        ("number", {"number": "103\n"}),
        ("number", {"number": "１０３"}),
        ("login", {"login": "eva ek"}),
        ("login", {"login": "x" * 201}),
        ("endpoints", {"endpoints": ["103"]}),
        ("endpoints", {"endpoints": ["north:PJSIP/103"]}),
        ("endpoints", {"endpoints": ["PJSIP/1"] * 51}),
        ("endpoints", {"endpoints": ["PJSIP/" + "1" * 300]}),
        ("acknowledgement", {"mode": "always"}),
        ("acknowledgement", {"mode": "always", "acknowledgement": {"text": "  "}}),
        ("acknowledgement.at", {"mode": "always", "acknowledgement": {**TOLD, "at": "2030-01-01T00:00:00Z"}}),
        ("password", {"login": "eva", "password": "short"}),
        ("login", {"password": "a long enough password"}),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused_with_its_field(
    admin: Client, world: World, field: str, values: dict[str, Any]
) -> None:
    answer = await admin("POST", "/users", {"name": "Eva", "number": "103", **values})
    assert answer.status == 422, answer.text
    assert answer.json()["field"] == field
    assert not world.store.read_now(lambda: User.select().where(User.number == "103").exists())
    assert audit(world) == [], "nothing half done is in the log"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("number", {"number": "101"}),
        ("login", {"login": "anna"}),
        ("login", {"login": "olle"}),
        ("endpoints", {"endpoints": ["PJSIP/104", "PJSIP/101"]}),
    ],
)
async def test_what_is_taken_is_a_conflict(
    admin: Client, world: World, field: str, values: dict[str, Any]
) -> None:
    changed = await admin("PATCH", ANNA.format(**world.ids), {"endpoints": ["PJSIP/101"]})
    assert changed.status == 200
    answer = await admin("POST", "/users", {"name": "Eva", "number": "103", **values})
    assert (answer.status, answer.json()["field"]) == (409, field)
    assert not world.store.read_now(lambda: User.select().where(User.name == "Eva").exists())


async def test_that_nothing_is_possible_too_is_not_told(admin: Client) -> None:
    told = (await admin("GET", "/recordings?mark=pink")).json()["detail"]
    assert told == "mark: 'pink' is none of blue, green, grey, orange, purple, red, yellow."


@pytest.mark.parametrize(
    ("method", "path", "values"),
    [
        ("POST", "/users", {"name": "Eva", "mode": "allways"}),
        ("PATCH", ANNA, {"mode": "allways"}),
        ("GET", "/users?mode=allways", None),
    ],
)
async def test_what_is_possible_is_told(
    admin: Client, world: World, method: str, path: str, values: dict[str, Any] | None
) -> None:
    answer = await admin(method, path.format_map(world.ids), values)
    possible = "never, always, always_pause_resume, on_demand, on_demand_user_start"
    assert (answer.status, answer.json()["detail"]) == (400, f"mode: 'allways' is none of {possible}.")


async def test_the_reader_s_language(admin: Client) -> None:
    await admin("PATCH", "/organisation", {"language": "sv"})
    answer = await admin("POST", "/users", {"name": "", "number": "103"})
    assert answer.json()["detail"] == "name: det är tomt; skriv 1 till 200 tecken."
    weak = await admin("POST", "/users", {"name": "Eva", "login": "eva", "password": "short"})
    assert weak.json()["detail"] == "password: det är för kort: det behöver minst 8 tecken."
    assert (weak.json()["problem"], weak.json()["least"]) == ("too_short", 8)


async def test_a_change_is_told_with_before_and_after_and_never_the_password(
    admin: Client, world: World
) -> None:
    path = ANNA.format(**world.ids)
    secret = "a very long password of hers"
    changed = await admin("PATCH", path, {"number": "201", "may_listen": False, "password": secret})
    assert (changed.status, changed.json()["number"]) == (200, "201")
    *_, (_, _, _, detail) = audit(world)
    assert detail["before"] == {"number": "101", "may_listen": True}
    assert detail["after"] == {"number": "201", "may_listen": False}
    assert detail["password"] == "set"
    lines = world.store.read_now(lambda: [line.detail for line in AuditLine.select()])
    assert secret not in "".join(lines)
    assert "argon" not in "".join(lines)


async def test_what_was_changed_meanwhile_is_not_overwritten(admin: Client, world: World) -> None:
    path = ANNA.format(**world.ids)
    read = await admin("GET", path)
    match = {"If-Match": read.headers["ETag"]}
    assert (await admin("PATCH", path, {"name": "Anna A"}, match)).status == 200
    late = await admin("PATCH", path, {"name": "Anna B"}, match)
    assert late.status == 412
    assert (await admin.get(path))["name"] == "Anna A"
    assert (await admin("DELETE", path, None, match)).status == 412


async def test_the_same_request_twice_makes_one_user(admin: Client, world: World) -> None:
    body = {"name": "Eva", "number": "103"}
    first = await admin("POST", "/users", body, {"Idempotency-Key": "one"})
    again = await admin("POST", "/users", body, {"Idempotency-Key": "one"})
    assert (first.status, again.status) == (201, 201)
    assert first.json() == again.json()
    assert world.store.read_now(lambda: User.select().where(User.number == "103").count()) == 1


async def test_every_page_of_the_list_by_number(admin: Client, world: World) -> None:
    for number in ("103", "12", "9", "104"):
        await admin.made("/users", {"name": f"User {number}", "number": number})
    await admin.made("/users", {"name": "No number"})
    seen, path = [], "/users?limit=2"
    while True:
        answer = await admin.get(path)
        seen += [user["number"] or user["name"] for user in answer["users"]]
        if answer["next_cursor"] is None:
            break
        path = f"/users?limit=2&cursor={answer['next_cursor']}"
    assert seen[2:] == ["101", "102", "103", "104", "12", "9"]
    assert sorted(seen[:2]) == ["Admin-Acme", "No number"]
    assert [user["number"] for user in (await admin.get("/users?q=ser%201"))["users"]] == ["103", "104", "12"]
    assert [user["number"] for user in (await admin.get("/users?mode=always"))["users"]] == ["101", "102"]


@pytest.mark.parametrize("cursor", ["x", "e30=", "W10=", "WyIxIiwgIngiXQ==", "%00", "å", "W1tdLCAiIl0="])
async def test_a_cursor_that_is_none(admin: Client, cursor: str) -> None:
    assert (await admin("GET", f"/users?cursor={cursor}")).status in (400, 422)


async def test_removing_says_what_stays_and_keeps_the_recordings(
    admin: Client, world: World, open_browser: NewBrowser
) -> None:
    anna, path = world.ids["anna"], ANNA.format(**world.ids)
    recording = world.recording(anna)
    browser = await open_browser("anna")
    group = await admin.made("/groups", {"name": "Sales"})
    await admin("PUT", f"/groups/{group['id']}/members/{anna}")
    await admin("PATCH", path, {"endpoints": ["PJSIP/101"]})
    preview = (await admin("DELETE", f"{path}?preview=true")).json()
    assert (preview["recordings"], preview["endpoints"], preview["groups"]) == (1, 1, 1)
    assert preview["removed"] is False
    assert (await browser.get("/api/v1/me")).status == 200, "a preview changes nothing"
    removed = await admin("DELETE", path)
    assert removed.json() == {**preview, "removed": True}
    assert (await admin("GET", path)).status == 404
    assert (await browser.get("/api/v1/me")).status == 401
    assert (await (await open_browser()).sign_in("anna")).status != 303
    shown = (await admin.get(f"/recordings/{recording}"))["user"]
    assert (shown["number"], shown["name"]) == ("101", "Anna Andersson")
    assert (await admin.get(f"/groups/{group['id']}"))["members"] == []
    again = await admin.made("/users", {"name": "New", "number": "101", "endpoints": ["PJSIP/101"]})
    assert (await admin.get(f"/users/{again['id']}"))["name"] == "New"
    assert world.store.read_now(lambda: Recording.get_by_id(recording).user_id) == anna


async def test_who_has_left_nothing_behind_is_gone(admin: Client, world: World) -> None:
    made = await admin.made("/users", {"name": "Eva", "number": "103"})
    assert (await admin("DELETE", f"/users/{made['id']}")).status == 200
    assert not world.store.read_now(lambda: User.select().where(User.id == made["id"]).exists())


async def test_another_organisations_users_are_not_there(admin: Client, world: World) -> None:
    for of in (world.ids["olle"], uuid4()):
        for method, path, body in [
            ("GET", f"/users/{of}", None),
            ("PATCH", f"/users/{of}", {"name": "Mine"}),
            ("DELETE", f"/users/{of}", None),
            ("DELETE", f"/users/{of}?preview=true", None),
            ("GET", f"/users/{of}/activations", None),
            ("GET", f"/users/{of}/preferences", None),
            ("PATCH", f"/users/{of}/preferences", {"warning_tone_s": 15}),
        ]:
            assert (await admin(method, path, body)).status == 404, (method, path)
    assert {user["login"] for user in (await admin.get("/users"))["users"]} == {"admin-acme", "anna", "bo"}


async def test_nobody_makes_themselves_an_operator(admin: Client, world: World) -> None:
    world.user("op", world.store.read_now(lambda: User.get_by_id(world.ids["anna"]).organisation_id),
               role="operator")  # fmt: skip
    for method, path, body in [
        ("POST", "/users", {"name": "Eva", "role": "operator"}),
        ("PATCH", ANNA.format(**world.ids), {"role": "operator"}),
        ("PATCH", f"/users/{world.ids['op']}", {"password": "another long password"}),
        ("PATCH", f"/users/{world.ids['op']}", {"role": "user"}),
        ("DELETE", f"/users/{world.ids['op']}", None),
    ]:
        assert (await admin(method, path, body)).status == 403, (method, path, body)


async def test_the_last_administrator_stays(admin: Client, world: World) -> None:
    path = f"/users/{world.ids['admin-acme']}"
    for method, body in [
        ("PATCH", {"role": "user"}),
        ("PATCH", {"password": None}),
        ("PATCH", {"login": None}),
        ("DELETE", None),
    ]:
        answer = await admin(method, path, body)
        assert answer.status == 409, (method, body)
        assert "administer" in answer.json()["detail"]


async def test_switched_on_and_off_is_dated_with_who_and_plan(
    admin: Client, world: World, clock: Any
) -> None:
    made = await admin.made("/users", {"name": "Eva", "number": "103", "plan": "pro"})
    path = f"/users/{made['id']}"
    assert (await admin.get(f"{path}/activations"))["activations"] == []
    assert (await admin("PATCH", path, {"mode": "on_demand"})).json()["field"] == "acknowledgement"
    told = {**TOLD, "by": "Her manager", "at": "2026-11-20T08:00:00Z"}
    assert (await admin("PATCH", path, {"mode": "on_demand", "acknowledgement": told})).status == 200
    assert (await admin("PATCH", path, {"mode": "always"})).status == 200, "the activation goes on"
    assert (await admin("PATCH", path, {"plan": "business"})).status == 200
    assert (await admin("PATCH", path, {"mode": "never"})).status == 200
    assert (await admin("PATCH", path, {"mode": "always", "acknowledgement": TOLD})).status == 200
    found = (await admin.get(f"{path}/activations"))["activations"]
    assert [(one["plan"], one["start_fee"], one["ended_by"]) for one in reversed(found)] == [
        ("pro", True, "admin-acme"),
        ("business", False, "admin-acme"),
        ("business", False, ""),
    ]
    first, second = found[2], found[1]
    assert (first["acknowledged_by"], first["acknowledged_at"]) == ("Her manager", "2026-11-20T08:00:00.000Z")
    assert second["acknowledgement"] == TOLD["text"], "another plan, the same acknowledgement"
    assert found[0]["began_by"] == "admin-acme"
    assert found[0]["began_at"] == "2026-11-22T12:00:00.000Z"
    assert (await admin("PATCH", path, {"acknowledgement": {"text": "Other"}})).status == 409, (
        "it is evidence"
    )


async def test_removing_ends_what_was_switched_on(admin: Client, world: World) -> None:
    body = {"name": "Eva", "number": "103", "mode": "always", "acknowledgement": TOLD}
    made = await admin.made("/users", body)
    await admin("DELETE", f"/users/{made['id']}")
    row = world.store.read_now(lambda: Activation.get(Activation.user == made["id"]))
    assert row.ended_at is not None
    assert row.ended_by == "admin-acme"


async def test_preferences_of_a_user_and_of_all(admin: Client, world: World) -> None:
    path = f"{ANNA.format(**world.ids)}/preferences"
    codes = {"start": "*1", "stop": "*2", "pause": "*3", "resume": "*4"}
    assert (await admin("PATCH", "/preferences", {"warning_tone_s": 15, "language": "sv"})).status == 200
    changed = (await admin("PATCH", path, {"codes": codes, "warning_tone_s": 20})).json()
    assert (changed["codes"], changed["warning_tone_s"], changed["language"]) == (codes, 20, "sv")
    assert changed["origins"]["warning_tone_s"] == "user"
    back = (await admin("PATCH", path, {"warning_tone_s": None})).json()
    assert (back["warning_tone_s"], back["origins"]["warning_tone_s"]) == (15, "organisation")
    assert [line[1] for line in audit(world)] == ["preferences"] * 3
    for refused, field in [
        ({"warning_tone_s": 5}, "warning_tone_s"),
        ({"codes": codes | {"stop": "*1"}}, "codes"),
    ]:
        answer = await admin("PATCH", path, refused)
        assert (answer.status, answer.json()["field"]) == (422, field)


async def test_only_administrators(open_browser: NewBrowser, world: World) -> None:
    anna = await Client.of(await open_browser("anna"))
    for method, path, body in [
        ("GET", "/users", None),
        ("POST", "/users", {"name": "Eva"}),
        ("PATCH", ANNA.format(**world.ids), {"may_listen": True}),
        ("DELETE", ANNA.format(**world.ids), None),
        ("GET", "/users.csv", None),
        ("GET", "/groups", None),
        ("POST", "/groups", {"name": "Mine"}),
        ("GET", "/organisation", None),
        ("GET", "/organisations", None),
        ("GET", "/ledger", None),
        ("GET", "/preferences", None),
    ]:
        assert (await anna(method, path, body)).status == 403, (method, path)


async def test_nobody_who_writes_waits_for_a_password_to_be_hashed(admin: Client, world: World) -> None:
    released, path = threading.Event(), ANNA.format_map(world.ids)
    holding = signin._thread.submit(released.wait)
    await until(holding.running)
    try:
        added = asyncio.create_task(
            admin("POST", "/users", {"name": "Eva", "login": "eva", "password": "a few words of hers"})
        )
        changed = asyncio.create_task(admin("PATCH", path, {"password": "a few words of mine"}))
        await until(lambda: signin._thread._work_queue.qsize() == 1)
        assert (await admin("PATCH", path, {"name": "Anna Ek"})).status == 200
        assert (added.done(), changed.done()) == (False, False)
    finally:
        released.set()
    assert [(await task).status for task in (added, changed)] == [201, 200]


async def test_another_customers_telephone_is_not_given(open_browser: NewBrowser, world: World) -> None:
    """An Asterisk does not say whose it is; the provider does. Nothing is recorded of it, nor heard."""
    other = await Client.of(await open_browser("admin-other"))
    path = "/users/{olle}".format(**world.ids)
    for answer in (
        await other("POST", "/users", {"name": "Eve", "endpoints": ["PJSIP/150"]}),
        await other("PATCH", path, {"endpoints": ["PJSIP/other-1", "PJSIP/150"]}),
    ):
        assert (answer.status, answer.json()["field"]) == (422, "endpoints"), answer.text
        assert "ari-recorder organisation set NAME --endpoints" in answer.json()["detail"]
    assert not world.store.read_now(lambda: Endpoint.select().exists())
    await other.browser.get("/?lang=sv")
    swedish = await other("PATCH", path, {"endpoints": ["PJSIP/150"]})
    assert "Leverantören" in swedish.json()["detail"]
    assert (await other("PATCH", path, {"endpoints": ["PJSIP/other-1"]})).status == 200
