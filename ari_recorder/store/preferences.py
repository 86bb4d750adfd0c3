"""What organisations and users have set of `policies.preferences`; what is not set is the layer below's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ari_recorder.policies.preferences import LANGUAGES, Preferences, check, check_names, combine, known
from ari_recorder.store.fitting import fit


@dataclass(frozen=True)
class Shown:
    """Preferences in effect, and of each where it comes from: ``default``, ``organisation`` or ``user``."""

    preferences: Preferences
    origins: Mapping[str, str]


def effective(organisation: Any, user: Any | None) -> Shown:
    """What holds for the next call of ``user``, or of who has set nothing; both are the tables' rows."""
    layers = {
        "default": {"language": organisation.language} if organisation.language in LANGUAGES else {},
        "organisation": known(json.loads(organisation.preferences)),
        "user": known(json.loads(user.preferences)) if user else {},
    }
    preferences = combine(*layers.values())
    origins = dict.fromkeys(Preferences.__dataclass_fields__, "default")
    for layer, values in layers.items():
        origins |= dict.fromkeys(values, layer)
    return Shown(preferences, origins)


def change(row: Any, changes: Mapping[str, Any]) -> None:
    """Set preferences of an organisation's or user's row; None takes one back.

    Raises `Invalid` for what cannot be set; then nothing is changed.
    """
    with fit():
        check_names(changes)
        checked = check({key: value for key, value in changes.items() if value is not None})
    kept = {key: value for key, value in json.loads(row.preferences).items() if key not in changes}
    row.preferences = msgspec.json.encode(kept | checked).decode()
    row.save(only=[type(row).preferences])
