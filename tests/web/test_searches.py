"""Saved searches, by API and by page: kept, opened, renamed, removed and put back; each has their own."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .settings import Client
from .world import Browser, NewBrowser, World

SEARCHES = "/searches"


async def test_kept_changed_and_removed_by_the_api(open_browser: NewBrowser) -> None:
    anna = await Client.of(await open_browser("anna"))
    made = await anna.made(SEARCHES, {"name": "Red", "query": "sort=newest&mark=red&q="})
    assert (made["query"], made["address"]) == ("mark=red", "/?mark=red")
    assert await anna.get(SEARCHES) == {"searches": [made]}
    address = f"{SEARCHES}/{made['id']}"
    changed = (await anna("PATCH", address, {"query": "q=eva+ek&when=week"})).json()
    assert (changed["name"], changed["query"]) == ("Red", "q=eva+ek&when=week")
    bo = await Client.of(await open_browser("bo"))
    assert await bo.get(SEARCHES) == {"searches": []}
    assert {(await bo(method, address, body)).status for method, body in
            (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None))} == {404}  # fmt: skip
    assert (await anna("DELETE", address)).status == 204
    assert (await anna("GET", address)).status == 404


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"name": "Red", "query": "mark=blue"}, 409),
    ({"name": "x", "query": "mark=mauve"}, 422),
    ({"name": "x", "query": "from=yesterday"}, 422),
    ({"name": "x", "query": "cursor=x"}, 422),
    ({"name": "x", "query": "//evil.example"}, 422),
    ({"name": "x", "query": ""}, 422),
    ({"name": "x", "query": "mark="}, 422),
    ({"name": "x", "query": "q=" + "x" * 2000}, 400),
    ({"name": "", "query": "mark=red"}, 400),
    ({"name": " ", "query": "mark=red"}, 422),
    ({"name": "a\u202eb", "query": "mark=red"}, 422),
    ({"name": "x" * 101, "query": "mark=red"}, 400),
    ({"name": "x", "query": "&".join(f"q{n}=1" for n in range(200))}, 422),
    ({"name": "x"}, 400),
]


@pytest.mark.parametrize(("sent", "status"), REFUSED, ids=[str(sent)[:60] for sent, _ in REFUSED])
async def test_what_cannot_be_kept(open_browser: NewBrowser, sent: dict[str, Any], status: int) -> None:
    anna = await Client.of(await open_browser("anna"))
    await anna.made(SEARCHES, {"name": "Red", "query": "mark=red"})
    assert (await anna("POST", SEARCHES, sent)).status == status
    assert len((await anna.get(SEARCHES))["searches"]) == 1


async def post(browser: Browser, path: str, **fields: str) -> Any:
    return await browser.post(path, {**fields, "form_token": await browser.form_token("/searches")})


async def test_the_page_without_scripts(open_browser: NewBrowser, world: World) -> None:
    world.recording(world.ids["anna"], mark="red")
    browser = await open_browser("anna")
    offered = await browser.get("/?mark=red&sort=oldest")
    query = re.search(r'action="/searches">.*?name="query" value="([^"]+)"', offered.text)
    assert query
    kept = await post(browser, "/searches", name="<b>Red</b>", query=html.unescape(query[1]))
    assert (kept.status, kept.headers["Location"]) == (303, "/?mark=red&sort=oldest")
    assert (
        '<a href="/?mark=red&amp;sort=oldest" aria-current="true"><bdi>&lt;b&gt;Red'
        in (await browser.get("/?mark=red&sort=oldest")).text
    )
    page = await browser.get("/searches")
    assert '<span class="sub">Mark</span> <bdi>Red</bdi>' in page.text
    address = re.search(r'action="(/searches/[0-9a-f-]{36})"', page.text)
    assert address
    assert (await post(browser, address[1], name="Red")).headers["Location"] == "/searches?done=renamed"
    gone = await post(browser, f"{address[1]}/remove")
    query = parse_qs(urlsplit(gone.headers["Location"]).query)
    assert query == {"removed": ["Red"], "query": ["mark=red&sort=oldest"]}
    assert "Undo" in (await browser.get(gone.headers["Location"])).text
    again = await post(browser, "/searches", name="Red", query="mark=red&sort=oldest", again="1")
    assert again.headers["Location"] == "/searches?done=saved"
    assert "No saved searches yet" not in (await browser.get("/searches")).text


async def test_what_is_refused_is_shown_as_it_was_typed(open_browser: NewBrowser) -> None:
    browser = await open_browser("anna")
    assert "No saved searches yet" in (await browser.get("/searches")).text
    await post(browser, "/searches", name="Red", query="mark=red")
    await post(browser, "/searches", name="Blue", query="mark=blue")
    refused = await post(browser, "/searches", name="Red", query="mark=green")
    assert refused.status == 422
    assert 'value="Red" aria-invalid="true" aria-describedby="new-name-problem"' in refused.text
    assert "You have a search of this name already." in refused.text
    assert 'name="query" value="mark=green"' in refused.text
    page = (await browser.get("/searches")).text
    blue = re.findall(r'action="(/searches/[0-9a-f-]{36})"', page)[0]
    renamed = await post(browser, blue, name="Red")
    assert renamed.status == 422
    assert renamed.text.count("aria-invalid") == 1
    assert (await post(browser, "/searches", name="x", query="mark=mauve")).status == 422


async def test_a_search_that_cannot_be_any_more_is_not_the_one_to_come_back_to(
    open_browser: NewBrowser,
) -> None:
    admin = await Client.of(await open_browser("admin-acme"))
    group = await admin.made("/groups", {"name": "Sales"})
    looked_for = f"/?group={group['id']}"
    assert (await admin.browser.get(looked_for)).status == 200
    assert (await admin.browser.get("/")).headers["Location"] == looked_for
    await admin("DELETE", f"/groups/{group['id']}")
    assert (await admin.browser.get(looked_for)).status == 400
    assert (await admin.browser.get("/")).status == 200


async def test_a_group_that_is_gone_is_told(open_browser: NewBrowser) -> None:
    admin = await Client.of(await open_browser("admin-acme"))
    group = await admin.made("/groups", {"name": "Sales"})
    await admin.made(SEARCHES, {"name": "Sales", "query": f"group={group['id']}"})
    assert "<bdi>Sales</bdi>" in (await admin.browser.get("/searches")).text
    assert (await admin("DELETE", f"/groups/{group['id']}")).status == 204
    assert "There is no such group" in (await admin.browser.get("/searches")).text


async def test_one_that_asks_for_a_group_that_is_gone_is_mended_where_it_is_opened(
    open_browser: NewBrowser,
) -> None:
    admin = await Client.of(await open_browser("admin-acme"))
    browser = admin.browser
    group = (await admin("POST", "/groups", {"name": "Sales"})).json()["id"]
    await post(browser, "/searches", name="Red of Sales", query=f"group={group}&mark=red")
    await post(browser, "/searches", name="Sales", query=f"group={group}")
    await admin("DELETE", f"/groups/{group}")
    opened = await browser.get(f"/?group={group}&mark=red")
    assert "Your saved search Red of Sales asks for something" in opened.text
    (address,) = re.findall(r'action="(/searches/[0-9a-f-]{36})"', opened.text)
    (query,) = re.findall(r'name="query" value="(mark=red)"', opened.text)
    mended = await post(browser, address, query=query)
    assert (mended.status, mended.headers["Location"]) == (303, "/?mark=red")
    assert [(one["name"], one["query"]) for one in (await admin.get(SEARCHES))["searches"]] == [
        ("Red of Sales", "mark=red"), ("Sales", f"group={group}"),
    ]  # fmt: skip
    alone = (await browser.get(f"/?group={group}")).text
    assert "Your saved search Sales" in alone
    assert "from now on" not in alone, "nothing is left to search for"
    assert "Your saved search" not in (await browser.get(f"/?group={group}&mark=blue")).text
    assert (await post(browser, address, query="mark=mauve")).status == 422
