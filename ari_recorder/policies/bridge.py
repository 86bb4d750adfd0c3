"""What a dialplan asks for with a bridge: ``Stasis(ari_recorder,bridge,PJSIP/102,25)``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DIAL_S = 30
"""How long it rings when nothing is said."""
NORMAL_CLEARING, NO_ANSWER = 16, 19
"""Causes (Q.850)."""


@dataclass(frozen=True)
class Bridging:
    """Whom to call, and how long to let it ring (s)."""

    endpoint: str
    dial_s: int = DIAL_S


ENDPOINT_MAX = 200
"""Characters."""
SECONDS_MAX = 3600


def read(arguments: Sequence[str]) -> Bridging:
    """From ENDPOINT, SECONDS; empty is not given. Raises `ValueError` for what cannot be."""
    endpoint, seconds, *more = (*map(str.strip, arguments), *[""] * 2)
    technology, _, resource = endpoint.partition("/")
    if not technology or not resource or "&" in endpoint or len(endpoint) > ENDPOINT_MAX:
        raise ValueError(f"{endpoint[:50]!r} is no endpoint: one is wanted, such as PJSIP/102.")
    if any(more):
        raise ValueError(f"Too many arguments: {','.join(arguments)!r}; ENDPOINT,SECONDS.")
    if seconds and not (seconds.isascii() and seconds.isdigit() and 0 < int(seconds[:9]) <= SECONDS_MAX):
        raise ValueError(f"{seconds[:50]!r} is no number of seconds to ring, 1 to {SECONDS_MAX}.")
    return Bridging(endpoint, int(seconds) if seconds else DIAL_S)


def cause(cause: int, *, answered: bool) -> int:
    """The cause that the caller is told when the called side ends with ``cause``, 0 if that is unknown."""
    return cause or (NORMAL_CLEARING if answered else NO_ANSWER)
