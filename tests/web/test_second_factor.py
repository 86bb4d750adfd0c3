"""The second factor: added, asked for, required, lost; and nothing of it is taken twice."""

from __future__ import annotations

import asyncio
import html
import re
from datetime import datetime, timedelta

import pyotp
import pytest

from ari_recorder.store import second_factors
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.models import AuditLine, Organisation, SecondFactor, Session, User
from ari_recorder.web import enrolment, session
from ari_recorder.web.factors import Challenges, new_codes, totp_step

from .world import NOON, PASSWORD, Answer, Browser, Clock, NewBrowser, World

OPERATOR = Actor(ActorKind.COMMAND_LINE, "root", "root")
STEP = "/sign-in/second-factor"
APP = "/account/second-factor/app"
CLOSED = (
    "/",
    "/account",
    "/calls",
    "/prompts",
    "/api/v1/recordings",
    "/api/v1/me",
    "/api/v1/sessions",
    "/api/v1/live",
)


def code_of(secret: str, at: datetime) -> str:
    return pyotp.TOTP(secret).at(at)


def field(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', text)
    assert found, name
    return html.unescape(found[1])


def secret_in(text: str) -> str:
    found = re.search(r'<p class="secret"><code>([^<]+)</code>', text)
    assert found
    return found[1].replace(" ", "")


def codes_in(text: str) -> list[str]:
    return re.findall(r"<li><code>([a-z2-7-]+)</code></li>", text)


async def begin_app(browser: Browser, password: str = PASSWORD, page: str = "/account") -> Answer:
    return await browser.post(APP, {"form_token": await browser.form_token(page), "password": password})


async def add_app(browser: Browser, clock: Clock, page: str = "/account") -> tuple[str, Answer]:
    """Add an app; its secret, and the answer to its first code."""
    shown = (await begin_app(browser, page=page)).text
    secret = secret_in(shown)
    fields = {name: field(shown, name) for name in ("form_token", "sealed")}
    fields["code"] = code_of(secret, clock.at)
    answer = await browser.post(f"{APP}/confirm", fields)
    clock.at += timedelta(seconds=30)
    return secret, answer


async def give(browser: Browser, code: str, back: str = "/") -> Answer:
    fields = {"form_token": await browser.form_token(STEP), "code": code, "next": back}
    return await browser.post(STEP, fields)


async def is_closed(browser: Browser) -> bool:
    """Whether nothing but the second step opens."""
    for path in CLOSED:
        answer = await browser.get(path)
        location = answer.headers.get("Location", "")
        if answer.status != 401 and not (answer.status == 303 and location.startswith(STEP)):
            return False
    return True


def require(world: World, roles: str) -> None:
    world.store.write_now(lambda: Organisation.update(second_factor=roles).execute())


async def test_an_app_is_added_and_asked_for(open_browser: NewBrowser, clock: Clock, world: World) -> None:
    browser, other = await open_browser("anna"), await open_browser("anna")
    before = browser.cookie(session.COOKIE)
    secret, answer = await add_app(browser, clock)
    assert answer.status == 200
    assert len(set(codes_in(answer.text))) == 10
    assert (await browser.get("/")).status == 200
    assert (await other.get("/")).status == 303, "sessions that did not give it are over"
    again = await open_browser()
    signed_in = await again.sign_in("anna", back="/calls")
    assert signed_in.headers["Location"] == f"{STEP}?next=/calls"
    assert await is_closed(again)
    half = again.cookie(session.COOKIE)
    assert (await give(again, "000000")).status == 401
    answer = await give(again, code_of(secret, clock.at), "/calls")
    assert (answer.status, answer.headers["Location"]) == (303, "/calls")
    assert (await again.get("/")).status == 200
    assert again.cookie(session.COOKIE) not in (half, before), "what was known before is not what opens"
    lines = [
        line.action for line in world.store.read_now(lambda: list(AuditLine.select().order_by(AuditLine.id)))
    ]
    assert lines == ["sign_in", "sign_in", "create", "sign_in_failed", "sign_in"]


async def test_the_secret_is_kept_encrypted(open_browser: NewBrowser, clock: Clock, world: World) -> None:
    secret, answer = await add_app(await open_browser("anna"), clock)
    kept = world.store.read_now(lambda: [row.secret for row in SecondFactor.select()])
    assert not any(secret in one for one in kept)
    assert not set(codes_in(answer.text)) & set(kept)


async def test_a_code_is_taken_once(open_browser: NewBrowser, clock: Clock) -> None:
    browser = await open_browser("anna")
    clock.at -= timedelta(seconds=30)
    secret, _ = await add_app(browser, clock)
    first, second = await open_browser(), await open_browser()
    await first.sign_in("anna")
    await second.sign_in("anna")
    code = code_of(secret, clock.at)
    assert (await give(first, code)).status == 303
    assert (await give(second, code)).status == 401
    clock.at += timedelta(seconds=30)
    assert (await give(second, code)).status == 401, "nor is an earlier one"
    assert (await give(second, code_of(secret, clock.at))).status == 303


async def test_the_code_that_adds_an_app_does_not_sign_in(open_browser: NewBrowser, clock: Clock) -> None:
    browser = await open_browser("anna")
    secret, _ = await add_app(browser, clock)
    again = await open_browser()
    await again.sign_in("anna")
    assert (await give(again, code_of(secret, clock.at - timedelta(seconds=30)))).status == 401


def test_a_clock_may_be_a_step_off_and_no_more() -> None:
    secret = pyotp.random_base32()
    steps = {
        shift: totp_step(secret, code_of(secret, NOON + timedelta(seconds=shift)), NOON)
        for shift in (-60, -30, 0, 30, 60)
    }
    now = steps[0]
    assert now is not None
    assert steps == {-60: None, -30: now - 1, 0: now, 30: now + 1, 60: None}
    assert totp_step(secret, " ".join(code_of(secret, NOON)), NOON) == now
    for nonsense in ("", "12345", "é" * 6, "1234567"):
        assert totp_step(secret, nonsense, NOON) is None


async def test_wrong_codes_slow_down(open_browser: NewBrowser, clock: Clock) -> None:
    secret, _ = await add_app(await open_browser("anna"), clock)
    browser = await open_browser()
    await browser.sign_in("anna")
    assert [(await give(browser, "000000")).status for _ in range(5)] == [401] * 4 + [429]
    assert (await give(browser, code_of(secret, clock.at))).status == 429
    another = browser.another()
    await another.sign_in("anna")
    assert (await give(another, code_of(secret, clock.at))).status == 429, "a new session is no new start"
    clock.at += timedelta(seconds=30)
    assert (await give(another, code_of(secret, clock.at))).status == 303


async def test_wrong_codes_side_by_side_all_count(open_browser: NewBrowser, clock: Clock) -> None:
    await add_app(await open_browser("anna"), clock)
    browser = await open_browser()
    await browser.sign_in("anna")
    fields = {"form_token": await browser.form_token(STEP), "next": "/"}
    guesses = [browser.post(STEP, fields | {"code": f"{code:06}"}) for code in range(30)]
    statuses = [answer.status for answer in await asyncio.gather(*guesses)]
    assert statuses.count(401) == 4, statuses


async def test_a_right_code_is_no_failure(open_browser: NewBrowser, clock: Clock) -> None:
    secret, _ = await add_app(await open_browser("anna"), clock)
    for _ in range(25):
        browser = await open_browser()
        await browser.sign_in("anna")
        assert (await give(browser, code_of(secret, clock.at))).status == 303
        clock.at += timedelta(seconds=30)


async def test_a_recovery_code_works_once(open_browser: NewBrowser, clock: Clock) -> None:
    browser = await open_browser("anna")
    _, answer = await add_app(browser, clock)
    code = codes_in(answer.text)[3]
    first = await open_browser()
    await first.sign_in("anna")
    assert (await give(first, f" {code.upper().replace('-', ' ')} ")).status == 303
    second = await open_browser()
    await second.sign_in("anna")
    assert (await give(second, code)).status == 401
    assert "9 codes left" in (await first.get("/account")).text
    fields = {"form_token": await first.form_token("/account"), "password": PASSWORD}
    new = codes_in((await first.post("/account/second-factor/codes", fields)).text)
    assert (await give(second, codes_in(answer.text)[4])).status == 401, "those before are void"
    assert (await give(second, new[0])).status == 303


def test_recovery_codes_have_more_than_112_bits() -> None:
    codes = new_codes()
    assert all(len(code.replace("-", "")) * 5 >= 112 for code in codes)
    assert len(set(codes)) == len(codes)


async def test_half_a_sign_in_is_over_soon(open_browser: NewBrowser, clock: Clock) -> None:
    secret, _ = await add_app(await open_browser("anna"), clock)
    browser = await open_browser()
    await browser.sign_in("anna")
    clock.at += timedelta(minutes=10)
    fields = {"form_token": "x", "code": code_of(secret, clock.at)}
    answer = await browser.post(STEP, fields)
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")


async def test_half_a_sign_in_adds_no_factor_where_there_is_one(
    open_browser: NewBrowser, clock: Clock
) -> None:
    await add_app(await open_browser("anna"), clock)
    browser = await open_browser()
    await browser.sign_in("anna")
    token = await browser.form_token(STEP)
    for path in (
        APP,
        f"{APP}/confirm",
        "/account/second-factor/passkey",
        "/account/second-factor/passkey/options",
    ):
        assert (await browser.post(path, {"form_token": token, "password": PASSWORD})).status == 403, path
    assert await is_closed(browser)


async def test_adding_and_removing_ask_for_the_password(
    open_browser: NewBrowser, clock: Clock, world: World
) -> None:
    browser = await open_browser("anna")
    assert (await begin_app(browser, "wrong")).status == 422
    options = {"form_token": await browser.form_token("/account"), "password": "wrong"}
    answer = await browser.post("/account/second-factor/passkey/options", options)
    assert (answer.status, answer.json()) == (422, {"problem": "Your password is not right."})
    await add_app(browser, clock)
    (factor,) = world.store.read_now(second_factors.list_of, world.ids["anna"])
    for password, status in (("wrong", 422), (PASSWORD, 303)):
        fields = {"form_token": await browser.form_token("/account"), "password": password}
        assert (await browser.post(f"/account/second-factor/{factor.id}/remove", fields)).status == status
    assert world.store.read_now(lambda: SecondFactor.select().count()) == 0, (
        "its recovery codes are gone, too"
    )
    assert (await (await open_browser()).sign_in("anna")).headers["Location"] == "/"


async def test_nobody_removes_the_factor_of_somebody_else(
    open_browser: NewBrowser, clock: Clock, world: World
) -> None:
    await add_app(await open_browser("anna"), clock)
    (factor,) = world.store.read_now(second_factors.list_of, world.ids["anna"])
    bo = await open_browser("bo")
    fields = {"form_token": await bo.form_token("/account"), "password": PASSWORD}
    assert (await bo.post(f"/account/second-factor/{factor.id}/remove", fields)).status == 404
    assert world.store.read_now(second_factors.list_of, world.ids["anna"])


async def test_a_new_app_is_confirmed_in_its_own_session_and_time(
    open_browser: NewBrowser, clock: Clock
) -> None:
    browser, other = await open_browser("anna"), await open_browser("anna")
    shown = (await begin_app(browser)).text
    sealed, secret = field(shown, "sealed"), secret_in(shown)

    async def confirm(who: Browser, sealed: str, code: str) -> Answer:
        token = await who.form_token("/account")
        return await who.post(f"{APP}/confirm", {"form_token": token, "sealed": sealed, "code": code})

    assert "Begin again" in (await confirm(other, sealed, code_of(secret, clock.at))).text
    assert "Begin again" in (await confirm(browser, sealed[:-3] + "AAA", code_of(secret, clock.at))).text
    wrong = await confirm(browser, sealed, "000000")
    assert (wrong.status, field(wrong.text, "sealed")) == (422, sealed), "the same picture again"
    clock.at += enrolment.NEW + timedelta(seconds=1)
    assert "Begin again" in (await confirm(browser, sealed, code_of(secret, clock.at))).text
    assert "Recovery codes" not in (await browser.get("/account")).text


@pytest.mark.parametrize("role", ["user", "administrator", "auditor", "operator", "supervisor"])
async def test_a_role_that_needs_one_gets_nothing_before(
    open_browser: NewBrowser, clock: Clock, world: World, role: str
) -> None:
    browser = await open_browser("anna")
    world.change(User, world.ids["anna"], role=role)
    require(world, f"auditor {role}" if role != "auditor" else "auditor")
    assert await is_closed(browser), "also who is signed in already"
    asked = await browser.get(STEP)
    assert "asks people of your role" in asked.text
    assert (await give(browser, "000000")).status == 403, "there is none to be given"
    _, answer = await add_app(browser, clock, STEP)
    assert len(codes_in(answer.text)) == 10
    assert (await browser.get("/account")).status == 200
    (factor,) = world.store.read_now(second_factors.list_of, world.ids["anna"])
    fields = {"form_token": await browser.form_token("/account"), "password": PASSWORD}
    answer = await browser.post(f"/account/second-factor/{factor.id}/remove", fields)
    assert answer.status == 422
    assert "add another one before" in answer.text


async def test_other_roles_need_none(open_browser: NewBrowser, world: World) -> None:
    require(world, "administrator auditor")
    assert (await (await open_browser()).sign_in("anna")).headers["Location"] == "/"
    assert (await (await open_browser()).sign_in("admin-acme")).headers["Location"].startswith(STEP)


async def test_who_has_lost_theirs_is_let_in_by_the_password_again(
    open_browser: NewBrowser, clock: Clock, world: World
) -> None:
    browser = await open_browser("anna")
    await add_app(browser, clock)
    removed = world.store.write_now(second_factors.remove_all, world.ids["anna"], OPERATOR, clock.at)
    assert removed == 1
    assert (await browser.get("/")).status == 303, "every session is over"
    assert (await (await open_browser()).sign_in("anna")).headers["Location"] == "/"
    assert world.store.read_now(lambda: Session.select().count()) == 1


@pytest.mark.parametrize(
    "credential", ["", "{}", "[]", "nonsense", '{"rawId": "AAAA"}', "\\ud800", '{"rawId": 1}']
)
async def test_what_is_no_passkey_is_none(
    open_browser: NewBrowser, clock: Clock, world: World, credential: str
) -> None:
    browser = await open_browser("anna")
    for challenged in (False, True):
        fields = {"form_token": await browser.form_token("/account"), "password": PASSWORD}
        if challenged:
            answer = await browser.post("/account/second-factor/passkey/options", fields)
            assert answer.json()["rp"]["name"] == "My Pages"
        answer = await browser.post("/account/second-factor/passkey", fields | {"credential": credential})
        assert answer.status == 422
        assert "was not made" in answer.text
    await add_app(browser, clock)
    again = await open_browser()
    await again.sign_in("anna")
    for challenged in (False, True):
        fields = {"form_token": await again.form_token(STEP), "credential": credential}
        if challenged:
            assert (await again.post(f"{STEP}/passkey/options", fields)).status == 200
        assert (await again.post(f"{STEP}/passkey", fields)).status == 401
    assert await is_closed(again)


def test_a_challenge_is_good_for_one_answer_and_for_minutes(world: World) -> None:
    challenges, who = Challenges(), world.ids["anna"]
    first = challenges.new(who, NOON)
    second = challenges.new(who, NOON)
    assert first != second
    assert challenges.take(world.ids["bo"], NOON) is None
    assert challenges.take(who, NOON) == second
    assert challenges.take(who, NOON) is None
    challenges.new(who, NOON)
    assert challenges.take(who, NOON + timedelta(minutes=5)) is None
    assert len(second) == 32
