"""What an organisation calls the three fields of its calls: so they are called wherever people see them."""

from __future__ import annotations

import html
import re

import pytest

from . import test_calls
from .settings import Client
from .test_calls import Followed
from .world import Answer, Browser, NewBrowser, World

ongoing = test_calls.ongoing
NAMES = {"tag1_name": "Case & number", "tag2_name": "Ärende", "tag3_name": ""}


async def save(browser: Browser, **fields: str) -> Answer:
    token = await browser.form_token("/organisation")
    return await browser.post("/organisation/fields", {"version": "*", **fields, "form_token": token})


def labels(text: str) -> list[str]:
    """What the fields of a page's forms are called."""
    found = re.findall(r'<label for="[^"]*tag[123]"[^>]*>([^<]*)<', text)
    return list(dict.fromkeys(map(html.unescape, found)))


async def test_they_are_called_so_on_every_page_and_in_files(
    open_browser: NewBrowser, world: World, ongoing: dict[str, Followed]
) -> None:
    recording = world.recording(world.ids["anna"], tag1="4711", tag3="blue")
    admin, anna = await open_browser("admin-acme"), await open_browser("anna")
    pages = ("/", f"/recordings/{recording}", "/calls")
    for path in pages:
        assert labels((await anna.get(path)).text) == ["Field 1", "Field 2", "Field 3"]
    assert (await save(admin, **NAMES)).status == 303
    for path in pages:
        assert labels((await anna.get(path)).text) == ["Case & number", "Ärende", "Field 3"]
    assert "<dt>Case &amp; number</dt><dd><bdi>4711</bdi>" in (await anna.get(pages[1])).text
    assert "Case &amp; number" in (await anna.get("/?tag1=4711")).text  # as the filter that holds
    file = (await admin.get("/api/v1/recordings.csv")).text
    assert ",Note,Case & number,Ärende,Field 3," in file.splitlines()[0]
    token = await Client.of(admin)
    assert (await token.get("/recordings?tag1=4711"))["recordings"][0]["tag1"] == "4711"


async def test_they_are_of_that_organisation_and_can_be_taken_back(
    open_browser: NewBrowser, world: World
) -> None:
    recording = world.recording(world.ids["olle"])
    admin, other = await open_browser("admin-acme"), await open_browser("admin-other")
    await save(admin, **NAMES)
    for path in ("/", f"/recordings/{recording}"):
        assert labels((await other.get(path)).text) == ["Field 1", "Field 2", "Field 3"]
    saved = await admin.get("/organisation")
    assert 'value="Case &amp; number"' in saved.text
    log = html.unescape((await admin.get("/audit")).text)
    assert "Name of field 1: – → Case & number" in log
    await save(admin, tag1_name=" ", tag2_name="", tag3_name="")
    assert labels((await admin.get("/")).text) == ["Field 1", "Field 2", "Field 3"]


@pytest.mark.parametrize("name", ["x" * 41, "a\u202eb", "a\x00b", "\u200d"])
async def test_what_cannot_be_is_said_at_its_field_and_nothing_is_changed(
    open_browser: NewBrowser, name: str
) -> None:
    browser = await open_browser("admin-acme")
    admin = await Client.of(browser)
    await admin("PATCH", "/organisation", NAMES)
    refused = await save(browser, **{**NAMES, "tag1_name": "Other", "tag2_name": name})
    assert refused.status == 422
    assert re.search(r'id="fields-tag2_name-wrong"', refused.text)
    by_api = await admin("PATCH", "/organisation", {"tag2_name": name})
    assert (by_api.status, by_api.json()["field"]) == (422, "tag2_name")
    assert (await admin.get("/organisation")).items() >= NAMES.items()
