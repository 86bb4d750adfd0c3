"""The offices whose recordings are delivered."""

from __future__ import annotations

from ..office import acme, keys, office, start

__all__ = ["acme", "keys", "office", "start"]
