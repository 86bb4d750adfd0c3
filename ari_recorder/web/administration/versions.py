"""Which state a form was made of: what somebody else has changed meanwhile is shown before it is undone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ari_recorder.web.administration.forms import STALE, VERSION, text
from ari_recorder.web.language import N_
from ari_recorder.web.problems import Refused
from ari_recorder.web.tags import is_unchanged, tag_of

T = TypeVar("T")


def version(shown: Mapping[str, Any]) -> str:
    """Of what the form's fields held when it was made, and of nothing else."""
    return tag_of(json.dumps(shown, sort_keys=True, default=str).encode())


def unchanged(sent: Mapping[str, Any], shown: Callable[[T], Mapping[str, Any]]) -> Callable[[T], None]:
    """What a function of the store calls with the row before it changes it.

    Raises `Refused` (412) if the form was made of another state; one without a version is, too.
    """
    given = text(sent, VERSION)

    def check(row: T) -> None:
        if not is_unchanged(given, version(shown(row))):
            raise Refused(STALE, N_("It has been changed since you read it: read it again, and decide anew."))

    return check
