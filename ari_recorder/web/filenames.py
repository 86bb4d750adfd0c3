"""Names for downloaded files, safe on every system whatever a caller put into their number. No I/O."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from urllib.parse import quote

from ari_recorder.store.catalogue import RecordingRow

SUFFIXES = {
    "audio/ogg": ".opus",
    "audio/opus": ".opus",
    "audio/flac": ".flac",
    "audio/x-flac": ".flac",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/vnd.wave": ".wav",
    "application/zip": ".zip",
}
PART_MAX = 40
"""Longest part of a name, in characters."""
DIRECTIONS = {"inbound": "in", "outbound": "out"}
_UNSAFE = re.compile(r"[^\w+.-]+")


def download_name(row: RecordingRow, zone: tzinfo, ending: str, *, twin: bool) -> str:
    """``2026-11-22_14-12-05_101_0812345678_in.opus``: when, whose, with whom, in the organisation's own time.

    ``twin``: another recording of that user began in the same second; then a part of the id is in it, and
    also in the hour that the clocks are put back by, which is there twice. So no two are alike.
    """
    began = row.started_at.astimezone(zone)
    owner = _safe(row.user_number or row.user_name)
    other = _safe(row.counterpart_number or row.counterpart_name) or "unknown"
    parts = [f"{began:%Y-%m-%d_%H-%M-%S}", owner, other, DIRECTIONS.get(row.direction, "")]
    if twin or _is_there_twice(began):
        parts.append(row.id.hex[-8:])
    return "_".join(filter(None, parts)) + ending


def _is_there_twice(at: datetime) -> bool:
    first, second = at.replace(fold=0), at.replace(fold=1)
    return first.utcoffset() > second.utcoffset()  # type: ignore[operator]


def suffix(media_type: str | None) -> str:
    """What files of that kind end with."""
    return SUFFIXES.get((media_type or "").partition(";")[0].strip().lower(), ".bin")


def content_disposition(name: str) -> str:
    """The header that makes a browser save the file under ``name`` (RFC 6266, RFC 8187)."""
    plain = re.sub(r'[^\x20-\x7e]|["\\%;]', "_", name)
    header = f'attachment; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe='')}"


def _safe(part: str) -> str:
    return _UNSAFE.sub("-", part)[:PART_MAX].strip("-._")
