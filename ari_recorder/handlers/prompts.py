"""Prompts in Asterisk's recording folder: the one place where the recorder can write and Asterisk play."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog

from ari_recorder import files
from ari_recorder.errors import SpoolError, StoreError
from ari_recorder.handlers.spool import Spool
from ari_recorder.policies.announcements import Prompt, tell_failure
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.store import prompts
from ari_recorder.store.database import Store
from ari_recorder.store.models import new_id
from ari_recorder.store.prompts import PromptAudio

FOLDER = "ari_recorder-prompts"
FORMAT = "wav16"
FRESH_FOR = timedelta(minutes=1)
"""How long a prompt that was read is taken to be the right one: it may have been replaced."""

_Key = tuple[UUID, PromptKind, str]

_log = structlog.get_logger(__name__)


class Prompts:
    """The prompts of one Asterisk. Those that were read are remembered, for when the catalogue is away."""

    def __init__(self, store: Store, spool: Spool, now: Callable[[], datetime]) -> None:
        self._store = store
        self._spool = spool
        self._now = now
        self._read: dict[_Key, tuple[datetime, PromptAudio]] = {}

    async def place(
        self, organisation: UUID, prompt: Prompt, preferences: Preferences
    ) -> tuple[str, PromptAudio]:
        """Put a prompt where Asterisk finds it: what to ask Asterisk to play, and its audio.

        Raises `SpoolError`.
        """
        kind = PromptKind.BEEP if prompt.beep else prompt.kind
        audio = await self._find((organisation, kind, preferences.language))
        await self._spool.ask(_place, self._spool.folder / FOLDER, audio)
        return f"recording:{FOLDER}/{_name(audio)}", audio

    async def prepare(self, organisation: UUID, preferences: Preferences) -> None:
        """Have the prompt of a failure in place: where the disk is full, it is too late for that."""
        prompt = tell_failure(preferences)
        if prompt is None or self._is_fresh((organisation, prompt.kind, preferences.language)):
            return
        try:
            await self.place(organisation, prompt, preferences)
        except SpoolError as error:
            _log.error("a prompt cannot be put into the recording folder", error=str(error))

    async def _find(self, key: _Key) -> PromptAudio:
        if not self._is_fresh(key):
            try:
                self._read[key] = self._now(), await self._store.read(prompts.find, *key)
            except StoreError as error:
                _log.warning("a prompt cannot be read from the catalogue", error=str(error))
                if key not in self._read:
                    return prompts.shipped_prompt(*key[1:])
        return self._read[key][1]

    def _is_fresh(self, key: _Key) -> bool:
        return key in self._read and self._now() - self._read[key][0] < FRESH_FOR


def _name(audio: PromptAudio) -> str:
    return audio.sha256[:32]


def _place(folder: Path, audio: PromptAudio) -> None:
    """Write a prompt under the name of its content, unless it is there: for the folder's group, too."""
    path = folder / f"{_name(audio)}.{FORMAT}"
    try:
        if path.stat().st_size == len(audio.wav):
            return
    except FileNotFoundError:
        files.make_folder(folder, files.GROUP_FOLDER, parents=False)
        files.give_to_group_of(folder.parent, folder)
    part = path.with_suffix(f".{new_id()}.part")
    with files.created(part, files.GROUP_FILE) as file:
        file.write(audio.wav)
    files.give_to_group_of(folder.parent, part)
    part.replace(path)
