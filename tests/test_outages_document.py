"""`docs/reference/outages.md` and the tests of outages name one another."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs/reference/outages.md"
FILES = sorted((ROOT / "tests/asterisk").glob("test_outages_*.py"))


def lines() -> list[list[str]]:
    """The cells of each line of the table, without its head."""
    rows = [row for row in DOCUMENT.read_text().splitlines() if row.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def functions() -> Iterator[str]:
    for file in FILES:
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name


def test_every_outage_is_a_test_and_every_test_an_outage() -> None:
    named = [name for *_, cell in lines() for name in re.findall(r"`(\w+)`", cell)]
    assert len(named) == len(lines()), "each line names one test"
    assert sorted(named) == sorted(functions())


def test_no_cell_is_empty() -> None:
    for cells in lines():
        assert len(cells) == 5, cells
        assert all(cells), cells
