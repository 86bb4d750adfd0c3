"""Webhooks by API and on pages: made, changed, renewed, tested, and told again."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp.test_utils import TestServer

from ari_recorder.delivery.signing import signature
from ari_recorder.policies.webhooks.sending import Attempt
from ari_recorder.store import models, webhook_sending
from ari_recorder.web.administration import hooks
from ari_recorder.web.seals import SEALS, Purpose

from .world import NOON, Answer, Browser, NewBrowser, World

API = "/api/v1/webhooks"
CRM = {"name": "CRM", "url": "https://crm.example/x", "events": ["recording.ready", "call.missed"]}
FORM = {"name": "CRM", "url": "https://crm.example/x", "events": "recording.ready"}
HOSTILE = "<script>alert(1)</script>\u202e"


@pytest.fixture
async def admin(open_browser: NewBrowser, world: World) -> Browser:
    organisation = world.store.read_now(lambda: models.User.get_by_id(world.ids["anna"]).organisation_id)
    world.user("ada", organisation, role="administrator")
    return await open_browser("ada")


@pytest.fixture(autouse=True)
def _nobody_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "PING_WITHIN_S", 0.0)


async def ask(browser: Browser, method: str, path: str, body: object = None, **headers: str) -> Answer:
    headers |= {"X-Form-Token": await browser.form_token("/"), "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body)
    return await browser.request(method, API + path, data=data, headers=headers)


async def made(browser: Browser, **differently: Any) -> dict[str, Any]:
    answer = await ask(browser, "POST", "", {**CRM, **differently})
    assert answer.status == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def kept(world: World, hook: str) -> Any:
    return world.store.read_now(lambda: models.Webhook.get_by_id(UUID(hook)))


def opened(browser: Browser, sealed: str) -> str | None:
    server = browser.client.server
    assert isinstance(server, TestServer)
    return server.app[SEALS].open(Purpose.WEBHOOK, sealed, str, NOON)


async def send(browser: Browser, path: str, fields: Mapping[str, str]) -> Answer:
    """A form of a page that is open for them."""
    return await browser.post(path, {"form_token": await browser.form_token("/"), **fields})


def told(world: World, hook: str, *attempts: Attempt) -> None:
    """Pings, and what came of them."""

    def write() -> None:
        for one, attempt in zip(webhook_sending.due(NOON + timedelta(days=1), {}), attempts, strict=True):
            assert one.hook == UUID(hook)
            webhook_sending.done(one, attempt, NOON)

    world.store.write_now(write)


async def test_a_secret_is_shown_once_and_kept_encrypted(admin: Browser, world: World) -> None:
    hook = await made(admin)
    secret = hook.pop("secret")
    assert signature(secret, "event", 1, b"{}").startswith("v1,")
    assert hook["events"] == CRM["events"]
    assert (hook["personal"], hook["stopped"], hook["waiting"]) == (False, None, 0)
    assert (await ask(admin, "GET", f"/{hook['id']}")).json() == hook
    assert (await ask(admin, "GET", "")).json() == {"webhooks": [hook]}
    row = kept(world, hook["id"])
    assert secret not in row.secret
    assert secret.removeprefix("whsec_") not in row.secret
    assert opened(admin, row.secret) == secret


async def test_made_twice_with_one_key_it_is_one_and_its_secret_is_not_shown_again(admin: Browser) -> None:
    key = {"Idempotency-Key": "the same"}
    first = await ask(admin, "POST", "", CRM, **key)
    again = await ask(admin, "POST", "", CRM, **key)
    assert (first.json()["id"], "secret" in again.json()) == (again.json()["id"], False)
    assert len((await ask(admin, "GET", "")).json()["webhooks"]) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("name", "a\nb"),
        ("url", "http://crm.example/"),
        ("url", "https://127.0.0.1/"),
        ("url", "https://user:secret@crm.example/"),
        ("url", "javascript:alert(1)"),
        ("events", []),
        ("events", ["recording.begun"]),
        ("events", ["ping"]),
    ],
)
async def test_what_cannot_be_is_refused_at_its_field(admin: Browser, field: str, value: Any) -> None:
    answer = await ask(admin, "POST", "", {**CRM, field: value})
    assert (answer.status, answer.json()["field"]) == (422, field)
    hook = await made(admin)
    answer = await ask(admin, "PATCH", f"/{hook['id']}", {field: value})
    assert (answer.status, answer.json()["field"]) == (422, field)


async def test_it_is_changed_guarded_and_removed(admin: Browser) -> None:
    hook = await made(admin)
    tag = (await ask(admin, "GET", f"/{hook['id']}")).headers["ETag"]
    changed = await ask(admin, "PATCH", f"/{hook['id']}", {"personal": True}, **{"If-Match": tag})
    assert (changed.status, changed.json()["personal"]) == (200, True)
    stale = await ask(admin, "PATCH", f"/{hook['id']}", {"name": "Other"}, **{"If-Match": tag})
    assert stale.status == 412
    assert (await ask(admin, "DELETE", f"/{hook['id']}", **{"If-Match": tag})).status == 412
    assert (await ask(admin, "DELETE", f"/{hook['id']}")).status == 204
    assert (await ask(admin, "GET", f"/{hook['id']}")).status == 404


async def test_paused_resumed_renewed(admin: Browser, world: World) -> None:
    hook = await made(admin)
    assert (await ask(admin, "POST", f"/{hook['id']}/pause")).json()["stopped"] == "person"
    assert (await ask(admin, "POST", f"/{hook['id']}/resume")).json()["stopped"] is None
    renewed = (await ask(admin, "POST", f"/{hook['id']}/secret")).json()
    assert renewed["secret"] != hook["secret"]
    assert renewed["secret_before_until"] == "2026-11-23T12:00:00.000Z"
    row = kept(world, hook["id"])
    assert [opened(admin, one) for one in (row.secret, row.secret_before)] == [
        renewed["secret"],
        hook["secret"],
    ]


async def test_a_ping_and_what_came_of_it(admin: Browser, world: World) -> None:
    hook = await made(admin)
    ping = await ask(admin, "POST", f"/{hook['id']}/ping")
    assert (ping.status, ping.json()["state"], ping.json()["attempts"]) == (202, "waiting", [])
    told(world, hook["id"], Attempt(NOON, 503, 12, "", HOSTILE))
    found = (await admin.get(ping.headers["Location"])).json()
    assert found["state"] == "failed"
    assert found["attempts"][0] == {
        "at": "2026-11-22T12:00:00.000Z", "status": 503, "took_ms": 12, "error": "", "answer": HOSTILE,
    }  # fmt: skip
    listed = (await ask(admin, "GET", f"/{hook['id']}/deliveries?state=failed&limit=1")).json()
    assert [one["id"] for one in listed["deliveries"]] == [found["id"]]
    again = await ask(admin, "POST", f"/{hook['id']}/deliveries/send-failed")
    assert again.json() == {"sent_again": 1}
    again = await ask(admin, "POST", f"/{hook['id']}/deliveries/{found['id']}/send")
    assert again.json()["state"] == "waiting"
    assert (await ask(admin, "GET", f"/{hook['id']}/deliveries?state=none")).status == 400
    assert (await ask(admin, "GET", f"/{hook['id']}/deliveries?cursor=x")).status == 422


# Pages


async def test_the_page_of_none_and_of_some(admin: Browser) -> None:
    assert "Nobody is told yet" in (await admin.get("/webhooks")).text
    await made(admin, name="The CRM")
    page = (await admin.get("/webhooks")).text
    assert "The CRM" in page
    assert "Call not recorded" in page


async def test_a_webhook_is_made_on_a_page_and_its_secret_shown_once(admin: Browser, world: World) -> None:
    form = (await admin.get("/webhooks/new")).text
    assert form.count('type="checkbox" name="events"') == 9
    page = await send(admin, "/webhooks/new", FORM)
    assert page.status == 200
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", page.text)
    (row,) = world.store.read_now(lambda: list(models.Webhook.select()))
    assert opened(admin, row.secret) == secret
    assert secret not in (await admin.get(f"/webhooks/{row.id}")).text


async def test_what_is_wrong_is_said_at_its_field_with_what_was_typed(admin: Browser) -> None:
    page = await send(admin, "/webhooks/new", {**FORM, "url": "http://10.0.0.5/x"})
    assert page.status == 422
    assert 'value="http://10.0.0.5/x"' in page.text
    assert 'id="hook-url-wrong"' in page.text
    page = await send(admin, "/webhooks/new", {"name": "CRM", "url": FORM["url"]})
    assert 'id="hook-events-wrong"' in page.text


async def test_it_is_changed_on_its_page_and_who_was_slower_is_told(admin: Browser) -> None:
    hook = await made(admin)
    address = f"/webhooks/{hook['id']}"
    (version,) = re.findall(r'name="version" value="([^"]+)"', (await admin.get(address)).text)
    version = version.replace("&#34;", '"').replace("&quot;", '"')
    sent = {**FORM, "name": "Other", "version": version, "personal": "yes"}
    assert (await send(admin, address, sent)).status == 303
    changed = (await ask(admin, "GET", f"/{hook['id']}")).json()
    assert (changed["name"], changed["events"], changed["personal"]) == ("Other", ["recording.ready"], True)
    assert (await send(admin, address, {**sent, "name": "Third"})).status == 412


async def test_its_log_shows_hostile_answers_as_text(admin: Browser, world: World) -> None:
    hook = await made(admin)
    address = f"/webhooks/{hook['id']}"
    assert (await send(admin, f"{address}/ping", {})).status == 303
    told(world, hook["id"], Attempt(NOON, 0, 5, "no answer within 15 s.", HOSTILE))
    page = (await admin.get(address)).text
    assert "no answer within 15 s." in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "Given up" in page
    assert (await send(admin, f"{address}/again", {})).status == 303
    assert world.store.read_now(lambda: models.WebhookDelivery.get().state) == "waiting"
    (row,) = world.store.read_now(lambda: list(models.WebhookDelivery.select()))
    assert (await send(admin, f"{address}/again", {"delivery": str(row.id)})).status == 303
    assert (await send(admin, f"{address}/again", {"delivery": "x"})).status == 400


async def test_what_came_of_the_test_is_said_at_once(
    admin: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = await made(admin)
    monkeypatch.setattr(hooks, "PING_WITHIN_S", 10.0)
    sending = asyncio.create_task(sent_soon(world, hook["id"]))
    sent = await send(admin, f"/webhooks/{hook['id']}/ping", {})
    await sending
    page = await admin.get(sent.headers["Location"])
    assert "answered 204 after 34 ms" in page.text


async def sent_soon(world: World, hook: str) -> None:
    """As the sender does it, in another process."""
    async with asyncio.timeout(10):
        while not world.store.read_now(models.WebhookDelivery.select().count):
            await asyncio.sleep(0.02)
    told(world, hook, Attempt(NOON, 204, 34))


async def test_renewed_and_removed_after_a_question(admin: Browser, world: World) -> None:
    hook = await made(admin)
    address = f"/webhooks/{hook['id']}"
    assert "24 hours" in (await admin.get(f"{address}/secret")).text
    page = (await send(admin, f"{address}/secret", {})).text
    assert len(re.findall(r"whsec_[A-Za-z0-9+/=]+", page)) == 1
    await send(admin, f"{address}/pause", {})
    assert "Paused" in (await admin.get(address)).text
    await send(admin, f"{address}/resume", {})
    assert "Remove CRM?" in (await admin.get(f"{address}/remove")).text
    assert (await send(admin, f"{address}/remove", {})).status == 303
    assert world.store.read_now(models.Webhook.select().count) == 0
    assert (await admin.get(address)).status == 404


async def test_in_swedish(admin: Browser) -> None:
    hook = await made(admin)
    await admin.get("/webhooks?lang=sv")
    assert "Vad den har fått veta" in (await admin.get(f"/webhooks/{hook['id']}")).text


async def test_why_there_was_no_answer_is_said_in_swedish(admin: Browser, world: World) -> None:
    hook = await made(admin)
    await ask(admin, "POST", f"/{hook['id']}/ping")
    told(world, hook["id"], Attempt(NOON, 0, 5, "it cannot be connected to: Connection refused"))
    await admin.get("/webhooks?lang=sv")
    page = (await admin.get(f"/webhooks/{hook['id']}")).text
    assert "det går inte att ansluta till den: Connection refused" in page


async def test_a_hook_that_was_stopped_says_why(admin: Browser, world: World) -> None:
    hook = await made(admin)
    world.change(
        models.Webhook, UUID(hook["id"]), stopped="failing", stopped_at=NOON, failing_since=NOON, dropped=7
    )
    page = (await admin.get(f"/webhooks/{hook['id']}")).text
    assert "it took nothing for three days" in page
    assert "7 events were not kept for it" in page
    assert "it took nothing for three days" in (await admin.get("/webhooks")).text


async def test_one_that_takes_nothing_says_why_above_all_that_waits(admin: Browser, world: World) -> None:
    hook = await made(admin)
    await ask(admin, "POST", f"/{hook['id']}/ping")
    told(world, hook["id"], Attempt(NOON, 0, 5, "it cannot be connected to: Connection refused"))
    page = f"/webhooks/{hook['id']}?state=delivered"
    assert "Connection refused" not in (await admin.get(page)).text
    world.change(models.Webhook, UUID(hook["id"]), failing_since=NOON)
    assert "it cannot be connected to: Connection refused" in (await admin.get(page)).text
    assert "takes nothing" not in (await admin.get("/administration")).text
    world.change(models.Webhook, UUID(hook["id"]), failing_since=NOON - timedelta(hours=2))
    assert "The webhook CRM takes nothing" in (await admin.get("/administration")).text
    world.change(models.Webhook, UUID(hook["id"]), stopped="person", stopped_at=NOON)
    assert "takes nothing" not in (await admin.get("/administration")).text
    world.change(models.Webhook, UUID(hook["id"]), stopped="failing", stopped_at=NOON)
    assert "it cannot be connected to: Connection refused" in (await admin.get(page)).text
