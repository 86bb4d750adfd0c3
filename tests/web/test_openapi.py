"""The API's description is a valid document, is what the code does, and can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from ari_recorder.policies.rights import Right
from ari_recorder.web.openapi import document
from ari_recorder.web.routes import ROUTES
from ari_recorder.web.routing import Open

from .world import NewBrowser

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


def test_what_is_not_in_a_body_is_refused() -> None:
    for route in API:
        for read in (route.body, route.reads):
            if isinstance(read, type):
                assert read.__struct_config__.forbid_unknown_fields, read


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


async def test_the_page_needs_nothing_from_elsewhere(open_browser: NewBrowser) -> None:
    shown = await (await open_browser()).get("/api")
    assert "script-src 'self'" in shown.headers["Content-Security-Policy"]
    assert not re.search(r'(src|href)="(https?:)?//', shown.text)
