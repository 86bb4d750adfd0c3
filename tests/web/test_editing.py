"""Nobody undoes another's change, and nothing is done twice: entity tags, and keys for what creates."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from ari_recorder.store import models

from .world import NOON, Answer, Browser, Clock, NewBrowser, World

RECORDINGS = "/api/v1/recordings"
TOKENS = "/api/v1/tokens"
READ = "recordings:read"
DAY = timedelta(days=1)


async def send(browser: Browser, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    given = {"X-Form-Token": await browser.form_token("/"), **headers}
    data = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
    return await browser.request(method, path, headers=given, data=data)


@pytest.fixture
def recording(world: World) -> str:
    return str(world.recording(world.ids["anna"]))


async def test_what_is_known_is_not_sent_again(open_browser: NewBrowser, recording: str) -> None:
    browser = await open_browser("anna")
    path = f"{RECORDINGS}/{recording}"
    tag = (await browser.get(path)).headers["ETag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = await browser.get(path, headers={"If-None-Match": known})
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag), known
    assert (await browser.get(path, headers={"If-None-Match": '"x"'})).status == 200
    await send(browser, "PATCH", path, {"note": "n"})
    changed = await browser.get(path, headers={"If-None-Match": tag})
    assert (changed.status, changed.json()["note"]) == (200, "n")
    assert changed.headers["ETag"] != tag


@pytest.mark.parametrize("what", ["recording", "call"])
async def test_who_read_something_older_changes_nothing(
    open_browser: NewBrowser, world: World, recording: str, what: str
) -> None:
    path = f"{RECORDINGS}/{recording}"
    if what == "call":
        path = f"/api/v1/calls/{world.store.read_now(lambda: models.Leg.select().first().id)}"
    browser = await open_browser("anna")
    tag = (await browser.get(path)).headers["ETag"]
    first = await send(browser, "PATCH", path, {"note": "mine"}, **{"If-Match": tag})
    assert (first.status, first.json()["note"]) == (200, "mine")
    assert first.headers["ETag"] == (await browser.get(path)).headers["ETag"] != tag
    for stale in (tag, f"W/{first.headers['ETag']}", '"x"', "nonsense"):
        late = await send(browser, "PATCH", path, {"note": "theirs"}, **{"If-Match": stale})
        assert (late.status, late.headers["ETag"]) == (412, first.headers["ETag"]), stale
        assert "since you read it" in late.json()["detail"]
    assert (await browser.get(path)).json()["note"] == "mine"
    for fresh in (first.headers["ETag"], f'"x", {first.headers["ETag"]}'):
        assert (await send(browser, "PATCH", path, {"note": "mine"}, **{"If-Match": fresh})).status == 200
    assert (await send(browser, "PATCH", path, {"note": "any"}, **{"If-Match": "*"})).status == 200


async def test_a_prompt_is_not_replaced_over_anothers(open_browser: NewBrowser) -> None:
    browser = await open_browser("admin-acme")
    path = "/api/v1/prompts/en/start"
    tag = (await browser.get(path)).headers["ETag"]
    wav = (await browser.get(f"{path}/audio")).body
    assert (await send(browser, "DELETE", path, **{"If-Match": '"x"'})).status == 412
    put = await send(browser, "PUT", f"{path}?text=One", wav, **{"If-Match": tag})
    assert (put.status, put.json()["text"]) == (200, "One")
    assert (await send(browser, "PUT", f"{path}?text=Two", wav, **{"If-Match": tag})).status == 412
    assert (await browser.get(path)).json() == put.json()
    reset = await send(browser, "DELETE", path, **{"If-Match": put.headers["ETag"]})
    assert (reset.status, reset.headers["ETag"]) == (200, tag)


async def test_a_key_used_for_another_request(open_browser: NewBrowser, world: World) -> None:
    browser, key = await open_browser("anna"), {"Idempotency-Key": "k"}
    assert (await send(browser, "POST", TOKENS, {"name": "a", "scopes": [READ]}, **key)).status == 201
    other = await send(browser, "POST", TOKENS, {"name": "b", "scopes": [READ]}, **key)
    assert (other.status, "Idempotency-Key" in other.json()["detail"]) == (422, True)
    assert world.store.read_now(models.Token.select().count) == 1


async def test_what_is_kept_of_a_request_does_not_tell_the_password_in_it(
    open_browser: NewBrowser, world: World
) -> None:
    """A plain hash of the body would be guessed faster than the password's own."""
    user, path = {"name": "New", "login": "new", "password": "words of somebody"}, "/api/v1/users"
    browser = await open_browser("admin-acme")
    assert (await send(browser, "POST", path, user, **{"Idempotency-Key": "k"})).status == 201
    kept = world.store.read_now(lambda: models.Answered.get().request_sha256)
    plain = hashlib.sha256(f"POST {path}\n{json.dumps(user)}".encode()).hexdigest()
    assert (len(kept), kept == plain) == (64, False)


