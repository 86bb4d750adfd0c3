"""Organisations by the API: one's own for administrators, every one for operators."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from ari_recorder.policies.rights import Right
from ari_recorder.store import tokens
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.models import AuditLine, LedgerLine, Organisation, Recording

from .settings import TOLD, Client
from .world import NOON, NewBrowser, World

FIRST = {"name": "Ada", "login": "ada", "password": "quite a long password"}


@pytest.fixture
async def admin(open_browser: NewBrowser) -> Client:
    return await Client.of(await open_browser("admin-acme"))


@pytest.fixture
async def operator(open_browser: NewBrowser, world: World) -> Client:
    world.user("op", world.organisation("Provider"), role="operator", mode="never")
    return await Client.of(await open_browser("op"))


async def test_one_s_own(admin: Client, world: World) -> None:
    shown = await admin.get("/organisation")
    assert (shown["name"], shown["timezone"], shown["second_factor"]) == ("Acme", "Europe/Stockholm", [])
    changes = {
        "timezone": "Europe/Helsinki",
        "language": "sv",
        "country": "FI",
        "second_factor": ["supervisor", "auditor"],
    }
    changed = await admin("PATCH", "/organisation", changes)
    assert (changed.status, changed.json()) == (200, {**shown, **changes})
    assert await admin.get("/organisation") == changed.json()
    line = world.store.read_now(lambda: AuditLine.select().where(AuditLine.action == "change").get())
    assert '"timezone": "Europe/Stockholm"' in line.detail


async def test_no_token_ends_the_second_factor(admin: Client, open_browser: NewBrowser, world: World) -> None:
    needed = {"second_factor": ["auditor"]}
    own = await admin("PATCH", "/organisation", needed)
    by, acme = Actor(ActorKind.COMMAND_LINE, "test", "test"), UUID(own.json()["id"])
    made = world.store.write_now(tokens.add, by, acme, None, "place", [Right.ORGANISATION_WRITE], None, NOON)
    program = await open_browser()
    for changes, status in (({"second_factor": []}, 403), ({"language": "sv"}, 200)):
        answer = await program.request(
            "PATCH", "/api/v1/organisation", json=changes,
            headers={"Authorization": f"Bearer {made.secret}"},
        )  # fmt: skip
        assert answer.status == status, answer.text
    assert (await admin.get("/organisation")).items() >= {**needed, "language": "sv"}.items()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"timezone": "Mars/Olympus"}, 422),
        ({"country": "XX"}, 422),
        ({"country": "SWE"}, 422),
        ({"timezone": "../../etc/passwd"}, 422),
        ({"timezone": ""}, 422),
        ({"timezone": "Europe"}, 422),
        ({"language": "tlh"}, 422),
        ({"second_factor": ["king"]}, 400),
        ({"name": "Mine"}, 400),
        ({"endpoints": ["PJSIP/*"]}, 400),
        ({"preferences": {}}, 400),
    ],
)
async def test_what_cannot_be(admin: Client, changes: dict[str, Any], status: int) -> None:
    before = await admin.get("/organisation")
    assert (await admin("PATCH", "/organisation", changes)).status == status
    assert await admin.get("/organisation") == before


async def test_an_operator_sets_up_a_customer(
    operator: Client, open_browser: NewBrowser, world: World
) -> None:
    body = {"name": "New Co", "timezone": "Europe/Stockholm", "language": "sv", "administrator": FIRST}
    made = await operator.made("/organisations", body)
    assert (made["name"], made["language"]) == ("New Co", "sv")
    browser = await open_browser()
    assert (await browser.sign_in("ada", FIRST["password"])).status == 303
    ada = await Client.of(browser)
    assert (await ada.get("/organisation"))["name"] == "New Co"
    user = {"name": "Eva", "number": "101", "mode": "always", "plan": "pro", "acknowledgement": TOLD}
    await ada.made("/users", user)
    usage = await operator.get(f"/organisations/{made['id']}/usage")
    assert (usage["users_billed"], usage["plans"]["pro"]) == (1, {"users": 1, "start_fees": 1})
    assert usage == {**await ada.get("/usage"), "users": None}
    renamed = await operator("PATCH", f"/organisations/{made['id']}", {"name": "Newer Co"})
    assert renamed.json()["name"] == "Newer Co"
    names = [one["name"] for one in (await operator.get("/organisations"))["organisations"]]
    assert names == ["Acme", "Newer Co", "Other", "Provider"]
    theirs = world.store.read_now(lambda: [str(line.organisation) for line in AuditLine.select()])
    assert made["id"] in theirs, "what the operator did is in the customer's own log"


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"name": "Acme"}, 409, "name"),
        ({"name": ""}, 422, "name"),
        ({"name": "x" * 201}, 422, "name"),
        ({"timezone": "Nowhere"}, 422, "timezone"),
        ({"endpoints": ["150"]}, 422, "endpoints"),
        ({"administrator": {**FIRST, "login": "anna"}}, 409, "login"),
        ({"administrator": {**FIRST, "password": "short"}}, 422, "password"),
    ],
)
async def test_a_customer_that_cannot_be_is_not_half_there(
    operator: Client, world: World, changes: dict[str, Any], status: int, field: str
) -> None:
    answer = await operator("POST", "/organisations", {"name": "New Co", "administrator": FIRST} | changes)
    assert (answer.status, answer.json()["field"]) == (status, field)
    assert world.store.read_now(lambda: Organisation.select().count()) == 3


async def test_the_operator_says_which_telephones_are_an_organisations(
    operator: Client, open_browser: NewBrowser
) -> None:
    body = {"name": "New Co", "endpoints": ["main:PJSIP/new-*"], "administrator": FIRST}
    made = await operator.made("/organisations", body)
    assert made["endpoints"] == ["main:PJSIP/new-*"]
    browser = await open_browser()
    await browser.sign_in("ada", FIRST["password"])
    ada = await Client.of(browser)
    assert (await ada.get("/organisation"))["endpoints"] == ["main:PJSIP/new-*"]
    await ada.made("/users", {"name": "Eva", "endpoints": ["PJSIP/new-1"]})
    user = {"name": "Eve", "endpoints": ["PJSIP/150"]}
    assert (await ada("POST", "/users", user)).status == 422
    path = f"/organisations/{made['id']}"
    assert (await operator("PATCH", path, {"endpoints": ["1*"]})).status == 422
    changed = await operator("PATCH", path, {"endpoints": ["PJSIP/new-*", "PJSIP/15?"]})
    assert changed.json() == await operator.get(path)
    assert changed.json()["endpoints"] == ["PJSIP/new-*", "PJSIP/15?"]
    await ada.made("/users", user)


async def test_an_operator_hears_nothing_and_is_no_administrator(operator: Client, world: World) -> None:
    recording = world.recording(world.ids["anna"])
    for path in (
        f"/recordings/{recording}",
        f"/recordings/{recording}/audio",
        "/users",
        "/groups",
        "/ledger",
    ):
        assert (await operator("GET", path)).status in (403, 404), path
    assert (await operator("GET", f"/organisations/{uuid4()}")).status == 404
    assert (await operator("PATCH", f"/organisations/{uuid4()}", {"name": "X"})).status == 404


async def test_an_administrator_is_no_operator(admin: Client) -> None:
    for method, path in [("GET", ""), ("POST", ""), ("GET", f"/{uuid4()}"), ("GET", f"/{uuid4()}/usage")]:
        body = {"name": "New Co", "administrator": FIRST} if method == "POST" else None
        assert (await admin(method, f"/organisations{path}", body)).status == 403


async def test_the_ledger_of_one_s_own(admin: Client, world: World, open_browser: NewBrowser) -> None:
    acme = [world.recording(world.ids["anna"]) for _ in range(3)]
    world.recording(world.ids["olle"])

    def open_lines() -> None:
        for row in Recording.select():
            LedgerLine.create(
                leg=row.leg_id, organisation=row.organisation_id, opened_at=row.started_at,
                closed_at=row.ended_at, outcome="recorded",
            )  # fmt: skip

    world.store.write_now(open_lines)
    first = await admin.get("/ledger?limit=2")
    rest = await admin.get(f"/ledger?limit=2&cursor={first['next_cursor']}")
    assert rest["next_cursor"] is None
    opened = [line["opened_at"] for line in first["lines"] + rest["lines"]]
    assert opened == ["2026-11-22T11:59:00.000Z", "2026-11-22T11:58:00.000Z", "2026-11-22T11:57:00.000Z"]
    assert len(acme) == len(opened)
    assert {line["name"] for line in first["lines"]} == {"Anna Andersson"}
    within = await admin.get("/ledger?from=2026-11-22T11:58:00Z&to=2026-11-22T11:59:00Z")
    assert [line["opened_at"] for line in within["lines"]] == ["2026-11-22T11:58:00.000Z"]
    assert (await admin("GET", "/ledger?from=yesterday")).status == 400
    assert (await admin("GET", "/ledger?from=2026-11-22T11:58:00")).status == 400
    world.user("revisor", world.store.read_now(lambda: Recording.get_by_id(acme[0]).organisation_id),
               role="auditor", mode="never")  # fmt: skip
    auditor = await Client.of(await open_browser("revisor"))
    assert len((await auditor.get("/ledger"))["lines"]) == 3
    assert NOON.isoformat().startswith("2026-11-22T12")
