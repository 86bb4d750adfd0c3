"""Fifty calls of the last weeks, as two teams of a small company have them: who, when, with whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from ari_recorder.policies.parties import Counterpart

GROUPS = {"Sales": ("101", "102"), "Support": ("103", "104")}
"""With the numbers of their members."""
DAYS = 26
OF_TODAY = (timedelta(hours=3, minutes=12), timedelta(minutes=94), timedelta(minutes=23))
"""How long ago the latest calls were."""
COUNT = 52
LATE, ONE_SIDED, HOLE = "late", "one-sided", "hole"
"""What went wrong with a call."""
DISCARDED = "discarded"
"""What an on-demand call ends as to whom start was not given."""

INSIDE = {"101": "Anna", "102": "Bo", "103": "Cecilia", "104": "David", "106": "Fredrik"}
OUTSIDE = (
    Counterpart("0812345678", "Karin Ek"),
    Counterpart("+46701234567", "Åke Öberg"),
    Counterpart("0317654321", "Hamnens Lager AB"),
    Counterpart("+4920134567", "Schröder & Söhne"),
    Counterpart("0705551234", "Ida Nyström"),
    Counterpart("0858001122", "Nordljus Energi"),
    Counterpart("0736660011", ""),
    Counterpart("0404445566", "Mehmet Yıldız"),
)
_SALES = ("tickets", "order", "delivery", "appointment", "claim")
_SUPPORT = ("invoice", "complaint", "router", "cancel", "appointment", "wrong")


@dataclass(frozen=True)
class PastCall:
    """A call of ``user`` (a number) that was answered at ``answered_at``; ``talk`` names what was said.

    ``fault`` is one of `LATE`, `ONE_SIDED`, `HOLE`, `DISCARDED`, or empty. ``put`` is what people put on it
    afterwards, each with who did (a number or login); ``heard`` are the logins of those who listened.
    """

    answered_at: datetime
    user: str
    direction: str
    party: Counterpart
    talk: str
    fault: str = ""
    put: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    heard: tuple[str, ...] = ()

    @property
    def internal(self) -> bool:
        """Whether the other is a colleague."""
        return self.party.number in INSIDE


_PUT: dict[int, dict[str, tuple[str, str]]] = {
    1: {"mark": ("101", "green"), "note": ("101", "Wants window seats the next time, too.")},
    4: {"mark": ("supervisor", "red"), "note": ("supervisor", "Third call about the same. Call back today.")},
    6: {"tag1": ("102", "order 4711")},
    9: {"mark": ("103", "yellow"), "note": ("103", "Invoice corrected, credit note sent.")},
    12: {"mark": ("supervisor", "purple"), "note": ("supervisor", "Good example for new colleagues.")},
    15: {"note": ("102", "Agreed by phone:\n– 12,000 kr\n– within 30 days"), "tag1": ("102", "claim 882")},
    18: {"mark": ("104", "blue")},
    22: {"note": ("admin", "Kept for the dispute about order 5120."), "mark": ("admin", "orange")},
    25: {"mark": ("101", "green"), "tag1": ("101", "order 5120"), "tag2": ("101", "Malmö")},
    29: {"note": ("103", "Ringer tillbaka på måndag.")},
    33: {"mark": ("supervisor", "red")},
    37: {"note": ("101", "Prefers e-mail: ida@nystrom.example"), "tag1": ("101", "VIP")},
    41: {"mark": ("104", "grey"), "note": ("104", "Wrong number.")},
    45: {"mark": ("102", "yellow"), "note": ("102", "Waits for an offer until Friday.")},
    48: {"mark": ("101", "blue"), "tag1": ("101", "order 5388")},
    50: {"mark": ("101", "green"), "note": ("101", "Two tickets to Malmö, train at nine.")},
}  # fmt: skip
_FAULTS = {5: LATE, 13: ONE_SIDED, 17: DISCARDED, 27: DISCARDED, 31: HOLE, 44: LATE}
_HEARD = {
    1: ("101",),
    4: ("103", "supervisor", "admin"),
    9: ("103", "103"),
    12: ("supervisor",),
    15: ("102", "admin"),
    22: ("admin", "supervisor"),
    33: ("supervisor",),
    45: ("102",),
    50: ("101",),
}


def past_calls(now: datetime) -> list[PastCall]:
    """The calls, the oldest first; the same each time, but for when they were."""
    chance = Random(9)
    times = sorted(_times(now, chance))
    return [_call(number, at, chance) for number, at in enumerate(times)]


def _times(now: datetime, chance: Random) -> list[datetime]:
    """Working days, between eight and half past four; and a few of today."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today - timedelta(days=back) for back in range(1, DAYS)]
    working = [day for day in days if day.weekday() < 5]
    seconds = range(8 * 3600, 16 * 3600 + 1800)
    past = [
        working[number % len(working)] + timedelta(seconds=chance.choice(seconds), milliseconds=480)
        for number in range(COUNT - len(OF_TODAY))
    ]
    return past + [now - ago for ago in OF_TODAY]


def _call(number: int, at: datetime, chance: Random) -> PastCall:
    fault = _FAULTS.get(number, "")
    user = "103" if fault == DISCARDED else ("101", "102", "103", "101", "104", "102")[number % 6]
    if number >= COUNT - len(OF_TODAY):
        user = "101"
    party = chance.choice(OUTSIDE)
    talks = _SALES if user in GROUPS["Sales"] else _SUPPORT
    talk = talks[(number // 2) % len(talks)]
    if number % 7 == 3:
        colleague = chance.choice([one for one in INSIDE if one != user])
        party, talk = Counterpart(colleague, INSIDE[colleague]), "colleague"
    elif user == "102" and number % 2:
        talk = "card"  # Bo can pause
    direction = "inbound" if chance.random() < 0.55 else "outbound"
    return PastCall(at, user, direction, party, talk, fault, _PUT.get(number, {}), _HEARD.get(number, ()))
