"""The commits of one call, as the machine and the finisher make them, from the ring to the cleared files.

Every word that the leg asks to have saved is a commit here; in a running recorder those that come close
together are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ari_recorder.policies.leg import Leg, begin, inputs, receive
from ari_recorder.policies.leg.effects import Save
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.policies.leg.state import file_names
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import combine
from ari_recorder.policies.table import Mode
from ari_recorder.store import calls, finishing
from ari_recorder.store.database import Store
from ari_recorder.store.finishing import Sealed
from ari_recorder.store.models import new_id
from ari_recorder.store.people import UserRow
from ari_recorder.store.safe import Kept, Place
from ari_recorder.store.vault import Stored

APP, PBX = "app", "main"
COMMITS = 8
PEAKS_BYTES = 1000
SECOND = timedelta(seconds=1)


def new_leg(user: UserRow, now: datetime) -> Leg:
    """A leg of ``user`` that begins now."""
    return begin(
        app=APP,
        pbx=PBX,
        channel=new_id().hex,
        channel_name=f"PJSIP/{user.number}-00000001",
        created_at=now,
        user=user.id,
        organisation=user.organisation,
        user_number=user.number or "",
        user_name=user.name,
        mode=Mode.ALWAYS,
        preferences=combine({"announce_external": "none"}),
        direction="inbound",
        counterpart=Counterpart("0701234567", "Somebody"),
        segment_max_s=3600.0,
    )


def go_on(store: Store, user: UserRow) -> None:
    """Write a call that goes on."""
    now = datetime.now(UTC)
    leg = new_leg(user, now)
    for told in _until_recording(leg, now):
        leg, _ = receive(leg, told, now)
    store.write_now(calls.save, leg, None, now)


def one_call(store: Store, user: UserRow) -> None:
    """Write a call of ``user`` from its ring to its end; about `COMMITS` commits, one after the other."""
    now = datetime.now(UTC)
    leg, before = new_leg(user, now), None
    for told in (*_until_recording(leg, now), *_until_over(leg, now)):
        leg, effects = receive(leg, told, now)
        if any(isinstance(effect, Save) for effect in effects):
            store.write_now(calls.save, leg, before, now)
            before = leg
    recording = leg.recording_id(1)
    (due,) = [one for one in store.read_now(finishing.due) if one.id == recording]
    store.write_now(finishing.seal, due, _sealed(recording), now)
    store.write_now(finishing.cleared, due.segments)


def _until_recording(leg: Leg, now: datetime) -> Iterator[Input]:
    prefix = leg.prefix
    yield inputs.Begun(leg.channel)
    yield inputs.SnoopEntered(f"{prefix}s1-in")
    yield inputs.SnoopEntered(f"{prefix}s1-out")
    yield inputs.Answered(now + SECOND, "(alaw)")
    for name in file_names(prefix, 1):
        yield inputs.FileBegan(name, now + SECOND)


def _until_over(leg: Leg, now: datetime) -> Iterator[Input]:
    yield inputs.HungUp(now + 2 * SECOND)
    for name in file_names(leg.prefix, 1):
        yield inputs.FileClosed(name, now + 2 * SECOND)


def _sealed(recording: UUID) -> Sealed:
    content = Stored("0" * 64, 1)
    return Sealed(
        kept=Kept(Place(recording, f"2026/{recording}.ogg", 1, None), content, content),
        media_type="audio/ogg",
        duration_ms=1000,
        sample_rate_hz=8000,
        peaks=bytes(PEAKS_BYTES),
        left_dbfs=-20.0,
        right_dbfs=-20.0,
        problems=(),
        spans_ms=[(0, 1000)],
    )
