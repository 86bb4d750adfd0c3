"""Tables of real calls in `docs/reference/` and their tests name one another."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TABLES = ("telephony", "outages")


def lines(table: str) -> list[list[str]]:
    """The cells of each line of the table, without its head."""
    document = ROOT / f"docs/reference/{table}.md"
    rows = [row for row in document.read_text().splitlines() if row.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def functions(table: str) -> Iterator[str]:
    for file in sorted((ROOT / "tests/asterisk").glob(f"test_{table}_*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name


@pytest.mark.parametrize("table", TABLES)
def test_every_case_is_a_test_and_every_test_a_case(table: str) -> None:
    named = [name for *_, cell in lines(table) for name in re.findall(r"`(\w+)`", cell)]
    assert len(named) == len(lines(table)), "each line names one test"
    assert sorted(named) == sorted(functions(table))


@pytest.mark.parametrize(("table", "columns"), [("telephony", 4), ("outages", 5)])
def test_no_cell_is_empty(table: str, columns: int) -> None:
    for cells in lines(table):
        assert len(cells) == columns, cells
        assert all(cells), cells
