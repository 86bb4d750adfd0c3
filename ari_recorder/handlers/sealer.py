"""Signs the audit log, a minute after a line or a hundred lines later, and when the recorder stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from ari_recorder.errors import StoreError
from ari_recorder.store import audit_seals
from ari_recorder.store.audit_key import SigningKey
from ari_recorder.store.database import Store

LOOKED_S = 5.0
"""How often it is looked whether a seal is due."""

_log = structlog.get_logger(__name__)


class Sealer:
    """Seals the logs of every organisation with ``key``."""

    def __init__(self, store: Store, key: SigningKey, now: Callable[[], datetime]) -> None:
        self._store = store
        self._key = key
        self._now = now
        self._failing = False

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
        except StoreError as error:
            if not self._failing:
                _log.error("the audit log is not sealed at the moment", error=str(error))
            self._failing = True
        except Exception:  # a damaged log is for `verify` to name; recording goes on
            if not self._failing:
                _log.exception("a fault in ari_recorder: the audit log is not sealed")
            self._failing = True
        else:
            self._failing = False
