"""The audit log's lines as they are kept, read page by page: to check and to export them.

Plain SQL and no models: a million lines are read in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from uuid import UUID

from ari_recorder.store.audit import written_at
from ari_recorder.store.audit_check import Chain, Finding, Head, Known, Line, Place
from ari_recorder.store.audit_key import PublicKey
from ari_recorder.store.audit_seals import Seal, ToldSeal, as_kept
from ari_recorder.store.models import AuditHead, AuditLine, AuditSeal, database

PAGE = 2000
"""Lines held in memory at once."""
CONTENT = (
    "number",
    "at",
    "actor_kind",
    "actor",
    "actor_name",
    "address",
    "action",
    "subject_kind",
    "subject",
    "detail",
    "before",
)
"""What a line's hash is made of, besides its organisation."""

P = ParamSpec("P")
T = TypeVar("T")
Told = Callable[[int], None]


class Read(Protocol):
    """How to run a read: `Store.read_now`, or the function itself."""

    def __call__(self, work: Callable[Concatenate[P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``work`` returns."""
        ...


@dataclass(frozen=True)
class Checked:
    """What was found, and how much was looked at."""

    lines: int
    seals: int
    findings: tuple[Finding, ...]


def check(
    read: Read,
    keys: Collection[PublicKey],
    told: Iterable[ToldSeal] = (),
    progress: Told | None = None,
) -> Checked:
    """Check every organisation's log. ``told`` are seals from a log outside the catalogue."""
    outside: dict[UUID, dict[int, str]] = {}
    for seal in told:
        outside.setdefault(seal.organisation, {})[seal.number] = seal.sha256
    lines, findings = 0, list[Finding]()
    for chain in _all_chains(read, outside):
        source = _Source(read, chain)
        checker = Chain(_known(read, source, keys, outside.get(chain, {})))
        findings += checker.run(_counted(source.lines(), lines, progress))
        lines += checker.lines
    return Checked(lines, read(AuditSeal.select().count), tuple(findings))


def stream(read: Read, chain: UUID, after: int | None = None, until: int | None = None) -> Iterator[Line]:
    """The lines of an organisation in the order of their numbers, up to ``until``, behind ``after``."""
    while page := read(lines_after, chain, after, until):
        yield from page
        after = page[-1].content["number"]


def lines_after(chain: UUID, after: int | None, until: int | None = None) -> list[Line]:
    """The next page behind that number."""
    mark = database.param
    wanted, values = [f"organisation = {mark}"], [AuditLine.organisation.db_value(chain)]
    for condition, value in ((">", after), ("<=", until)):
        if value is not None:
            wanted.append(f"number {condition} {mark}")
            values.append(value)
    sql = (
        f"SELECT {', '.join(CONTENT)}, sha256 FROM audit_line WHERE {' AND '.join(wanted)}"  # noqa: S608
        f" ORDER BY number LIMIT {PAGE}"
    )
    name = str(chain)
    return [_line(name, row) for row in database.execute_sql(sql, values).fetchall()]


def newest(chain: UUID) -> int:
    """The number of an organisation's newest line; 0 if there is none."""
    head = _head(chain)
    return head.number if head else 0


def seals_between(chain: UUID, first: int, last: int) -> list[Seal]:
    """The seals of lines from ``first`` to ``last``, a page of them at most."""
    rows = (
        AuditSeal.select()
        .where((AuditSeal.organisation == chain) & AuditSeal.number.between(first, last))
        .order_by(AuditSeal.number)
        .limit(PAGE)
    )
    return [as_kept(row) for row in rows.dicts()]


def _line(chain: str, row: tuple[Any, ...]) -> Line:
    content = dict(zip(CONTENT, row, strict=False))
    content["organisation"] = chain
    content["at"] = _at(content["at"])
    return Line(content, row[-1])


def _at(value: Any) -> str:
    """SQLite gives a text, PostgreSQL a time; both are UTC. What is neither was put there by somebody."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        return written_at(found.replace(tzinfo=UTC))
    except (ValueError, AttributeError):
        return str(value)


class _Source:
    """A chain while lines may be added to it: ``head`` is never older than the lines that have been given."""

    def __init__(self, read: Read, chain: UUID) -> None:
        self._read = read
        self.chain = chain
        self.head = read(_head, chain)

    def lines(self) -> Iterator[Line]:
        """All of them. When they have ended every line up to ``head`` should have been among them."""
        after: int | None = None
        while page := self._read(lines_after, self.chain, after):
            self.head = self._read(_head, self.chain)
            yield from page
            after = page[-1].content["number"]


def _known(read: Read, source: _Source, keys: Collection[PublicKey], told: Mapping[int, str]) -> Known:
    newest = read(_newest_seal, source.chain)
    return Known(
        organisation=str(source.chain),
        keys=keys,
        seals=_seals(read, source.chain, newest),
        told=told,
        head=lambda: source.head,
        origins=partial(_origins, read),
    )


def _seals(read: Read, chain: UUID, newest: int) -> Iterator[Seal]:
    """Up to one that was there before the lines were read: a newer one may be of a line not seen."""
    first = -(10**9)
    while page := read(seals_between, chain, first, newest):
        yield from page
        first = page[-1].number + 1


def _newest_seal(chain: UUID) -> int:
    query = AuditSeal.select(AuditSeal.number).where(AuditSeal.organisation == chain)
    row = query.order_by(AuditSeal.number.desc()).first()
    return row.number if row else 0


def _head(chain: UUID) -> Head | None:
    row = AuditHead.get_or_none(AuditHead.organisation == chain)
    return Head(row.number, row.sha256) if row else None


def _origins(read: Read, hashes: Collection[str]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    wanted = sorted(hashes)
    for start in range(0, len(wanted), 500):
        for sha256, place in read(_places, wanted[start : start + 500]):
            found.setdefault(sha256, []).append(place)
    return found


def _places(hashes: list[str]) -> list[tuple[str, Place]]:
    """Where lines with these hashes stand, and stood as far as the line behind them remembers."""
    columns = (AuditLine.organisation, AuditLine.number, AuditLine.sha256, AuditLine.before)
    rows = AuditLine.select(*columns).where(AuditLine.sha256.in_(hashes) | AuditLine.before.in_(hashes))
    places, wanted = [], set(hashes)
    for chain, number, sha256, before in rows.tuples():
        if before in wanted:
            places.append((before, Place(str(chain), number - 1)))
        if sha256 in wanted:
            places.append((sha256, Place(str(chain), number)))
    return places


def _all_chains(read: Read, also: Iterable[UUID]) -> list[UUID]:
    """Every organisation that there is anything of."""
    found = set(also)
    for table in (AuditLine, AuditHead, AuditSeal):
        last: UUID | None = None
        while (last := read(_next_chain, table, last)) is not None:
            found.add(last)
    return sorted(found)


def _next_chain(table: Any, last: UUID | None) -> UUID | None:
    query = table.select(table.organisation).order_by(table.organisation).limit(1)
    if last is not None:
        query = query.where(table.organisation > last)
    row = query.first()
    return row.organisation if row else None


def _counted(lines: Iterator[Line], before: int, progress: Told | None) -> Iterator[Line]:
    for number, line in enumerate(lines, before + 1):
        if progress and number % PAGE == 0:
            progress(number)
        yield line
