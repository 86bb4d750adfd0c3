"""Erasures by page and by API: asked for, confirmed, followed and told of; by whom, and by whom not."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from uuid import UUID

import pytest

from ari_recorder.store import models
from ari_recorder.store.erasing import working

from ..store import test_erasure
from .settings import Client
from .test_holds import post
from .world import ABSENT, NOON, Browser, NewBrowser, World

KARIN = {"kind": "counterpart", "number": "0701234567", "name": "Karin Ek", "reference": "DSR 12"}


def erase(world: World) -> None:
    """As the delivery process does; what was in Asterisk's recording folder is cleared."""
    world.store.write_now(lambda: models.Segment.update(cleared=True).execute())
    test_erasure.run(world.store, world.safe, NOON)


async def asked(browser: Browser, **fields: str) -> Any:
    return await post(browser, "/erasures/new", **{**KARIN, **fields})


def version(page: str) -> str:
    found = re.search(r'name="version" value="([^"]+)"', page)
    assert found
    return html.unescape(found[1])


async def test_asked_for_confirmed_done_and_told(open_browser: NewBrowser, world: World) -> None:
    recording = world.recording(world.ids["anna"], counterpart_number="0701234567", counterpart_name="<b>K")
    browser = await open_browser("admin-acme")
    confirm = await asked(browser)
    assert confirm.status == 200
    assert "1 recording, with its audio, notes and history" in confirm.text
    assert "&lt;b&gt;K" in confirm.text
    assert "country is not set" in confirm.text
    assert world.store.read_now(models.Erasure.select().count) == 0
    begun = await post(browser, "/erasures", **KARIN, version=version(confirm.text))
    address = begun.headers["Location"].partition("?")[0]
    running = await browser.get(address)
    assert "Goes on" in running.text
    assert "Look again" in running.text
    assert (await browser.get(f"/api/v1{address}/report")).status == 409
    erase(world)
    assert (await browser.get(f"/recordings/{recording}")).status == 404
    done = await browser.get(address)
    assert "Report of an erasure" in done.text
    assert "DSR 12" in done.text
    for page in (done.text, (await browser.get("/erasures")).text):
        assert "Erased person" in page
        assert "Karin" not in page
        assert "0701234567" not in page
    assert f'<a href="{address}">Erased with a person</a>' in (await browser.get("/disposals")).text
    report = await browser.get(f"/api/v1{address}/report")
    assert report.sha256 in done.text
    assert report.json()["done"]["recordings_disposed_of"] == 1
    text = await browser.get(f"/api/v1{address}/report?form=text")
    assert "recordings disposed of: 1" in text.text
    assert report.sha256 in text.text
    assert "attachment" in text.headers["Content-Disposition"]


