"""The page "Account" and its API: one's own password and sessions, and nobody else's."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest

from ari_recorder.store import passwords
from ari_recorder.store.access import access_revision
from ari_recorder.store.models import AuditLine
from ari_recorder.web import session
from lab.directory import change_user

from .world import PASSWORD, Browser, NewBrowser, World

NEW = "seven yellow umbrellas"


async def change(browser: Browser, old: str, new: str, repeated: str | None = None) -> tuple[int, str]:
    fields = {
        "form_token": await browser.form_token("/account"),
        "password": old,
        "new": new,
        "repeated": new if repeated is None else repeated,
    }
    answer = await browser.post("/account/password", fields)
    return answer.status, answer.text


async def send(browser: Browser, method: str, path: str, body: object = None) -> tuple[int, object]:
    headers = {"X-Form-Token": await browser.form_token("/account")}
    data = None if body is None else json.dumps(body)
    answer = await browser.request(method, path, data=data, headers=headers)
    return answer.status, answer.json() if answer.body else None


@pytest.mark.parametrize("role", ["user", "supervisor", "administrator", "auditor", "operator"])
async def test_everybody_has_an_account(open_browser: NewBrowser, world: World, role: str) -> None:
    world.store.write_now(change_user, "anna", role=role)
    browser = await open_browser("anna")
    account = await browser.get("/account")
    assert account.status == 200
    for shown in ("Anna Andersson", "Acme", "101", 'href="/account"'):
        assert shown in account.text
    hears = role in ("user", "supervisor", "administrator")
    assert ('href="/calls"' in account.text) is hears
    begins = {"auditor": "/audit", "operator": "/organisations"}.get(role)
    first = await browser.get("/")
    assert (first.status, first.headers.get("Location")) == (200 if hears else 303, begins)


async def test_ones_own_password_is_changed(open_browser: NewBrowser, world: World) -> None:
    browser, other = await open_browser("anna"), await open_browser("anna")
    revision = world.store.read_now(access_revision)
    assert (await change(browser, PASSWORD, NEW))[0] == 303
    assert (await browser.get("/account?done=password")).text.count("Your password was changed") == 1
    assert (await other.get("/")).status == 303, "other sessions are over"
    assert world.store.read_now(access_revision) > revision
    assert (await (await open_browser()).sign_in("anna", PASSWORD)).status == 401
    assert (await (await open_browser()).sign_in("anna", NEW)).status == 303
    (line,) = world.store.read_now(lambda: list(AuditLine.select().where(AuditLine.action == "change")))
    assert (line.subject_kind, line.subject, line.actor_name) == ("password", str(world.ids["anna"]), "anna")
    assert NEW not in line.detail


@pytest.mark.parametrize(
    ("old", "new", "repeated", "said"),
    [
        ("wrong", NEW, NEW, "Your password is not right."),
        (PASSWORD, NEW, NEW + "x", "not the same"),
        (PASSWORD, "short", "short", "at least 8 characters"),
        (PASSWORD, "x y" * 50, "x y" * 50, "at most 128 characters"),
        (PASSWORD, "password1", "password1", "tried first"),
        (PASSWORD, "demo-anything-goes", "demo-anything-goes", "tried first"),
        (PASSWORD, "andersson101", "andersson101", "little more than your login"),
        (PASSWORD, "", "", "at least 8"),
    ],
)
async def test_a_password_that_will_not_do(
    open_browser: NewBrowser, old: str, new: str, repeated: str, said: str
) -> None:
    browser = await open_browser("anna")
    status, text = await change(browser, old, new, repeated)
    assert status == 422
    assert said in text
    assert (await (await open_browser()).sign_in("anna", PASSWORD)).status == 303, "the old one still holds"


async def test_a_stolen_session_cannot_try_passwords_for_ever(open_browser: NewBrowser) -> None:
    browser = await open_browser("anna")
    statuses = [(await change(browser, "wrong", NEW))[0] for _ in range(7)]
    assert statuses == [422] * 5 + [429] * 2


async def test_an_administrator_needs_a_longer_one(open_browser: NewBrowser) -> None:
    browser = await open_browser("admin-acme")
    assert "at least 15 characters" in (await change(browser, PASSWORD, "tv9 kxq mru zw"))[1]
    assert (await change(browser, PASSWORD, "tv9 kxq mru zw2"))[0] == 303


async def test_sessions_are_listed_and_ended(open_browser: NewBrowser, world: World) -> None:
    browser, phone, third = [await open_browser("anna") for _ in range(3)]
    status, listed = await send(browser, "GET", "/api/v1/sessions")
    assert status == 200
    rows = listed["sessions"]  # type: ignore[index]
    assert [row["current"] for row in rows].count(True) == 1
    assert all(row["address"] == "127.0.0.1" for row in rows)
    text = (await browser.get("/account")).text
    assert text.count("/end") == 3, "two, and all others"
    mine = {
        row["id"] for row in (await send(phone, "GET", "/api/v1/sessions"))[1]["sessions"] if row["current"]
    }  # type: ignore[index]
    fields = {"form_token": await browser.form_token("/account")}
    assert (await browser.post(f"/account/sessions/{mine.pop()}/end", fields)).status == 303
    assert [(await one.get("/")).status for one in (browser, phone, third)] == [200, 303, 200]
    assert (await browser.post("/account/sessions/end-others", fields)).status == 303
    assert [(await one.get("/")).status for one in (browser, phone, third)] == [200, 303, 303]
    lines = world.store.read_now(lambda: list(AuditLine.select().where(AuditLine.action == "sign_out")))
    assert len(lines) == 2


async def test_sessions_by_api(open_browser: NewBrowser) -> None:
    browser, other = await open_browser("anna"), await open_browser("anna")
    assert await send(browser, "POST", "/api/v1/sessions/end-others") == (200, {"ended": 1})
    assert (await other.get("/api/v1/recordings")).status == 401
    (row,) = (await send(browser, "GET", "/api/v1/sessions"))[1]["sessions"]  # type: ignore[index]
    assert row["created_at"] == row["seen_at"] == "2026-11-22T12:00:00.000Z"
    assert (await send(browser, "DELETE", f"/api/v1/sessions/{row['id']}")) == (204, None)
    assert (await browser.get("/api/v1/recordings")).status == 401


async def test_nobody_ends_the_session_of_somebody_else(open_browser: NewBrowser) -> None:
    anna, admin = await open_browser("anna"), await open_browser("admin-acme")
    (row,) = (await send(anna, "GET", "/api/v1/sessions"))[1]["sessions"]  # type: ignore[index]
    fields = {"form_token": await admin.form_token("/account")}
    for which in (row["id"], uuid4(), "nonsense"):
        assert (await admin.post(f"/account/sessions/{which}/end", fields)).status == 404
        assert (await send(admin, "DELETE", f"/api/v1/sessions/{which}"))[0] == 404
    assert (await anna.get("/")).status == 200
    assert row["id"] not in (await admin.get("/account")).text


async def test_the_password_by_api(open_browser: NewBrowser, world: World) -> None:
    browser, path = await open_browser("anna"), "/api/v1/me/password"
    status, problem = await send(browser, "PUT", path, {"old": "wrong", "new": NEW})
    assert (status, problem["detail"]) == (403, "old: that is not your password.")  # type: ignore[index]
    (denied,) = world.store.read_now(lambda: list(AuditLine.select().where(AuditLine.action == "denied")))
    assert (denied.subject_kind, denied.subject) == ("password", str(world.ids["anna"]))
    status, problem = await send(browser, "PUT", path, {"old": PASSWORD, "new": "anna1234"})
    assert (status, problem["problem"], problem["least"]) == (422, "personal", 8)  # type: ignore[index]
    await browser.get("/account?lang=sv")
    status, problem = await send(browser, "PUT", path, {"old": PASSWORD, "new": "kort"})
    assert "Det nya lösenordet är för kort" in problem["detail"]  # type: ignore[index]
    for body in ({"old": PASSWORD}, {"old": PASSWORD, "new": NEW, "x": 1}, {"old": 1, "new": NEW}, []):
        assert (await send(browser, "PUT", path, body))[0] == 400
    assert await send(browser, "PUT", path, {"old": PASSWORD, "new": NEW}) == (204, None)
    assert (await browser.get("/")).status == 200, "this session goes on"
    assert (await (await open_browser()).sign_in("anna", NEW)).status == 303


async def test_no_change_without_the_sessions_token(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("anna")
    fields = {"password": PASSWORD, "new": NEW, "repeated": NEW}
    for path in (
        "/account/password", "/account/sessions/end-others", f"/account/sessions/{uuid4()}/end",
        "/account/second-factor/app", "/account/second-factor/app/confirm",
        "/account/second-factor/passkey", "/account/second-factor/passkey/options",
        "/account/second-factor/codes", f"/account/second-factor/{uuid4()}/remove",
        "/sign-in/second-factor", "/sign-in/second-factor/passkey",
    ):  # fmt: skip
        assert (await browser.post(path, fields)).status == 403, path
    assert world.store.read_now(passwords.stored_of, "anna") is not None
    assert (await (await open_browser()).sign_in("anna", PASSWORD)).status == 303


async def test_there_are_only_so_many_sessions_of_one_person(
    open_browser: NewBrowser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ari_recorder.store.sessions.MOST_EACH", 3)
    browsers = [await open_browser("anna") for _ in range(4)]
    assert [(await one.get("/")).status for one in browsers] == [303, 200, 200, 200]
    assert browsers[0].cookie(session.COOKIE)
    assert isinstance(world.ids["anna"], UUID)
