"""Sending a channel back to the dialplan that it came from."""

from __future__ import annotations

from ari_recorder.ari import Ari
from ari_recorder.policies.tap import Told


async def send_back(ari: Ari, channel_id: str, told: Told) -> None:
    """Let a channel go on in its dialplan, which can read how it went. Raises `AriError`."""
    await ari.set_channel_variable(channel_id, "RECORDER_STATUS", told.status)
    await ari.set_channel_variable(channel_id, "RECORDER_REASON", told.reason)
    await ari.continue_in_dialplan(channel_id)
