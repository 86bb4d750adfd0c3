"""Subscribing the application to many endpoints, of which some may not exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ari_recorder.ari._operations import quoted
from ari_recorder.ari.client import Ari
from ari_recorder.errors import AriRefused

BATCH_MAX = 100
"""Most sources in one request; Asterisk takes 128."""
BATCH_MAX_BYTES = 3000
"""Longest list of sources in one request, encoded; Asterisk's longest HTTP line is 4096 bytes."""

_UNKNOWN_SOURCE = 422


async def subscribe_endpoints(ari: Ari, endpoints: Iterable[str]) -> set[str]:
    """Subscribe to every one of ``endpoints`` (``PJSIP/101``, …); return those Asterisk does not know.

    Subscribing again to what is subscribed already changes nothing. Raises `AriNotFound` if the event socket
    was never connected, and any other `AriError` as it comes.
    """
    asked = list(dict.fromkeys(endpoints))
    unknown = {name for name in asked if not _can_be_asked_for(name)}
    for batch in _batches([name for name in asked if name not in unknown]):
        unknown |= await _subscribe(ari, batch)
    return unknown


def _can_be_asked_for(endpoint: str) -> bool:
    technology, _, resource = endpoint.partition("/")
    return bool(technology and resource) and "," not in endpoint


def _batches(endpoints: list[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size_bytes = 0
    for endpoint in endpoints:
        more_bytes = len(quoted(f"endpoint:{endpoint},"))
        if batch and (len(batch) == BATCH_MAX or size_bytes + more_bytes > BATCH_MAX_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(endpoint)
        size_bytes += more_bytes
    if batch:
        yield batch


async def _subscribe(ari: Ari, batch: list[str]) -> set[str]:
    try:
        await ari.subscribe([f"endpoint:{endpoint}" for endpoint in batch])
    except AriRefused as refusal:
        if refusal.status != _UNKNOWN_SOURCE:
            raise
        return await _halves(ari, batch)
    return set()


async def _halves(ari: Ari, batch: list[str]) -> set[str]:
    if len(batch) == 1:
        return set(batch)
    middle = len(batch) // 2
    return await _subscribe(ari, batch[:middle]) | await _subscribe(ari, batch[middle:])
