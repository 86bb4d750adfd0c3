"""What lists of the API have in common: pages with a cursor."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from ari_recorder.web.language import N_

Limit = Annotated[int, Meta(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[
    str, Meta(min_length=1, max_length=2000, description="`next_cursor` of the answer before.")
]
NO_CURSOR = N_("use next_cursor of an earlier answer.")


class Paging(msgspec.Struct, forbid_unknown_fields=True):
    """Which page of a list."""

    limit: Limit = 50
    cursor: Cursor | None = None
