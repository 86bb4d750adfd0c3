"""The API's description is a valid document, is what the code does, and can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from ari_recorder.live import Live
from ari_recorder.policies.erasing import Kind
from ari_recorder.policies.rights import PROGRAM_RIGHTS, Right
from ari_recorder.store.audit_key import made as made_key
from ari_recorder.store.erasing import asking
from ari_recorder.store.erasing.asking import Target
from ari_recorder.web import WebContext, api_page, page, start
from ari_recorder.web.openapi import document
from ari_recorder.web.routes import ROUTES
from ari_recorder.web.routing import Open

from ..store.build import BY
from .matrix_table import PUBLIC_KEY, TARGET
from .settings import TOLD, Client
from .test_calls import follow
from .test_tokens import put
from .world import NOON, NewBrowser, World

API = [route for route in ROUTES if route.described]


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document(ROUTES)["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_the_document_is_valid() -> None:
    validate(document(ROUTES), cls=OpenAPIV31SpecValidator)


def test_every_address_of_the_api_is_in_it() -> None:
    described = {(method.upper(), path) for method, path, _ in operations()}
    served = {
        (route.method, re.sub(r":[^}]*", "", route.path))
        for route in ROUTES
        if route.path.startswith("/api/")
    }
    assert described == served


def test_every_operation_says_what_it_needs() -> None:
    known = {str(right) for right in Right} | {str(need.value) for need in Open}
    for method, path, operation in operations():
        assert operation["x-right"] in known, (method, path)
        assert (operation["security"] == []) is (operation["x-right"] == "public")
        assert operation["summary"], (method, path)


async def test_a_token_is_named_where_one_is_enough(open_browser: NewBrowser, world: World) -> None:
    headers = {"Authorization": f"Bearer {put(world, 'admin-acme', *PROGRAM_RIGHTS)}"}
    browser = await open_browser()
    for method, path, operation in operations():
        if method != "get" or "{" in path or path == "/api/v1/live":
            continue
        named = not operation["security"] or "token" in operation["security"][0]
        answer = await browser.get(path, headers=headers)
        assert (answer.status in (200, 404)) is named, (path, answer.status)


def test_what_is_not_in_a_body_is_refused() -> None:
    for route in API:
        for read in (route.body, route.reads):
            if isinstance(read, type):
                assert read.__struct_config__.forbid_unknown_fields, read


def test_clients_can_be_made_of_it() -> None:
    """Programs that do so name classes after schemas and their titles, and leave out what has no schema."""
    schemas = document(ROUTES)["components"]["schemas"]
    assert [name for name in schemas if not re.fullmatch(r"[A-Za-z]\w*", name)] == []
    assert {name: schema["title"] for name, schema in schemas.items()} == {name: name for name in schemas}
    assert set(re.findall(r'#/components/schemas/([^"\']+)', str(document(ROUTES)))) == set(schemas)
    for method, path, operation in operations():
        told = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in (content for one in told for content in one.get("content", {}).values()):
            assert "schema" in content, (method, path)


async def test_it_is_served_to_anybody_once(open_browser: NewBrowser) -> None:
    browser = await open_browser()
    served = await browser.get("/api/v1/openapi.json")
    assert served.json() == document(ROUTES)
    again = await browser.get(
        "/api/v1/openapi.json", headers={"If-None-Match": f"W/{served.headers['ETag']}"}
    )
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(("language", "title"), [("en", "Answers"), ("sv", "Svar")])
async def test_the_page_shows_every_operation(open_browser: NewBrowser, language: str, title: str) -> None:
    shown = await (await open_browser()).get("/api", headers={"Accept-Language": language})
    assert shown.status == 200
    assert f"<h3>{title}</h3>" in shown.text
    for _, path, operation in operations():
        assert f'id="{operation["operationId"]}"' in shown.text
        assert f"<code>{path}</code>" in shown.text
    for name in re.findall(r'href="#([^"]+)"', shown.text):
        assert f'id="{name}"' in shown.text, name
    assert "curl -H &#34;Authorization: Bearer $token&#34;" in shown.text


async def test_strangers_have_the_page_made_once_for_each_language(open_browser: NewBrowser) -> None:
    """It takes tens of milliseconds in the thread that makes everybody's pages."""
    stranger = await open_browser()
    shown = {one: (await stranger.get("/api", headers={"Accept-Language": one})).text for one in ("en", "sv")}
    made, packed = api_page._content.cache_info().misses, page._deflated_once.cache_info().misses
    for _ in range(3):
        for one, text in shown.items():
            again = await stranger.get("/api", headers={"Accept-Language": one})
            assert again.text.partition("<main")[2] == text.partition("<main")[2]
    assert api_page._content.cache_info().misses == made
    assert page._deflated_once.cache_info().misses == packed


