"""Whether Asterisk's recording folder is there, and is the folder that the settings name."""

from __future__ import annotations

import io
import secrets
import wave
from contextlib import suppress
from pathlib import Path

from ari_recorder import files
from ari_recorder.ari import Ari
from ari_recorder.blocking import in_thread
from ari_recorder.doctor.inquiry import Inquiry
from ari_recorder.doctor.local import look_at_space
from ari_recorder.doctor.modes import look_at_modes, what_blocks
from ari_recorder.doctor.report import Check, bad, good, warning
from ari_recorder.errors import AriNotFound, AriRefused

NAME = "recording folder"


async def look_at_spool(where: str, spool: Path, ari: Ari, inquiry: Inquiry) -> list[Check]:
    """The recording folder, from Asterisk's side and from ours. Raises `AriError`."""
    setting = f"{where}.spool"
    theirs = await _their_folder(inquiry)
    try:
        before = len(await ari.stored_recordings())
    except AriRefused as refusal:
        if refusal.status != 500:
            raise
        return [_missing(where, theirs)]
    checks = [good(where, NAME, f"{theirs} on Asterisk's side, {before} files")]
    reason = await in_thread(files.why_not_writable, spool)
    blocked = reason and await in_thread(what_blocks, spool)
    if blocked:
        reason = f"{reason} ({blocked} cannot be entered)"
    if reason:
        return [*checks, _unwritable(where, setting, spool, reason, theirs)]
    return [
        *checks,
        await _same(where, setting, spool, ari, theirs),
        *await in_thread(look_at_modes, where, spool),
        await in_thread(look_at_space, where, spool),
    ]


async def _their_folder(inquiry: Inquiry) -> str:
    return f"{await inquiry.variable('ASTSPOOLDIR') or '/var/spool/asterisk'}/recording"


def _missing(where: str, theirs: str) -> Check:
    return bad(
        where,
        NAME,
        f"Asterisk cannot list {theirs}: nothing can be recorded",
        f"On Asterisk's machine: install -d -o asterisk -g asterisk -m 2770 {theirs}"
        " (with the user that Asterisk runs as)",
    )


def _unwritable(where: str, setting: str, spool: Path, reason: str, theirs: str) -> Check:
    return bad(
        where,
        "spool",
        f"{setting} is {spool}, which cannot be read and written here: {reason}",
        f"Set {setting} to where this machine sees Asterisk's {theirs}, and put the recorder's user"
        " into the folder's group; on another machine, share the folder first.",
    )


async def _same(where: str, setting: str, spool: Path, ari: Ari, theirs: str) -> Check:
    """Put a file of our own there: if Asterisk lists it, it is one and the same folder."""
    probe = spool / f"{ari.app}-doctor-{secrets.token_hex(6)}.wav"
    try:
        await in_thread(probe.write_bytes, _silence())
        seen = any(stored.name == probe.stem for stored in await ari.stored_recordings())
    finally:
        with suppress(FileNotFoundError):
            await in_thread(probe.unlink)
    if not seen and not await _lists_wav(ari):
        found = "whether it is Asterisk's cannot be told while format_wav does not run"
        return warning(where, "spool", f"{spool} can be read and written; {found}", "Load that module first.")
    if seen:
        return good(where, "spool", f"{spool} is Asterisk's recording folder; it can be read and written")
    return bad(
        where,
        "spool",
        f"{setting} is {spool}, but a file put there is not in Asterisk's {theirs}",
        f"Set {setting} to where this machine sees {theirs}.",
    )


async def _lists_wav(ari: Ari) -> bool:
    """Asterisk lists files of the formats it knows, and no others."""
    try:
        return (await ari.module("format_wav.so")).status == "Running"
    except AriNotFound:
        return False


def _silence() -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
    return made.getvalue()
