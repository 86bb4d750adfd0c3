"""The audit of the locked dependencies says what is vulnerable, and does not pass what was not looked up."""

from __future__ import annotations

import json
import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1]
GOOD = {"name": "aiohttp", "version": "3.14.2", "vulns": []}
BAD = {"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "PYSEC-2014-8", "fix_versions": ["2.7.2"]}]}
SKIPPED = {"name": "av", "skip_reason": "Dependency not found on PyPI and could not be audited: av (17.0.0)"}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    loader = SourceFileLoader("audit", str(PROJECT / "scripts/audit"))
    spec = spec_from_loader("audit", loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def document(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_all_is_well(audit: ModuleType) -> None:
    assert audit.told(document(GOOD), "") == (
        ["Audited: 1 of 1 locked dependencies, 0 with a known vulnerability."],
        0,
    )


def test_a_vulnerability_fails_and_is_named(audit: ModuleType) -> None:
    lines, code = audit.told(document(GOOD, BAD), "")
    assert code == 1
    assert "jinja2 2.4.1: PYSEC-2014-8, fixed in 2.7.2" in lines[0]
    assert "1 with a known vulnerability" in lines[-1]


def test_what_was_not_looked_up_is_told(audit: ModuleType) -> None:
    lines, code = audit.told(document(GOOD, SKIPPED), "")
    assert code == 0
    assert "NOT AUDITED: 1 of 2, the index does not tell: av" in lines
    assert "Audited: 1 of 2" in lines[-1]


@pytest.mark.parametrize("found", ["", "Traceback", "{}", "[]"])
def test_an_index_that_is_away_is_told(audit: ModuleType, found: str) -> None:
    lines, code = audit.told(found, "Traceback\nConnectionError: no route to host\n")
    assert code == 0
    assert lines == [
        "NOT AUDITED: the locked dependencies could not be looked up: ConnectionError: no route to host"
    ]


def test_it_is_part_of_make_test() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^test:.*\n\t.*--jobs 2 lint audit$", makefile, re.M)
    assert "pip-audit==" in (PROJECT / "requirements.lock").read_text(encoding="utf-8")
