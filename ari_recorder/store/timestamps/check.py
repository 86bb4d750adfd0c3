"""Are the time stamps what authorities gave, of the heads that there are? Names each that is not, or gone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from ari_recorder.errors import TimestampError
from ari_recorder.store.timestamps import rows
from ari_recorder.store.timestamps.authorities import Authorities
from ari_recorder.store.timestamps.response import stamped, verified
from ari_recorder.store.timestamps.rows import KeptStamp, ToldStamp
from ari_recorder.store.tree_heads import Head

PAGE = 100
Read = Callable[..., Any]
"""`Store.read_now`."""


class Fault(StrEnum):
    """What is wrong with a time stamp."""

    CHANGED = "stamp_changed"
    """It is not what was kept, or not of the head that it is said to be of."""
    UNTRUSTED = "stamp_forged"
    """No authority that is trusted gave it."""
    MISSING = "stamp_missing"
    """One is gone, or its head."""


@dataclass(frozen=True)
class Finding:
    """A fault, of what, in a sentence."""

    fault: Fault
    subject: str
    text: str


@dataclass
class Checked:
    """How many were looked at, and what was found."""

    stamps: int = 0
    findings: list[Finding] = field(default_factory=list)


def check(read: Read, trusted: Callable[[], Authorities], told: Collection[ToldStamp] = ()) -> Checked:
    """Check every organisation's stamps. ``told`` are stamps from outside the catalogue.

    ``trusted`` is asked for only if there are any. Raises what that raises.
    """
    checked = Checked()
    authorities: Authorities | None = None
    for organisation in sorted({*read(rows.organisations), *(one.organisation for one in told)}):
        there: dict[int, str] = {}
        last = 0
        while page := read(rows.after, organisation, last, PAGE):
            authorities = authorities or trusted()
            for stamp, head in page:
                checked.findings.extend(_gap(stamp, last))
                checked.findings.extend(_faults(stamp, head, authorities))
                checked.stamps += 1
                there[stamp.size] = stamp.sha256
                last = stamp.number
        checked.findings.extend(_untold(organisation, there, told))
    return checked


def _gap(stamp: KeptStamp, last: int) -> Iterator[Finding]:
    if stamp.number > last + 1:
        which = f"{last + 1}" if stamp.number == last + 2 else f"{last + 1} to {stamp.number - 1}"
        subject = _subject(stamp.organisation, f"stamp {which}")
        yield Finding(Fault.MISSING, subject, "It is gone from between those that there are.")


def _untold(organisation: UUID, there: dict[int, str], told: Collection[ToldStamp]) -> Iterator[Finding]:
    for one in told:
        if one.organisation == organisation and there.get(one.size) != one.sha256:
            gone = one.size not in there
            fault = Fault.MISSING if gone else Fault.CHANGED
            text = "The log tells of it, and it is gone." if gone else "It is another than the log tells of."
            yield Finding(fault, _subject(organisation, f"stamp of head {one.size}"), text)


def _faults(stamp: KeptStamp, head: Head | None, authorities: Authorities) -> Iterator[Finding]:
    subject = _subject(stamp.organisation, f"stamp {stamp.number}")
    if head is None:
        yield Finding(Fault.MISSING, subject, f"The head of {stamp.size} recordings that it is of is gone.")
        return
    if hashlib.sha256(stamp.response).hexdigest() != stamp.sha256:
        yield Finding(Fault.CHANGED, subject, "It is not the one that was kept.")
        return
    message = stamped(head)
    if hashlib.sha256(message).hexdigest() != stamp.stamped_sha256:
        text = f"The head of {stamp.size} recordings is not the one that was stamped."
        yield Finding(Fault.CHANGED, subject, text)
        return
    try:
        says = verified(stamp.response, message, authorities)
    except TimestampError as error:
        yield Finding(Fault.UNTRUSTED, subject, str(error))
        return
    if (says.at, says.authority, says.serial) != (stamp.at, stamp.authority, stamp.serial):
        text = f"The catalogue says otherwise of it than it: {says.at.isoformat()}, {says.authority}."
        yield Finding(Fault.CHANGED, subject, text)


def _subject(organisation: UUID, which: str) -> str:
    return f"evidence of {organisation}, {which}"
