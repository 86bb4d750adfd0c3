"""Calls as the machine makes them, on an Asterisk that does as it is asked; every version is saved."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import UUID

from ari_recorder import config
from ari_recorder.policies import rights
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import Leg, begin, effects, inputs, receive
from ari_recorder.policies.leg.effects import Effect
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.policies.leg.state import Alarm, file_names
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.rights import Role, Scope
from ari_recorder.policies.table import Event, Mode, decide
from ari_recorder.safes import safe
from ari_recorder.store import calls, finishing, models, people
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.database import Store
from ari_recorder.store.finishing import Due, Sealed
from ari_recorder.store.people import UserRow
from ari_recorder.store.rows import LegRow, SegmentRow, segment_row, shown
from ari_recorder.store.safe import Kept, Place, Safe
from ari_recorder.store.vault import Stored, key_for

NOBODY = Actor(ActorKind.NOBODY, "", "")
"""Who makes changes in tests that are not about who does."""
APP = "app"
PBX = "main"
BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BYTES = 16_000
BY = Actor(ActorKind.COMMAND_LINE, "root", "root")
"""Who makes users, where nothing else is said."""
_numbers = count(1)


def add_user(store: Store, number: str = "101", mode: Mode = Mode.ALWAYS, **more: object) -> UserRow:
    """A user with an endpoint of that number."""
    values = {"name": f"User {number}", "number": number, "endpoints": [(PBX, f"PJSIP/{number}")], **more}
    return store.write_now(people.add_user, mode=mode, actor=BY, now=BEGIN, **values)  # type: ignore[arg-type]


def change_user(store: Store, user: UserRow, now: datetime = BEGIN, **changes: object) -> UserRow:
    """The user, changed."""
    return store.write_now(people.change_user, user.organisation, user.id, changes, actor=BY, now=now)


def scope_of(user: UserRow, **differently: object) -> Scope:
    """What that user may see and do, or would if something of them were different."""
    values = {"organisation": user.organisation, "user": user.id, "role": Role(user.role)}
    more = {"may_listen": user.may_listen}
    return rights.scope(**{**values, **more, **differently})  # type: ignore[arg-type]


def ringing(user: UserRow, /, number: str = "0701234567", at: datetime = BEGIN, **more: object) -> Leg:
    """A new leg of ``user``, on a channel of its own."""
    values = {
        "app": APP,
        "pbx": PBX,
        "channel": f"1772438400.{next(_numbers)}",
        "channel_name": f"PJSIP/{user.number}-00000001",
        "created_at": at,
        "user": user.id,
        "organisation": user.organisation,
        "user_number": user.number or "",
        "user_name": user.name,
        "mode": user.mode,
        "preferences": Preferences(),
        "direction": "inbound",
        "counterpart": Counterpart(number, "Somebody"),
        "segment_max_s": 3600.0,
    }
    return begin(**{**values, **more})  # type: ignore[arg-type]


@dataclass
class Asterisk:
    """As much of it as one leg asks for. With ``closes`` False it owes word of every file that is to end."""

    closes: bool = True
    internal: bool = False
    snoops: set[str] = field(default_factory=set)
    files: dict[str, list[str]] = field(default_factory=dict)
    """Of each snoop, those that it writes one after the other: the first now."""
    owed: list[str] = field(default_factory=list)
    hung_up: bool = False
    bytes: int = 0

    def do(self, effect: Effect, now: datetime) -> list[Input]:
        """Do it; what is told of that."""
        if isinstance(effect, effects.Request):
            return [inputs.Accepted(effect), *self._done(effect, now)]
        return []

    def close(self, name: str, now: datetime) -> list[Input]:
        """A file is closed, and what waits behind it begins."""
        for names in self.files.values():
            if name in names:
                running = names.index(name) == 0
                names.remove(name)
                follows = [inputs.FileBegan(names[0], now)] if running and names else []
                return [inputs.FileClosed(name, now), *follows]
        return []

    def pay(self, now: datetime) -> list[Input]:
        """What is owed; after a hang-up all that is open is closed."""
        left = [name for names in self.files.values() for name in names] if self.hung_up else []
        told = [one for name in dict.fromkeys([*self.owed, *left]) for one in self.close(name, now)]
        self.owed.clear()
        return told

    def _done(self, effect: effects.Request, now: datetime) -> list[Input]:
        match effect:
            case effects.Snoop(snoop):
                self.snoops.add(snoop)
                return [inputs.SnoopEntered(snoop, wide=True)]
            case effects.Record(snoop, name):
                names = self.files.setdefault(snoop, [])
                names.append(name)
                return [inputs.FileBegan(name, now)] if len(names) == 1 else []
            case effects.Stop(name):
                self.owed.append(name)
                return self.pay(now) if self.closes else []
            case effects.Release(snoop):
                self.snoops.discard(snoop)
                return [one for name in list(self.files.get(snoop, ())) for one in self.close(name, now)]
            case effects.Meet():
                return [inputs.Met("PJSIP/200-1", self.internal)]
            case effects.Place(number, prompt):
                return [inputs.Placed(number, prompt, "recording:x", "en", "Text", "0" * 64, 1000)]
            case effects.Play(snoop):
                ended = inputs.PlaybackEnded(snoop, now + SECOND, ok=True)
                return [inputs.PlaybackBegan(snoop, now), ended]
            case effects.Measure(names):
                self.bytes += BYTES
                return [inputs.Measured(dict.fromkeys(names, self.bytes), now)]
            case effects.Look():
                live = frozenset(name for names in self.files.values() for name in names)
                state = None if self.hung_up else "Up"
                return [inputs.Snapshot(now, state, frozenset(self.snoops), live)]
        return []


@dataclass
class Call:
    """A leg that is followed. Each of its versions is one commit; ``written`` is the last.

    While ``answers`` is False, word that it is written does not come.
    """

    store: Store
    leg: Leg
    now: datetime
    asterisk: Asterisk = field(default_factory=Asterisk)
    written: Leg | None = None
    answers: bool = True

    @classmethod
    def rings(
        cls,
        store: Store,
        user: UserRow,
        *,
        number: str = "0701234567",
        at: datetime = BEGIN,
        closes: bool = True,
        **more: object,
    ) -> Call:
        """A new leg of ``user``, with its snoops."""
        call = cls(store, ringing(user, number, at, **more), at, Asterisk(closes))
        return call.told(inputs.Begun(f"linked-{call.leg.channel}"))

    def told(self, *happened: Input) -> Call:
        """All of that happens now, and everything that follows from it."""
        waiting = deque(happened)
        while waiting:
            self.leg, asked = receive(self.leg, waiting.popleft(), self.now)
            for effect in asked:
                waiting += self._save() if isinstance(effect, effects.Save) else self._do(effect)
        return self

    def _do(self, effect: Effect) -> list[Input]:
        return self.asterisk.do(effect, self.now)

    def _save(self) -> list[Input]:
        self.store.write_now(calls.save, self.leg, self.written, self.now)
        self.written = self.leg
        return [inputs.Saved(self.leg.version, catalogue=True)] if self.answers else []

    def happens(self, *events: Event) -> Call:
        """Each event, a second apart; a segment is full when it is."""
        for event in events:
            self.now += SECOND
            decision = decide(self.leg.standing, event, self.now)
            assert decision.reason is None, decision
            match event:
                case Event.ANSWERED:
                    self.told(inputs.Answered(self.now, "(ulaw)"))
                case Event.HANGUP:
                    self.asterisk.hung_up = True
                    self.told(inputs.HungUp(self.now))
                case Event.SEGMENT_FULL:
                    self.passes(self.leg.alarms[Alarm.FULL] - self.now)
                case _:
                    self.told(inputs.Featured(event, self.now))
        return self

    def passes(self, length: timedelta = SECOND) -> Call:
        """Nothing happens for so long, but what was to be woken for."""
        self.now += length
        return self.told(inputs.Time())

    def meets(self, number: str, name: str = "", *, after: timedelta = SECOND) -> Call:
        """The leg's user is connected to somebody else."""
        self.now += after
        return self.told(inputs.Connected(Counterpart(number, name), self.now))

    def segment_ends(self) -> Call:
        """What Asterisk was to close, and has not told of yet, is closed."""
        return self.told(*self.asterisk.pay(self.now))

    def hangs_up(self) -> Call:
        """Hung up, and nothing is left in Asterisk."""
        return self.happens(Event.HANGUP).segment_ends()

    @property
    def row(self) -> LegRow:
        """The leg as it is shown."""
        return shown(self.leg)

    @property
    def recording(self) -> UUID:
        """The running or last recording."""
        assert self.leg.recordings
        return self.leg.recording_id(self.leg.recordings[-1].ordinal)

    @property
    def segments(self) -> list[SegmentRow]:
        """All that have ended, as the store has them."""
        query = models.Segment.select().join(models.Recording).where(models.Recording.leg == self.leg.id)
        ordered = query.order_by(models.Recording.ordinal, models.Segment.ordinal)
        return self.store.read_now(lambda: [segment_row(row) for row in ordered])

    @property
    def segment(self) -> SegmentRow:
        """The last that has ended."""
        return self.segments[-1]

    def files(self, number: int) -> tuple[str, str]:
        """Asterisk's names of both files of a number."""
        return file_names(self.leg.prefix, number)


