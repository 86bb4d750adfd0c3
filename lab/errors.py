"""What can go wrong in the lab."""

from __future__ import annotations

from ari_recorder.errors import ARIRecorderError


class LabError(ARIRecorderError):
    """The lab cannot do what it was asked; the message says why and what to do."""


class LabTimeout(LabError):
    """What was waited for did not happen in time; the message says what did."""
