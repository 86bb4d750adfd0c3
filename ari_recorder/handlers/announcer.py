"""Plays prompts in a running call: a snoop that whispers, one prompt at a time, with the evidence of it.

Nothing waits for a prompt. A new one cuts off the one before it. The recording's own snoops do not hear it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog

from ari_recorder.ari import Direction, Playback
from ari_recorder.errors import AriError, StoreError
from ari_recorder.handlers.context import Context
from ari_recorder.policies.announcements import Audience, Prompt, failure_prompt
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.store import announcements, prompts, rows
from ari_recorder.store.announcements import Planned
from ari_recorder.store.models import new_id
from ari_recorder.store.prompts import PromptAudio
from ari_recorder.store.rows import LegRow

FOLDER = "ari_recorder-prompts"
"""Inside Asterisk's recording folder: from there Asterisk plays what the recorder can write."""
FORMAT = "wav16"
ENTERED_WITHIN_S = 2.0
PLACED_FOR = timedelta(minutes=1)
"""How long a prompt in the recording folder is taken to be the right one: it may have been replaced."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
FINISHED_WITHIN_S = 5.0
"""How much longer than its length a prompt may take."""
WHISPER: dict[Audience, Direction] = {
    Audience.BOTH: "both",
    Audience.USER: "out",
    Audience.COUNTERPART: "in",
}

_log = structlog.get_logger(__name__)


class Announcer:
    """The prompts of one leg."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._task: asyncio.Task[None] | None = None
        self._entered: dict[str, asyncio.Event] = {}
        self._playing: dict[str, _Playing] = {}

    @property
    def playing(self) -> bool:
        """Whether something is being played."""
        return self._task is not None and not self._task.done()

    def play(self, leg: LegRow, prompt: Callable[[], Awaitable[Prompt | None]]) -> None:
        """Play a prompt to a leg's parties, without waiting for it; what is being played is cut off.

        ``prompt`` is awaited first; it answers when it is time, or None to play nothing after all.
        """
        before = self._task
        if before is not None:
            before.cancel()
        self._task = asyncio.create_task(self._play(before, leg, prompt), name=f"prompt {leg.id}")

    def prepare(self, leg: LegRow) -> None:
        """Have the prompt of a failure in place: where the disk is full, it is too late for that."""
        kind = failure_prompt(leg.preferences)
        key = (leg.organisation, kind or "", leg.preferences.language)
        now = self._context.now()
        if kind is not None and now - self._context.placed.get(key, _LONG_AGO) > PLACED_FOR:
            self._context.placed[key] = now
            self._context.spawn(self._prepare(leg, kind), f"prepare {kind}")

    async def _prepare(self, leg: LegRow, kind: PromptKind) -> None:
        try:
            find = prompts.find
            audio = await self._context.store.read(find, leg.organisation, kind, leg.preferences.language)
            await to_media(self._context, audio)
        except (OSError, StoreError) as error:
            _log.error("a prompt cannot be written to the recording folder", error=str(error))

    async def stop(self) -> None:
        """Cut off what is being played."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def knows(self, channel: str) -> bool:
        """Whether a snoop is one that plays just now."""
        return channel in self._entered

    def entered(self, channel: str) -> None:
        """Asterisk says that a snoop has entered the application."""
        if channel in self._entered:
            self._entered[channel].set()

    def started(self, playback: Playback, at: datetime) -> None:
        """Asterisk has begun to play."""
        if playback.id in self._playing:
            self._playing[playback.id].began_at = at

    def finished(self, playback: Playback, at: datetime) -> None:
        """Asterisk has played, or could not."""
        if playback.id in self._playing:
            self._playing[playback.id].finish(at, ok=playback.state == "done")

    async def _play(
        self,
        before: asyncio.Task[None] | None,
        leg: LegRow,
        prompt: Callable[[], Awaitable[Prompt | None]],
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        wanted = None
        try:
            wanted = await prompt()
            if wanted is not None:
                await self._announce(leg, wanted)
        except (AriError, OSError, StoreError) as error:
            _log.error("a prompt could not be played", leg=str(leg.id), error=str(error))
        finally:
            if wanted is not None and wanted.end:
                self._context.release(leg.channel)

    async def _announce(self, leg: LegRow, prompt: Prompt) -> None:
        kind = PromptKind.BEEP if prompt.beep else prompt.kind
        audio = await self._context.store.read(prompts.find, leg.organisation, kind, leg.preferences.language)
        media = await to_media(self._context, audio)
        planned = Planned(new_id(), leg.id, leg.recording, prompt, audio, self._context.now())
        snoop = rows.whisper(self._context.app, leg.id, planned.id)
        playing = _Playing()
        self._entered[snoop], self._playing[snoop] = asyncio.Event(), playing
        planning = asyncio.ensure_future(self._context.save(announcements.plan, planned, snoop))
        try:
            await asyncio.shield(planning)
            await self._context.ari.snoop(
                leg.channel, snoop_id=snoop, spy="none", whisper=WHISPER[prompt.audience]
            )
            await asyncio.wait_for(self._entered[snoop].wait(), ENTERED_WITHIN_S)
            await self._context.ari.play(snoop, playback_id=snoop, media=[media])
            await asyncio.wait_for(playing.over.wait(), audio.duration_ms / 1000 + FINISHED_WITHIN_S)
        except TimeoutError:
            _log.warning(
                "Asterisk does not say that a prompt was played", leg=str(leg.id), prompt=prompt.kind
            )
        finally:
            del self._entered[snoop], self._playing[snoop]
            self._context.release(snoop)
            await asyncio.shield(self._close(planning, planned.id, snoop, playing))

    async def _close(
        self, planning: asyncio.Future[None], announcement: UUID, snoop: str, playing: _Playing
    ) -> None:
        await planning
        now = self._context.now()
        await self._context.save(
            announcements.close,
            announcement,
            snoop,
            playing.outcome,
            playing.began_at,
            playing.ended_at or now,
        )


class _Playing:
    """What Asterisk has said of one playback."""

    def __init__(self) -> None:
        self.began_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.over = asyncio.Event()
        self._ok = False

    def finish(self, at: datetime, *, ok: bool) -> None:
        self.ended_at, self._ok = at, ok
        self.over.set()

    @property
    def outcome(self) -> str:
        if self._ok:
            return announcements.PLAYED
        return announcements.FAILED if self.began_at is None or self.over.is_set() else announcements.CUT


async def to_media(context: Context, audio: PromptAudio) -> str:
    """Put a prompt where Asterisk finds it; what to ask Asterisk to play. Raises `OSError`."""
    await asyncio.to_thread(_place, context.spool / FOLDER, audio)
    return f"recording:{FOLDER}/{_name(audio)}"


def _name(audio: PromptAudio) -> str:
    return audio.sha256[:32]


def _place(folder: Path, audio: PromptAudio) -> None:
    """Write a prompt to where Asterisk finds it, under the name of its content, unless it is there."""
    path = folder / f"{_name(audio)}.{FORMAT}"
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size == len(audio.wav):
            return
    folder.mkdir(exist_ok=True)
    part = path.with_suffix(f".{new_id()}.part")
    part.write_bytes(audio.wav)
    part.replace(path)
