"""What organisations and users have set of `policies.preferences`; what is not set is the layer below's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from ari_recorder.errors import SettingsError
from ari_recorder.policies.preferences import LANGUAGES, Preferences, check, combine


def effective(user: Any) -> Preferences:
    """What holds for the user's next call; ``user`` is the table's row, joined with its organisation."""
    organisation = user.organisation
    base = {"language": organisation.language} if organisation.language in LANGUAGES else {}
    return combine(base, json.loads(organisation.preferences), json.loads(user.preferences))


def change(row: Any, changes: Mapping[str, Any]) -> None:
    """Set preferences of an organisation's or user's row; None takes one back.

    Raises `SettingsError` for what cannot be set; then nothing is changed.
    """
    try:
        checked = check({key: value for key, value in changes.items() if value is not None})
    except ValueError as error:
        raise SettingsError(str(error)) from error
    kept = {key: value for key, value in json.loads(row.preferences).items() if key not in changes}
    row.preferences = msgspec.json.encode(kept | checked).decode()
    row.save(only=[type(row).preferences])
