"""What is chosen in a list, to be done something with at once."""

from __future__ import annotations

SELECTED_MAX = 100
"""Most recordings that are chosen at once."""
