"""Answers to requests with an idempotency key, kept with what they tell of, for who asks the same again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ari_recorder.store.models import Answered

KEPT = timedelta(hours=24)
"""How long an answer is given again."""
BATCH = 500
"""Most that are removed in one write."""


@dataclass(frozen=True)
class Answer:
    """What was answered; ``replayed`` if it was so before, and nothing was done now."""

    status: int
    headers: Mapping[str, str]
    body: str
    replayed: bool = False


class KeyTaken(Exception):
    """The key was used for another request."""


def once(asker: str, key: str, request_sha256: str, work: Callable[[], Answer], now: datetime) -> Answer:
    """What ``work`` answers, or what it answered to the same request of ``asker`` with that ``key``.

    To be called in a write: the answer is kept in the transaction of what it tells of. Without a key it is
    not. Raises `KeyTaken`.
    """
    if not key:
        return work()
    before = Answered.get_or_none((Answered.asker == asker) & (Answered.key == key))
    if before is not None and before.at > now - KEPT:
        if before.request_sha256 != request_sha256:
            raise KeyTaken(key)
        return Answer(before.status, json.loads(before.headers), before.body, replayed=True)
    if before is not None:
        before.delete_instance()
    answer = work()
    Answered.create(
        asker=asker,
        key=key,
        request_sha256=request_sha256,
        status=answer.status,
        headers=json.dumps(dict(answer.headers)),
        body=answer.body,
        at=now,
    )
    return replace(answer, replayed=False)


def remove_old(now: datetime) -> int:
    """Remove at most `BATCH` answers that are not given again; returns how many there were."""
    old = Answered.select(Answered.id).where(Answered.at <= now - KEPT).order_by(Answered.at).limit(BATCH)
    return int(Answered.delete().where(Answered.id.in_([row.id for row in old])).execute())
