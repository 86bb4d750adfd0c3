"""How a due call's line in the ledger ends: exactly one outcome, with a reason where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ari_recorder.policies.table import Mode


class RecordingState(StrEnum):
    """Where a recording is on its way from a call to the catalogue."""

    OPEN = "open"
    """The call goes on (recording or paused)."""
    CLOSING = "closing"
    """Nothing more will be added; its file is to be made."""
    STORED = "stored"
    """Its file is in the vault, and its hash in the catalogue."""
    DISCARDING = "discarding"
    """Its audio is to be destroyed."""
    DISCARDED = "discarded"
    """Its audio has been destroyed, as its mode says."""
    EMPTY = "empty"
    """Nothing was ever written, so there is nothing to keep."""
    DISPOSING = "disposing"
    """It was kept, and is not any more: its key is destroyed, and the rest of it is on its way out."""


SHOWN = (RecordingState.OPEN, RecordingState.CLOSING, RecordingState.STORED)
"""States of recordings that lists show; a discarded one is in the ledger only."""
FINAL = frozenset({RecordingState.STORED, RecordingState.DISCARDED, RecordingState.EMPTY})
"""States that a recording does not leave, unless it is disposed of; until that is done it has another."""


class Outcome(StrEnum):
    """How a due call is accounted for."""

    RECORDED = "recorded"
    DISCARDED = "discarded"
    NOT_RECORDED = "not_recorded"


NOT_STARTED = "the user did not start a recording"
"""The one reason of a call that was not recorded which is as it should be."""


@dataclass(frozen=True)
class Closing:
    """A ledger line's end; what went wrong is one sentence a line."""

    outcome: Outcome
    reason: str = ""

    @property
    def is_missed(self) -> bool:
        """Whether the call was to be recorded and was not, other than by its user's own doing."""
        return self.outcome is Outcome.NOT_RECORDED and self.reason != NOT_STARTED


def close(mode: Mode, recordings: Sequence[tuple[RecordingState, str]]) -> Closing | None:
    """The end of the ledger line of a leg that has hung up; None while a recording is not final.

    ``recordings`` are the leg's recordings: their states, and what went wrong in each, if anything.
    """
    states = [state for state, _ in recordings]
    problems = "\n".join(problem for _, problem in recordings if problem)
    if not FINAL.issuperset(states):
        return None
    if RecordingState.STORED in states:
        return Closing(Outcome.RECORDED, problems)
    if RecordingState.DISCARDED in states:
        return Closing(Outcome.DISCARDED, problems or "start was not given during the call")
    if not states and mode is Mode.ON_DEMAND_USER_START:
        return Closing(Outcome.NOT_RECORDED, NOT_STARTED)
    return Closing(Outcome.NOT_RECORDED, problems or "no audio was written")
