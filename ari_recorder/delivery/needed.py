"""What the tasks of delivery work with; `process.DeliveryContext` is it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from ari_recorder.config import Settings
from ari_recorder.store.database import Store
from ari_recorder.store.safe import Safe


class Needed(Protocol):
    """The store, the vault, the settings and the clock."""

    @property
    def store(self) -> Store: ...  # noqa: D102
    @property
    def safe(self) -> Safe: ...  # noqa: D102
    @property
    def settings(self) -> Settings: ...  # noqa: D102
    @property
    def now(self) -> Callable[[], datetime]: ...  # noqa: D102
