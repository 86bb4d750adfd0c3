"""Tokens: who may make which, what one comes in with, and how it ends."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from ari_recorder.policies.rights import TOKEN_RIGHTS, Right
from ari_recorder.store import models
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.tokens import EACH, add
from ari_recorder.web.routes import ROUTES
from ari_recorder.web.routing import Open

from .world import NOON, PASSWORD, Answer, Browser, Clock, NewBrowser, World

API = "/api/v1/tokens"
RECORDINGS = "/api/v1/recordings"
READ = "recordings:read"
PERSON = Open.PERSON


class Program:
    """Somebody with a token, and neither cookies nor a form token."""

    def __init__(self, browser: Browser, secret: str) -> None:
        self.browser = browser
        self.headers = {"Authorization": f"Bearer {secret}"}

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        headers = {**self.headers, **options.pop("headers", {})}
        return await self.browser.request(method, path, headers=headers, **options)


async def post(browser: Browser, body: object, **headers: str) -> Answer:
    headers |= {"X-Form-Token": await browser.form_token("/"), "Content-Type": "application/json"}
    return await browser.request("POST", API, data=json.dumps(body), headers=headers)


async def made(browser: Browser, *scopes: str, **more: Any) -> dict[str, Any]:
    answer = await post(browser, {"name": "program", "scopes": scopes or [READ], **more})
    assert answer.status == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def put(world: World, user: str | None, *scopes: Right, organisation: str = "anna", **more: Any) -> str:
    """A token straight in the catalogue; its secret."""

    def write() -> str:
        of = models.User.get_by_id(world.ids[organisation]).organisation_id
        values = {"expires_at": None, "now": NOON} | more
        owner = world.ids[user] if user else None
        return add(Actor(ActorKind.NOBODY, "", ""), of, owner, "program", scopes, **values).secret

    return world.store.write_now(write)


def denials(world: World) -> list[dict[str, Any]]:
    rows = models.AuditLine.select().where(models.AuditLine.action == "denied")
    return world.store.read_now(lambda: [json.loads(row.detail) for row in rows])


async def test_a_personal_token_reads_what_its_user_reads(open_browser: NewBrowser, world: World) -> None:
    own, other = world.recording(world.ids["anna"]), world.recording(world.ids["bo"])
    browser = await open_browser("anna")
    token = await made(browser)
    assert token["secret"].startswith("ari_")
    assert token["hint"] == token["secret"][:8]
    assert token["expires_at"] == "2027-02-20T12:00:00.000Z"
    program = Program(await open_browser(), token["secret"])
    listed = (await program.ask("GET", RECORDINGS)).json()["recordings"]
    assert [row["id"] for row in listed] == [str(own)]
    assert (await program.ask("GET", f"{RECORDINGS}/{other}")).status == 404
    me = (await program.ask("GET", "/api/v1/me")).json()
    assert me["rights"] == [READ]
    assert (me["name"], me["role"]) == ("program (Anna Andersson)", None)


async def test_a_token_may_what_its_scopes_say_and_its_user_still_may(
    open_browser: NewBrowser, world: World
) -> None:
    recording = world.recording(world.ids["anna"])
    program = Program(await open_browser(), put(world, "anna", Right.RECORDINGS_READ))
    assert (await program.ask("GET", f"{RECORDINGS}/{recording}")).status == 200
    assert (await program.ask("GET", f"{RECORDINGS}/{recording}/audio")).status == 403
    assert (await program.ask("GET", "/api/v1/prompts")).status == 403
    world.change(models.User, world.ids["anna"], may_listen=False)
    assert (await program.ask("GET", f"{RECORDINGS}/{recording}")).status == 404


async def test_the_organisations_token_reads_everybodys_and_changes_without_a_form(
    open_browser: NewBrowser, world: World
) -> None:
    recordings = [world.recording(world.ids[user]) for user in ("bo", "anna")]
    foreign = world.recording(world.ids["olle"])
    secret = put(world, None, Right.RECORDINGS_READ, Right.RECORDINGS_ANNOTATE, Right.RECORDINGS_LISTEN)
    program = Program(await open_browser(), secret)
    listed = (await program.ask("GET", RECORDINGS)).json()["recordings"]
    assert {row["id"] for row in listed} == set(map(str, recordings))
    assert (await program.ask("GET", f"{RECORDINGS}/{foreign}")).status == 404
    noted = await program.ask("PATCH", f"{RECORDINGS}/{recordings[0]}", data='{"note": "n"}')
    assert (noted.status, noted.json()["note"]) == (200, "n")
    (change,) = (await program.ask("GET", f"{RECORDINGS}/{recordings[0]}/history")).json()["changes"]
    assert (change["by"], change["after"]) == ("program", "n")
    audio = await program.ask("GET", f"{RECORDINGS}/{recordings[0]}/audio?download=1")
    assert audio.status == 200
    assert "2026-11-22_12-59-00_102" in audio.headers["Content-Disposition"]  # the organisation's time


@pytest.mark.parametrize("how", ["unknown", "expired", "revoked", "user"])
async def test_a_token_that_is_none_any_more(
    open_browser: NewBrowser, world: World, clock: Clock, how: str
) -> None:
    secret = put(world, "anna", Right.RECORDINGS_READ, expires_at=NOON + timedelta(days=1))
    program = Program(await open_browser(), secret)
    assert (await program.ask("GET", RECORDINGS)).status == 200
    if how == "unknown":
        program.headers = {"Authorization": "Bearer ari_nothing"}
    elif how == "expired":
        clock.at = NOON + timedelta(days=1)
    elif how == "revoked":
        world.store.write_now(models.Token.update(revoked_at=NOON).execute)
    else:
        world.change(models.User, world.ids["anna"], removed_at=NOON)
    answer = await program.ask("GET", RECORDINGS)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert denials(world) == [{"reason": how}]


async def test_wrong_tokens_are_slowed_and_nobody_is_locked_out_by_them(
    open_browser: NewBrowser, world: World
) -> None:
    browser = await open_browser()
    wrong = Program(browser, "ari_wrong")
    statuses = [(await wrong.ask("GET", RECORDINGS)).status for _ in range(15)]
    assert statuses == [401] * 10 + [429] * 5
    assert len(denials(world)) == 10
    right = Program(browser, put(world, "anna", Right.RECORDINGS_READ))
    assert (await right.ask("GET", RECORDINGS)).status == 200


async def test_never_together_with_a_session(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("anna")
    answer = await Program(browser, put(world, "anna", Right.RECORDINGS_READ)).ask("GET", RECORDINGS)
    assert (answer.status, answer.json()["title"]) == (400, "Bad Request")


async def test_pages_are_not_for_tokens(open_browser: NewBrowser, world: World) -> None:
    program = Program(await open_browser(), put(world, "anna", *TOKEN_RIGHTS))
    assert (await program.ask("GET", "/")).status == 303


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer ", "bearer", "", "Bearer\tx"])
async def test_another_scheme_is_no_token(open_browser: NewBrowser, header: str) -> None:
    answer = await (await open_browser()).get(RECORDINGS, headers={"Authorization": header})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="ari_recorder"')


@pytest.mark.parametrize("secret", ["x" * 5000, "ari_" + "å" * 20, "ari_' OR 1=1 --"])
async def test_nonsense_is_no_token(open_browser: NewBrowser, secret: str) -> None:
    assert (await Program(await open_browser(), secret).ask("GET", RECORDINGS)).status == 401


async def test_no_token_makes_or_revokes_tokens(open_browser: NewBrowser, world: World) -> None:
    program = Program(await open_browser(), put(world, "admin-acme", *Right))
    body = json.dumps({"name": "x", "scopes": [READ]})
    id = world.store.read_now(lambda: models.Token.select().first().id)
    for method, path in (("GET", API), ("POST", API), ("GET", f"{API}/{id}"), ("DELETE", f"{API}/{id}")):
        answer = await program.ask(method, path, data=body if method == "POST" else None)
        assert answer.status == 403, method
    assert world.store.read_now(models.Token.select().count) == 1


OF_PEOPLE = {
    ("GET", "/api/v1/sessions"),
    ("DELETE", "/api/v1/sessions/{id}"),
    ("POST", "/api/v1/sessions/end-others"),
    ("PUT", "/api/v1/me/password"),
    ("GET", API),
    ("POST", API),
    ("GET", API + "/{id}"),
    ("DELETE", API + "/{id}"),
}
"""What a stolen token must not do, whatever its scopes."""


@pytest.mark.parametrize("whose", ["anna", None])
async def test_a_token_is_no_person(open_browser: NewBrowser, world: World, whose: str | None) -> None:
    assert {
        (route.method, route.path) for route in ROUTES if route.described and route.need is PERSON
    } == OF_PEOPLE
    browser = await open_browser("anna")
    id = world.store.read_now(lambda: models.Session.select().get().id)
    program = Program(await open_browser(), put(world, whose, *Right))
    body = json.dumps({"old": PASSWORD, "new": "seven yellow umbrellas"})
    for method, path in sorted(OF_PEOPLE):
        sent = {"data": body} if method in ("POST", "PUT") else {}
        answer = await program.ask(method, path.replace("{id}", str(id)), **sent)
        assert (answer.status, answer.json()["detail"]) == (
            403,
            "This is for people who sign in, not for tokens.",
        ), (method, path)
    assert [line["reason"] for line in denials(world)] == ["role"] * len(OF_PEOPLE)
    assert (await browser.get("/")).status == 200, "the session goes on"
    assert (await (await open_browser()).sign_in("anna")).status == 303, "so does the password"


async def test_the_account_is_of_people(open_browser: NewBrowser, world: World) -> None:
    program = Program(await open_browser(), put(world, "anna", *Right))
    own = [route for route in ROUTES if route.path.startswith("/account")]
    assert {route.need for route in own} == {PERSON, Open.HALFWAY}
    for route in own:
        answer = await program.ask(route.method, route.path.replace("{id}", str(uuid4())))
        assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, "/sign-in"), route.path


REFUSED = {
    "more than one may": ({"scopes": ["users:write"]}, 400, "scopes"),
    "what no token may": ({"scopes": ["tokens"]}, 400, "scopes"),
    "no such scope": ({"scopes": ["everything"]}, 400, "scopes"),
    "no scope": ({"scopes": []}, 400, "scopes"),
    "no name": ({"name": ""}, 400, "name"),
    "a name of spaces": ({"name": "  "}, 400, "name"),
    "a name that cannot be read": ({"name": "a\x1b[2J"}, 400, "name"),
    "too long a name": ({"name": "x" * 101}, 400, "name"),
    "a time gone by": ({"expires_at": "2026-11-22T12:00:00Z"}, 400, "expires_at"),
    "a time without zone": ({"expires_at": "2026-12-22T12:00:00"}, 400, "expires_at"),
    "a time before all": ({"expires_at": "0001-01-01T00:00:00+23:00"}, 400, "expires_at"),
    "for ever": ({"expires_at": None}, 400, "expires_at"),
    "what is unknown": ({"colour": "red"}, 400, "colour"),
    "the organisation's": ({"organisation": True}, 403, "administrators"),
}


@pytest.mark.parametrize(("change", "status", "told"), REFUSED.values(), ids=REFUSED)
async def test_what_a_user_cannot_have(
    open_browser: NewBrowser, world: World, change: dict[str, Any], status: int, told: str
) -> None:
    answer = await post(await open_browser("anna"), {"name": "p", "scopes": [READ], **change})
    assert (answer.status, told in answer.json()["detail"]) == (status, True), answer.text
    assert world.store.read_now(models.Token.select().count) == 0


async def test_an_administrator_makes_the_organisations_for_ever_and_revokes_every_one(
    open_browser: NewBrowser, world: World
) -> None:
    admin = await open_browser("admin-acme")
    token = await made(admin, "users:read", organisation=True, expires_at=None)
    assert (token["user"], token["expires_at"]) == (None, None)
    personal = await made(await open_browser("anna"))
    foreign = await made(await open_browser("olle"))
    listed = (await admin.get(API)).json()["tokens"]
    assert {row["id"] for row in listed} == {token["id"], personal["id"]}
    assert "secret" not in listed[0]
    headers = {"X-Form-Token": await admin.form_token("/")}
    assert (await admin.request("DELETE", f"{API}/{foreign['id']}", headers=headers)).status == 404
    assert (await admin.request("DELETE", f"{API}/{uuid4()}", headers=headers)).status == 404
    stale = await admin.request("DELETE", f"{API}/{personal['id']}", headers={**headers, "If-Match": '"x"'})
    assert stale.status == 412
    tag = (await admin.get(f"{API}/{personal['id']}")).headers["ETag"]
    gone = await admin.request("DELETE", f"{API}/{personal['id']}", headers={**headers, "If-Match": tag})
    assert (gone.status, gone.body) == (204, b"")
    program = Program(await open_browser(), personal["secret"])
    assert (await program.ask("GET", RECORDINGS)).status == 401
    assert [row["id"] for row in (await admin.get(API)).json()["tokens"]] == [token["id"]]


async def test_the_audit_names_the_token_and_never_its_secret(open_browser: NewBrowser, world: World) -> None:
    recording = world.recording(world.ids["anna"])
    token = await made(await open_browser("anna"), READ, "recordings:annotate")
    program = Program(await open_browser(), token["secret"])
    assert (await program.ask("PATCH", f"{RECORDINGS}/{recording}", data='{"mark": "red"}')).status == 200
    rows = world.store.read_now(lambda: list(models.AuditLine.select().order_by(models.AuditLine.number)))
    rows = [row for row in rows if row.action != "sign_in"]
    assert [(row.action, row.actor_kind) for row in rows] == [("create", "user"), ("annotate", "token")]
    assert rows[1].actor == token["id"]
    assert rows[1].actor_name == "program (Anna Andersson)"
    kept = world.store.read_now(lambda: list(models.Token.select().dicts()))
    assert token["secret"] not in str([vars(row) for row in rows]) + str(kept)


async def test_its_last_use_is_noted_at_most_once_a_minute(
    open_browser: NewBrowser, world: World, clock: Clock
) -> None:
    program = Program(await open_browser(), put(world, "anna", Right.RECORDINGS_READ))
    for seconds, noted in ((0, 0), (59, 0), (60, 60)):
        clock.at = NOON + timedelta(seconds=seconds)
        assert (await program.ask("GET", RECORDINGS)).status == 200
        await _until_seen(world, NOON + timedelta(seconds=noted))


async def _until_seen(world: World, at: object) -> None:
    async with asyncio.timeout(5):
        while world.store.read_now(lambda: models.Token.select().first().seen_at) != at:
            await asyncio.sleep(0.01)


async def test_the_same_key_makes_one_token_and_shows_the_secret_once(
    open_browser: NewBrowser, world: World
) -> None:
    browser = await open_browser("anna")
    body = {"name": "p", "scopes": [READ]}
    first = await post(browser, body, **{"Idempotency-Key": "k1"})
    again = await post(browser, body, **{"Idempotency-Key": "k1"})
    assert (first.status, again.status) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert again.json() == {name: value for name, value in first.json().items() if name != "secret"}
    assert again.headers["Location"] == first.headers["Location"] == f"{API}/{first.json()['id']}"
    assert UUID(first.json()["id"])
    assert world.store.read_now(models.Token.select().count) == 1
    kept = world.store.read_now(lambda: list(models.Answered.select().dicts()))
    assert first.json()["secret"] not in str(kept)
    shown = await browser.get(first.headers["Location"])
    assert shown.headers["ETag"] == first.headers["ETag"]


async def test_a_token_that_changes_users_signs_in_as_none_of_them(
    open_browser: NewBrowser, world: World
) -> None:
    program = Program(await open_browser(), put(world, None, Right.USERS_WRITE))
    path, words = f"/api/v1/users/{world.ids['anna']}", "words of somebody else"
    answer = await program.ask("PATCH", path, data=json.dumps({"password": words}))
    assert (answer.status, "by people" in answer.json()["detail"]) == (403, True)
    assert (await (await open_browser()).sign_in("anna", words)).status == 401
    for change in ({"name": "Anna B"}, {"password": None}):
        assert (await program.ask("PATCH", path, data=json.dumps(change))).status == 200, change
    added = {"name": "New", "login": "new", "password": words}
    assert (await program.ask("POST", "/api/v1/users", data=json.dumps(added))).status == 201
    auditor = added | {"login": "reader", "role": "auditor"}
    assert (await program.ask("POST", "/api/v1/users", data=json.dumps(auditor))).status == 403


async def test_nobody_has_tokens_without_end(open_browser: NewBrowser, world: World, clock: Clock) -> None:
    for _ in range(EACH):
        put(world, "anna", Right.RECORDINGS_READ, expires_at=NOON + timedelta(days=1))
    anna, admin = await open_browser("anna"), await open_browser("admin-acme")
    body = {"name": "one more", "scopes": [READ]}
    refused = await post(anna, body)
    assert (refused.status, refused.json()["detail"]) == (
        409, "There are 50 tokens already: revoke one first.",
    )  # fmt: skip
    assert (await post(admin, body)).status == 201, "those of others are theirs"
    for _ in range(EACH):
        put(world, None, Right.RECORDINGS_READ)
    form = {"name": "CRM", "of": "organisation", "lasting": "90", "scopes": READ}
    page = await admin.post("/tokens/new", {**form, "form_token": await admin.form_token("/tokens/new")})
    assert page.status == 422
    assert "There are 50 tokens already" in page.text
    clock.at += timedelta(days=2)
    assert (await post(await open_browser("anna"), body)).status == 201, "what has ended is none"
