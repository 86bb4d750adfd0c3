"""A history: a call, its people, Asterisk, the books, and a recorder that dies; and whether all was well.

Everything in it follows from its seed. At the end everything is healed, and time runs on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from uuid import UUID

from ari_recorder.policies.leg import Leg, begin, inputs
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.table import Event

from . import luck as lucks
from . import people
from .asterisk import LIVE
from .clock import BEGIN, Clock
from .invariants import Observer
from .luck import Luck
from .people import Deed, Plot
from .recorder import Recorder

HEALED_WITHIN_S = 200.0
"""After so long without trouble everything is as it should be."""
OVER_WITHIN_S = 420.0
A_MOMENT_S = 1.5
EVERY_S = 5.0
"""How often it is drawn what goes wrong by itself."""


@dataclass
class Outcome:
    """How a history went. ``violations`` say what was not as it should be."""

    seed: int
    steps: int
    effects: int
    crashes: int
    violations: list[str] = field(default_factory=list)


def play(seed: int, *, die_before: int = 0, luck: Luck | None = None) -> Outcome:
    """The history of a seed. ``die_before``: the effect before which the recorder dies, 1 being the first."""
    history = History(seed, die_before=die_before, luck=luck)
    history.run()
    recorder = history.recorder
    violations = history.observer.violations
    return Outcome(seed, recorder.steps, recorder.effects, recorder.crashes, violations)


class History:
    """A call of ``plot`` in which things go wrong as ``luck`` has it."""

    def __init__(
        self, seed: int, *, plot: Plot | None = None, luck: Luck | None = None, die_before: int = 0
    ) -> None:
        random = self.random = Random(seed)
        self.plot = plot or people.draw(random)
        self.luck = lucks.draw(random) if luck is None else luck
        self.clock = Clock()
        self.recorder = Recorder(self.clock, random, self.luck, self._new_leg, die_before)
        self.asterisk, self.books = self.recorder.asterisk, self.recorder.books
        self.asterisk.offered_wide = self.plot.wide and random.random() < 0.5
        self.asterisk.cannot_write = lambda: random.random() < self.recorder.luck.cannot_write
        self.recorder.tells_times = random.random() < 0.3
        self.books.landed = self._finish
        self.observer = Observer(self.recorder)
        self.recorder.witness = self.observer
        self._healed = False

    def _new_leg(self) -> Leg:
        return begin(
            app="ari_recorder",
            pbx="pbx",
            channel="1700000000.1",
            channel_name="PJSIP/101-00000001",
            created_at=BEGIN,
            user=UUID(int=101),
            organisation=UUID(int=1),
            user_number="101",
            user_name="Anna",
            mode=self.plot.mode,
            preferences=self.plot.preferences,
            direction="inbound",
            counterpart=Counterpart("0701234567", ""),
            segment_max_s=self.plot.segment_max_s,
        )

    def run(self) -> None:
        """From the first ring to when everything is over."""
        plot, clock = self.plot, self.clock
        if self.random.random() < 0.03:
            self.recorder.start_late(self.random.uniform(0.0, plot.hung_up_after_s))
        else:
            self.recorder.begin()
        clock.after(0.01, self.asterisk.ring)
        if plot.answered_after_s is not None:
            clock.after(plot.answered_after_s, self.answer)
        for deed in plot.deeds:
            clock.after(deed.after_s, self.do, deed)
        self._trouble()
        clock.run(BEGIN + timedelta(seconds=plot.hung_up_after_s))
        if plot.quiet_at_end and self.asterisk.state is not None:
            self._heal()
            self.run_on(HEALED_WITHIN_S)
            if self.recorder.crashed_at > clock.now - timedelta(seconds=HEALED_WITHIN_S):
                self.run_on(HEALED_WITHIN_S)
            self._see_quiet()
        self.end()

    def _see_quiet(self) -> None:
        """What is just being done is done a moment later."""
        before = len(self.observer.violations)
        self.observer.quiet()
        if len(self.observer.violations) > before:
            del self.observer.violations[before:]
            self.run_on(A_MOMENT_S)
            self.observer.quiet()

    def run_on(self, seconds: float) -> None:
        """Let time go on."""
        self.clock.run(self.clock.now + timedelta(seconds=seconds))

    def end(self) -> None:
        """The call is hung up, everything is healed, and what then is must be right."""
        self.asterisk.hang_up()
        if self.random.random() < 0.7:
            self.run_on(self.random.choice((0.001, 0.1, 3.0)))
        self._heal()
        self.run_on(OVER_WITHIN_S)
        self.observer.end()

    # People

    def answer(self) -> None:
        """The phone is picked up."""
        self.asterisk.codecs = "(g722)" if self.plot.wide else "(alaw)"
        self.asterisk.answer(self.asterisk.codecs if self.random.random() < 0.7 else None)
        self.clock.after(self.random.choice((0.0, 0.1, 2.0)), self._meet)

    def _meet(self) -> None:
        self.asterisk.peer = "PJSIP/trunk-2"
        self.asterisk.internal = self.random.random() < 0.5

    def do(self, deed: Deed) -> None:
        """Somebody does something, as long as the call is there."""
        if self.asterisk.state is None:
            return
        if deed.command is not None:
            self._give(deed.command, deed.what)
        elif deed.what == "connected":
            number = f"07{self.random.randrange(3)}"
            self.recorder.tell_event(inputs.Connected(Counterpart(number), self.clock.now))
            self._meet()
        elif deed.what == "annotated":
            self.recorder.tell(inputs.Annotated({"note": "to be called back"}))
        elif deed.what == "agreed":
            self.observer.agree(self.plot.mode, self.plot.preferences)
        else:
            self.asterisk.peer = ""
            self.clock.after(1.0, self._meet)

    def _give(self, command: Event, way: str) -> None:
        if way == "app":
            self.observer.ask(command)
        if way in ("feature", "both"):
            self.asterisk.feature(command)
        if way in ("digits", "both"):
            code = self.plot.preferences.codes[command]
            for index, digit in enumerate(code):
                self.clock.after(0.0 if way == "both" else 0.15 * index, self.asterisk.press, digit)

    # Trouble

    def _trouble(self) -> None:
        """See every few seconds what goes wrong by itself."""
        if self._healed:
            return
        luck, happens = self.luck, self._happens
        after_s = self.random.uniform(0.0, EVERY_S)
        self.books.change_mood()
        if happens(luck.snoop_killed_a_minute) and self.asterisk.snoops:
            snoop = self.random.choice(sorted(self.asterisk.snoops))
            self.clock.after(after_s, self.asterisk.kill_snoop, snoop)
        live = sorted(file.name for file in self.asterisk.files.values() if file.state == LIVE)
        if happens(luck.stops_growing_a_minute) and live:
            self.clock.after(after_s, self.asterisk.stop_growing, self.random.choice(live))
        if happens(luck.file_ended_a_minute) and live:
            self.clock.after(after_s, self.asterisk.end_file, self.random.choice(live))
        if happens(luck.socket_lost_a_minute):
            self.clock.after(after_s, self.recorder.lose_socket, self.random.choice((0.1, 1.0, 10.0)))
        if happens(luck.unreachable_a_minute):
            self.clock.after(after_s, self.unreachable_for, self.random.choice((0.5, 5.0, 30.0)))
        if happens(luck.asterisk_dies_a_minute):
            self.clock.after(after_s, self._kill_asterisk)
        if happens(luck.dies_a_minute):
            self.clock.after(after_s, self.recorder.die)
        self.clock.after(EVERY_S, self._trouble)

    def _happens(self, a_minute: float) -> bool:
        return a_minute > 0 and self.random.random() < a_minute * EVERY_S / 60

    def unreachable_for(self, seconds: float) -> None:
        """No request gets through."""
        self._reach(False)
        self.clock.after(seconds, self._reach, True)

    def _reach(self, reached: bool) -> None:
        self.recorder.unreachable = not reached and not self._healed

    def _kill_asterisk(self) -> None:
        if not self._healed:
            self.asterisk.die()
            self.recorder.lose_socket(5.0)
            self.unreachable_for(4.0)

    def _heal(self) -> None:
        self._healed = True
        self.luck = self.recorder.luck = self.books.luck = Luck()
        self.recorder.unreachable = False
        self.books.heal()

    # Finishing

    def _finish(self, leg: Leg) -> None:
        """Files of what is complete are archived, and deleted."""
        for recording in leg.recordings:
            if recording.complete:
                self.observer.complete(leg, recording)
                names = self.observer.names(leg, self.books.recordings[leg.id, recording.ordinal])
                self.clock.after(3.0, self.asterisk.folder.difference_update, names)
