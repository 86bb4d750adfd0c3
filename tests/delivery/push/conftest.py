"""The offices whose recordings are delivered."""

from __future__ import annotations

from ..office import keys, office

__all__ = ["keys", "office"]
