"""From a recording that is over to a file in the vault, in an order that survives a crash.

Stitched to a work file, copied to the vault, hashed and read back, committed; then the files in Asterisk's
recording folder go; then that is committed too. What is interrupted is found in the store and done again.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge

from ari_recorder.ari import Ari
from ari_recorder.errors import ARIRecorderError, AriRefused, NoAudio, StoreError, VaultError
from ari_recorder.handlers.spool import WAV_HEADER_BYTES
from ari_recorder.media import Segment, StitchJob, StitchPool, StitchResult
from ari_recorder.media.jobs import AudioFormat
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store import finishing
from ari_recorder.store.database import Store
from ari_recorder.store.finishing import Due, Sealed
from ari_recorder.store.rows import SegmentRow
from ari_recorder.store.vault import Stored, Vault, key_for

RETRY_S = 10.0
"""How long after a failure a recording is tried again, and the store is looked through anyway."""

SUFFIX: dict[AudioFormat, str] = {"opus": ".ogg", "flac": ".flac", "wav": ".wav"}
MEDIA_TYPE: dict[AudioFormat, str] = {"opus": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav"}

FINISHED = Counter("ari_recorder_recordings_finished", "Recordings by how they ended", ["state"])
FAILURES = Counter("ari_recorder_finishing_failures", "Times a recording could not be finished yet")
WAITING = Gauge("ari_recorder_recordings_waiting", "Recordings waiting to be finished")

_OURS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(ogg|flac|wav)(\.part)?")

_log = structlog.get_logger(__name__)


class Finisher:
    """Finishes recordings, oldest first, at most ``workers`` at once. ``spools`` and ``aris`` are by PBX."""

    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        spools: Mapping[str, Path],
        aris: Mapping[str, Ari],
        work: Path,
        audio_format: AudioFormat,
        workers: int,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._vault = vault
        self._spools = spools
        self._aris = aris
        self._work = work
        self._format = audio_format
        self._now = now
        self._pool = StitchPool(workers)
        self._slots = asyncio.Semaphore(workers)
        self._wake = asyncio.Event()
        self._retry_at_s: dict[UUID, float] = {}
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._clear_at_s = 0.0

    def wake(self) -> None:
        """A recording may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        await asyncio.to_thread(_empty, self._work)
        try:
            while True:
                try:
                    await self._start_due()
                except StoreError as error:
                    _log.error("the catalogue cannot be read; trying again", error=str(error))
                await self._wait()
        finally:
            for task in self._running.values():
                task.cancel()
            await self._pool.close()

    async def _start_due(self) -> None:
        await self._clear_left_overs()
        now_s = asyncio.get_running_loop().time()
        later = [recording for recording, at_s in self._retry_at_s.items() if at_s > now_s]
        for recording in await self._store.read(finishing.due, (*self._running, *later)):
            await self._slots.acquire()
            task = asyncio.create_task(self._finish(recording), name=f"finish {recording.id}")
            self._running[recording.id] = task
            task.add_done_callback(partial(self._done, recording.id))
        WAITING.set(await self._store.read(finishing.waiting))

    def _done(self, recording: UUID, _: asyncio.Task[None]) -> None:
        self._slots.release()
        self.wake()

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), RETRY_S)
        self._wake.clear()

    async def _finish(self, recording: Due) -> None:
        try:
            if recording.state is RecordingState.DISCARDING:
                await self._discard(recording)
            else:
                await self._keep(recording)
        except (ARIRecorderError, OSError) as error:
            self._try_later(recording, str(error))
        except Exception as error:
            self._try_later(recording, repr(error))
            _log.exception("this is a fault in ari_recorder", recording=str(recording.id))
        else:
            self._retry_at_s.pop(recording.id, None)

    def _try_later(self, recording: Due, error: str) -> None:
        FAILURES.inc()
        self._retry_at_s[recording.id] = asyncio.get_running_loop().time() + RETRY_S
        _log.error(
            "a recording cannot be finished yet; its audio stays where it is",
            recording=str(recording.id),
            error=error,
            retry_s=RETRY_S,
        )

    async def _discard(self, recording: Due) -> None:
        await self._unlink(recording.pbx, recording.segments)
        await self._store.write(
            finishing.end_without_file, recording, RecordingState.DISCARDED, "", self._now()
        )
        await self._clear(recording, RecordingState.DISCARDED)

    async def _keep(self, recording: Due) -> None:
        target = self._work / f"{recording.id}{SUFFIX[self._format]}"
        try:
            result = await self._pool.run(self._job(recording, target))
        except NoAudio as error:
            if await self._asterisk_has(recording):
                raise VaultError(
                    f"Asterisk has the files of it, but they are not in {self._spools[recording.pbx]}:"
                    f" correct pbx.{recording.pbx}.spool, or mount the folder."
                ) from error
            await self._give_up(recording, str(error))
        else:
            await self._seal(recording, target, result)
            await self._clear(recording, RecordingState.STORED)

    async def _asterisk_has(self, recording: Due) -> bool:
        """Whether files that we do not see are in Asterisk's own recording folder."""
        try:
            stored = {file.name for file in await self._aris[recording.pbx].stored_recordings()}
        except AriRefused:
            return False  # it has no such folder
        missing = [
            name
            for segment in recording.segments
            for name, path in zip(segment.files, self._files(recording.pbx, segment), strict=True)
            if not path.exists()
        ]
        return not stored.isdisjoint(missing)

    async def _give_up(self, recording: Due, problem: str) -> None:
        """There is no audio. A file that holds something all the same is left for people to look at."""
        files = [path for segment in recording.segments for path in self._files(recording.pbx, segment)]
        await asyncio.to_thread(_unlink_bare, files)
        await self._store.write(
            finishing.end_without_file, recording, RecordingState.EMPTY, problem, self._now()
        )
        self._tell(recording, RecordingState.EMPTY)

    async def _clear(self, recording: Due, state: RecordingState) -> None:
        await self._unlink(recording.pbx, recording.segments)
        await self._store.write(finishing.cleared, recording.segments)
        self._tell(recording, state)

    def _tell(self, recording: Due, state: RecordingState) -> None:
        FINISHED.labels(state).inc()
        _log.info("recording finished", recording=str(recording.id), state=str(state))

    def _job(self, recording: Due, target: Path) -> StitchJob:
        segments = tuple(self._segment(recording.pbx, segment) for segment in recording.segments)
        return StitchJob(str(recording.id), segments, target, self._format)

    def _segment(self, pbx: str, row: SegmentRow) -> Segment:
        assert row.ended_at is not None  # `finishing.due` waits for it
        inward, outward = self._files(pbx, row)
        return Segment(inward, outward, row.began_at, row.ended_at, row.outward_late_ms, row.continues)

    async def _seal(self, recording: Due, target: Path, result: StitchResult) -> None:
        key = key_for(recording.organisation, recording.started_at, recording.id, target.suffix)
        stored = await asyncio.to_thread(self._vault.put, key, target)
        await self._store.write(finishing.seal, recording, self._as_sealed(key, stored, result), self._now())
        await asyncio.to_thread(target.unlink)

    def _as_sealed(self, key: str, stored: Stored, result: StitchResult) -> Sealed:
        return Sealed(
            vault_key=key,
            media_type=MEDIA_TYPE[self._format],
            sha256=stored.sha256,
            size_bytes=stored.size_bytes,
            duration_ms=result.duration_ms,
            sample_rate_hz=result.sample_rate_hz,
            peaks=result.peaks,
            left_dbfs=result.left_dbfs,
            right_dbfs=result.right_dbfs,
            problems=result.problems,
            spans_ms=[(span.offset_ms, span.duration_ms) for span in result.segments],
        )

    async def _clear_left_overs(self) -> None:
        """Files of finished recordings that could not be deleted, or were not when we died."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._clear_at_s:
            return
        self._clear_at_s = now_s + RETRY_S
        for pbx, segment in await self._store.read(finishing.uncleared):
            if segment.recording in self._running or pbx not in self._spools:
                continue
            try:
                await self._unlink(pbx, (segment,))
                await self._store.write(finishing.cleared, (segment,))
            except OSError as error:
                _log.error(
                    "a finished recording's file cannot be deleted", file=segment.name, error=str(error)
                )

    async def _unlink(self, pbx: str, segments: tuple[SegmentRow, ...]) -> None:
        paths = [path for segment in segments for path in self._files(pbx, segment)]
        await asyncio.to_thread(_unlink_all, paths)

    def _files(self, pbx: str, segment: SegmentRow) -> tuple[Path, Path]:
        spool = self._spools[pbx]
        inward, outward = (spool / f"{name}.{segment.format}" for name in segment.files)
        return inward, outward


def _unlink_all(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _unlink_bare(paths: list[Path]) -> None:
    for path in paths:
        if path.exists() and path.stat().st_size <= WAV_HEADER_BYTES:
            path.unlink()


def _empty(folder: Path) -> None:
    """Remove files left over from work that was interrupted: those that are named as ours."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _unlink_all([path for path in folder.iterdir() if _OURS.fullmatch(path.name)])
    except OSError as error:
        raise VaultError(
            f"The work folder {folder} cannot be written: {error.strerror}. Make it, or set media.work."
        ) from error
