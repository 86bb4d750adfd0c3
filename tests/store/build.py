"""Calls written the way handlers write them: the policy decides, the store saves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import UUID

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.table import Action, Event, Leg, Mode, State, decide
from ari_recorder.store import calls, finishing, models, people, rows
from ari_recorder.store.database import Store
from ari_recorder.store.finishing import Due, Sealed
from ari_recorder.store.models import new_id
from ari_recorder.store.people import UserRow
from ari_recorder.store.rows import Counterpart, LegRow, SegmentRow
from ari_recorder.store.vault import LocalVault, key_for

APP = "app"
PBX = "main"
BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
_numbers = count(1)


def add_user(store: Store, number: str = "101", mode: Mode = Mode.ALWAYS, **more: object) -> UserRow:
    """A user with an endpoint of that number."""
    return store.write_now(
        people.add_user,
        name=f"User {number}",
        number=number,
        mode=mode,
        endpoints=[(PBX, f"PJSIP/{number}")],
        **more,  # type: ignore[arg-type]
    )


@dataclass
class Call:
    """A leg in the store. Each of its methods is one commit; ``row`` is the leg as last written."""

    store: Store
    row: LegRow
    now: datetime

    @classmethod
    def rings(cls, store: Store, user: UserRow, *, number: str = "0701234567", at: datetime = BEGIN) -> Call:
        """A new leg of ``user``: its snoops are about to be made."""
        row = LegRow(
            id=new_id(),
            user=user.id,
            organisation=user.organisation,
            pbx=PBX,
            channel=f"1772438400.{next(_numbers)}",
            channel_name=f"PJSIP/{user.number}-00000001",
            direction="inbound",
            counterpart=Counterpart(number, "Somebody"),
            created_at=at,
            policy=Leg(user.mode, State.RINGING, at),
            internal_numbers=r"\d{2,5}",
            user_number=user.number or "",
            user_name=user.name,
            armings=1,
        )
        call = store.write_now(calls.begin_leg, row, f"linked-{row.channel}", rows.snoops(APP, row))
        return cls(store, replace(row, call=call), at)

    def happens(self, *events: Event) -> Call:
        """Decide and save each event, a second apart; the end of a segment is not written yet."""
        for event in events:
            self.now += SECOND
            decision = decide(self.row.policy, event, self.now)
            assert decision.reason is None, decision
            row = self._after(event, replace(self.row, policy=decision.leg), decision.actions)
            planned = row.segment if row.segment is not self.row.segment else None
            self.store.write_now(calls.save_decision, row, decision.actions, planned, self.now)
            self.row = row
        return self

    def _after(self, event: Event, row: LegRow, actions: tuple[Action, ...]) -> LegRow:
        if event is Event.ANSWERED:
            row = replace(row, answered_at=self.now)
        if event is Event.HANGUP:
            row = replace(row, ended_at=self.now)
        if Action.OPEN_RECORDING in actions:
            row = replace(row, recording=new_id())
        if Action.BEGIN_SEGMENT in actions or Action.ROLL_SEGMENT in actions:
            assert row.recording is not None
            row = replace(row, segment=rows.plan_segment(APP, row, row.recording, "wav", self.now))
        return row

    @property
    def segment(self) -> SegmentRow:
        """The running or last segment."""
        assert self.row.segment is not None
        return self.row.segment

    @property
    def recording(self) -> UUID:
        """The running or last recording."""
        assert self.row.recording is not None
        return self.row.recording

    def segment_ends(self, segment: SegmentRow | None = None) -> Call:
        """The files of a segment are known to be closed."""
        self.store.write_now(calls.end_segment, replace(segment or self.segment, ended_at=self.now))
        return self

    def hangs_up(self) -> Call:
        """Hung up, and nothing is left in Asterisk."""
        self.happens(Event.HANGUP)
        if self.row.segment is not None:
            self.segment_ends()
        self.store.write_now(calls.finish_leg, self.row.id, self.now)
        return self


def recorded_call(store: Store, user: UserRow, *, at: datetime = BEGIN, number: str = "0701234567") -> Call:
    """A call from ring to hang-up; its recording is due."""
    return Call.rings(store, user, at=at, number=number).happens(Event.ANSWERED).hangs_up()


def the_due(store: Store) -> Due:
    """The only recording that is due."""
    (due,) = store.read_now(finishing.due)
    return due


def sealed(due: Due, *, audio: bytes = b"audio") -> Sealed:
    """What would be known of a recording with this audio."""
    return Sealed(
        vault_key=key_for(due.organisation, due.started_at, due.id, ".opus"),
        media_type="audio/ogg",
        sha256=hashlib.sha256(audio).hexdigest(),
        size_bytes=len(audio),
        duration_ms=1000,
        sample_rate_hz=8000,
        peaks=b"\x01\x02",
        left_dbfs=-20.0,
        right_dbfs=None,
        problems=(),
        spans_ms=[(0, 500)] * len(due.segments),
    )


def finish(store: Store, vault: LocalVault, scratch: Path, *, audio: bytes | None = None) -> list[UUID]:
    """Finish everything that is due, as the finisher does; each file has different audio."""
    done = []
    for due in store.read_now(finishing.due):
        if due.state is RecordingState.DISCARDING:
            store.write_now(finishing.end_without_file, due, RecordingState.DISCARDED, "", due.started_at)
        else:
            content = audio if audio is not None else f"audio of {due.id}".encode()
            result = sealed(due, audio=content)
            source = scratch / f"{due.id}.opus"
            source.write_bytes(content)
            vault.put(result.vault_key, source)
            store.write_now(finishing.seal, due, result, due.started_at)
        store.write_now(finishing.cleared, due.segments)
        done.append(due.id)
    return done


@contextmanager
def reopened(url: str) -> Iterator[Store]:
    """The same catalogue in a new `Store`, as after a restart."""
    store = Store(url)
    try:
        yield store
    finally:
        store.close()


def add_organisation(name: str) -> UUID:
    """Another customer; inside a write."""
    return UUID(str(models.Organisation.create(name=name).id))
