"""One recorder for each application name on an Asterisk: who has it is written there, in a global variable.

A second one would take the name from the first, and that one back, for ever. So before each connect it is
looked whose it is: a holder that is alive keeps it, whoever comes later says so and waits. It is renewed by
counting up; what is not counted up any more belongs to nobody. On the holder's own machine its process tells
at once whether it is alive, so that a recorder that was killed is followed by the next without delay.
"""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import structlog

from ari_recorder.ari import Ari
from ari_recorder.errors import AriError
from ari_recorder.handlers.looking import or_none

RENEW_EVERY_S = 2.0
DEAD_AFTER_S = 7.0
"""A holder elsewhere that has not counted up for so long is not alive."""
SETTLES_S = 0.1
"""Two that begin in the same moment: whose mark is there after this has it."""

_log = structlog.get_logger(__name__)


class Claim:
    """A claim to the application of ``ari`` on its Asterisk."""

    def __init__(self, ari: Ari) -> None:
        self._ari = ari
        self._variable = f"ARI_RECORDER_{ari.app}"
        self._own = f"{_machine()}/{os.getpid()}/{_started(os.getpid())}"
        self._count = 0

    async def take(self) -> str:
        """Take the name; returns why it is not to be had, empty if it is ours. Raises `AriError`."""
        found = await self._read()
        holder = found.rpartition("/")[0]
        if holder not in ("", self._own) and await self._is_alive(found):
            machine, pid = [*holder.split("/"), ""][:2]
            return (
                f"another recorder (process {pid} on {machine.partition('@')[0]}) has the application"
                f" {self._ari.app} on this Asterisk: stop one of the two, or give this one a name of its own"
                " (app = …)"
            )
        await self._write()
        if holder == self._own:
            return ""
        await asyncio.sleep(SETTLES_S)
        return await self.check()

    async def check(self) -> str:
        """Whether it is still ours, and renewed; returns why not. Raises `AriError`."""
        holder = (await self._read()).rpartition("/")[0]
        if holder not in ("", self._own):
            return f"another recorder ({holder}) has taken the application {self._ari.app}"
        await self._write()
        return ""

    async def keep(self) -> None:
        """Renew it as long as it is ours; returns when it is not."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            try:
                lost = await self.check()
            except AriError as error:
                _log.debug("the claim could not be renewed", error=str(error))
                continue
            if lost:
                _log.error("this recorder stands back", reason=lost)
                return

    async def release(self) -> None:
        """Let another have it at once. Raises `AriError`."""
        if (await self._read()).rpartition("/")[0] == self._own:
            await self._ari.set_variable(self._variable, "")

    async def _is_alive(self, found: str) -> bool:
        host, pid, started = [*found.split("/"), "", ""][:3]
        if host == _machine() and pid.isdecimal():
            return int(pid) != os.getpid() and _started(int(pid)) == started
        await asyncio.sleep(DEAD_AFTER_S)
        return await self._read() != found

    async def _read(self) -> str:
        return await or_none(self._ari.variable(self._variable)) or ""

    async def _write(self) -> None:
        self._count += 1
        await self._ari.set_variable(self._variable, f"{self._own}/{self._count}")


def _machine() -> str:
    """This machine since it was booted, and its or its container's own numbers of processes."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        numbers = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}@{boot}.{numbers}"


def _started(pid: int) -> str:
    """When a process of this machine began, in the kernel's ticks; empty if there is none, or a dead one.

    Fields 3 and 22 of proc(5)'s ``stat``.
    """
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[18] if state not in ("Z", "X") else ""
