"""Whether the SFTP service is at its address, or can be."""

from __future__ import annotations

import socket

from ari_recorder.blocking import in_thread
from ari_recorder.config import Sftp
from ari_recorder.delivery.greeting import OURS, SENT_AWAY, greeting
from ari_recorder.doctor.report import Check, bad, good


async def look_at_sftp(settings: Sftp) -> list[Check]:
    """Who is at its address, if there is to be a service; and if nobody is, whether it can be bound."""
    if not settings.host:
        return []
    where, found = f"{settings.host} port {settings.port}", await greeting(settings)
    if found in (OURS, SENT_AWAY):
        return [good("sftp", "address", f"{where} answers")]
    if found is not None:
        remedy = "End it, or set sftp.port: the service is tried again every minute."
        return [bad("sftp", "address", f"another program is at {where}", remedy)]
    if reason := await in_thread(_why_not_bound, settings):
        remedy = "Correct sftp.host and sftp.port; one below 1024 needs CAP_NET_BIND_SERVICE."
        return [bad("sftp", "address", f"{where} cannot be bound: {reason}", remedy)]
    return [good("sftp", "address", f"{where} can be bound")]


def _why_not_bound(settings: Sftp) -> str:
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
