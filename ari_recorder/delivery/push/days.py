"""A day of an organisation, pushed: what is not there yet, file by file, and then the manifest."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from ari_recorder.delivery.folders import File, Folder, folder
from ari_recorder.delivery.needed import Needed
from ari_recorder.delivery.push.destinations import Destination, FileRefused
from ari_recorder.delivery.reading import Reading, Threads, reading
from ari_recorder.errors import DeliveryError, NotFound, VaultError
from ari_recorder.policies import delivery
from ari_recorder.policies.listening import Stretch
from ari_recorder.store import catalogue, heard
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.deliveries import pushing, view
from ari_recorder.store.deliveries.pushing import Due, TargetRow
from ari_recorder.store.deliveries.view import Terms

REFUSED_MAX = 3
"""Files in a row that are refused; then it is tried again later."""
PROBLEM_MAX = 500

Opened = Callable[[TargetRow, str], AbstractAsyncContextManager[Destination]]
"""Connects to a target, with its secret as it was sealed."""

_log = structlog.get_logger(__name__)


@dataclass
class _Push:
    """One day being pushed."""

    context: Needed
    due: Due
    terms: Terms
    folder: Folder
    target: TargetRow
    threads: Threads
    sent: int = 0

    async def files(self, todo: list[File], place: Destination) -> str:
        """Push these; why not all of them, if so. Raises `DeliveryError` when it makes no sense to go on."""
        problem, in_a_row = "", 0
        for file in todo:
            try:
                await self._file(file, place)
            except (FileRefused, VaultError) as error:
                why = f"it cannot be read here: {error}" if isinstance(error, VaultError) else str(error)
                problem = problem or f"{file.name}: {why}"
                in_a_row += 1
                await self.context.store.write(
                    view.not_handed, self.due.organisation, file.recording, view.PUSHED, why[:PROBLEM_MAX]
                )
                if in_a_row >= REFUSED_MAX:
                    return problem
            else:
                in_a_row = 0
        return problem

    async def _file(self, file: File, place: Destination) -> None:
        path = f"{self.folder.day.isoformat()}/{file.name}"
        if await place.size(path) != file.size_bytes:  # else we died before it was written down
            source = await self._source(file)
            if source is None:
                return
            try:
                await place.put(path, source)
            finally:
                source.close()
        await self.context.store.write(
            view.handed, self.due.organisation, file.recording, view.PUSHED, file.size_bytes,
            self.context.now(),
        )  # fmt: skip
        self.sent += 1

    async def _source(self, file: File) -> _Audio | None:
        """It, opened; that it goes out is written down first. None if it was disposed of meanwhile."""
        context = self.context
        try:
            row = await context.store.read(catalogue.heard, self.terms.scope, file.recording)
        except NotFound:
            return None
        opened = reading(context.safe, row, file.form, file.size_bytes, self.threads)
        await opened.read(0, 1)  # what cannot be read goes nowhere
        organisation = self.due.organisation
        actor = Actor(ActorKind.PUSH, str(organisation), str(self.target.place)[:200], organisation)
        await context.store.write(
            heard.note_heard, actor, file.recording, organisation, Stretch(0, file.duration_ms),
            context.now(), form=file.form or "", copied=True,
        )  # fmt: skip
        return _Audio(f"{file.recording.hex}-{file.form or 'kept'}-{file.size_bytes}", opened)


class _Audio:
    """A recording's file to be pushed."""

    def __init__(self, mark: str, opened: Reading) -> None:
        self.mark = mark
        self.size_bytes = opened.size_bytes
        self._opened = opened
        self.read = opened.read
        self.close = opened.close


class _Text:
    """A manifest to be pushed."""

    def __init__(self, mark: str, content: bytes) -> None:
        self.mark = mark
        self.size_bytes = len(content)
        self._content = content

    async def read(self, offset: int, length: int) -> bytes:
        """Those bytes."""
        return self._content[offset : offset + length]


async def push_day(context: Needed, due: Due, opened: Opened, threads: Threads, again: timedelta) -> None:
    """Push what is not there yet, and note what came of it. Raises `StoreError`."""
    store, day = context.store, date.fromisoformat(due.day)
    terms = await store.read(view.terms, due.organisation)
    target = await store.read(pushing.find, due.organisation)
    if terms is None or target is None or not target.enabled:
        return
    if day not in delivery.open_days(context.now(), ZoneInfo(terms.zone)):
        return  # its window was closed meanwhile: `pushing.open_days` sees to it
    found = await folder(store, terms, day)
    sent: set[UUID] = set()
    ids = [file.recording for file in found.files.values()]
    for at in range(0, len(ids), 500):
        sent |= await store.read(pushing.pushed, ids[at : at + 500])
    todo = [file for file in found.files.values() if file.recording not in sent]
    push = _Push(context, due, terms, found, target, threads, len(ids) - len(todo))
    try:
        manifest = await _carry_out(push, todo, opened)
    except DeliveryError as error:
        again_at = context.now() + delivery.retry_after(due.attempts + 1)
        _log.error("a day cannot be pushed", organisation=str(due.organisation), day=due.day,
                   to=str(target.place), error=str(error), again_at=again_at.isoformat())  # fmt: skip
        await store.write(pushing.failed, due, len(ids), push.sent, str(error)[:PROBLEM_MAX], again_at)
        return
    now = context.now()
    complete = None if found.waiting else now
    await store.write(pushing.went, due, len(ids), push.sent, manifest, now + again, complete)


async def _carry_out(push: _Push, todo: list[File], opened: Opened) -> str:
    """Push these files and then the manifest, if it is another; returns its hash. Raises `DeliveryError`."""
    folder, manifest = push.folder, push.folder.manifest_sha256
    if not todo and manifest == push.due.manifest_sha256:
        return manifest
    sealed = await push.context.store.read(pushing.secret_of, push.due.organisation)
    async with opened(push.target, sealed) as place:
        if problem := await push.files(todo, place):
            raise FileRefused(problem)
        if manifest != push.due.manifest_sha256:
            path = f"{folder.day.isoformat()}/{folder.manifest_name}"
            await place.put(path, _Text(f"manifest-{manifest[:32]}", folder.manifest))
    if todo:
        _log.info("a day was pushed", organisation=str(push.due.organisation), day=push.due.day,
                  to=str(push.target.place), files=len(todo))  # fmt: skip
    return manifest
