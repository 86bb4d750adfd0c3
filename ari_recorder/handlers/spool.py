"""Asterisk's recording folder, as this program sees it. A disk that does not answer must freeze nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from ari_recorder.blocking import Patience
from ari_recorder.errors import NoAnswer, SpoolError
from ari_recorder.media.kinds import WAV_HEADER_BYTES
from ari_recorder.policies.leg.inputs import Measured, Written
from ari_recorder.policies.leg.state import NARROW, WIDE

T = TypeVar("T")

ANSWERS_WITHIN_S = 3.0
BYTES_PER_S = {NARROW: 16_000, WIDE: 32_000}


class Spool:
    """The folder of one Asterisk. Every question raises `SpoolError` if the disk does not answer in time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._patience = Patience(f"the recording folder {folder}", ANSWERS_WITHIN_S)

    async def written(self, names: Iterable[str]) -> dict[str, Written]:
        """Those of these recordings that are there."""
        return await self.ask(_written, self.folder, tuple(names))

    async def all_of(self, pattern: re.Pattern[str]) -> dict[str, Written]:
        """Every recording there whose name begins like this."""
        return await self.ask(_all_of, self.folder, pattern)

    async def measure(self, names: Iterable[str]) -> Measured:
        """How much there is of these recordings."""
        return await self.ask(_measure, self.folder, tuple(names))

    async def ask(self, work: Callable[..., T], *arguments: object) -> T:
        """Do something on the disk, in a thread. Raises `SpoolError`."""
        try:
            return await self._patience.call(work, *arguments)
        except NoAnswer as error:
            raise SpoolError(str(error)) from error
        except OSError as error:
            problem = f"The recording folder {self.folder} cannot be used: {error.strerror}."
            raise SpoolError(problem) from error


def _written(folder: Path, names: tuple[str, ...]) -> dict[str, Written]:
    found = {}
    for name in names:
        for file_format in BYTES_PER_S:
            with suppress(FileNotFoundError):
                found[name] = _look(folder / f"{name}.{file_format}", file_format)
    return found


def _all_of(folder: Path, pattern: re.Pattern[str]) -> dict[str, Written]:
    found = {}
    for path in folder.iterdir():
        file_format = path.suffix[1:]
        if file_format in BYTES_PER_S and pattern.match(path.stem):
            with suppress(FileNotFoundError):
                found[path.stem] = _look(path, file_format)
    return found


def _look(path: Path, file_format: str) -> Written:
    """It was written until it last changed, and began as long before as it is."""
    stat = path.stat()
    changed_at = datetime.fromtimestamp(stat.st_mtime, UTC)
    length_s = max(stat.st_size - WAV_HEADER_BYTES, 0) / BYTES_PER_S[file_format]
    return Written(changed_at - timedelta(seconds=length_s), changed_at, file_format)


def _measure(folder: Path, names: tuple[str, ...]) -> Measured:
    sizes: dict[str, int] = {}
    changed: list[float] = []
    for name in names:
        for file_format in BYTES_PER_S:
            with suppress(FileNotFoundError):
                path = folder / f"{name}.{file_format}"
                stat = path.stat()
                sizes[name] = stat.st_size if _is_wav(path) else 0
                changed.append(stat.st_mtime)
    return Measured(sizes, datetime.fromtimestamp(max(changed), UTC) if changed else None)


def _is_wav(path: Path) -> bool:
    """One that was begun when the disk was full may go on without its beginning, and cannot be read."""
    with path.open("rb") as file:
        return file.read(4) == b"RIFF"


def by_leg(written: Mapping[str, Written], prefix_of: re.Pattern[str]) -> dict[str, dict[str, Written]]:
    """The recordings of each leg, by the hexadecimal id in their names."""
    legs: dict[str, dict[str, Written]] = {}
    for name, what in written.items():
        match = prefix_of.match(name)
        if match:
            legs.setdefault(match[1], {})[name] = what
    return legs
