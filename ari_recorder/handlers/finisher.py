"""From a recording that is over to a file in the vault, in an order that survives a crash.

Stitched to a work file (what is certain of it while the call goes on), copied to the vault, hashed and read
back, committed; then the files in Asterisk's recording folder go; then that is committed too. What is
interrupted is found in the store and done again, and what fails is tried again, later each time
(`policies.finishing`), until it is done.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge

from ari_recorder.ari import Ari
from ari_recorder.blocking import Patience, in_thread
from ari_recorder.errors import ARIRecorderError, NoAnswer, NoAudio, VaultError
from ari_recorder.files import why_not_writable
from ari_recorder.handlers.files import ANSWER_S, Files, empty_work
from ari_recorder.media.jobs import AudioFormat, Segment, StitchJob, StitchResult
from ari_recorder.media.pool import Ahead, StitchPool
from ari_recorder.policies.finishing import Failure, failed, held_back, is_news
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import Leg
from ari_recorder.policies.manifest import ClockReading
from ari_recorder.store import disposal, finishing
from ari_recorder.store.database import Store
from ari_recorder.store.finishing import Due, Sealed
from ari_recorder.store.rows import SegmentRow
from ari_recorder.store.safe import Kept, Safe
from ari_recorder.store.vault import key_for

LOOK_S = 10.0
"""How often the store is looked through when nobody says that something is due."""
TOGETHER_S = 0.2
"""How long a look is held back: calls often end together, and others are answered then."""
AHEAD_S = 10.0
"""How often it is looked for more of recordings that go on."""
AHEAD_FROM = timedelta(seconds=60)
"""What goes on for less long is made in a moment when it is over."""
AT_ONCE = 50
"""Most recordings in hand; of them ``workers`` are stitched and stored."""
PUT_TOLD_S = 60.0
"""After so long it is told that the vault is still writing."""

SUFFIX: dict[AudioFormat, str] = {"opus": ".ogg", "flac": ".flac", "wav": ".wav"}
MEDIA_TYPE: dict[AudioFormat, str] = {"opus": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav"}

FINISHED = Counter("ari_recorder_recordings_finished", "Recordings by how they ended", ["state"])
FAILURES = Counter("ari_recorder_finishing_failures", "Times a recording could not be finished yet")
WAITING = Gauge("ari_recorder_recordings_waiting", "Recordings waiting to be finished")
OLDEST = Gauge("ari_recorder_recordings_waiting_oldest_seconds", "How long the oldest of them has waited")
DISPOSING = Gauge("ari_recorder_recordings_disposing", "Recordings that are disposed of and not gone yet")

_STORE, _WORK, _AHEAD = "store", "work", "ahead"

_log = structlog.get_logger(__name__)


class Finisher:
    """Finishes recordings, oldest first, at most ``workers`` at once. ``spools`` and ``aris`` are by PBX.

    ``going_on`` tells the legs that are followed now, ``clock`` how far an Asterisk's is from ours.
    """

    def __init__(
        self,
        *,
        store: Store,
        safe: Safe,
        spools: Mapping[str, Path],
        aris: Mapping[str, Ari],
        work: Path,
        audio_format: AudioFormat,
        workers: int,
        now: Callable[[], datetime],
        going_on: Callable[[], Iterable[Leg]] = tuple,
        clock: Callable[[str], ClockReading | None] = lambda _pbx: None,
    ) -> None:
        self._store = store
        self._safe = safe
        self._files = {pbx: Files(pbx, folder, aris[pbx]) for pbx, folder in spools.items()}
        self._work = work
        self._format = audio_format
        self._now = now
        self._going_on = going_on
        self._clock = clock
        self._pool = StitchPool(workers)
        self._ahead = Ahead()
        self._working_ahead: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(workers)
        self._probing = Patience("the vault", ANSWER_S)
        self._working = Patience(f"the work folder {work}", ANSWER_S)
        self._wake = asyncio.Event()
        self._failures: dict[UUID | str, Failure] = {}
        self._for_vault: set[UUID] = set()
        """What failed for the vault's sake."""
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._swept_s = -LOOK_S

    def wake(self) -> None:
        """A recording may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled. A work folder that is not there yet keeps no call from being recorded."""
        try:
            while not await self._work_is_empty():
                await self._wait()
            ahead = asyncio.create_task(self._go_ahead(), name="finish ahead")
            self._working_ahead.add(ahead)
            while True:
                await self._look()
                await self._wait()
        finally:
            tasks = (*self._working_ahead, *self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._ahead.close()
            await self._pool.close()

    async def _go_ahead(self) -> None:
        """Have made, for ever, what is certain of recordings that go on: less is left for their end."""
        while True:
            more = False
            try:
                more = await self.advance()
            except Exception as error:  # it only saves time: nothing of it may end it for good
                self._failed(_AHEAD, "recordings are made when they are over, and not before", repr(error))
            else:
                self._failures.pop(_AHEAD, None)
            await asyncio.sleep(TOGETHER_S if more else AHEAD_S)

    async def advance(self) -> bool:
        """Each a little further; whether one is far behind. What is over goes first."""
        going_on = {leg.id: leg for leg in self._going_on()}
        recordings = {str(one.id) for leg in going_on.values() for one in self._made_ahead(leg)}
        await self._ahead.keep({*recordings, *map(str, self._running)})
        more = False
        for leg_id in going_on:
            for leg in [one for one in self._going_on() if one.id == leg_id]:  # as it is by now
                for recording in self._made_ahead(leg):
                    more |= await self._ahead.advance(self._job(recording))
        return more

    def _made_ahead(self, leg: Leg) -> list[Due]:
        now = self._now()
        return finishing.going_on(leg, now - AHEAD_FROM, now)

    async def _work_is_empty(self) -> bool:
        """Nothing is begun before: what is left of an interrupted work would be taken for what is begun."""
        try:
            await self._working.call(empty_work, self._work)
        except (NoAnswer, VaultError) as error:
            self._failed(_WORK, "nothing can be finished yet", str(error))
            return False
        self._failures.pop(_WORK, None)
        return True

    async def _look(self) -> None:
        try:
            for recording in await self._due():
                task = asyncio.create_task(self._finish(recording), name=f"finish {recording.id}")
                self._running[recording.id] = task
                task.add_done_callback(partial(self._done, recording.id))
            await self._count()
        except Exception as error:
            self._failed(_STORE, "what waits to be finished cannot be read", str(error))
        else:
            self._failures.pop(_STORE, None)

    async def _due(self) -> list[Due]:
        now_s = asyncio.get_running_loop().time()
        skip = {*self._running, *(s for s in held_back(self._failures, now_s) if isinstance(s, UUID))}
        found = await self._read_due(finishing.due, skip, 0)
        if now_s - self._swept_s >= LOOK_S:  # rarely: what is not interrupted is cleared when it is sealed
            left = await self._read_due(finishing.uncleared, skip, len(found))
            self._swept_s = self._swept_s if left else now_s
            found += left
        return found

    async def _read_due(self, query: Callable[..., list[Due]], skip: set[UUID], taken: int) -> list[Due]:
        room = max(AT_ONCE - len(self._running) - taken, 0)
        return await self._store.read(query, skip, room, self._files.keys())

    async def _count(self) -> None:
        waiting = await self._store.read(finishing.waiting)
        WAITING.set(waiting.count)
        OLDEST.set((self._now() - waiting.since).total_seconds() if waiting.since else 0)
        DISPOSING.set((await self._store.read(disposal.left)).count)

    def _done(self, recording: UUID, _: asyncio.Task[None]) -> None:
        del self._running[recording]
        self.wake()

    async def _wait(self) -> None:
        """Not by `asyncio.wait_for`: in Python 3.11 it loses a cancellation that comes with the event."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._wake.wait()
                await asyncio.sleep(TOGETHER_S)
        self._wake.clear()

    async def _finish(self, recording: Due) -> None:
        steps = {RecordingState.CLOSING: self._keep, RecordingState.DISCARDING: self._discard}
        destroyed = recording.state is RecordingState.DISCARDING
        what = (
            f"a recording cannot be {'destroyed' if destroyed else 'finished'} yet; its audio is where it was"
        )
        try:
            await steps.get(recording.state, self._clear)(recording)
        except (ARIRecorderError, OSError) as error:
            FAILURES.inc()
            self._failed(recording.id, what, str(error))
        except Exception as error:
            FAILURES.inc()
            if self._failed(recording.id, what, repr(error)):
                _log.exception("this is a fault in ari_recorder", recording=str(recording.id))
        else:
            self._failures.pop(recording.id, None)

    def _failed(self, subject: UUID | str, what: str, reason: str) -> bool:
        """Note when it is tried again; tell it, and whether it was told: once for each reason.

        What many recordings wait for is told of the first.
        """
        before = self._failures.get(subject)
        news = is_news(before, reason) and all(one.reason != reason for one in self._failures.values())
        self._failures[subject] = failed(before, reason, asyncio.get_running_loop().time())
        if news:
            _log.error(f"{what}; it is tried again", subject=str(subject), error=reason)
        return news

    async def _discard(self, recording: Due) -> None:
        await self._delete(recording)
        await self._store.write(
            finishing.end_without_file, recording, RecordingState.DISCARDED, "", self._now()
        )
        await self._clear(recording, RecordingState.DISCARDED)

    async def _keep(self, recording: Due) -> None:
        files = self._files[recording.pbx]
        with self._noted(recording.id):
            await self._probing.call(self._safe.probe)  # before the work, which would be in vain
        await files.probe()
        if reason := await self._working.call(why_not_writable, self._work):
            raise VaultError(f"The work folder {self._work} cannot be written: {reason}.")
        async with files.alone(recording.segments):
            if await self._store.read(finishing.waits, recording):
                await self._make(recording)

    async def _make(self, recording: Due) -> None:
        async with self._slots:
            job = self._job(recording)
            try:
                result = await self._ahead.finish(job) or await self._pool.run(job)
                await self._seal(recording, job.target, result)
            except NoAudio as error:
                await self._files[recording.pbx].make_sure_of(recording.segments)
                await self._give_up(recording, error)
                return
            finally:
                await self._working.call(_remove, job.target, job.ahead)
        await self._clear(recording, RecordingState.STORED)

    async def _give_up(self, recording: Due, error: NoAudio) -> None:
        """There is no audio. A file that holds something all the same is left for people to look at."""
        await self._files[recording.pbx].delete_bare(recording.segments, error.cut)
        await self._store.write(
            finishing.end_without_file, recording, RecordingState.EMPTY, str(error), self._now()
        )
        self._tell(recording, RecordingState.EMPTY)

    async def _delete(self, recording: Due) -> None:
        """Files that are not seen are not taken for deleted: the folder may be another, or not be mounted."""
        files = self._files[recording.pbx]
        await files.make_sure_of(recording.segments)
        await files.delete(recording.segments)

    async def _clear(self, recording: Due, state: RecordingState | None = None) -> None:
        await self._delete(recording)
        await self._store.write(finishing.cleared, recording.segments)
        self._tell(recording, state or recording.state)

    def _tell(self, recording: Due, state: RecordingState) -> None:
        FINISHED.labels(state).inc()
        _log.info("recording finished", recording=str(recording.id), state=str(state))

    def _job(self, recording: Due) -> StitchJob:
        target = self._work / f"{recording.id}{SUFFIX[self._format]}"
        segments = tuple(self._segment(recording.pbx, segment) for segment in recording.segments)
        return StitchJob(str(recording.id), segments, target, self._format)

    def _segment(self, pbx: str, row: SegmentRow) -> Segment:
        inward, outward = self._files[pbx].of(row)
        return Segment(
            inward,
            outward,
            row.began_at,
            row.ended_at,
            row.outward_late_ms,
            row.continues,
            row.file_began_at,
            row.file_ended_at,
        )

    async def _seal(self, recording: Due, target: Path, result: StitchResult) -> None:
        key = key_for(recording.organisation, recording.started_at, recording.id, target.suffix)
        with self._noted(recording.id):
            kept = await self._put(recording, key, target)
        self._vault_is_there()
        if kept.content.sha256 != result.sha256:
            raise VaultError(
                f"{key}: what is in the vault is not what was stitched (SHA-256 {kept.content.sha256},"
                f" not {result.sha256}): see whether this machine's disks and memory are sound."
            )
        sealed = self._as_sealed(recording.pbx, kept, result)
        await self._store.write(finishing.seal, recording, sealed, self._now())

    @contextlib.contextmanager
    def _noted(self, recording: UUID) -> Iterator[None]:
        """If this fails, the vault is what it waits for."""
        try:
            yield
        except (ARIRecorderError, OSError):
            self._for_vault.add(recording)
            raise

    def _vault_is_there(self) -> None:
        """What has failed for its sake need not wait on."""
        for recording in self._for_vault:
            self._failures.pop(recording, None)
        self._for_vault.clear()

    async def _put(self, recording: Due, key: str, target: Path) -> Kept:
        """As long as it takes: begun anew meanwhile, two would write the same file."""
        of = (recording.organisation, recording.id)
        until = await self._store.read(finishing.kept_until, recording.id)
        putting = asyncio.ensure_future(in_thread(self._safe.keep, *of, key, target, until))
        done, _ = await asyncio.wait({putting}, timeout=PUT_TOLD_S)
        if not done:
            _log.error(f"the vault has been writing for {PUT_TOLD_S:g} s; see whether it answers", key=key)
        return await putting

    def _as_sealed(self, pbx: str, kept: Kept, result: StitchResult) -> Sealed:
        return Sealed(
            kept=kept,
            media_type=MEDIA_TYPE[self._format],
            duration_ms=result.duration_ms,
            sample_rate_hz=result.sample_rate_hz,
            peaks=result.peaks,
            left_dbfs=result.left_dbfs,
            right_dbfs=result.right_dbfs,
            problems=result.problems,
            spans_ms=[(span.offset_ms, span.duration_ms) for span in result.segments],
            sources=result.sources,
            clock=self._clock(pbx),
        )


def _remove(*work_files: Path) -> None:
    for path in work_files:
        path.unlink(missing_ok=True)
