"""The plans that a recorded user can have.

Source: row B1 of the requirements.
"""

from __future__ import annotations

from enum import StrEnum


class Plan(StrEnum):
    """What the organisation pays for a recorded user. The prices are the provider's."""

    BASIC = "basic"
    PRO = "pro"
    BUSINESS = "business"
    ENTERPRISE = "enterprise"