async def test_the_page_needs_nothing_from_elsewhere(open_browser: NewBrowser) -> None:
    shown = await (await open_browser()).get("/api")
    assert "script-src 'self'" in shown.headers["Content-Security-Policy"]
    assert not re.search(r'(src|href)="(https?:)?//', shown.text)


@pytest.fixture
def context(context: WebContext, tmp_path: Path) -> WebContext:
    """With the key that the audit log is sealed with."""
    return replace(context, audit_key=made_key(tmp_path / "audit.key").public)


async def test_what_is_answered_is_what_the_document_says(
    open_browser: NewBrowser, world: World, live: Live
) -> None:
    """Of everything that is read, in every kind of it that the world has, by who may read it."""
    made = document(ROUTES)
    recordings = [world.recording(world.ids["anna"], note="n", mark="red"), world.recording(world.ids["bo"])]
    recordings.append(world.recording(world.ids["anna"], stored=False))
    world.counterpart(recordings[0], "0701", "Eva", 0, None)
    leg = follow(world, live, "anna").row.id
    world.user("op", world.organisation("Provider"), role="operator", mode="never")
    operator = await open_browser("op")
    admin = await Client.of(await open_browser("admin-acme"))
    token = await admin.made("/tokens", {"name": "p", "scopes": ["users:read"]})
    check(made, "FreshToken", token)
    eva = await admin.made(
        "/users", {"name": "Eva", "number": "103", "mode": "always", "acknowledgement": TOLD}
    )
    group = await admin.made("/groups", {"name": "Sales"})
    members = await admin("POST", f"/groups/{group['id']}/members", {"users": [eva["id"]]})
    assert members.json()["members"]
    assert (await admin("PATCH", f"/recordings/{recordings[0]}", {"tag1": "t"})).status == 200
    search = await admin.made("/searches", {"name": "Red", "query": "mark=red"})
    hold = await admin.made("/holds", {"number": "0701234567", "reason": "Case 4711"})
    own = UUID((await admin.get("/organisation"))["id"])
    erasure = world.store.write_now(
        asking.begin, own, Target(Kind.COUNTERPART, number="0701234567"), "", bytes(6),
        actor=BY, now=NOON,
    )  # fmt: skip
    assert (await admin("GET", f"/recordings/{recordings[0]}/audio")).status == 200
    what = {"name": "CRM", "url": "https://crm.example/", "events": ["recording.ready"]}
    hook = await admin.made("/webhooks", what)
    delivery = (await admin("POST", f"/webhooks/{hook['id']}/ping")).json()
    check(made, "Delivery", delivery)
    key = await admin.made("/delivery/keys", {"key": PUBLIC_KEY})
    assert (await admin("PUT", "/delivery/target", {**TARGET, "port": 22})).status == 200
    ids = {
        "delivery": [key["id"]],
        "webhooks": [hook["id"]],
        "recordings": recordings,
        "calls": [leg],
        "tokens": [token["id"]],
        "searches": [search["id"]],
        "holds": [hold["id"]],
        "erasures": [erasure.id],
        "groups": [group["id"]],
        "users": [eva["id"], world.ids["admin-acme"]],
        "organisations": [own],
    }
    read = [route for route in API if route.method == "GET" and route.answer and route.status == 200]
    for route in read:
        browser = operator if route.need is Right.ORGANISATIONS else admin.browser
        for id in ids[route.path.split("/")[3]] if "{id}" in route.path else [None]:
            address = route.path.replace("{language}", "sv").replace("{kind}", "start")
            address = address.replace("{delivery}", delivery["id"])
            answer = await browser.get(address.replace("{id}", str(id)))
            assert answer.status == 200, (address, answer.text)
            check(made, route.answer.__name__, answer.json())
    assert len(read) >= 25


@pytest.mark.parametrize("path", ["/api/v1/recordings?limit=0", "/api/v1/recordings/x", "/api/v1/tokens"])
async def test_a_problem_is_what_the_document_says(open_browser: NewBrowser, path: str) -> None:
    answer = await (await open_browser()).get(path)
    check(document(ROUTES), "Problem", answer.json())


def check(made: dict[str, Any], name: str, answer: object) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": made["components"]}
    OAS31Validator(schema).validate(answer)


async def test_an_address_that_is_too_long_is_answered_as_the_document_says(context: WebContext) -> None:
    """It is refused before it is known what was asked for: whatever it is may be answered so."""
    server = await start(context)
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{server.url}api/v1/groups?cursor={'x' * 20_000}") as answer,
    ):
        check(document(ROUTES), "Problem", await answer.json(content_type="application/problem+json"))
        for method, path, operation in operations():
            assert str(answer.status) in operation["responses"], (method, path)
    await server.close()
