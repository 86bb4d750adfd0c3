"""Signs the audit log and the evidence: within a minute of what is new, and when the recorder stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from ari_recorder.errors import StoreError
from ari_recorder.store import audit_seals, evidence, tree_heads
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.database import Store

LOOKED_S = 5.0
"""How often it is looked whether anything is due."""
AT_ONCE = 20
"""Recordings of before there were manifests that get one in a turn."""

_log = structlog.get_logger(__name__)


class Sealer:
    """Signs the logs and the trees of every organisation with ``key``."""

    def __init__(self, store: Store, key: SigningKey, now: Callable[[], datetime]) -> None:
        self._store = store
        self._key = key
        self._now = now
        self._failing = False
        self._published = False
        self._all_proved = False

    async def run(self) -> None:
        """Seal what is due, until cancelled. While the catalogue is away there is nothing to be sealed."""
        while True:
            await self.seal(self._now())
            await asyncio.sleep(LOOKED_S)

    async def seal(self, due_at: datetime | None = None) -> None:
        """Seal what is due then, or with None all that is not sealed."""
        try:
            if chains := await self._store.read(audit_seals.unsealed, due_at):
                made = await self._store.write(audit_seals.seal, self._key, chains, self._now())
                audit_seals.tell(made)
            await self._prove(due_at)
        except StoreError as error:
            if not self._failing:
                _log.error("audit log and evidence are not signed at the moment", error=str(error))
            self._failing = True
        except Exception:  # a damaged log is for `verify` to name; recording goes on
            if not self._failing:
                _log.exception("a fault in ari_recorder: audit log and evidence are not signed")
            self._failing = True
        else:
            self._failing = False

    async def _prove(self, due_at: datetime | None) -> None:
        """Sign the trees, and write down what recordings of before are, a few at a time until all are.

        Signing comes first: one recording of which nothing can be written down must not be in its way.
        """
        if not self._published:
            await self._store.write(tree_heads.publish, self._key.public, self._now())
            self._published = True
        if trees := await self._store.read(tree_heads.grown, due_at):
            now = self._now()
            made = await self._store.write(tree_heads.sign, self._key, trees, evidence.node_of, now)
            tree_heads.tell(made)
        if not self._all_proved:  # what is sealed from now on is written down in the same commit
            without = await self._store.read(evidence.unproved, AT_ONCE)
            self._all_proved = not without
            for recording in without:
                await self._store.write(evidence.append, recording, (), self._now())
