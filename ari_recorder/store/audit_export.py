"""The audit log as a file that can be checked without the catalogue: JSON lines, or CSV for a spreadsheet.

An export is a whole stretch of an organisation's log, in the order of its lines. As JSON lines it has the
seals, too, each behind its line. In CSV a cell that a spreadsheet might take for a formula has an apostrophe
in front, as has one that begins with an apostrophe: without it, it is as it was.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ari_recorder.errors import FileError, SettingsError
from ari_recorder.policies.spreadsheet import BOM, SEPARATORS
from ari_recorder.store.audit_check import Chain, Finding, Head, Known, Line
from ari_recorder.store.audit_key import PublicKey
from ari_recorder.store.audit_lines import CONTENT
from ari_recorder.store.audit_seals import Seal

COLUMNS = ("organisation", *CONTENT, "sha256")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def as_json_lines(lines: Iterable[Line | Seal]) -> Iterator[str]:
    """Each line and seal as JSON, with ``type`` in front, on a line of its own."""
    for one in lines:
        if isinstance(one, Seal):
            members: dict[str, Any] = {"type": "seal", **asdict(one)}
        else:
            members = {"type": "line", **_members(one)}
        yield json.dumps(members, ensure_ascii=False) + "\n"


def as_csv(lines: Iterable[Line | Seal], separator: str = ",") -> Iterator[str]:
    """A row for each line, without the titles; nothing of the seals."""
    for one in lines:
        if not isinstance(one, Seal):
            members = _members(one)
            yield _row((_harmless(str(members[name])) for name in COLUMNS), separator)


def read(path: Path) -> Iterator[Line | Seal]:
    """What an export holds. Raises `SettingsError` for a file that is none, `FileError`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _from_csv(file) if path.suffix == ".csv" else _from_json(file)
    except OSError as error:
        raise FileError(path, "read", error) from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise SettingsError(
            f"{path} is no export of the audit log: give audit.jsonl or audit.csv as it was saved."
        ) from error


@dataclass(frozen=True)
class Checked:
    """An export: its first and its last line, up to which a seal vouches for them (0: none does), and what
    is wrong with it.
    """

    first: int
    last: int
    lines: int
    seals: int
    signed: int
    findings: list[Finding]


def check(path: Path, keys: Collection[PublicKey]) -> Checked:
    """Check an export. Raises `SettingsError` for a file that is none, or has no line."""
    first = next((one for one in read(path) if isinstance(one, Line)), None)
    if first is None:
        raise SettingsError(f"{path} has no line of the audit log: there is nothing to check.")
    begins = Head(int(first.content["number"]) - 1, str(first.content["before"]))
    sealed = sorted((one for one in read(path) if isinstance(one, Seal)), key=lambda seal: seal.number)
    known = Known(str(first.content["organisation"]), keys, seals=sealed, begins=begins)
    checker = Chain(known)
    findings = checker.run(one for one in read(path) if isinstance(one, Line))
    return Checked(
        begins.number + 1, checker.last.number, checker.lines, len(sealed), checker.signed, findings
    )


@dataclass(frozen=True)
class Form:
    """A form of export: what stands at its beginning, and the texts of lines and seals."""

    ending: str
    media_type: str
    titles: str
    texts: Callable[[Iterable[Line | Seal]], Iterator[str]]


def _members(line: Line) -> dict[str, Any]:
    return {name: line.content[name] for name in COLUMNS[:-1]} | {"sha256": line.sha256}


def _row(cells: Iterable[str], separator: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerow(cells)
    return text.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def csv_form(separator: str = ",") -> Form:
    """For spreadsheets that part cells so."""
    return Form("csv", "text/csv", BOM + _row(COLUMNS, separator), lambda lines: as_csv(lines, separator))


JSON_LINES = Form("jsonl", "application/jsonl", "", as_json_lines)


def _from_csv(file: Iterable[str]) -> Iterator[Line]:
    lines = iter(file)
    titles = next(lines, "")
    separator = max(SEPARATORS, key=titles.count)
    for row in csv.DictReader(chain([titles], lines), delimiter=separator, strict=True):
        plain = {name: row[name].removeprefix("'") for name in COLUMNS}
        yield _line({**plain, "number": int(plain["number"])})


def _from_json(file: Iterable[str]) -> Iterator[Line | Seal]:
    for text in file:
        members = json.loads(text)
        kind = members.pop("type")
        yield Seal(**members) if kind == "seal" else _line({name: members[name] for name in COLUMNS})


def _line(members: dict[str, Any]) -> Line:
    sha256 = members.pop("sha256")
    return Line(members, str(sha256))
