"""What is written down before somebody hears a recording, or reads of some (row A8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.policies.listening import Stretch
from ari_recorder.store import audit
from ari_recorder.store.audit import PROVIDER, Action, Actor, Subject


def note_heard(
    actor: Actor,
    recording: UUID,
    organisation: UUID,
    stretch: Stretch,
    now: datetime,
    *,
    form: str = "",
    copied: bool,
) -> None:
    """That stretch of a recording is about to be sent, to be listened to or kept; to be called in a write.

    ``form`` is the format that it is made into, empty for the file as it is kept.
    """
    action = Action.DOWNLOAD if copied else Action.LISTEN
    detail: dict[str, Any] = {"from_ms": stretch.from_ms, "to_ms": stretch.to_ms}
    if form:
        detail["form"] = form
    subject = Subject("recording", str(recording))
    audit.write(actor, action, subject, now, organisation=organisation, detail=detail)


def note_read(actor: Actor, shown: Mapping[UUID, int], detail: Mapping[str, Any], now: datetime) -> None:
    """So many recordings of each organisation are about to be listed; to be called in a write."""
    for organisation, number in shown.items() or [(PROVIDER, 0)]:
        told = {**detail, "recordings": number}
        audit.write(actor, Action.READ, Subject("recordings"), now, organisation=organisation, detail=told)
