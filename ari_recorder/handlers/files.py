"""The files that Asterisk left, as the finisher needs them: their folder may not answer."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import re
from collections.abc import AsyncIterator, Collection, Iterable
from pathlib import Path
from typing import IO

from ari_recorder import files
from ari_recorder.ari import Ari
from ari_recorder.blocking import Patience
from ari_recorder.errors import AriRefused, SpoolError, VaultError
from ari_recorder.media.kinds import WAV_HEADER_BYTES
from ari_recorder.store.rows import SegmentRow

ANSWER_S = 10.0
"""How long the folder may take for what is asked of it at once."""

TAKEN_S, TAKEN_WITHIN_S = 1.0, 120.0
"""How often it is looked again whether somebody else is done with the files, and for how long."""

_OURS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(\.ahead)?\.(ogg|flac|wav)(\.part)?")


class Files:
    """Files of segments in the recording folder of the Asterisk ``pbx``. Each method may raise `NoAnswer`."""

    def __init__(self, pbx: str, folder: Path, ari: Ari) -> None:
        self._pbx = pbx
        self._folder = folder
        self._ari = ari
        self._patience = Patience(f"the recording folder {folder}", ANSWER_S)

    def of(self, segment: SegmentRow) -> tuple[Path, Path]:
        """Both files of a segment, the inward one first."""
        inward, outward = (self._folder / f"{name}.{segment.format}" for name in segment.files)
        return inward, outward

    async def probe(self) -> None:
        """Whether it answers at all; a folder that is not there does."""
        await self._patience.call(self._folder.exists)

    @contextlib.asynccontextmanager
    async def alone(self, segments: Iterable[SegmentRow]) -> AsyncIterator[None]:
        """Nobody else works on the segments' files meanwhile; who does is waited for.

        A standby with the same catalogue finishes what waits, too. Of two that put a recording into the vault
        at the same time one's file would be there, and the other's key in the catalogue. Raises `SpoolError`.
        """
        paths, clock = self._all(segments), asyncio.get_running_loop().time
        given_up_s = clock() + TAKEN_WITHIN_S
        while (held := await self._patience.call(_locked, paths)) is None:
            if clock() > given_up_s:
                raise SpoolError(
                    f"Another recorder has locked the audio files for {TAKEN_WITHIN_S:g} s: does it hang?"
                )
            await asyncio.sleep(TAKEN_S)
        with held:
            yield

    async def delete(self, segments: Iterable[SegmentRow]) -> None:
        """Delete the segments' files, as far as they are there. Raises `OSError`."""
        await self._patience.call(_unlink, self._all(segments))

    async def delete_bare(self, segments: Iterable[SegmentRow], cut: Collection[Path]) -> None:
        """Delete those of the segments' files that hold nothing, and ``cut``. Raises `OSError`."""
        await self._patience.call(_unlink_bare, self._all(segments), cut)

    async def make_sure_of(self, segments: Iterable[SegmentRow]) -> None:
        """Raise `VaultError` if Asterisk has files of the segments that we do not see in the folder."""
        missing = await self._patience.call(_missing, self._all(segments))
        if not missing:
            return
        try:
            stored = {file.name for file in await self._ari.stored_recordings()}
        except AriRefused:
            return  # it has no such folder
        if not stored.isdisjoint(path.stem for path in missing):
            raise VaultError(
                f"Asterisk has the files of it, but they are not in {self._folder}:"
                f" correct pbx.{self._pbx}.spool, or mount the folder."
            )

    def _all(self, segments: Iterable[SegmentRow]) -> list[Path]:
        return [path for segment in segments for path in self.of(segment)]


def _locked(paths: Iterable[Path]) -> contextlib.AbstractContextManager[object] | None:
    """The first that is there, locked until it is left; None while somebody else has it."""
    with contextlib.ExitStack() as opened:
        for path in paths:
            try:
                file: IO[bytes] = opened.enter_context(path.open("rb"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                opened.callback(
                    fcntl.flock, file, fcntl.LOCK_UN
                )  # a process forked meanwhile has it open, too
            except FileNotFoundError:
                continue
            except BlockingIOError:
                return None
            except OSError:  # a file system without locks, or a file that cannot be read, which is told later
                pass
            break
        return opened.pop_all()


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _unlink_bare(paths: Iterable[Path], cut: Collection[Path]) -> None:
    for path in paths:
        if path in cut or (path.exists() and path.stat().st_size <= WAV_HEADER_BYTES):
            path.unlink(missing_ok=True)


def _missing(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if not path.exists()]


def empty_work(folder: Path) -> None:
    """Remove files left over from work that was interrupted: those that are named as ours."""
    try:
        files.make_folder(folder)
        _unlink([path for path in folder.iterdir() if _OURS.fullmatch(path.name)])
    except OSError as error:
        raise VaultError(
            f"The work folder {folder} cannot be written: {error.strerror}. Make it, or set media.work."
        ) from error
