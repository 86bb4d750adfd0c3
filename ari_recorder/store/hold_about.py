"""What a legal hold is to be about: checked before it is placed, and counted.

A selection is a list and no rule: those of it that may be held are written down with the hold
(`models.HeldRecording`), and nothing comes to them later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from ari_recorder.errors import Invalid, NotFound
from ari_recorder.policies.holds import Kind
from ari_recorder.policies.rights import Scope
from ari_recorder.policies.selection import SELECTED_MAX
from ari_recorder.store import catalogue, finding, holds
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.filters import Wanted
from ari_recorder.store.models import HeldRecording, Recording, User


@dataclass(frozen=True)
class About:
    """What a hold is to be about: one of these by its ``kind``; of a search what it asks for, too."""

    kind: Kind
    recording: UUID | None = None
    user: UUID | None = None
    number: str = ""
    query: str = ""
    wanted: Wanted | None = None
    recordings: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class Selected:
    """What somebody chose: those that are ``there`` for them, the newest first, which of them are under a
    hold already, and those that are ``left``: what they are, and whether they are, is not said."""

    there: tuple[RecordingRow, ...]
    held: tuple[UUID, ...]
    left: tuple[UUID, ...]


def selected(asker: Scope, organisation: UUID, recordings: Sequence[UUID]) -> Selected:
    """Of these recordings those that ``asker`` may see."""
    every = list(dict.fromkeys(recordings))
    there = tuple(row for row in catalogue.chosen(asker, every) if row.organisation == organisation)
    ids = [row.id for row in there]
    held, seen = holds.holding(ids), set(ids)
    return Selected(
        there, tuple(one for one in ids if one in held), tuple(one for one in every if one not in seen)
    )


def check(asker: Scope, organisation: UUID, about: About) -> None:
    """That what it is about is there; of a selection, any of it. Raises `NotFound`, `Invalid`."""
    match about.kind:
        case Kind.RECORDING:
            if about.recording is None:
                raise Invalid("recording", "say which recording.")
            found = catalogue.recording(asker, about.recording)
            if found.organisation != organisation:
                raise NotFound(f"No recording {about.recording}.")
        case Kind.USER:
            if User.get_or_none((User.id == about.user) & (User.organisation == organisation)) is None:
                raise NotFound("There is no such user.")
        case Kind.SEARCH if about.wanted is None or about.wanted == Wanted():
            raise Invalid("query", "it searches for nothing.")
        case Kind.SELECTION:
            if not about.recordings:
                raise Invalid("recordings", "say which recordings.")
            if len(about.recordings) > SELECTED_MAX:
                raise Invalid("recordings", "at most %(most)s at once.", most=SELECTED_MAX)
            if not selected(asker, organisation, about.recordings).there:
                raise NotFound("None of these recordings.")


def found_by(organisation: UUID, about: About, most: int = catalogue.COUNTED_MAX) -> int:
    """How many recordings a hold would keep now, up to ``most``; one more says that there are more."""
    match about.kind:
        case Kind.RECORDING:
            return 1
        case Kind.SELECTION:
            return len(there(about.recordings))
    return finding.count(holds.everything_of(organisation), wanted(about), most)


def wanted(about: About) -> Wanted:
    """What a hold of a user, a number or a search asks for."""
    match about.kind:
        case Kind.USER:
            return Wanted(user=about.user)
        case Kind.NUMBER:
            return Wanted(number=about.number)
        case _:
            return about.wanted or Wanted()


def write_down(hold: UUID, recordings: Collection[UUID]) -> None:
    """The recordings of a selection's hold; in the write that places it."""
    HeldRecording.insert_many([{"hold": hold, "recording": one} for one in recordings]).execute()


def written_down(selections: Collection[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    """The recordings of these holds, which are of selections; also those that are gone since."""
    found = defaultdict[UUID, list[UUID]](list)
    if selections:
        of = HeldRecording.hold.in_(list(selections))
        query = HeldRecording.select(HeldRecording.hold, HeldRecording.recording).where(of)
        for hold, recording in query.tuples():
            found[hold].append(recording)
    return {hold: tuple(sorted(recordings)) for hold, recordings in found.items()}


def there(recordings: Sequence[UUID]) -> list[UUID]:
    """Those of these that are not gone."""
    rows = Recording.select(Recording.id).where(Recording.id.in_(list(recordings))) if recordings else ()
    return [row.id for row in rows]
