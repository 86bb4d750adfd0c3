"""CSV files: no cell is a formula, and what is written is what is read."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.policies.spreadsheet import FORMULA, plain, read, safe, write
from ari_recorder.policies.text import harmless
from ari_recorder.policies.unfit import Unfit

CELLS = st.text(st.characters(exclude_characters="\0", codec="utf-8"))


@given(CELLS)
def test_a_safe_cell_is_no_formula_and_is_read_back(cell: str) -> None:
    assert not safe(cell).startswith(FORMULA)
    assert plain(safe(cell)) == cell


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_a_file_is_read_as_it_was_written(rows: list[tuple[str, str]]) -> None:
    written = [row for row in rows if any(row)]
    found = read(write(("a", "b"), rows).encode(), ("a", "b"))
    assert [row.fault for row in found] == [None] * len(written)
    kept = [tuple(harmless(cell, lines=True) for cell in row) for row in written]
    stripped = [tuple(plain(safe(cell).strip(" ")) for cell in row) for row in kept]
    assert [(row.cells["a"], row.cells["b"]) for row in found] == stripped


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    found = read(b'a,b\n1,"x\ny"\n\n2,z\n', ("a", "b"))
    assert [(row.line, row.cells["a"]) for row in found] == [(2, "1"), (5, "2")]


@pytest.mark.parametrize("content", [b"a;b\n1,5;2\n", b"a\tb\n1,5\t2\n", b'a,b\n"1,5",2\n'])
def test_the_separator_is_the_headings(content: bytes) -> None:
    (row,) = read(content, ("a", "b"))
    assert (row.line, dict(row.cells)) == (2, {"a": "1,5", "b": "2"})


@pytest.mark.parametrize("told", [b"sep=;\r\n", b'"SEP=;"\n', b"\xef\xbb\xbfsep=;\n"])
def test_a_first_line_of_excels_says_which_it_is(told: bytes) -> None:
    (row,) = read(told + b"a,b;b\n1;2\n", ("a,b", "b"))
    assert (row.line, dict(row.cells)) == (3, {"a,b": "1", "b": "2"})
    with pytest.raises(Unfit, match="empty"):
        read(told, ("a", "b"))


def test_written_with_the_dialect_of_rfc_4180() -> None:
    text = write(("a", "b"), [("=1", 'x"y')])
    assert text == 'a,b\r\n\'=1,"x""y"\r\n'
    assert list(csv.reader(io.StringIO(text))) == [["a", "b"], ["'=1", 'x"y']]


def test_nothing_in_it_acts_on_who_reads_it() -> None:
    text = write(("a",), [("\x1b[2J\u202eexe.cod\x9b",), ("two\nlines",), ("\0=1",)])
    assert [one for one in text if not (one.isprintable() or one in "\r\n")] == []
    assert '"two\nlines"' in text
