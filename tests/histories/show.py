"""Tells a history from the beginning: what the leg was told, and what it asked for.

python -m tests.histories.show SEED [--well] [--die-before EFFECT]
"""

from __future__ import annotations

import argparse
import re

from ari_recorder.policies.leg import Leg
from ari_recorder.policies.leg.effects import Effect
from ari_recorder.policies.leg.inputs import Input

from .history import History
from .invariants import Observer
from .luck import Luck

_TIME = re.compile(r"datetime\.datetime\(\d+, \d+, \d+, (\d+), (\d+)(?:, (\d+))?(?:, (\d+))?, tzinfo=[^)]*\)")
_PREFIX = re.compile(r"ari_recorder-[0-9a-f]{32}-[0-9a-f]{32}-")


def _time(match: re.Match[str]) -> str:
    hours, minutes, seconds, micros = (int(group or 0) for group in match.groups())
    return f"{((hours - 9) * 60 + minutes) * 60 + seconds + micros / 1e6:.3f}"


def short(what: object) -> str:
    """What is said of it, with times in seconds from the beginning and names without their prefix."""
    return _PREFIX.sub("", _TIME.sub(_time, repr(what)))


class Teller(Observer):
    """Observes, and tells."""

    def received(self, before: Leg, told: Input, after: Leg, effects: list[Effect]) -> None:
        """Tell an input, and where it led to."""
        self.say(f"> {short(told)}")
        if before.standing.state is not after.standing.state:
            self.say(f"    {before.standing.state} -> {after.standing.state}")
        super().received(before, told, after, effects)

    def performed(self, effect: Effect) -> None:
        """Tell an effect."""
        self.say(f"    {short(effect)}")
        super().performed(effect)

    def died(self) -> None:
        """Tell a death."""
        self.say(f"DIED; on disk is version {self.books.version}")
        super().died()

    def violated(self, what: str) -> None:
        """Tell what is not as it should be."""
        self.say(f"VIOLATED: {short(what)}")
        super().violated(what)

    def say(self, what: str) -> None:
        """Print it with its time."""
        print(f"{(self.clock.now - self.recorder.begun_at).total_seconds():10.3f} {what}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories.show", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--well", action="store_true", help="nothing goes wrong")
    parser.add_argument("--die-before", type=int, default=0, metavar="EFFECT")
    asked = parser.parse_args()
    history = History(asked.seed, luck=Luck() if asked.well else None, die_before=asked.die_before)
    history.observer = history.recorder.witness = Teller(history.recorder)
    print(history.plot, history.luck, sep="\n")
    history.run()
    for recording in history.books.recordings.values():
        print(short(recording))


if __name__ == "__main__":
    main()
