"""Signing in and out: passwords, sessions that end when they should, and forms."""

from __future__ import annotations

from datetime import timedelta

import pytest
from yarl import URL

from ari_recorder.policies.proxies import Networks
from ari_recorder.store.access import access_revision
from ari_recorder.store.models import Session, User
from ari_recorder.web import session, signin
from lab.directory import change_user

from .world import NOON, PASSWORD, Clock, NewBrowser, World, only, token_in, until

HTTPS = {"X-Forwarded-Proto": "https"}


async def test_a_page_asked_for_signed_out_comes_after_signing_in(open_browser: NewBrowser) -> None:
    browser = await open_browser()
    asked = await browser.get("/recordings/x?a=1&b=%26")
    assert (asked.status, URL(asked.headers["Location"]).path) == (303, "/sign-in")
    form = await browser.get(asked.headers["Location"])
    assert 'name="next" value="/recordings/x?a=1&amp;b=%26"' in form.text
    signed_in = await browser.sign_in("anna", back="/recordings/x?a=1&b=%26")
    assert (signed_in.status, signed_in.headers["Location"]) == (303, "/recordings/x?a=1&b=%26")
    assert (await browser.get("/")).status == 200


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil",
        "/\t/evil",
        "/\n",
        "x",
        "javascript:1",
    ],
)
async def test_nobody_is_sent_to_another_site(open_browser: NewBrowser, elsewhere: str) -> None:
    assert signin.local_path(elsewhere) == "/"
    browser = await open_browser()
    assert (await browser.sign_in("anna", back=elsewhere)).headers["Location"] == "/"


@pytest.mark.parametrize("login", ["Anna", "ANNA", " anna", "anna "])
async def test_a_login_is_typed_as_people_type_it(open_browser: NewBrowser, login: str) -> None:
    browser = await open_browser()
    assert (await browser.sign_in(login)).status == 303
    assert "Anna" in (await browser.get("/account")).text


@pytest.mark.parametrize(
    ("login", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("", ""), ("a\0", "\0")]
)
async def test_a_wrong_password_and_an_unknown_login_are_answered_alike(
    open_browser: NewBrowser, login: str, password: str
) -> None:
    browser = await open_browser()
    answer = await browser.sign_in(login, password)
    assert answer.status == 401
    assert "Login or password is not right." in answer.text
    assert (await browser.get("/")).status == 303


