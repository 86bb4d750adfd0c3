"""A model of Asterisk: one channel, its snoops, and the files that these are recorded to.

What is in a file is known as a stretch of time. It does as asked; whoever wants it to do otherwise asks it to
(`kill_snoop`, `stop_growing`, `end_file`, `die`). What happens in it is told to ``emit``, as the events of a
websocket that comes from one queue.

Facts modelled, from Asterisk's source: a `record` on a snoop that is being recorded is queued, and begins
when what is before it ends. A `stop` of what is queued is accepted and does nothing: it begins all the same.
A second `stop` is refused. What is queued on a snoop that is hung up never begins, and nothing is told of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from ari_recorder.policies.leg import inputs
from ari_recorder.policies.leg.effects import HangUp, Play, Record, Release, Request, Snoop, Stop
from ari_recorder.policies.leg.state import is_wide
from ari_recorder.policies.table import Event

from .clock import Clock

FLUSHED_EVERY = timedelta(seconds=2)
"""How often Asterisk writes to disk what it has."""
BYTES_A_SECOND = 16000

QUEUED, LIVE, DONE = "queued", "live", "done"


class Refusal(Exception):
    """Asterisk does not do what was asked; ``missing``: what it was asked of is not there."""

    def __init__(self, why: str, *, missing: bool = False) -> None:
        super().__init__(why)
        self.missing = missing


@dataclass
class File:
    """What is written of a snoop under a name, or is to be.

    Its audio reaches from ``began_at`` to ``full_at`` if it stopped growing, otherwise to ``ended_at``.
    """

    name: str
    format: str
    snoop: str
    state: str = QUEUED
    began_at: datetime | None = None
    full_at: datetime | None = None
    ended_at: datetime | None = None
    canceled: bool = False
    stopped: bool = False
    """It ended because it was asked to."""

    def until(self, now: datetime) -> datetime:
        """Until when it has audio."""
        assert self.began_at is not None
        return max(min(self.ended_at or now, self.full_at or now), self.began_at)

    def flushed_at(self, now: datetime) -> datetime:
        """When it last changed on disk."""
        until = self.until(now)
        if self.state is DONE:
            return until
        assert self.began_at is not None
        return until - (until - self.began_at) % FLUSHED_EVERY


@dataclass
class SnoopChannel:
    """A snoop, and what it is being recorded to, the first being written."""

    name: str
    spy: str
    whisper: str
    wide: bool
    entered: bool = False
    queue: list[File] = field(default_factory=list)
    playing_since: datetime | None = None


@dataclass(frozen=True)
class Heard:
    """Something was played to the end or not, on the snoop of that name."""

    snoop: str
    began_at: datetime


class Asterisk:
    """One channel and everything made for it."""

    def __init__(self, clock: Clock, random: Random, emit: Callable[[inputs.Input], None]) -> None:
        self.clock, self.random, self.emit = clock, random, emit
        self.state: str | None = "Down"
        self.codecs, self.offered_wide = "(alaw)", False
        self.answered_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.peer, self.internal = "", False
        self.commands: list[inputs.Given] = []
        self.snoops: dict[str, SnoopChannel] = {}
        self.files: dict[str, File] = {}
        self.folder: set[str] = set()
        self.heard: list[Heard] = []
        self.cannot_write: Callable[[], bool] = lambda: False

    # What the people do

    def ring(self) -> None:
        """The phone rings."""
        if self.state == "Down":
            self.state = "Ringing"

    def answer(self, codecs: str | None) -> None:
        """The channel is up."""
        if self.state is not None and self.state != "Up":
            self.state, self.answered_at = "Up", self.clock.now
            self.emit(inputs.Answered(self.clock.now, codecs))

    def hang_up(self) -> None:
        """The channel is gone, and its snoops with it; which is told first is not said."""
        if self.state is None:
            return
        self.state, self.ended_at = None, self.clock.now
        if self.random.random() < 0.5:
            self.emit(inputs.HungUp(self.clock.now))
            self._end_all()
        else:
            self._end_all()
            self.emit(inputs.HungUp(self.clock.now))

    def _end_all(self) -> None:
        for snoop in list(self.snoops):
            self.kill_snoop(snoop)

    def press(self, digit: str) -> None:
        """A key of the user's, that is not swallowed."""
        if self.state is not None:
            self.emit(inputs.Digit(digit, self.clock.now))

    def feature(self, command: Event) -> None:
        """A command of Asterisk's feature map."""
        if self.state == "Up":
            given = inputs.Given(command, self.clock.now)
            self.commands.append(given)
            self.emit(inputs.Featured(command, given.at))

    # What it is asked for

    def do(self, request: Request) -> None:
        """Carry out a request. Raises `Refusal`."""
        match request:
            case Snoop():
                self._snoop(request)
            case Record():
                self._record(request)
            case Stop(name=name):
                self._stop(name)
            case Release(snoop=snoop):
                self._find(snoop)
                self.clock.after(self.random.choice((0.0, 0.005, 0.02)), self.kill_snoop, snoop)
            case HangUp():
                if self.state is None:
                    raise Refusal("channel not found", missing=True)
                self.clock.after(0.005, self.hang_up)
            case Play():
                self._play(request.snoop)

    def _find(self, snoop: str) -> SnoopChannel:
        if snoop not in self.snoops:
            raise Refusal("channel not found", missing=True)
        return self.snoops[snoop]

    def _snoop(self, asked: Snoop) -> None:
        if self.state is None:
            raise Refusal("channel not found", missing=True)
        if asked.snoop in self.snoops:
            raise Refusal("channel id is in use")
        wide = is_wide(self.codecs) if self.state == "Up" else self.offered_wide
        self.snoops[asked.snoop] = SnoopChannel(asked.snoop, asked.spy, asked.whisper, wide)
        self.clock.after(self.random.choice((0.0, 0.001, 0.01)), self._enter, self.snoops[asked.snoop])

    def _enter(self, snoop: SnoopChannel) -> None:
        if self.snoops.get(snoop.name) is snoop:
            snoop.entered = True
            self.emit(inputs.SnoopEntered(snoop.name, snoop.wide))

    def _record(self, asked: Record) -> None:
        snoop = self._find(asked.snoop)
        if not snoop.entered:
            raise Refusal("channel not in Stasis application")
        known = self.files.get(asked.name)
        if asked.name in self.folder or (known is not None and known.state is not DONE):
            raise Refusal("recording exists")
        file = self.files[asked.name] = File(asked.name, asked.format, asked.snoop)
        snoop.queue.append(file)
        self._next(snoop)

    def _next(self, snoop: SnoopChannel) -> None:
        if not snoop.queue or snoop.queue[0].state is not QUEUED:
            return
        file, now = snoop.queue[0], self.clock.now
        file.state, file.began_at = LIVE, now
        self.emit(inputs.FileBegan(file.name, now))
        if self.cannot_write():
            file.full_at = now
            self._end(file)
        else:
            self.folder.add(file.name)

    def _end(self, file: File) -> None:
        if file.state is not LIVE:
            return
        file.state, file.ended_at = DONE, self.clock.now
        self.emit(inputs.FileClosed(file.name, self.clock.now))
        snoop = self.snoops.get(file.snoop)
        if snoop is not None:
            snoop.queue.remove(file)
            self._next(snoop)

    def _stop(self, name: str) -> None:
        file = self.files.get(name)
        if file is None or file.state is DONE:
            raise Refusal("recording not found", missing=True)
        if file.state is QUEUED:
            if file.canceled:
                raise Refusal("recording is not in a state to be stopped")
            file.canceled = True
            return
        file.stopped = True
        self._end(file)

    def _play(self, name: str) -> None:
        snoop = self._find(name)
        if not snoop.entered:
            raise Refusal("channel not in Stasis application")
        snoop.playing_since = self.clock.now
        self.heard.append(Heard(name, self.clock.now))
        self.emit(inputs.PlaybackBegan(name, self.clock.now))
        self.clock.after(self.random.uniform(0.1, 3.0), self._played, snoop)

    def _played(self, snoop: SnoopChannel) -> None:
        if snoop.playing_since is not None and self.snoops.get(snoop.name) is snoop:
            snoop.playing_since = None
            self.emit(inputs.PlaybackEnded(snoop.name, self.clock.now, ok=True))

    # What there is of it

    def being(self, state: str, names: tuple[str, ...]) -> frozenset[str]:
        """Those of the names that are in that state."""
        return frozenset(name for name in names if name in self.files and self.files[name].state is state)

    def written(self) -> dict[str, inputs.Written]:
        """What lies in the recording folder."""
        now = self.clock.now
        return {
            name: inputs.Written(file.began_at, file.flushed_at(now), file.format)
            for name in sorted(self.folder)
            if (file := self.files[name]).began_at is not None
        }

    def size(self, name: str) -> int | None:
        """How much of a file is on disk (bytes); None if it is not there."""
        file = self.files.get(name)
        if file is None or file.began_at is None or name not in self.folder:
            return None
        length = file.flushed_at(self.clock.now) - file.began_at
        return int(length.total_seconds() * BYTES_A_SECOND)

    def changed_at(self, names: tuple[str, ...]) -> datetime | None:
        """When one of the files last changed on disk."""
        seen = [self.files[name] for name in names if name in self.folder]
        return max((file.flushed_at(self.clock.now) for file in seen if file.began_at), default=None)

    # What goes wrong in it

    def kill_snoop(self, name: str) -> None:
        """A snoop ends, and what is written of it."""
        snoop = self.snoops.pop(name, None)
        if snoop is None:
            return
        for file in snoop.queue:
            if file.state is QUEUED:
                del self.files[file.name]
            else:
                self._end(file)
        if snoop.playing_since is not None:
            self.emit(inputs.PlaybackEnded(name, self.clock.now, ok=False))
        self.emit(inputs.SnoopLeft(name))

    def stop_growing(self, name: str) -> None:
        """The disk is full, as far as this file goes."""
        file = self.files[name]
        if file.state is LIVE and file.full_at is None:
            file.full_at = self.clock.now

    def end_file(self, name: str) -> None:
        """Asterisk cannot write any more, and ends the file."""
        self._end(self.files[name])

    def die(self) -> None:
        """Asterisk dies, and its calls with it. What it had not written to disk is lost."""
        now, ends = self.clock.now, []
        for file in self.files.values():
            if file.state is LIVE:
                file.ended_at = file.flushed_at(now)
                file.state = DONE
                ends.append(file.ended_at)
        for name in [file.name for file in self.files.values() if file.state is QUEUED]:
            del self.files[name]
        self.snoops.clear()
        if self.state is not None:
            self.state = None
            self.ended_at = max(file.ended_at or now for file in self.files.values()) if ends else now
