"""CSV files that people open in spreadsheets: written so that no cell is a formula, and read back as written.

Source: RFC 4180, and OWASP on CSV injection.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ari_recorder.policies.text import harmless
from ari_recorder.policies.unfit import Unfit

FILE = "file"
"""The field of what is wrong with a file as a whole."""
ROWS_MAX = 10_000
"""Each row of a file takes some milliseconds of what writes to the catalogue."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet computes."""
SEPARATORS = ",;\t"
_MARK = "'"
_TOLD = re.compile(f'"?sep=([{SEPARATORS}])"?\\s*', re.IGNORECASE)
"""What Excel writes and reads in front."""


@dataclass(frozen=True)
class Row:
    """A row of a file: its first line there, counted from 1, and its cells by column; or what is wrong."""

    line: int
    cells: Mapping[str, str]
    fault: Unfit | None = None


def safe(cell: str) -> str:
    """The cell as it is written: with an apostrophe in front if it could be a formula, or begins with one."""
    return _MARK + cell if cell.startswith((*FORMULA, _MARK)) else cell


def plain(cell: str) -> str:
    """The cell as it was before `safe`."""
    return cell[1:] if cell.startswith(_MARK) and cell[1:].startswith((*FORMULA, _MARK)) else cell


BOM = "\ufeff"
"""Tells spreadsheets that a file is UTF-8."""


def write(columns: Sequence[str], rows: Iterable[Sequence[str]], separator: str = ",") -> str:
    """A file of these columns, its first row their names; nothing in it acts on who reads it."""
    return lines([columns], separator) + lines(rows, separator)


def lines(rows: Iterable[Sequence[str]], separator: str = ",") -> str:
    """These rows of a file that is written in parts; nothing in them acts on who reads it."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, lineterminator="\r\n")
    writer.writerows([safe(harmless(cell, lines=True)) for cell in row] for row in rows)
    return file.getvalue()


def read(content: bytes, columns: Collection[str], most: int = ROWS_MAX) -> list[Row]:
    """The rows of a file in UTF-8, with commas, semicolons or tabs, whose first names some of the columns.

    Raises `Unfit` for a file that cannot be read as a whole.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unfit(FILE, "it is not text in UTF-8: save it as CSV UTF-8.") from error
    if "\0" in text:
        raise Unfit(FILE, "it is not a CSV file: it has a NUL in it.")
    return list(_rows(list(io.StringIO(text, newline="")), columns, most))


def _rows(lines: Sequence[str], columns: Collection[str], most: int) -> Iterator[Row]:
    first_line, *others = lines or [""]
    separator = max(SEPARATORS, key=first_line.count)
    if told := _TOLD.fullmatch(first_line):
        separator, lines = told[1], ["\n", *others]
    reader = csv.reader(lines, delimiter=separator, strict=True)
    names: list[str] = []
    count = first = 0
    try:
        for cells in reader:
            line, first = first + 1, reader.line_num
            if not any(cells):
                continue
            if not names:
                names = _named(cells, columns)
                continue
            count += 1
            if count > most:
                raise Unfit(FILE, "more than %(most)s rows: send them in parts.", most=most)
            yield _row(line, cells, names)
    except csv.Error as error:
        raise Unfit(
            FILE, "line %(line)s cannot be read: %(error)s.", line=reader.line_num, error=str(error)
        ) from error
    if not names:
        raise Unfit(FILE, "it is empty: its first row names the columns.")


def _named(cells: Sequence[str], columns: Collection[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    for name in names:
        if name not in columns:
            raise Unfit(
                FILE, "there is no column %(name)s; known: %(known)s.",
                name=repr(name[:40]), known=", ".join(columns),
            )  # fmt: skip
        if names.count(name) > 1:
            raise Unfit(FILE, "the column %(name)s is there twice.", name=name)
    return names


def _row(line: int, cells: Sequence[str], names: Sequence[str]) -> Row:
    if len(cells) != len(names):
        fault = Unfit(
            "",
            "%(cells)s cells, and %(columns)s columns: is a separator too many, or a quote missing?",
            cells=len(cells), columns=len(names),
        )  # fmt: skip
        return Row(line, {}, fault)
    return Row(line, {name: plain(cell.strip(" ")) for name, cell in zip(names, cells, strict=True)})