async def test_the_cookie_is_hidden_from_scripts_and_other_sites(open_browser: NewBrowser) -> None:
    browser = await open_browser()
    cookie = (await browser.sign_in("anna")).cookies[session.COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie["max-age"] == "43200"
    assert not cookie["secure"]


async def test_over_https_the_cookie_is_of_this_host_alone(open_browser: NewBrowser) -> None:
    browser = await open_browser(trusted_proxies=Networks.of(["127.0.0.1"]))
    fields = {"login": "anna", "password": PASSWORD, "next": "/", "form_token": await browser.form_token()}
    answer = await browser.post("/sign-in", fields, headers=HTTPS)
    assert answer.status == 403, "the form's cookie was not set over HTTPS"
    form = await browser.get("/sign-in", headers=HTTPS)
    cookies = {"Cookie": "; ".join(f"{name}={form.cookies[name].value}" for name in form.cookies)}
    assert list(form.cookies) == ["__Host-" + session.FORM_COOKIE]
    answer = await browser.post(
        "/sign-in", fields | {"form_token": token_in(form.text)}, headers=HTTPS | cookies
    )
    assert answer.status == 303
    cookie = answer.cookies["__Host-" + session.COOKIE]
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
    value = cookie.value
    for name, status in ((f"__Host-{session.COOKIE}", 200), (session.COOKIE, 303)):
        asked = await browser.get("/", headers=HTTPS | {"Cookie": f"{name}={value}"})
        assert asked.status == status, "a plain cookie may be of another host's making"


async def test_signing_out(open_browser: NewBrowser) -> None:
    browser = await open_browser("anna")
    out = await browser.post("/sign-out", {"form_token": await browser.form_token("/")})
    assert (out.status, out.headers["Location"]) == (303, "/sign-in")
    assert (await browser.get("/")).status == 303


async def test_signing_out_ends_every_copy_of_the_session(open_browser: NewBrowser) -> None:
    browser, elsewhere = await open_browser("anna"), await open_browser()
    copied = {"Cookie": f"{session.COOKIE}={browser.cookie(session.COOKIE)}"}
    other = await open_browser("anna")
    assert (await elsewhere.get("/", headers=copied)).status == 200
    await browser.post("/sign-out", {"form_token": await browser.form_token("/")})
    assert (await elsewhere.get("/", headers=copied)).status == 303
    assert (await elsewhere.get("/api/v1/recordings", headers=copied)).status == 401
    assert (await other.get("/")).status == 200, "other sessions go on"


async def test_a_session_ends_with_its_time(open_browser: NewBrowser, clock: Clock) -> None:
    browser = await open_browser("anna")
    for hours in range(1, 12):
        clock.at = NOON + timedelta(hours=hours)
        assert (await browser.get("/")).status == 200
    clock.at = NOON + timedelta(hours=11, minutes=59)
    assert (await browser.get("/")).status == 200
    clock.at = NOON + timedelta(hours=12)
    assert (await browser.get("/")).status == 303


async def test_a_session_ends_when_it_is_not_used(open_browser: NewBrowser, clock: Clock) -> None:
    browser = await open_browser("anna")
    clock.at += timedelta(hours=1, minutes=59)
    assert (await browser.get("/")).status == 200
    clock.at += timedelta(hours=2)
    assert (await browser.get("/")).status == 303


async def test_an_open_feed_uses_the_session(
    open_browser: NewBrowser, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SEEN_EVERY", timedelta(seconds=0.01))
    browser = await open_browser("anna")
    async with browser.client.ws_connect("/api/v1/live"):
        for _ in range(3):
            before = clock.at
            clock.at += timedelta(hours=1)
            await until(lambda before=before: only(Session).seen_at > before)
    assert (await browser.get("/")).status == 200


async def test_that_a_session_is_used_is_written_once_a_minute(
    open_browser: NewBrowser, clock: Clock, world: World
) -> None:
    browser = await open_browser("anna")
    clock.at = NOON + timedelta(seconds=59)
    await browser.get("/")
    assert world.store.read_now(lambda: only(Session).seen_at) == NOON
    clock.at = NOON + timedelta(seconds=60)
    await browser.get("/")
    assert world.store.read_now(lambda: only(Session).seen_at) == clock.at


async def test_signing_in_makes_a_new_session(open_browser: NewBrowser) -> None:
    browser, stranger = await open_browser(), await open_browser()
    fixed = {"Cookie": f"{session.COOKIE}=known-to-a-stranger"}
    form = await browser.get("/sign-in", headers=fixed)
    fields = {"login": "anna", "password": PASSWORD, "form_token": token_in(form.text)}
    cookies = f"{fixed['Cookie']}; {session.FORM_COOKIE}={form.cookies[session.FORM_COOKIE].value}"
    first = (
        (await stranger.post("/sign-in", fields, headers={"Cookie": cookies})).cookies[session.COOKIE].value
    )
    assert first != "known-to-a-stranger"
    browser = await open_browser("anna")
    first = browser.cookie(session.COOKIE)
    again = {"login": "bo", "password": PASSWORD, "form_token": await browser.form_token("/")}
    assert (await browser.post("/sign-in", again)).status == 303
    assert browser.cookie(session.COOKIE) != first
    old = {"Cookie": f"{session.COOKIE}={first}"}
    assert (await (await open_browser()).get("/", headers=old)).status == 303, "the one before is over"


async def test_a_deleted_user_is_signed_out_at_once(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("anna")
    world.delete_user(world.ids["anna"])
    assert (await browser.get("/")).status == 303
    assert (await browser.get("/api/v1/recordings")).status == 401


async def test_a_changed_password_ends_the_session(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("anna")
    before = world.store.read_now(access_revision)
    world.store.write_now(change_user, "anna", password="of quite another kind")
    assert (await browser.get("/")).status == 303
    assert world.store.read_now(access_revision) > before, "what is open is looked at"


async def test_a_changed_role_takes_effect_at_once(open_browser: NewBrowser, world: World) -> None:
    recording = world.recording(world.ids["anna"])
    browser = await open_browser("admin-acme")
    assert (await browser.get(f"/recordings/{recording}")).status == 200
    world.change(User, world.ids["admin-acme"], role="user")
    assert (await browser.get(f"/recordings/{recording}")).status == 404
    world.store.write_now(change_user, "admin-acme", role="administrator")
    assert (await browser.get("/")).status == 303, "who becomes more signs in anew"


@pytest.mark.parametrize("secret", ["", "nonsense", "x" * 5000, "\u00e9", "0" * 43])
async def test_a_forged_cookie_is_nobody(open_browser: NewBrowser, secret: str) -> None:
    await open_browser("anna")
    answer = await (await open_browser()).get("/", headers={"Cookie": f"{session.COOKIE}={secret}"})
    assert answer.status == 303


async def test_what_is_in_the_catalogue_is_no_cookie(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("anna")
    row = world.store.read_now(lambda: only(Session))
    assert browser.cookie(session.COOKIE) not in (row.secret_sha256, row.form_token)
    stranger = await open_browser()
    for value in (row.secret_sha256, row.form_token, str(row.id)):
        assert (await stranger.get("/", headers={"Cookie": f"{session.COOKIE}={value}"})).status == 303


async def test_a_form_of_another_browser_or_of_long_ago_signs_nobody_in(
    open_browser: NewBrowser, clock: Clock
) -> None:
    browser, other = await open_browser(), await open_browser()
    fields = {"login": "anna", "password": PASSWORD, "next": "/", "form_token": await other.form_token()}
    assert (await browser.post("/sign-in", fields)).status == 403, "no cookie"
    await browser.get("/sign-in")
    assert (await browser.post("/sign-in", fields)).status == 403, "another's cookie"
    cookie = browser.cookie(session.FORM_COOKIE)
    assert (await browser.post("/sign-in", fields | {"form_token": cookie})).status == 403, "not sealed"
    fields["form_token"] = await browser.form_token()
    clock.at += session.FORM_WITHIN + timedelta(seconds=1)
    assert (await browser.post("/sign-in", fields)).status == 403, "too old"
    fields["form_token"] = await browser.form_token()
    assert (await browser.post("/sign-in", fields)).status == 303


async def test_a_form_token_of_another_session_is_refused(open_browser: NewBrowser) -> None:
    anna, bo = await open_browser("anna"), await open_browser("bo")
    foreign = {"form_token": await bo.form_token("/")}
    assert (await anna.post("/sign-out", foreign)).status == 403
    assert (
        await anna.post("/sign-out", {"form_token": await (await open_browser()).form_token()})
    ).status == 403
    assert (await bo.post("/sign-out", foreign)).status == 303


@pytest.mark.parametrize("token", ["", "wrong", "é"])
async def test_a_form_without_its_token_is_refused(open_browser: NewBrowser, token: str) -> None:
    browser = await open_browser("anna")
    assert (await browser.post("/sign-out", {"form_token": token})).status == 403
    assert (await browser.get("/")).status == 200
    fields = {"login": "anna", "password": PASSWORD, "form_token": token}
    signed_out = await open_browser()
    answer = await signed_out.post("/sign-in", fields)
    assert answer.status == 403
    assert "Please sign in again." in answer.text
    assert (await signed_out.get("/")).status == 303


async def test_a_form_sent_by_another_site_is_refused(open_browser: NewBrowser) -> None:
    browser = await open_browser("anna")
    fields = {"form_token": await browser.form_token("/")}
    crossed = await browser.post("/sign-out", fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert crossed.status == 403
    assert (await browser.post("/sign-out", fields, headers={"Sec-Fetch-Site": "same-origin"})).status == 303


async def test_what_is_not_a_form_is_refused(open_browser: NewBrowser) -> None:
    browser = await open_browser()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await browser.request("POST", "/sign-in", data=b"login=\xff\xfe", headers=kind)).status == 400
    assert (await browser.request("POST", "/sign-in", data=b"x" * 70_000, headers=kind)).status == 413


async def test_a_default_password_is_of_no_use_where_others_reach(
    open_browser: NewBrowser, world: World
) -> None:
    here = await open_browser("anna")
    world.change(User, world.ids["anna"], password_is_default=True)
    assert (await here.get("/")).status == 200
    exposed = await open_browser(host="192.0.2.1")
    answer = await exposed.sign_in("anna")
    assert answer.status == 403
    assert "default one" in answer.text
    assert (await exposed.get("/")).status == 303
    world.change(User, world.ids["anna"], password_is_default=False)
    assert (await exposed.sign_in("anna")).status == 303
    world.change(User, world.ids["anna"], password_is_default=True)
    assert (await exposed.get("/")).status == 303, "nor with a session begun before"


async def test_a_password_that_a_name_was_made_like_is_a_default_one(
    open_browser: NewBrowser, world: World
) -> None:
    world.change(User, world.ids["anna"], name=PASSWORD)
    assert (await (await open_browser()).sign_in("anna")).status == 303
    exposed = await open_browser(host="192.0.2.1")
    answer = await exposed.sign_in("anna")
    assert (answer.status, "default one" in answer.text) == (403, True)