async def test_keys_are_each_askers_own(open_browser: NewBrowser, world: World) -> None:
    body, key = {"name": "a", "scopes": [READ]}, {"Idempotency-Key": "k"}
    answers = [
        await send(await open_browser(login), "POST", TOKENS, body, **key) for login in ("anna", "olle")
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_what_was_refused_is_not_kept(open_browser: NewBrowser) -> None:
    browser, key = await open_browser("anna"), {"Idempotency-Key": "k"}
    assert (await send(browser, "POST", TOKENS, {"name": "a", "scopes": []}, **key)).status == 400
    assert (await send(browser, "POST", TOKENS, {"name": "a", "scopes": [READ]}, **key)).status == 201


async def test_without_a_key_each_is_new(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("anna")
    for _ in range(2):
        assert (await send(browser, "POST", TOKENS, {"name": "a", "scopes": [READ]})).status == 201
    assert world.store.read_now(models.Token.select().count) == 2
    assert world.store.read_now(models.Answered.select().count) == 0


async def test_a_key_is_forgotten_after_a_day(open_browser: NewBrowser, clock: Clock) -> None:
    key, ids = {"Idempotency-Key": "k"}, []
    for after, name in ((timedelta(), "a"), (DAY - timedelta(seconds=1), "a"), (DAY, "b")):
        clock.at = NOON + after
        browser = await open_browser("anna")
        answer = await send(browser, "POST", TOKENS, {"name": name, "scopes": [READ]}, **key)
        assert answer.status == 201, answer.text
        ids.append(answer.json()["id"])
    first, again, later = ids
    assert first == again != later


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "å", "a\tb"])
async def test_a_key_that_is_none(open_browser: NewBrowser, world: World, key: str) -> None:
    browser = await open_browser("anna")
    answer = await send(browser, "POST", TOKENS, {"name": "a", "scopes": [READ]}, **{"Idempotency-Key": key})
    assert (answer.status, "Idempotency-Key" in answer.json()["detail"]) == (400, True)
    assert world.store.read_now(models.Token.select().count) == 0


BODIES = {
    "no JSON": (b"{", "not JSON"),
    "no UTF-8": (b'{"name": "\xff"}', "not JSON"),
    "half a character": (b'{"name": "\\ud800", "scopes": ["recordings:read"]}', "not JSON"),
    "nothing": (b"", "name: this field is missing"),
    "a list": (b"[]", "an object is expected here, not a list"),
    "a number without end": (b'{"name": 1e400, "scopes": []}', "name: the number is too large."),
    "a number for text": (b'{"name": 7, "scopes": []}', "name: text is expected here, not a whole number."),
    "a field missing": (b'{"name": "a"}', "scopes: this field is missing"),
    "a field unknown": (b'{"x": 1}', "x: there is no such field here"),
}


@pytest.mark.parametrize(("body", "told"), BODIES.values(), ids=BODIES)
async def test_a_body_that_is_not_as_it_should_be(open_browser: NewBrowser, body: bytes, told: str) -> None:
    answer = await send(await open_browser("anna"), "POST", TOKENS, body)
    assert (answer.status, told in answer.json()["detail"]) == (400, True), answer.text


@pytest.mark.parametrize("body", [b'{"name": "a"}', b'{"scopes": 1}', b'{"x": 1}'])
async def test_what_is_wrong_with_a_body_is_said_of_a_field(open_browser: NewBrowser, body: bytes) -> None:
    found = (await send(await open_browser("anna"), "POST", TOKENS, body)).json()
    assert found["detail"].startswith(f"{found['field']}: ")


async def test_no_body_is_one_without_fields(open_browser: NewBrowser, recording: str) -> None:
    anna, path = await open_browser("anna"), f"/api/v1/recordings/{recording}"
    answer = await send(anna, "PATCH", path, b"")
    assert (answer.status, "Nothing to change" in answer.json()["detail"]) == (400, True)


async def test_a_body_that_is_too_large(open_browser: NewBrowser) -> None:
    answer = await send(await open_browser("anna"), "POST", TOKENS, b" " * 70_000)
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (
        413,
        "application/problem+json",
    )


async def test_problems_are_in_the_askers_language(open_browser: NewBrowser) -> None:
    swedish = {"Accept-Language": "sv"}
    browser = await open_browser()
    out = await browser.get(RECORDINGS, headers=swedish)
    assert out.headers["Content-Language"] == "sv"
    assert out.json()["title"] == "Inte inloggad"
    program = {"Authorization": "Bearer ari_x", **swedish}
    assert "Det finns ingen sådan token" in (await browser.get(RECORDINGS, headers=program)).json()["detail"]
    anna = await open_browser("anna")
    await anna.get("/?lang=sv")
    for query, told in (
        ("limit=0", "limit: för litet: minst 1."),
        ("limit=1&limit=2", "limit: anges en gång."),
        ("limit=x", "limit: ett heltal väntas här, inte text."),
        ("colour=red", "Okänd parameter 'colour'"),
    ):
        answer = await anna.get(f"{RECORDINGS}?{query}")
        assert (answer.status, told in answer.json()["detail"]) == (400, True), answer.text
    english = await (await open_browser("anna")).get(f"{RECORDINGS}?limit=0")
    assert english.json()["detail"] == "limit: too small: at least 1."
