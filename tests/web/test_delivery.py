"""Delivery in My Pages and by the API: the account, its keys, where recordings are pushed to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from ari_recorder.config import Sftp
from ari_recorder.delivery.sftp.host_key import host_key
from ari_recorder.store import models, people
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.deliveries import accounts, pushing, view
from ari_recorder.web import WebContext
from ari_recorder.web.administration import delivery as page

from . import forms
from .matrix_table import PUBLIC_KEY, TARGET
from .settings import Client
from .world import NOON, Answer, Browser, NewBrowser, World

BY = Actor(ActorKind.COMMAND_LINE, "test", "test")
PASSWORD = "seventeen quiet lanterns drift"


@pytest.fixture
def context(context: WebContext, tmp_path: Path) -> WebContext:
    settings = Sftp(host="127.0.0.1", port=2022, host_key_file=tmp_path / "host.key", passwords=True)
    return replace(context, sftp=settings)


@pytest.fixture
async def browser(open_browser: NewBrowser) -> Browser:
    return await open_browser("admin-acme")


@pytest.fixture
async def client(browser: Browser) -> Client:
    return await Client.of(browser)


@pytest.fixture
def acme(world: World) -> UUID:
    return UUID(str(world.store.read_now(models.User.get_by_id, world.ids["anna"]).organisation_id))


async def send(browser: Browser, action: str, **fields: Any) -> Answer:
    """The form of the page that goes there, sent with these fields in place of its own."""
    return await forms.send(browser, "/delivery", action, **fields)


# The API


async def test_at_first_nothing_is_handed_over(client: Client) -> None:
    assert await client.get("/delivery") == {
        "form": "", "everybody": True, "groups": [], "login": None, "has_password": False,
        "acknowledges": False, "keys": [],
    }  # fmt: skip
    assert (await client("GET", "/delivery/target")).status == 404
    assert await client.get("/delivery/report") == {
        "days": [], "fetched": 0, "acknowledged": 0, "last_fetched_at": None,
    }  # fmt: skip


async def test_an_account_is_set_up(client: Client, world: World, acme: UUID) -> None:
    changed = await client(
        "PATCH", "/delivery", {"login": "acme", "form": "wav", "acknowledges": True, "password": PASSWORD}
    )
    assert changed.status == 200, changed.text
    assert changed.json()["login"] == "acme"
    assert PASSWORD not in changed.text
    made = await client.made("/delivery/keys", {"key": f"{PUBLIC_KEY} backup@acme"})
    assert (made["name"], made["key"]) == ("backup@acme", PUBLIC_KEY)
    assert (await client.get("/delivery"))["keys"] == [await client.get(f"/delivery/keys/{made['id']}")]
    again = await client("POST", "/delivery/keys", {"key": PUBLIC_KEY})
    assert (again.status, again.json()["field"]) == (409, "key")
    found = world.store.read_now(accounts.account, "acme")
    assert found is not None
    assert (found.organisation, found.acknowledges, len(found.keys)) == (acme, True, 1)
    assert (await client("DELETE", f"/delivery/keys/{made['id']}")).status == 204
    assert (await client("GET", f"/delivery/keys/{made['id']}")).status == 404


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"form": "mp3"}, 400, "form"),
        ({"login": "a b"}, 422, "login"),
        ({"login": "x" * 201}, 422, "login"),
        ({"password": "short"}, 422, "password"),
        ({"groups": ["0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b"]}, 422, "groups"),
        ({"nonsense": 1}, 400, "nonsense"),
        ({"everybody": "yes"}, 400, "everybody"),
    ],
)
async def test_what_cannot_be(client: Client, body: Any, status: int, field: str) -> None:
    answer = await client("PATCH", "/delivery", body)
    assert (answer.status, answer.json().get("field")) == (status, field)
    assert (await client.get("/delivery"))["login"] is None


async def test_a_login_is_one_organisations(client: Client, open_browser: NewBrowser) -> None:
    assert (await client("PATCH", "/delivery", {"login": "acme"})).status == 200
    other = await Client.of(await open_browser("admin-other"))
    taken = await other("PATCH", "/delivery", {"login": "acme"})
    assert (taken.status, taken.json()["field"]) == (409, "login")


async def test_only_groups_of_ones_own(client: Client, world: World, acme: UUID) -> None:
    mine = world.store.write_now(people.add_group, acme, "Sales", actor=BY, now=NOON)
    done = await client("PATCH", "/delivery", {"everybody": False, "groups": [str(mine.id)]})
    assert done.json()["groups"] == [{"id": str(mine.id), "name": "Sales"}]
    terms = world.store.read_now(view.terms, acme)
    assert terms is not None
    assert not terms.scope.hears


async def test_a_password_where_the_service_takes_none(
    open_browser: NewBrowser, context: WebContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(context, "sftp", msgspec.structs.replace(context.sftp, passwords=False))
    client = await Client.of(await open_browser("admin-acme"))
    answer = await client("PATCH", "/delivery", {"login": "acme", "password": PASSWORD})
    assert (answer.status, answer.json()["field"]) == (422, "password")


async def test_where_recordings_are_pushed_to(client: Client, world: World, acme: UUID) -> None:
    wanted = {**TARGET, "port": 2222, "folder": "in"}
    made = await client("PUT", "/delivery/target", wanted)
    assert made.status == 200, made.text
    shown = made.json()
    assert shown["public_key"].startswith("ssh-ed25519 ")
    assert (shown["has_secret"], shown["enabled"]) == (True, True)
    assert "PRIVATE" not in made.text
    again = await client("PUT", "/delivery/target", {**wanted, "folder": "elsewhere"})
    assert again.json()["public_key"] == shown["public_key"]
    stale = await client("PUT", "/delivery/target", wanted, {"If-Match": '"none"'})
    assert stale.status == 412
    by_password = await client("PUT", "/delivery/target", {**wanted, "by": "password"})
    assert (by_password.status, by_password.json()["field"]) == (422, "secret")
    asked = await client("POST", "/delivery/target/test")
    assert asked.json()["is_being_tested"]
    world.store.write_now(pushing.tested, acme, NOON, "it did not work", NOON)
    assert (await client.get("/delivery/target"))["test_problem"] == "it did not work"
    assert (await client("DELETE", "/delivery/target")).status == 204
    assert (await client("DELETE", "/delivery/target")).status == 404
    assert (await client("POST", "/delivery/target/test")).status == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**TARGET, "port": 22, "host_key": ""}, "host_key"),
        ({**TARGET, "port": 0}, "port"),
        ({**TARGET, "port": 22, "host": "a b"}, "host"),
        ({"kind": "s3", "bucket": "x", "access_key": "AKIA", "secret": "s"}, "bucket"),
        ({"kind": "s3", "bucket": "acme-calls", "access_key": "AKIA"}, "secret"),
    ],
)
async def test_places_that_cannot_be(client: Client, body: Any, field: str) -> None:
    answer = await client("PUT", "/delivery/target", body)
    assert (answer.status, answer.json()["field"]) == (422, field), answer.text


async def test_the_audit_log_has_who_set_it_and_no_secret(client: Client, world: World, acme: UUID) -> None:
    await client("PATCH", "/delivery", {"login": "acme", "password": PASSWORD})
    await client("PUT", "/delivery/target", {**TARGET, "port": 22, "by": "password", "secret": PASSWORD})
    made = await client.made("/delivery/keys", {"key": PUBLIC_KEY})
    await client("DELETE", f"/delivery/keys/{made['id']}")
    lines = world.store.read_now(lambda: list(models.AuditLine.select().order_by(models.AuditLine.number)))
    told = [(line.action, line.subject_kind) for line in lines if line.subject_kind.startswith("delivery")]
    assert told == [
        ("change", "delivery"), ("create", "delivery_target"), ("create", "delivery"), ("remove", "delivery"),
    ]  # fmt: skip
    assert not any(PASSWORD in line.detail for line in lines)
    assert '"password": "set"' in next(line.detail for line in lines if line.subject_kind == "delivery")


# The page


async def test_the_page_when_nothing_is_set(browser: Browser) -> None:
    answer = await browser.get("/delivery")
    assert answer.status == 200
    assert "There is no key yet" in answer.text
    assert "No recording was fetched" in answer.text


async def test_the_page_sets_up_an_account(browser: Browser, context: WebContext, world: World) -> None:
    fingerprint = host_key(context.sftp.host_key_file).get_fingerprint()
    saved = await send(browser, "/delivery/account", login="acme", acknowledges="yes")
    assert saved.status == 303, saved.text
    added = await send(browser, "/delivery/keys", key=f"{PUBLIC_KEY} backup@acme")
    assert added.status == 303
    shown = (await browser.get("/delivery")).text
    assert "sftp -P 2022 acme@127.0.0.1" in shown
    assert fingerprint in shown
    assert "backup@acme" in shown
    key = world.store.read_now(lambda: models.DeliveryKey.get())
    asked = await browser.get(f"/delivery/keys/{key.id}/remove")
    assert "It is the last" in asked.text
    gone = await browser.post(
        f"/delivery/keys/{key.id}/remove", {"form_token": await browser.form_token("/delivery")}
    )
    assert gone.status == 303
    assert "There is no key yet" in (await browser.get("/delivery")).text


async def test_what_is_wrong_is_said_at_its_field(browser: Browser) -> None:
    for address, fields, told in (
        ("/delivery/account", {"login": "a b"}, "is no login"),
        ("/delivery/account", {"login": "acme", "password": "short"}, "too short"),
        ("/delivery/keys", {"key": "-----BEGIN OPENSSH PRIVATE KEY-----"}, "private key"),
        ("/delivery/keys", {"key": "hello"}, "No key that is taken"),
        ("/delivery/target", {"host": "", "kind": "sftp"}, "name or address of a machine"),
        (
            "/delivery/target",
            {"kind": "s3", "bucket": "acme-calls", "access_key": "AKIA"},
            "write the secret key",
        ),
    ):
        answer = await send(browser, address, **fields)
        assert answer.status == 422, (address, answer.text)
        assert told.lower() in answer.text.lower(), (address, told)
        assert "Not saved" in answer.text


async def test_two_who_change_it_at_once(
    browser: Browser, open_browser: NewBrowser, world: World, acme: UUID
) -> None:
    stale = forms.form((await browser.get("/delivery")).text, "/delivery/account")
    world.store.write_now(accounts.change, acme, {"login": "first"}, actor=BY, now=NOON)
    answer = await browser.post("/delivery/account", dict(stale.filled({"login": "second"})))
    assert answer.status == 412
    assert "changed this meanwhile" in answer.text or "was changed meanwhile" in answer.text


async def test_the_test_button_waits_a_moment_for_what_comes_of_it(
    browser: Browser, world: World, acme: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "TESTED_WITHIN_S", 0.3)
    assert (await send(browser, "/delivery/target", **TARGET, by="key", enabled="yes")).status == 303
    shown = (await browser.get("/delivery")).text
    assert "ssh-ed25519" in shown
    assert "It has not been tested" in shown
    token = await browser.form_token("/delivery")
    waits = await browser.post("/delivery/target/test", {"form_token": token})
    assert "still being tested" in (await browser.get(waits.headers["Location"])).text
    world.store.write_now(pushing.tested, acme, NOON, "the host key is another", NOON)
    assert "the host key is another" in (await browser.get("/delivery")).text
    assert (await browser.get("/delivery/target/remove")).status == 200
    gone = await browser.post("/delivery/target/remove", {"form_token": token})
    assert gone.status == 303
    assert (await browser.get("/delivery/target/remove")).status == 404


async def test_the_report_says_how_it_went(browser: Browser, world: World, acme: UUID) -> None:
    def days() -> None:
        make = models.DeliveryDay.create
        make(organisation=acme, day="2026-11-19", files=3, sent=1, problem="the disk was full")
        make(organisation=acme, day="2026-11-20", files=3, sent=3, sent_at=NOON, due_at=NOON)
        make(organisation=acme, day="2026-11-21", files=3, sent=2, problem="no answer", due_at=NOON)

    world.store.write_now(days)
    world.store.write_now(view.handed, acme, world.recording(world.ids["anna"]), view.FETCHED, 10, NOON)
    shown = (await browser.get("/delivery")).text
    for text in ("1 of 3", "the disk was full", "the day is gone", "3 of 3", "no answer", "tried again"):
        assert text in shown
    assert "1 recording was fetched by SFTP" in shown
    overview = (await browser.get("/administration")).text
    assert "Not all recordings of 2 days could be pushed" in overview
    assert 'href="/delivery#report-title"' in overview
    world.store.write_now(models.DeliveryDay.update(problem="").execute)
    assert "could be pushed" not in (await browser.get("/administration")).text


async def test_where_the_provider_has_no_service(open_browser: NewBrowser, context: WebContext) -> None:
    object.__setattr__(context, "sftp", Sftp())
    browser = await open_browser("admin-acme")
    assert "has not switched the SFTP service on" in (await browser.get("/delivery")).text
