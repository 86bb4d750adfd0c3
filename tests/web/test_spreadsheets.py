"""Files for spreadsheets are such as those of the reader's language open: all of them."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from ari_recorder.store import audit_export
from ari_recorder.web.routes import ROUTES

from .world import NewBrowser, World

WHO = {
    "/api/v1/recordings.csv": "admin-acme",
    "/api/v1/users.csv": "admin-acme",
    "/api/v1/usage.csv": "admin-acme",
    "/api/v1/usage/organisations.csv": "operator",
    "/api/v1/disposals.csv": "admin-acme",
    "/api/v1/audit.csv": "admin-acme",
}


def test_these_are_all() -> None:
    assert {route.path for route in ROUTES if route.path.endswith(".csv")} == set(WHO)


@pytest.mark.parametrize(("language", "separator"), [("en", ","), ("sv", ";")])
@pytest.mark.parametrize("path", sorted(WHO))
async def test_a_spreadsheet_in_that_language_opens_it(
    open_browser: NewBrowser, world: World, path: str, language: str, separator: str
) -> None:
    world.user("operator", world.organisation("Provider"), role="operator", mode="never")
    browser = await open_browser(WHO[path])
    await browser.get(f"/account?lang={language}")
    text = (await browser.get(path)).text
    assert text.startswith("\ufeff")
    titles = text.splitlines()[0]
    assert len(re.split(re.escape(separator), titles)) > 5, titles


async def test_the_audit_log_is_checked_as_a_swedish_spreadsheet_has_it(
    open_browser: NewBrowser, world: World, tmp_path: Path
) -> None:
    browser = await open_browser("admin-acme")
    await browser.get("/account?lang=sv")
    text = (await browser.get("/api/v1/audit.csv")).text
    file = tmp_path / "audit.csv"
    file.write_text(text, newline="")
    assert audit_export.check(file, []).findings == []
    assert len(list(csv.reader(text.splitlines(), delimiter=";"))) == audit_export.check(file, []).lines + 1
