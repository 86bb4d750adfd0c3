"""`policies/` decides and does nothing else: a closed list of what it may import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ari_recorder.policies

FOLDER = Path(ari_recorder.policies.__file__).parent
DATA_MODULES = {
    "__future__",
    "base64",
    "binascii",
    "collections",
    "collections.abc",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "enum",
    "fnmatch",
    "fractions",
    "functools",
    "json",
    "hashlib",
    "ipaddress",
    "io",
    "itertools",
    "math",
    "phonenumbers",
    "re",
    "types",
    "typing",
    "unicodedata",
    "urllib.parse",
    "uuid",
    "zoneinfo",
}
CLOCKS = {"now", "utcnow", "today"}
SOURCES = sorted(FOLDER.rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_only_data_modules_are_imported(source: Path) -> None:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    foreign = {
        n for n in imported(tree) if n not in DATA_MODULES and not n.startswith("ari_recorder.policies")
    }
    assert not foreign


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_no_clock_is_read_and_nothing_is_printed_or_opened(source: Path) -> None:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            assert name not in {*CLOCKS, "open", "print", "__import__", "exec", "eval"}, ast.dump(node)


def test_the_guard_sees_the_whole_package() -> None:
    assert {"table.py", "ledger.py", "writing.py"} <= {path.name for path in SOURCES}
