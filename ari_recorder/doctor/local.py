"""What this machine has: the catalogue, who is recorded, the folders."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ari_recorder import descriptors, files
from ari_recorder.config import Evidence, Settings
from ari_recorder.doctor.recordings import look_at_keys, look_at_recordings
from ari_recorder.doctor.report import Check, bad, good, warning
from ari_recorder.errors import ARIRecorderError, NoCatalogue, SettingsError
from ari_recorder.policies.table import Mode
from ari_recorder.policies.text import listed
from ari_recorder.store import people
from ari_recorder.store.database import Store
from ari_recorder.store.people import UserRow
from ari_recorder.store.timestamps import authorities

SPACE_BAD_BYTES = 200 * 1024**2
SPACE_LOW_BYTES = 2 * 1024**3

Recorded = Mapping[str, list[str]]
"""By Asterisk's name in the settings, the endpoints of recorded users there."""


@dataclass(frozen=True)
class Known:
    """What the catalogue says that other checks need."""

    recorded: Recorded = field(default_factory=dict)


ADD_USER = "ari-recorder user add 101 --name Anna --mode always --endpoint PJSIP/101"


def look_at_store(settings: Settings) -> tuple[list[Check], Known]:
    """Whether the catalogue opens and who is in it; blocking. None is made, and none upgraded."""
    try:
        store = Store(settings.store.url, make=False)
        try:
            users = store.read_now(people.list_users)
            recordings = [
                *look_at_recordings(store, settings.pbx.keys()),
                look_at_keys(store, settings.vault),
            ]
        finally:
            store.close()
    except NoCatalogue as error:
        return [warning("store", "catalogue", error.found, error.remedy)], Known()
    except ARIRecorderError as error:
        remedy = f"Correct store.url, or give the catalogue to {_who()}; see docs/reference/settings.md."
        return [bad("store", "catalogue", str(error), remedy)], Known()
    checks = [
        good("store", "catalogue", f"opens; users in it: {len(users)}"),
        *_look_at_users(users, settings),
        *recordings,
    ]
    return checks, Known(_recorded(users))


def look_at_folders(settings: Settings) -> list[Check]:
    """Whether what the recorder writes to can be written, and how much room is left there; blocking."""
    checks = [] if settings.vault.url else look_at_folder("vault", settings.vault.path, "vault.path")
    checks += look_at_folder("media.work", settings.media.work, "media.work")
    traces = settings.log.traces
    return checks + (look_at_folder("log.traces", traces, "log.traces") if traces else [])


def look_at_authorities(settings: Evidence) -> list[Check]:
    """Whether there is what time stamps have to lead to, if there are to be any; blocking."""
    if not settings.timestamp_url:
        return []
    try:
        authorities.trusted(settings.timestamp_ca_file)
    except SettingsError as error:
        remedy = "Correct evidence.timestamp_ca_file: until then nothing is stamped."
        return [bad("evidence", "time stamps", str(error), remedy)]
    return [good("evidence", "time stamps", f"asked for at {settings.timestamp_url}")]


def look_at_descriptors(settings: Settings) -> Check:
    """Whether enough files can be open for following calls and as many readers of the pages as are set."""
    limit, wanted = descriptors.hard_limit(), settings.web.connections_max
    most = descriptors.for_web(limit)
    if most >= wanted:
        return good("machine", "open files", f"{limit} possible for {_who()}")
    needed = wanted * descriptors.EACH + descriptors.RESERVE
    remedy = f"Allow {needed} (LimitNOFILE in systemd, ulimit -Hn), or lower web.connections_max."
    return warning(
        "machine", "open files", f"{limit} possible for {_who()}: {most} connections to the pages", remedy
    )


def look_at_folder(where: str, folder: Path, setting: str) -> list[Check]:
    """Whether a folder that the recorder makes itself can be made and written, and its room; blocking."""
    there = next((level for level in (folder, *folder.absolute().parents) if level.exists()), Path("/"))
    reason = files.why_not_writable(there)
    if reason:
        remedy = f"Give it to {_who()}, which runs this, or set {setting} to another folder."
        return [bad(where, "folder", f"{there} cannot be written: {reason}", remedy)]
    made = (
        "can be written"
        if there == folder
        else f"is not there yet; {there}, where it will be, can be written"
    )
    return [good(where, "folder", f"{folder} {made} by {_who()}"), look_at_space(where, there)]


def look_at_space(where: str, folder: Path) -> Check:
    """How much room is left where ``folder`` is; blocking."""
    free_bytes = shutil.disk_usage(folder).free
    found = f"{free_bytes / 1024**3:.1f} GiB free"
    remedy = f"Make room on the file system of {folder}: when it is full, nothing is recorded."
    if free_bytes < SPACE_BAD_BYTES:
        return bad(where, "space", found, remedy)
    if free_bytes < SPACE_LOW_BYTES:
        return warning(where, "space", found, remedy)
    return good(where, "space", found)


def _look_at_users(users: list[UserRow], settings: Settings) -> list[Check]:
    recorded = [user for user in users if user.mode is not Mode.NEVER]
    if not recorded:
        return [warning("store", "users", "nobody is recorded", f"For example: {ADD_USER}")]
    checks = [good("store", "users", f"{len(recorded)} recorded")]
    without = [user.number or user.name for user in recorded if not user.endpoints]
    if without:
        remedy = "Say which telephone is theirs: ari-recorder user set NUMBER --endpoint PJSIP/101"
        checks.append(bad("store", "users", f"recorded, but without an endpoint: {listed(without)}", remedy))
    astray = sorted({pbx for user in recorded for pbx, _ in user.endpoints} - settings.pbx.keys())
    if astray:
        remedy = f"Add it to the settings as [pbx.{astray[0]}], or correct it with ari-recorder user set."
        checks.append(
            bad("store", "users", f"endpoints on an Asterisk unknown here: {listed(astray)}", remedy)
        )
    return checks


def _recorded(users: list[UserRow]) -> Recorded:
    found: dict[str, list[str]] = {}
    for user in users:
        for pbx, name in user.endpoints:
            if user.mode is not Mode.NEVER:
                found.setdefault(pbx, []).append(name)
    return found


def _who() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"
