"""A model of what is on disk: the catalogue, which may be slow or away, and the journal beside it."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import fields
from random import Random
from uuid import UUID

from ari_recorder.policies.leg import inputs
from ari_recorder.policies.leg.state import Announcement, Leg, Recording

from .clock import Clock
from .luck import Luck

JOURNAL_AFTER_S = 0.25
NOWHERE_AFTER_S = 4.0
AGAIN_S = 0.5

_names = [field.name for field in fields(Leg)]
KEPT = _names[: _names.index("annotations") + 1]
"""What of a leg is on disk; the rest begins anew with a start of the recorder."""


def revived(leg: Leg) -> Leg:
    """A leg as it is read from disk."""
    return Leg(**{name: getattr(leg, name) for name in KEPT} | {"told": leg.standing})


class Books:
    """The catalogue and the journal, and the recorder's writing to them, one version after the other.

    ``recordings`` and ``announcements`` are the catalogue's rows: a leg does not carry along what is over.
    """

    def __init__(
        self, clock: Clock, random: Random, luck: Luck, tell: Callable[[inputs.Input], None]
    ) -> None:
        self.clock, self.random, self.luck, self.tell = clock, random, luck, tell
        self.catalogue: Leg | None = None
        self.journal: Leg | None = None
        self.recordings: dict[tuple[UUID, int], Recording] = {}
        self.announcements: dict[UUID, Announcement] = {}
        self.due: set[UUID] = set()
        self.landed: Callable[[Leg], None] = lambda _: None
        self.slow = self.away = self.journal_away = False
        self._run = 0
        self._wanted: Leg | None = None
        self._writing: Leg | None = None
        self._unwritten_since = 0
        self._told_nowhere = False

    @property
    def newest(self) -> Leg | None:
        """What is on disk."""
        found = [one for one in (self.catalogue, self.journal) if one is not None]
        return max(found, key=lambda leg: leg.version, default=None)

    @property
    def version(self) -> int:
        """Of what is on disk."""
        return max(
            self.catalogue.version if self.catalogue else 0, self.journal.version if self.journal else 0
        )

    @property
    def busy(self) -> bool:
        """Whether something is being written."""
        return self._writing is not None or self._wanted is not None

    def save(self, leg: Leg) -> None:
        """Write a leg down, in place of what waits for it."""
        if self._wanted is None and self._writing is None:
            self._unwritten_since += 1
            self.clock.after(JOURNAL_AFTER_S, self._note, self._run, self._unwritten_since)
            self.clock.after(NOWHERE_AFTER_S, self._nowhere, self._run, self._unwritten_since)
        self._wanted = copy(leg)
        self._write()

    def _write(self) -> None:
        if self._writing is None and self._wanted is not None:
            self._writing, self._wanted = self._wanted, None
            took_s = self.random.uniform(0.3, 6.0) if self.slow else self.random.choice((0.001, 0.004, 0.02))
            self.clock.after(took_s, self._written, self._run)

    def _written(self, run: int) -> None:
        if run != self._run:
            return
        leg, self._writing = self._writing, None
        assert leg is not None
        if self.away:
            self._wanted = self._wanted or leg
            self.clock.after(AGAIN_S, self._write_again, run)
            return
        self._land(leg)
        self._told_nowhere = False
        self._unwritten_since += 1
        if self._wanted is not None:
            self.clock.after(JOURNAL_AFTER_S, self._note, run, self._unwritten_since)
            self.clock.after(NOWHERE_AFTER_S, self._nowhere, run, self._unwritten_since)
        self.tell(inputs.Saved(leg.version, catalogue=True))
        self._write()

    def _write_again(self, run: int) -> None:
        if run == self._run:
            self._write()

    def _land(self, leg: Leg) -> None:
        """One transaction. What is complete is written once: the leg does not carry all of it any more."""
        self.catalogue = leg
        if self.journal is not None and self.journal.version <= leg.version:
            self.journal = None
        for recording in leg.recordings:
            key = leg.id, recording.ordinal
            if not (key in self.recordings and self.recordings[key].complete):
                self.recordings[key] = recording
        for announcement in leg.announcements:
            self.announcements[announcement.id] = announcement
        if leg.due:
            self.due.add(leg.id)
        self.landed(leg)

    def _note(self, run: int, since: int) -> None:
        """The catalogue takes its time: to the journal, then, and again as long as it does."""
        leg = self._wanted or self._writing
        if run != self._run or since != self._unwritten_since or leg is None:
            return
        if self.journal_away:
            self.clock.after(AGAIN_S, self._note, run, since)
            return
        if leg.version > self.version:
            self.journal = leg
            self._told_nowhere = False
            self.clock.after(0.003, self._tell_noted, run, leg.version)
        self.clock.after(JOURNAL_AFTER_S, self._note, run, since)

    def _tell_noted(self, run: int, version: int) -> None:
        if run == self._run:
            self.tell(inputs.Saved(version, catalogue=False))

    def _nowhere(self, run: int, since: int) -> None:
        leg = self._wanted or self._writing
        if run != self._run or since != self._unwritten_since or leg is None:
            return
        if leg.version > self.version and not self._told_nowhere:
            self._told_nowhere = True
            self.tell(inputs.NotSaved("the disk is full"))
        self.clock.after(NOWHERE_AFTER_S, self._nowhere, run, since)

    def change_mood(self) -> None:
        """The catalogue becomes slow, or goes away, or comes back."""
        self.slow = self.random.random() < self.luck.catalogue_slow
        self.away = self.random.random() < self.luck.catalogue_away
        self.journal_away = self.random.random() < self.luck.journal_away

    def heal(self) -> None:
        """Everything can be written again."""
        self.slow = self.away = self.journal_away = False

    def die(self) -> None:
        """The recorder has died: what it was just writing is on disk, or is not."""
        self._run += 1
        leg = self._writing
        if leg is not None and not self.away and self.random.random() < 0.5:
            self._land(leg)
        self._wanted = self._writing = None
        self._told_nowhere = False
