"""How often what goes wrong in a history, drawn from its seed."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from random import Random


@dataclass(frozen=True)
class Luck:
    """Chances from 0 to 1: of each request, event or effect; those of ``…_a_minute`` in each minute."""

    refused: float = 0.0
    """A request is refused, and not done."""
    request_lost: float = 0.0
    answer_lost: float = 0.0
    """It is done, and nobody hears of it."""
    told_late: float = 0.0
    """Request and answer take seconds."""
    done_late: float = 0.0
    """It is done after nobody waits for its answer any more."""
    event_lost: float = 0.0
    """Of snoops, files and playbacks; what else happens is lost with the socket only."""
    event_twice: float = 0.0
    event_late: float = 0.0
    """It takes its time, and all behind it too."""
    cannot_write: float = 0.0
    """A file is begun, and ends at once with nothing in it."""
    snoop_killed_a_minute: float = 0.0
    stops_growing_a_minute: float = 0.0
    file_ended_a_minute: float = 0.0
    """Asterisk ends a file by itself, and its snoop stays."""
    socket_lost_a_minute: float = 0.0
    unreachable_a_minute: float = 0.0
    """No request gets through for a while."""
    asterisk_dies_a_minute: float = 0.0
    catalogue_slow: float = 0.0
    """Of its changes of mood, every few seconds."""
    catalogue_away: float = 0.0
    journal_away: float = 0.0
    dies: float = 0.0
    """The recorder, before an effect."""
    dies_a_minute: float = 0.0


_A_MINUTE = {
    "snoop_killed_a_minute": 4.0,
    "stops_growing_a_minute": 3.0,
    "file_ended_a_minute": 3.0,
    "socket_lost_a_minute": 5.0,
    "unreachable_a_minute": 3.0,
    "asterisk_dies_a_minute": 0.5,
    "dies_a_minute": 4.0,
}
_MOST = {
    "refused": 0.2,
    "request_lost": 0.15,
    "answer_lost": 0.15,
    "told_late": 0.2,
    "done_late": 0.04,
    "event_lost": 0.1,
    "event_twice": 0.3,
    "event_late": 0.15,
    "cannot_write": 0.1,
    "catalogue_slow": 0.6,
    "catalogue_away": 0.6,
    "journal_away": 0.4,
    "dies": 0.02,
    **_A_MINUTE,
}


def draw(random: Random) -> Luck:
    """Everything well, one or two things wrong, or everything at once; seldom often.

    Where something is done after nobody waits for it any more, at least the event of it is told.
    """
    names = [field.name for field in fields(Luck)]
    count = random.choice((0, 1, 1, 2, 2, 3, 5, len(names)))
    how = random.choice((0.2, 0.5, 1.0))
    luck = replace(Luck(), **{name: _MOST[name] * how for name in random.sample(names, count)})
    return replace(luck, event_lost=0.0) if luck.done_late else luck
