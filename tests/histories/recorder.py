"""The recorder around the leg's machine: it tells it what happens, carries out what it asks for, and dies.

Nothing is told to the machine while effects are carried out: every outcome is told later. Requests are under
way at the same time; Asterisk's events come one after the other by one socket, and are lost while it is down.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Protocol

from ari_recorder.policies.announcements import Prompt
from ari_recorder.policies.leg import Leg, inputs, receive
from ari_recorder.policies.leg.effects import (
    Effect,
    Inquire,
    Look,
    Measure,
    Meet,
    Place,
    Request,
    Save,
    WakeAt,
)
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.policies.leg.state import file_names

from .asterisk import LIVE, QUEUED, Asterisk, Refusal
from .books import Books, revived
from .clock import Clock
from .luck import Luck

ANSWERED_WITHIN_S = 5.0
"""How long a request may take; then it is not known what came of it."""

_MAY_BE_LOST = (
    inputs.SnoopEntered
    | inputs.SnoopLeft
    | inputs.FileBegan
    | inputs.FileClosed
    | inputs.PlaybackBegan
    | inputs.PlaybackEnded
)
"""Events that are lost one by one, too."""


class Witness(Protocol):
    """Who sees everything that goes on between the machine and the rest."""

    def received(self, before: Leg, told: Input, after: Leg, effects: list[Effect]) -> None:
        """The machine was told something; nothing of its effects has been carried out."""

    def performed(self, effect: Effect) -> None:
        """An effect is being carried out."""

    def died(self) -> None:
        """The recorder has died."""


class Recorder:
    """One leg's inbox, and the requests under way."""

    def __init__(
        self, clock: Clock, random: Random, luck: Luck, new: Callable[[], Leg], die_before: int = 0
    ) -> None:
        """``die_before``: the effect before which it dies, counted from 1 through the whole history."""
        self.clock, self.random, self.luck, self._new, self.die_before = clock, random, luck, new, die_before
        self.asterisk = Asterisk(clock, random, self._emitted)
        self.books = Books(clock, random, luck, self.tell)
        self.leg: Leg | None = None
        self.witness: Witness | None = None
        self.unreachable = False
        self.tells_times = False
        """Whether Asterisk's call detail records can be read."""
        self.steps = self.crashes = self.effects = 0
        self.begun_at = self.crashed_at = clock.now
        self.late = False
        self._run = 0
        self._connected = True
        self._socket = 0
        self._last_event_at = clock.now
        self._held: list[Input] | None = None
        self._woken_at: datetime | None = None
        self._returning: Leg | None = None

    @property
    def alive(self) -> bool:
        """Whether there is somebody to be told something, now or soon."""
        return self.leg is not None or self._held is not None

    def begin(self) -> None:
        """The channel has been created."""
        self.leg = self._new()
        self.tell(inputs.Begun("1700000000.1"))

    def start_late(self, after_s: float) -> None:
        """The recorder is not running when the channel is created, and is started then."""
        self.late = True
        self._disconnect()
        self.clock.after(after_s, self._return, self._run)

    def tell_event(self, event: Input) -> None:
        """Something that another channel's event says."""
        self._emitted(event)

    def tell(self, told: Input) -> None:
        """Tell the leg, if there is one, and carry out what it asks for. It may die before any effect."""
        if self._held is not None:
            self._held.append(told)
        elif self.leg is not None:
            before = self.leg
            self.leg, effects = receive(before, told, self.clock.now)
            self.steps += 1
            if self.witness is not None:
                self.witness.received(before, told, self.leg, effects)
            for effect in effects:
                self.effects += 1
                if self.effects == self.die_before or (
                    self.luck.dies and self.random.random() < self.luck.dies
                ):
                    self.die()
                    return
                self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        if self.witness is not None:
            self.witness.performed(effect)
        if isinstance(effect, Request):
            self._ask(effect)
        elif isinstance(effect, Save):
            assert self.leg is not None
            self.books.save(self.leg)
        elif isinstance(effect, WakeAt):
            self._woken_at = effect.at
            if effect.at is not None:
                self.clock.at(effect.at, self._wake, self._run, effect.at)

    def _wake(self, run: int, at: datetime) -> None:
        if run == self._run and at == self._woken_at:
            self.tell(inputs.Time())

    # Requests

    def _ask(self, request: Request) -> None:
        random, luck, run = self.random, self.luck, self._run
        if self.unreachable or random.random() < luck.request_lost:
            self._unknown(run, request)
            return
        after_s = random.choice((0.0005, 0.001, 0.01))
        if random.random() < luck.told_late:
            after_s = random.uniform(0.3, ANSWERED_WITHIN_S / 2)
        if random.random() < luck.done_late:
            after_s = random.uniform(ANSWERED_WITHIN_S, 3 * ANSWERED_WITHIN_S)
            self.clock.after(ANSWERED_WITHIN_S, self._tell_in, run, inputs.Unknown(request, "no answer"))
            run = -1
        self.clock.after(after_s, self._do, run, request, self.clock.now, self.leg)

    def _unknown(self, run: int, request: Request) -> None:
        after_s = self.random.choice((0.01, 0.5, ANSWERED_WITHIN_S))
        self.clock.after(after_s, self._tell_in, run, inputs.Unknown(request, "no answer"))

    def _do(self, run: int, request: Request, asked_at: datetime, leg: Leg | None) -> None:
        """The request has arrived at Asterisk; it is carried out even if who asked has died meanwhile."""
        if self.random.random() < self.luck.refused:
            self._answer(run, inputs.Refused(request, "500"))
            return
        match request:
            case Look(files=files):
                assert leg is not None
                seen = partial(self._found, run, request)
                self._look(asked_at, files, seen, away=False, snoops={*leg.snoops, leg.whisper})
                return
            case Meet():
                found: Input | None = inputs.Met(self.asterisk.peer, self.asterisk.internal)
            case Inquire():
                found = inputs.Inquired("1700000000.1", "(none)")
            case Measure(files=files):
                sizes = {name: size for name in files if (size := self.asterisk.size(name)) is not None}
                found = inputs.Measured(sizes, self.asterisk.changed_at(files))
            case Place():
                found = self._place(request)
            case _:
                found = None
                try:
                    self.asterisk.do(request)
                except Refusal as refusal:
                    self._answer(run, inputs.Refused(request, str(refusal), refusal.missing))
                    return
        if self.random.random() < self.luck.answer_lost:
            self._unknown(run, request)
        else:
            self._answer(run, inputs.Accepted(request), found)

    def _place(self, request: Place) -> inputs.Placed:
        prompt: Prompt = request.prompt
        return inputs.Placed(
            number=request.number,
            prompt=prompt,
            media=f"sound:{prompt.kind}",
            language="en",
            text=f"{prompt.kind}.",
            sha256="0" * 64,
            duration_ms=1500,
        )

    def _found(self, run: int, request: Request, seen: inputs.Snapshot | None) -> None:
        if seen is None:
            self._unknown(run, request)
        else:
            self._answer(run, inputs.Accepted(request), seen)

    def _answer(self, run: int, *told: Input | None) -> None:
        """Answers overtake one another."""
        after_s = self.random.choice((0.0005, 0.001, 0.01))
        if self.random.random() < self.luck.told_late:
            after_s = self.random.uniform(0.3, ANSWERED_WITHIN_S / 2)
        self.clock.after(after_s, self._tell_in, run, *told)

    def _tell_in(self, run: int, *told: Input | None) -> None:
        for one in told:
            if run == self._run and one is not None:
                self.tell(one)

    # What there is

    def _look(
        self,
        asked_at: datetime,
        files: tuple[str, ...],
        found: Callable[[inputs.Snapshot | None], None],
        *,
        away: bool,
        revived: bool = False,
        snoops: set[str] | None = None,
    ) -> None:
        """The channels first, all or those of ``snoops``, then the files one by one, then the folder."""
        asterisk, random = self.asterisk, self.random
        if self.unreachable:
            found(None)
            return
        state, commands = asterisk.state, tuple(asterisk.commands)
        found_snoops = frozenset(asterisk.snoops if snoops is None else snoops.intersection(asterisk.snoops))
        answered_at = asterisk.answered_at if self.tells_times else None
        ended_at = asterisk.ended_at if self.tells_times else None
        codecs = asterisk.codecs if state == "Up" else "(none)"

        def see_files() -> None:
            live, queued = asterisk.being(LIVE, files), asterisk.being(QUEUED, files)
            if random.random() < 0.8:
                see_folder(live, queued)
            else:
                self.clock.after(0.002, see_folder, live, queued)

        def see_folder(live: frozenset[str], queued: frozenset[str]) -> None:
            found(
                inputs.Snapshot(
                    asked_at=asked_at,
                    state=state,
                    snoops=found_snoops,
                    live=live,
                    queued=queued,
                    written=asterisk.written(),
                    commands=commands,
                    codecs=codecs,
                    answered_at=answered_at,
                    ended_at=ended_at,
                    away=away,
                    revived=revived,
                )
            )

        if random.random() < 0.8:
            see_files()
        else:
            self.clock.after(random.choice((0.001, 0.05)), see_files)

    # Asterisk's events

    def _emitted(self, event: Input) -> None:
        random, luck, clock = self.random, self.luck, self.clock
        if not self._connected:
            return
        single = isinstance(event, _MAY_BE_LOST) and not self._is_surprise(event)
        if single and random.random() < luck.event_lost:
            return
        after_s = random.choice((0.0005, 0.001, 0.01))
        if random.random() < luck.event_late:
            after_s = random.uniform(0.3, 3.0)
        self._last_event_at = max(self._last_event_at, clock.now + timedelta(seconds=after_s))
        clock.at(self._last_event_at, self._deliver, self._socket, event)
        if not isinstance(event, inputs.Digit) and random.random() < luck.event_twice:
            clock.at(self._last_event_at, self._deliver, self._socket, event)

    def _is_surprise(self, event: Input) -> bool:
        """That a file begins which was to end is told: otherwise nobody could know."""
        return isinstance(event, inputs.FileBegan) and self.asterisk.files[event.name].canceled

    def _deliver(self, socket: int, event: Input) -> None:
        if socket == self._socket:
            self.tell(event)

    def lose_socket(self, for_s: float) -> None:
        """What happens meanwhile, and what was on its way, is not heard of; then it is seen what there is."""
        if self._connected:
            self._disconnect()
            self.clock.after(for_s, self._reconnect, self._socket)

    def _disconnect(self) -> None:
        self._connected = False
        self._socket += 1

    def _reconnect(self, socket: int) -> None:
        if socket == self._socket and self.alive:
            self._connected = True
            self._last_event_at = self.clock.now
            self._see_all(self._run)

    def _see_all(self, run: int, revived: bool = False) -> None:
        """Ask what there is until it is answered."""

        def found(seen: inputs.Snapshot | None) -> None:
            if run != self._run:
                return
            if seen is None:
                self.clock.after(1.0, self._see_all, run, revived)
            elif revived:
                self._back(seen)
            else:
                self.tell(seen)

        leg = self.leg if self.leg is not None else self._returning
        if run == self._run and leg is not None:
            names = {name for files in leg.files for name in file_names(leg.prefix, files.number)}
            files = tuple(sorted(names | self.asterisk.folder))
            self._look(self.clock.now, files, found, away=True, revived=revived)

    # Death and return

    def die(self, for_s: float | None = None) -> None:
        """Everything in memory is gone."""
        if not self.alive:
            return
        self.crashes += 1
        self.crashed_at = self.clock.now
        self._run += 1
        self.leg = self._held = self._woken_at = None
        self._disconnect()
        self.books.die()
        if self.witness is not None:
            self.witness.died()
        away_s = self.random.choice((0.3, 1.0, 3.0, 20.0)) if for_s is None else for_s
        self.clock.after(away_s, self._return, self._run)

    def _return(self, run: int) -> None:
        """The recorder is started again: what is on disk, or else what is in Asterisk, is a leg."""
        if run != self._run:
            return
        self._connected = True
        self._last_event_at = self.clock.now
        known = self.books.newest
        if known is None and self.asterisk.state is None and not self.asterisk.folder:
            return
        if known is not None and known.ended_at and not known.files and self.books.journal is None:
            return
        self._returning = revived(known) if known is not None else self._new()
        self._held = []
        self._see_all(run, True)

    def _back(self, seen: inputs.Snapshot) -> None:
        """What happened since comes behind what was seen."""
        held, self._held = self._held or [], None
        self.leg = self._returning
        if self.books.journal is not None:
            self.books.save(self.leg)
        found = inputs.Begun(found=True) if self.books.newest is None else None
        self._tell_in(self._run, found, seen, *held)
