"""Carries out actions without an Asterisk, and objects to whatever must never be asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ari_recorder.policies.table import Action, Decision, Event, Mode, Standing, State, decide

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

WRITING = {State.RECORDING, State.PROVISIONAL}


@dataclass
class Taken:
    """A recording as it came out: how many segments, whether it is kept, how it ended."""

    kept: bool
    segments: int = 0
    end: str = ""


@dataclass
class Executor:
    """A leg with what its actions have led to. A broken rule is an `AssertionError`."""

    mode: Mode
    now: datetime = BEGIN
    running: bool = False
    ledger_lines: int = 0
    taken: list[Taken] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leg = Standing(self.mode, State.RINGING, self.now)

    def happens(self, *events: Event, after_s: float = 1.0) -> Decision:
        """These events, one after the other; returns the last decision."""
        for event in events:
            self.now += timedelta(seconds=after_s)
            decision = decide(self.leg, event, self.now)
            for action in decision.actions:
                self._do(action)
            self.leg = decision.leg
            self._check()
        return decision

    def _do(self, action: Action) -> None:
        match action:
            case Action.OPEN_LEDGER:
                self.ledger_lines += 1
            case Action.OPEN_RECORDING:
                assert self._open() is None, "a second recording at the same time"
                self.taken.append(Taken(kept=self.mode is not Mode.ON_DEMAND))
            case Action.BEGIN_SEGMENT:
                assert not self.running, "a second segment at the same time"
                self._must_be_open().segments += 1
                self.running = True
            case Action.ROLL_SEGMENT:
                assert self.running, "nothing to roll over from"
                self._must_be_open().segments += 1
            case Action.END_SEGMENT:
                assert self.running, "nothing to end"
                self.running = False
            case Action.KEEP_RECORDING:
                self._must_be_open().kept = True
            case Action.CLOSE_RECORDING:
                self._finish("closed")
            case Action.DISCARD_RECORDING:
                self._finish("discarded")

    def _open(self) -> Taken | None:
        return next((recording for recording in self.taken if not recording.end), None)

    def _must_be_open(self) -> Taken:
        recording = self._open()
        assert recording is not None, "no recording is open"
        return recording

    def _finish(self, end: str) -> None:
        assert not self.running, "a recording cannot end while a segment grows"
        recording = self._must_be_open()
        assert recording.kept == (end == "closed"), "kept means closed, provisional means discarded"
        recording.end = end

    def _check(self) -> None:
        assert self.running == (self.leg.state in WRITING), f"writing in {self.leg.state}: {self.running}"
        assert sum(not recording.end for recording in self.taken) <= 1
        if self.leg.state in (State.IDLE, State.ENDED, State.RINGING):
            assert self._open() is None
