"""Every check, all at once, each part with its time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from itertools import chain

from ari_recorder.ari import Ari
from ari_recorder.blocking import in_thread
from ari_recorder.config import Pbx, Settings
from ari_recorder.doctor.asterisk import (
    look_at_channelvars,
    look_at_connections,
    look_at_latency,
    look_at_modules,
    look_at_socket,
    look_at_version,
    look_at_write_timeout,
    look_for_asterisk,
)
from ari_recorder.doctor.endpoints import look_at_endpoints
from ari_recorder.doctor.inquiry import Inquiry
from ari_recorder.doctor.local import (
    Known,
    look_at_authorities,
    look_at_descriptors,
    look_at_folders,
    look_at_store,
)
from ari_recorder.doctor.pages import look_at_pages
from ari_recorder.doctor.recordings import look_at_vaults
from ari_recorder.doctor.report import Check, bad
from ari_recorder.doctor.sftp import look_at_sftp
from ari_recorder.doctor.spool import look_at_spool
from ari_recorder.errors import AriError

FIRST_S = 2.5
"""How long the catalogue, the folders, and each Asterisk's first answer may take."""
PART_S = 3.5
"""How long each part of looking at one Asterisk may take."""
LIMIT_S = 10.0

_Stored = tuple[list[Check], Known]


async def examine(settings: Settings) -> list[Check]:
    """Look at everything, all at once; the checks are in a fixed order."""
    store = asyncio.create_task(_store(settings))
    folders = _limited("folders", "folders", in_thread(look_at_folders, settings), FIRST_S)
    parts = [_pbx(name, pbx, settings.app, store) for name, pbx in settings.pbx.items()]
    vault = _limited("vault", "recordings", _vault(settings, store), PART_S)
    pages = _limited("pages", "address", in_thread(look_at_pages, settings.web), FIRST_S)
    stamps = _limited("evidence", "time stamps", in_thread(look_at_authorities, settings.evidence), FIRST_S)
    sftp = _limited("sftp", "address", look_at_sftp(settings.sftp), PART_S)
    found = await asyncio.gather(folders, vault, pages, stamps, sftp, *parts)
    return [*(await store)[0], look_at_descriptors(settings), *chain.from_iterable(found)]


async def _store(settings: Settings) -> _Stored:
    try:
        async with asyncio.timeout(FIRST_S):
            return await in_thread(look_at_store, settings)
    except TimeoutError:
        return [_no_answer("store", "catalogue", FIRST_S)], Known()


async def _vault(settings: Settings, store: asyncio.Task[_Stored]) -> list[Check]:
    await asyncio.shield(store)  # which says what is wrong with the catalogue
    return await in_thread(look_at_vaults, settings)


async def _pbx(name: str, pbx: Pbx, app: str, store: asyncio.Task[_Stored]) -> list[Check]:
    where = f"pbx.{name}"
    timeout_s = min(pbx.timeout_s, FIRST_S)
    async with _ari(name, pbx, app, timeout_s) as ari, Inquiry(pbx, timeout_s) as inquiry:
        try:
            async with asyncio.timeout(FIRST_S):
                answer, version = await look_for_asterisk(where, pbx, ari)
        except TimeoutError:
            return [_no_answer(where, "ARI", FIRST_S)]
        if not version:
            return [answer]
        latency = await _limited(where, "latency", look_at_latency(where, inquiry), PART_S)
        parts = {
            "modules": look_at_modules(where, ari),
            "connections": look_at_connections(where, pbx, inquiry),
            "event socket": look_at_socket(where, pbx, app),
            "websocket_write_timeout": look_at_write_timeout(where, inquiry),
            "channelvars": look_at_channelvars(where, inquiry),
            "recording folder": look_at_spool(where, pbx.spool, ari, inquiry),
            "endpoints": _endpoints(where, name, store, ari, inquiry),
        }
        found = await asyncio.gather(*(_limited(where, part, work, PART_S) for part, work in parts.items()))
    return [answer, *look_at_version(where, version), *latency, *chain.from_iterable(found)]


async def _endpoints(
    where: str, name: str, store: asyncio.Task[_Stored], ari: Ari, inquiry: Inquiry
) -> list[Check]:
    _, known = await asyncio.shield(store)
    return await look_at_endpoints(where, sorted(known.recorded.get(name, [])), ari, inquiry)


async def _limited(where: str, name: str, work: Awaitable[list[Check]], limit_s: float) -> list[Check]:
    try:
        async with asyncio.timeout(limit_s):
            return await work
    except TimeoutError:
        return [_no_answer(where, name, limit_s)]
    except (AriError, OSError) as error:
        return [bad(where, name, str(error), "Look at Asterisk's log; then run the doctor again.")]


def _no_answer(where: str, name: str, limit_s: float) -> Check:
    remedy = "See whether the machine, its network and its disks (a lost network share?) answer at all."
    return bad(where, name, f"no answer within {limit_s:g} s", remedy)


def _ari(name: str, pbx: Pbx, app: str, timeout_s: float) -> Ari:
    return Ari(
        url=pbx.url,
        username=pbx.username,
        password=pbx.password,
        app=app,
        timeout_s=timeout_s,
        connections=pbx.connections,
        pbx=name,
    )
