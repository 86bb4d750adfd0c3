"""Whether each part of a running recorder works, tried for real."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from ari_recorder import files
from ari_recorder.blocking import in_thread
from ari_recorder.config import Sftp
from ari_recorder.delivery.greeting import why_not_served
from ari_recorder.errors import ARIRecorderError
from ari_recorder.handlers.session import Session
from ari_recorder.policies import finishing as waits
from ari_recorder.policies.retention import disposing
from ari_recorder.store import disposal, finishing
from ari_recorder.store.database import Store
from ari_recorder.store.safe import Safe
from ari_recorder.web import Part, Probe

ROOM_BYTES = 16 * 1024**2
"""With less room one small write may still succeed, and the next one, or that of a recording, not."""
ROOM_SHARE = 0.1
"""Of a small disk for work, or calls, less is enough: that share of it."""


def probes(
    *,
    store: Store,
    safe: Safe,
    work: Path,
    spools: Mapping[str, Path],
    sessions: Mapping[str, Session],
    sftp: Sftp,
    now: Callable[[], datetime],
) -> dict[str, Probe]:
    """How to ask each part, by name: ``store``, ``vault``, ``work``, ``pbx.NAME`` and ``spool.NAME``.

    And ``sftp``, if there is to be such a service at a port that is known.
    """
    found: dict[str, Probe] = {
        "store": _told(partial(_look_at_store, store, now)),
        "vault": _told(partial(_look_at_vault, safe)),
        "work": partial(_look_at_folder, f"the work folder {work}", work),
    }
    if sftp.host and sftp.port:
        found["sftp"] = partial(_look_at_sftp, sftp)
    for name, folder in spools.items():
        found[f"spool.{name}"] = partial(_look_at_folder, f"the recording folder {folder}", folder)
    for name, session in sessions.items():
        found[f"pbx.{name}"] = partial(_look_at_pbx, session)
    return found


def _told(look: Callable[[], Awaitable[Part]]) -> Probe:
    async def probe() -> Part:
        try:
            return await look()
        except (ARIRecorderError, OSError) as error:
            return Part(False, str(error))

    return probe


async def _look_at_pbx(session: Session) -> Part:
    return Part(session.ready, session.reason, tuple(sorted(session.directory.unknown)))


async def _look_at_store(store: Store, now: Callable[[], datetime]) -> Part:
    await in_thread(_look_for_room, store.url)
    waiting = await store.read(finishing.waiting)
    await store.write(finishing.prove_writable)
    oldest_s = (now() - waiting.since).total_seconds() if waiting.since else 0.0
    left = await store.read(disposal.left)
    left_s = (now() - left.since).total_seconds() if left.since else 0.0
    told = (waits.waiting(waiting.count, oldest_s), disposing(left.count, left_s))
    return Part(True, "; ".join(filter(None, told)))


def _look_for_room(url: str) -> None:
    scheme, _, path = url.partition(":///")
    folder = Path(path).absolute().parent
    if scheme == "sqlite" and shutil.disk_usage(folder).free < ROOM_BYTES:
        raise OSError(f"the disk of the catalogue is full: make room on the file system of {folder}")


async def _look_at_vault(safe: Safe) -> Part:
    return Part(True, await in_thread(_vaults, safe))


def _vaults(safe: Safe) -> str:
    """What is to be said of those that older recordings lie in. Raises `VaultError` if one is away."""
    safe.probe()
    current = safe.vaults.settle()
    others = [
        vault.address
        for number, vault in safe.vaults.used()
        if safe.vaults.sure(number) and number != current
    ]
    return f"older recordings lie in {', '.join(others)}" if others else ""


async def _look_at_folder(name: str, folder: Path) -> Part:
    reason = await in_thread(_why_not_writable, folder)
    return Part(not reason, f"{name} cannot be written: {reason}" if reason else "")


def _why_not_writable(folder: Path) -> str:
    if reason := files.why_not_writable(folder):
        return reason
    disk = shutil.disk_usage(folder)
    full = disk.free < min(ROOM_BYTES, disk.total * ROOM_SHARE)
    return "its disk is full: make room on it" if full else ""


async def _look_at_sftp(settings: Sftp) -> Part:
    reason = await why_not_served(settings)
    return Part(not reason, reason)
