"""The prompts of an organisation: its own, where it has put one, else the ones that ship."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from ari_recorder import prompts as shipped
from ari_recorder.policies.preferences import LANGUAGES
from ari_recorder.policies.prompts import TONES, PromptKind
from ari_recorder.policies.text import is_plain, tidy
from ari_recorder.store import audit
from ari_recorder.store.audit import Action, Actor, Subject
from ari_recorder.store.models import Prompt

TEXT_MAX = 500
"""Characters of what a prompt says."""
FILE_NAME_MAX = 255


@dataclass(frozen=True)
class PromptInfo:
    """A prompt as listed. ``language`` is empty for tones; ``own`` ones were put by the organisation."""

    kind: PromptKind
    language: str
    text: str
    """What it says; an own prompt's may be empty."""
    sha256: str
    """Of the WAV file."""
    duration_ms: int
    own: bool
    file_name: str
    """As it was uploaded; empty for one that ships."""
    changed_at: datetime | None
    """None for one that ships."""


@dataclass(frozen=True)
class PromptAudio(PromptInfo):
    """A prompt with its audio: a WAV file, mono, 16 bits, 16 kHz."""

    wav: bytes


def find(organisation: UUID, kind: PromptKind, language: str) -> PromptAudio:
    """What is played: the organisation's own prompt, else the one that ships. Tones ignore ``language``.

    Raises `ValueError` for a language without prompts.
    """
    language = stored_language(kind, language)
    row = Prompt.select().where(_of(organisation, kind, language)).first()
    if row is None:
        return _shipped(kind, language)
    return PromptAudio(**vars(_info(row)), wav=bytes(row.audio))


def shipped_prompt(kind: PromptKind, language: str) -> PromptAudio:
    """The one that ships, whatever an organisation has put in its place."""
    return _shipped(kind, stored_language(kind, language))


def list_prompts(organisation: UUID) -> list[PromptInfo]:
    """Every prompt, speech by language and then the tones, without the audio."""
    columns = [field for field in Prompt._meta.sorted_fields if field is not Prompt.audio]
    rows = Prompt.select(*columns).where(Prompt.organisation == organisation)
    own = {(row.kind, row.language): _info(row) for row in rows}
    return [own.get(each) or _info_of(_shipped(*each)) for each in shipped.every_prompt()]


def replace(
    actor: Actor,
    organisation: UUID,
    kind: PromptKind,
    language: str,
    *,
    wav: bytes,
    duration_ms: int,
    text: str,
    file_name: str,
    now: datetime,
    unchanged: Callable[[PromptInfo], None] = lambda info: None,
) -> PromptInfo:
    """Use that audio from now on, said to be ``text``. Raises `ValueError` as `check_text` does.

    ``unchanged`` is called with the prompt as it was, and may raise to stop it.
    """
    language = stored_language(kind, language)
    before = _info_of(find(organisation, kind, language))
    unchanged(before)
    changed = {
        "text": check_text(text),
        "file_name": plain_name(file_name),
        "audio": wav,
        "sha256": hashlib.sha256(wav).hexdigest(),
        "duration_ms": duration_ms,
        "changed_at": now,
    }
    key = {"organisation": organisation, "kind": kind, "language": language}
    unique = [Prompt.organisation, Prompt.kind, Prompt.language]
    Prompt.insert(**key, **changed).on_conflict(conflict_target=unique, update=changed).execute()
    after = _info_of(find(organisation, kind, language))
    _note(actor, organisation, before, after, now)
    return after


def reset(
    actor: Actor,
    organisation: UUID,
    kind: PromptKind,
    language: str,
    now: datetime,
    unchanged: Callable[[PromptInfo], None] = lambda info: None,
) -> PromptInfo:
    """Back to the one that ships; returns it. Nothing happens if it is in use already.

    ``unchanged`` is called with the prompt as it was, and may raise to stop it.
    """
    language = stored_language(kind, language)
    before, after = _info_of(find(organisation, kind, language)), _info_of(_shipped(kind, language))
    unchanged(before)
    if Prompt.delete().where(_of(organisation, kind, language)).execute():
        _note(actor, organisation, before, after, now)
    return after


def stored_language(kind: PromptKind, language: str) -> str:
    """The language under which a prompt is kept. Raises `ValueError` for one without prompts."""
    if kind in TONES:
        return shipped.NO_LANGUAGE
    if language not in LANGUAGES:
        raise ValueError(f"There are no prompts in the language {language!r}; use {' or '.join(LANGUAGES)}.")
    return language


def check_text(text: str) -> str:
    """The text as it is kept, `tidy`. Raises `ValueError` if it is too long or cannot be shown."""
    text = tidy(text)
    if len(text) > TEXT_MAX:
        raise ValueError(f"text: {len(text)} characters; at most {TEXT_MAX}. Nothing was changed.")
    if not is_plain(text):
        raise ValueError("text: it has a character that cannot be shown, or a line break.")
    return text


def plain_name(file_name: str) -> str:
    """The last part of a file's name, as far as it can be shown and kept."""
    last = PurePosixPath(file_name.replace("\\", "/")).name
    return "".join(character for character in last if character.isprintable())[-FILE_NAME_MAX:]


def _note(actor: Actor, organisation: UUID, before: PromptInfo, after: PromptInfo, now: datetime) -> None:
    """In the audit log: which audio it was and is, and what they say."""
    names = ("own", "text", "file_name", "sha256")
    detail = {
        when: {name: getattr(info, name) for name in names}
        for when, info in (("before", before), ("after", after))
    }
    subject = Subject("prompt", f"{after.language or '-'}/{after.kind}")
    audit.write(actor, Action.CHANGE, subject, now, organisation=organisation, detail=detail)


def _of(organisation: UUID, kind: PromptKind, language: str) -> Any:
    return (Prompt.organisation == organisation) & (Prompt.kind == str(kind)) & (Prompt.language == language)


def _info(row: Any) -> PromptInfo:
    return PromptInfo(
        kind=PromptKind(row.kind),
        language=row.language,
        text=row.text,
        sha256=row.sha256,
        duration_ms=row.duration_ms,
        own=True,
        file_name=row.file_name,
        changed_at=row.changed_at,
    )


def _info_of(prompt: PromptAudio) -> PromptInfo:
    return PromptInfo(**{name: value for name, value in vars(prompt).items() if name != "wav"})


@cache
def _shipped(kind: PromptKind, language: str) -> PromptAudio:
    content = shipped.audio(kind, language)
    with wave.open(BytesIO(content)) as file:
        duration_ms = round(file.getnframes() * 1000 / file.getframerate())
    return PromptAudio(
        kind=kind,
        language=language,
        text=shipped.text(kind, language),
        sha256=hashlib.sha256(content).hexdigest(),
        duration_ms=duration_ms,
        own=False,
        file_name="",
        changed_at=None,
        wav=content,
    )
