"""Sending a channel back to the dialplan that it came from."""

from __future__ import annotations

import structlog

from ari_recorder.ari import Ari
from ari_recorder.errors import AriConflict, AriError, AriNotFound
from ari_recorder.policies.tap import Status, Told

REASON_MAX = 200
"""Characters: it quotes what the dialplan has given."""

_log = structlog.get_logger(__name__)


async def send_back(ari: Ari, channel_id: str, told: Told) -> None:
    """Let a channel go on in its dialplan, which can read how it went. Raises `AriError`."""
    try:
        await ari.set_channel_variable(channel_id, "RECORDER_STATUS", told.status)
        await ari.set_channel_variable(channel_id, "RECORDER_REASON", told.reason[:REASON_MAX])
    finally:
        await ari.continue_in_dialplan(channel_id)


async def give_back(ari: Ari, channel_id: str, reason: str) -> None:
    """Send a channel back with nothing done, if that is possible; otherwise its absolute timeout does."""
    try:
        await send_back(ari, channel_id, Told(Status.FAILED, reason))
    except (AriNotFound, AriConflict):
        _log.debug("has left already", channel=channel_id)
    except AriError as error:
        _log.error("the dialplan goes on by itself", channel=channel_id, error=str(error))
