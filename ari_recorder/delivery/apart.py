"""The process that delivers and disposes of recordings, as the recorder has it, and how it begins."""

from __future__ import annotations

import asyncio
import socket

import msgspec

from ari_recorder.apart import Apart, begin
from ari_recorder.config import Settings
from ari_recorder.line import Beat, Unable

NAME = "delivery"
NICENESS = 10
"""It can wait for the pages, and all the more for what follows calls."""
ENDS_WITHIN_S = 5.0


def delivery(settings: Settings) -> Apart[Beat | Unable]:
    """The recorder's side of it. Who breaks into it gets no password of an Asterisk."""
    without_passwords = msgspec.structs.replace(settings, pbx={})
    told = Beat | Unable
    return Apart(NAME, _work, without_passwords, told, niceness=NICENESS, ends_within_s=ENDS_WITHIN_S)


def _work(settings: Settings, theirs: socket.socket) -> None:
    begin(NAME, settings.log)
    from ari_recorder.delivery.process import work

    asyncio.run(work(settings, theirs))