def recorded_call(store: Store, user: UserRow, *, at: datetime = BEGIN, number: str = "0701234567") -> Call:
    """A call from ring to hang-up; its recording is due."""
    return Call.rings(store, user, at=at, number=number).happens(Event.ANSWERED).hangs_up()


def the_due(store: Store) -> Due:
    """The only recording that is due."""
    (due,) = store.read_now(finishing.due)
    return due


def sealed(due: Due, *, audio: bytes = b"audio", kept: Kept | None = None) -> Sealed:
    """What would be known of a recording with this audio; unless it was ``kept``, as a plain file."""
    content = Stored(hashlib.sha256(audio).hexdigest(), len(audio))
    place = Place(due.id, _key(due), content.size_bytes, None)
    return Sealed(
        kept=kept or Kept(place, content, content),
        media_type="audio/ogg",
        duration_ms=1000,
        sample_rate_hz=8000,
        peaks=b"\x01\x02",
        left_dbfs=-20.0,
        right_dbfs=None,
        problems=(),
        spans_ms=[(0, 500)] * len(due.segments),
    )


def safe_in(store: Store, folder: Path) -> Safe:
    """A safe with its vault and its master key in that folder."""
    return safe(config.Vault(path=folder / "vault", key_file=folder / "master.key"), store, lambda: BEGIN)


def _key(due: Due) -> str:
    return key_for(due.organisation, due.started_at, due.id, ".opus")


def finish(store: Store, into: Safe, scratch: Path, *, audio: bytes | None = None) -> list[UUID]:
    """Finish everything that is due, as the finisher does; each file has different audio."""
    done = []
    for due in store.read_now(finishing.due):
        if due.state is RecordingState.DISCARDING:
            store.write_now(finishing.end_without_file, due, RecordingState.DISCARDED, "", due.started_at)
        else:
            content = audio if audio is not None else f"audio of {due.id}".encode()
            source = scratch / f"{due.id}.opus"
            source.write_bytes(content)
            kept = into.keep(due.organisation, due.id, _key(due), source)
            store.write_now(finishing.seal, due, sealed(due, kept=kept), due.started_at)
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