async def test_what_changed_meanwhile_is_shown_again(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("admin-acme")
    confirm = await asked(browser)
    world.recording(world.ids["anna"], counterpart_number="0701234567")
    stale = await post(browser, "/erasures", **KARIN, version=version(confirm.text))
    assert (stale.status, "has changed meanwhile" in stale.text) == (412, True)
    assert "1 recording, with its audio" in stale.text
    assert world.store.read_now(models.Erasure.select().count) == 0
    assert (await post(browser, "/erasures", **KARIN, version=version(stale.text))).status == 303


WRONG = [
    {"kind": ""}, {"kind": "leaver"}, {"kind": "user"}, {"kind": "user", "user": "x"},
    {"kind": "user", "user": str(ABSENT)}, {"number": "12", "name": ""}, {"number": "", "name": ""},
    {"number": "x" * 200}, {"name": "x" * 201}, {"name": "a\u202eb"}, {"reference": "x" * 201},
    {"reference": "Karin Ek"}, {"reference": "070-123 45 67"},
]  # fmt: skip


@pytest.mark.parametrize("fields", WRONG, ids=[str(one)[:50] for one in WRONG])
async def test_what_is_wrong_is_said_at_its_field(
    open_browser: NewBrowser, world: World, fields: dict[str, str]
) -> None:
    browser = await open_browser("admin-acme")
    again = await asked(browser, **fields)
    assert again.status == 422
    assert 'role="alert"' in again.text
    sent = await post(browser, "/erasures", **{**KARIN, **fields}, version="*")
    assert sent.status == 422
    assert world.store.read_now(models.Erasure.select().count) == 0


async def test_who_is_a_user_still_is_removed_first(open_browser: NewBrowser, world: World) -> None:
    world.recording(world.ids["anna"])
    browser = await open_browser("admin-acme")
    anna = str(world.ids["anna"])
    there = await asked(browser, kind="user", user=anna)
    assert (there.status, "remove this user first" in there.text.lower()) == (422, True)
    elsewhere = await asked(browser, kind="user", user=str(world.ids["olle"]))
    assert elsewhere.status == 422
    await post(browser, f"/users/{anna}/remove", version="*")
    assert "Anna Andersson (101)" in (await browser.get("/erasures/new")).text
    assert "1 recording, with its audio" in (await asked(browser, kind="user", user=anna)).text


async def test_an_auditor_reads_reports_and_erases_nobody(open_browser: NewBrowser, world: World) -> None:
    acme = world.store.read_now(models.User.get_by_id, world.ids["anna"]).organisation_id
    world.user("xaver", acme, role="auditor", mode="never")
    browser = await open_browser("admin-acme")
    await post(browser, "/erasures", **KARIN, version="*")
    erase(world)
    auditor = await open_browser("xaver")
    page = await auditor.get("/erasures")
    assert "DSR 12" in page.text
    assert "/erasures/new" not in page.text
    assert (await auditor.get("/erasures/new")).status == 403
    (row,) = (await auditor.get("/api/v1/erasures")).json()["erasures"]
    assert (row["state"], row["pseudonym"].startswith("Erased person ")) == ("done", True)
    other = await Client.of(await open_browser("admin-other"))
    assert (await other.get("/erasures"))["erasures"] == []
    assert (await other("GET", f"/erasures/{row['id']}")).status == 404
    assert (await other("GET", f"/erasures/{row['id']}/report")).status == 404
    assert (await other.browser.get(f"/erasures/{row['id']}")).status == 404


async def test_what_recordings_of_leavers_bear_is_the_organisations_to_say(
    open_browser: NewBrowser, world: World
) -> None:
    recording = world.recording(world.ids["anna"])
    browser = await open_browser("admin-acme")
    admin = await Client.of(browser)
    assert (await admin.get("/organisation"))["leavers"] == "name"
    saved = await post(browser, "/organisation/leavers", version="*", leavers="pseudonym")
    assert saved.status == 303
    assert (await post(browser, "/organisation/leavers", version="*", leavers="x")).status == 422
    assert (await admin("PATCH", "/organisation", {"leavers": "x"})).status == 400
    assert (await admin.get("/organisation"))["leavers"] == "pseudonym"
    anna = world.ids["anna"]
    assert "under a pseudonym" in (await browser.get(f"/users/{anna}/remove")).text
    await post(browser, f"/users/{anna}/remove", version="*")
    assert "Former user " in (await browser.get(f"/recordings/{recording}")).text
    erase(world)
    (row,) = (await admin.get("/erasures"))["erasures"]
    assert (row["kind"], row["state"], row["disposed"]) == ("leaver", "done", 0)
    assert "Anna" not in (await browser.get(f"/recordings/{recording}")).text.partition("Who listened")[0]


async def test_what_waits_for_a_hold_says_for_which(open_browser: NewBrowser, world: World) -> None:
    recording = world.recording(world.ids["anna"], counterpart_number="0701234567")
    browser = await open_browser("admin-acme")
    admin = await Client.of(browser)
    hold = await admin.made("/holds", {"recording": str(recording), "reason": "Case"})
    confirm = await asked(browser)
    assert "1 recording that is under a legal hold" in confirm.text
    begun = await post(browser, "/erasures", **KARIN, version=version(confirm.text))
    erase(world)
    page = await browser.get(begun.headers["Location"].partition("?")[0])
    assert f'href="/holds/{hold["id"]}"' in page.text
    assert "Waits for a legal hold" in page.text
    assert "1 erasure of a person that waits" in (await browser.get(f"/holds/{hold['id']}/release")).text
    await admin("POST", f"/holds/{hold['id']}/release", {"why": "Closed"})
    assert world.store.write_now(working.resume, NOON) == [
        UUID((await admin.get("/erasures"))["erasures"][0]["id"])
    ]
    erase(world)
    assert json.loads((await browser.get("/api/v1/erasures")).text)["erasures"][0]["state"] == "done"
