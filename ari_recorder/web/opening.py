"""The process of the pages, from its beginning (see `apart.py`).

It ends when the recorder has not been heard of for a while: what it would show of calls is not true then, and
nobody would carry out a command.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import msgspec

from ari_recorder import live
from ari_recorder.apart import HEARD_WITHIN_S, begin
from ari_recorder.clock import utc_now
from ari_recorder.config import Log, Sftp, Vault, Web, Webhooks
from ari_recorder.errors import ARIRecorderError
from ari_recorder.line import Beat, Line, Unable
from ari_recorder.policies.table import Event, Reason
from ari_recorder.safes import safe
from ari_recorder.store.audit_key import PublicKey
from ari_recorder.store.database import Store
from ari_recorder.store.rows import LegRow
from ari_recorder.web import line
from ari_recorder.web.context import Part, WebContext, own_counters
from ari_recorder.web.server import Bound, Server, serve

NAME = "pages"
NICENESS = 5
"""Pages may be slow, a beginning may not be late; encoding (19) yields to both."""
OWN_COUNTERS = b"ari_recorder_web_"
"""What the names of this process' counters begin with; the others are the recorder's."""

T = TypeVar("T")
_FromRecorder = Line[line.FromRecorder]


@dataclass(frozen=True)
class Opening:
    """What the process is started with. ``parts`` are the names of what can be asked whether it works."""

    settings: Web
    log: Log
    store_url: str
    vault: Vault
    pbxs: tuple[str, ...]
    audit_key: PublicKey
    parts: tuple[str, ...]
    bound: Bound
    webhooks: Webhooks = field(default_factory=Webhooks)
    sftp: Sftp = field(default_factory=Sftp)


def work(opening: Opening, theirs: socket.socket) -> None:
    """What the process does."""
    begin(NAME, opening.log)
    asyncio.run(_work(opening, theirs))


async def _work(opening: Opening, theirs: socket.socket) -> None:
    the_line: _FromRecorder = await Line.over(theirs, line.FromRecorder)
    recorder = Recorder(the_line)
    listening = asyncio.create_task(recorder.listen())
    try:
        await asyncio.wait([listening, recorder.heard], return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            await _serve(opening, recorder, listening)
    except ARIRecorderError as error:
        the_line.send(Unable(str(error)))
    finally:
        the_line.close()


async def _serve(opening: Opening, recorder: Recorder, listening: asyncio.Task[None]) -> None:
    """Serve until nothing is heard any more."""
    store = await asyncio.to_thread(Store, opening.store_url, make=False)
    try:
        server: Server = await serve(recorder.context(opening, store), opening.bound)
        gc.freeze()
        beating = asyncio.create_task(recorder.line.beat())
        await listening
        beating.cancel()
        await server.close()
    finally:
        await asyncio.to_thread(store.close)


class Recorder:
    """The recorder, as far as the pages have to do with it."""

    def __init__(self, the_line: _FromRecorder) -> None:
        self.line = the_line
        self.live = live.Live()
        """As the recorder's, some milliseconds later."""
        self.heard = asyncio.get_running_loop().create_future()
        """Done when it has said which calls go on."""
        self._numbers = itertools.count()
        self._asked: dict[int, tuple[asyncio.Future[Any], Callable[[Any], Any]]] = {}

    def context(self, opening: Opening, store: Store) -> WebContext:
        """What the pages work with."""
        return WebContext(
            store,
            safe(opening.vault, store, utc_now),
            opening.settings,
            opening.settings.key_file,
            {name: partial(self._part, name) for name in opening.parts},
            self.live,
            pbxs=opening.pbxs,
            audit_key=opening.audit_key,
            counters=self._counters,
            webhooks=opening.webhooks,
            sftp=opening.sftp,
        )

    async def listen(self) -> None:
        """Take what it says, until it is gone; then nobody waits for its answers any more."""
        with suppress(OSError):
            while True:
                self._take(await self.line.receive(HEARD_WITHIN_S))
        for waiting, _ in list(self._asked.values()):
            waiting.cancel()

    def ask(
        self, message: Callable[[int], msgspec.Struct], found: Callable[[Any], T | None]
    ) -> asyncio.Future[T]:
        """Send a message with a number; what ``found`` makes of the answer, cancelled if that is None."""
        number, waiting = next(self._numbers), asyncio.get_running_loop().create_future()
        self._asked[number] = waiting, found
        waiting.add_done_callback(lambda _: self._asked.pop(number, None))
        self.line.send(message(number))
        return waiting

    async def _part(self, name: str) -> Part:
        return await self.ask(lambda number: line.AskPart(number, name), lambda answer: answer.part)

    async def _counters(self) -> bytes:
        """The recorder's, with our own in place of its."""
        theirs = await self.ask(line.AskCounters, lambda answer: answer.text)
        ours = await own_counters()
        kept = [text for text in theirs.splitlines(keepends=True) if OWN_COUNTERS not in text]
        return b"".join(kept + [text for text in ours.splitlines(keepends=True) if OWN_COUNTERS in text])

    def _take(self, message: line.FromRecorder) -> None:
        match message:
            case Beat():
                if not self.heard.done():
                    self.heard.set_result(None)
            case line.Begun(row):
                self.live.add(Distant(row, self))
            case line.Over(leg):
                if (ended := self.live.find(leg)) is not None:
                    self.live.remove(ended)
            case line.Changed(row):
                self._change(row)
            case line.Refused(row, command, source, reason, at):
                self.live.publish(live.Refused(row, command, source, reason, at))
            case _:
                self._answer(message.number, message)

    def _answer(self, number: int, answer: Any) -> None:
        waiting, found = self._asked.get(number, (None, None))
        if waiting is None or found is None or waiting.done():
            return
        value = found(answer)
        if value is None:
            waiting.cancel()
        else:
            waiting.set_result(value)

    def _change(self, row: LegRow) -> None:
        if (followed := self.live.find(row.id)) is not None:
            followed.row = row
            self.live.publish(live.Changed(row))


class Distant:
    """A leg that the recorder follows."""

    def __init__(self, row: LegRow, recorder: Recorder) -> None:
        self.row = row
        self._recorder = recorder

    def command(self, command: Event) -> asyncio.Future[live.Answer]:
        """Give a command; cancelled when the recorder is stopping."""
        return self._recorder.ask(lambda number: line.Command(number, self.row.id, command), self._answer)

    def annotated(self, annotations: Mapping[str, str]) -> None:
        """Who asks next finds it so, though the recorder has yet to say it."""
        self._recorder.line.send(line.Annotated(self.row.id, dict(annotations)))
        self.row = replace(self.row, annotations=dict(annotations))
        self._recorder.live.publish(live.Changed(self.row))

    def _answer(self, answer: line.Answered | line.NoSuchLeg) -> live.Answer | None:
        if isinstance(answer, line.NoSuchLeg):
            return live.Answer(self.row, Reason.CALL_ENDED)
        if answer.leg is None:
            return None
        return live.Answer(answer.leg, answer.reason, answer.problem)
