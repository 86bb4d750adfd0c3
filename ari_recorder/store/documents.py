"""A leg as a document: all that is needed to go on with it, as JSON."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, get_type_hints

import msgspec

from ari_recorder.errors import StoreError
from ari_recorder.policies.leg import Leg

LAST_KEPT = "annotations"
"""The last field of `Leg` that is kept; those after it say how far the leg is just now."""


def encode(leg: Leg) -> bytes:
    """The document of a leg."""
    return msgspec.json.encode({name: getattr(leg, name) for name in _decoders()})


def decode(document: bytes | str) -> Leg:
    """The leg of a document, told of as far as it is. Raises `StoreError` if it is none.

    What this version does not know is left out, and what another did not write has its default.
    """
    decoders = _decoders()
    try:
        raw = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
        values = {name: decoders[name].decode(value) for name, value in raw.items() if name in decoders}
        leg = Leg(**values)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise StoreError(f"The document of a leg cannot be read: {error}") from error
    leg.told = leg.standing
    return leg


@cache
def _decoders() -> dict[str, msgspec.json.Decoder[Any]]:
    hints = get_type_hints(Leg)
    names = [field.name for field in fields(Leg)]
    kept = names[: names.index(LAST_KEPT) + 1]
    return {name: msgspec.json.Decoder(hints[name]) for name in kept}
