"""Sending a channel back to the dialplan that it came from."""

from __future__ import annotations

from ari_recorder.ari import Ari
from ari_recorder.policies.tap import Told

REASON_MAX = 200
"""Characters: it quotes what the dialplan has given."""


async def send_back(ari: Ari, channel_id: str, told: Told) -> None:
    """Let a channel go on in its dialplan, which can read how it went. Raises `AriError`."""
    try:
        await ari.set_channel_variable(channel_id, "RECORDER_STATUS", told.status)
        await ari.set_channel_variable(channel_id, "RECORDER_REASON", told.reason[:REASON_MAX])
    finally:
        await ari.continue_in_dialplan(channel_id)
