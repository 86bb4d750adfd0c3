"""The evidence of what was played to whom, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.policies.announcements import Prompt
from ari_recorder.policies.preferences import Announce
from ari_recorder.policies.prompts import TONES, PromptKind
from ari_recorder.store import models, statements
from ari_recorder.store.calls import finish_intents
from ari_recorder.store.prompts import PromptAudio

PLAYED, CUT, FAILED = "played", "cut", "failed"
"""Played to its end; begun and cut off; not played at all."""


@dataclass(frozen=True)
class Planned:
    """A prompt that is about to be played, in the recording that runs then."""

    id: UUID
    leg: UUID
    recording: UUID | None
    prompt: Prompt
    audio: PromptAudio
    at: datetime


@dataclass(frozen=True)
class Said:
    """A prompt that was played before a call was connected, and how it went."""

    prompt: Prompt
    audio: PromptAudio
    began_at: datetime
    ended_at: datetime
    outcome: str


def note(leg: UUID, said: Said) -> None:
    """Write down what was played before the leg's call was connected."""
    planned = Planned(models.new_id(), leg, None, said.prompt, said.audio, said.began_at)
    _insert(planned, began_at=said.began_at, ended_at=said.ended_at, outcome=said.outcome)


def plan(planned: Planned, snoop: str) -> None:
    """Write down that a prompt is about to be played by the snoop channel ``snoop``."""
    _insert(planned)
    statements.insert(models.Intent, leg=planned.leg, kind="whisper", resource=snoop, planned_at=planned.at)


def _insert(planned: Planned, **more: Any) -> None:
    statements.insert(
        models.Announcement,
        id=planned.id,
        leg=planned.leg,
        recording=planned.recording,
        kind=planned.prompt.kind,
        sound=Announce.BEEP if planned.prompt.beep or planned.prompt.kind in TONES else Announce.ANNOUNCEMENT,
        language=planned.audio.language,
        text=planned.audio.text,
        sha256=planned.audio.sha256,
        heard_by=planned.prompt.audience,
        planned_at=planned.at,
        **more,
    )


def close(
    announcement: UUID, snoop: str, outcome: str, began_at: datetime | None, ended_at: datetime
) -> None:
    """Write down how it went: ``began_at`` is None if it never began."""
    statements.update(
        models.Announcement, announcement, outcome=outcome, began_at=began_at, ended_at=ended_at
    )
    finish_intents([snoop], ended_at)


def was_started(recording: UUID | None) -> bool:
    """Whether the parties of a recording have heard to its end that it began."""
    return bool(
        models.Announcement.select()
        .where(
            (models.Announcement.recording == recording)
            & (models.Announcement.kind == PromptKind.START)
            & (models.Announcement.outcome == PLAYED)
        )
        .exists()
    )


def close_interrupted(pbx: str, now: datetime) -> None:
    """At a start: what was being played on that Asterisk when the recorder died was cut off, or not begun."""
    legs = models.Leg.select(models.Leg.id).where(models.Leg.pbx == pbx)
    models.Announcement.update(outcome=CUT, ended_at=now).where(
        models.Announcement.leg.in_(legs) & (models.Announcement.outcome == "")
    ).execute()
