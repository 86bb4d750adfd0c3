"""Whether others on this machine can read what opens recordings, or signs for the recorder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ari_recorder.config import Settings
from ari_recorder.doctor.report import Check, warning
from ari_recorder.policies.text import listed

OTHERS_READ, OTHERS_WRITE, OTHERS_ENTER = 0o004, 0o002, 0o001


def look_at_secrets(settings: Settings, config: Path | None) -> list[Check]:
    """Whether keys, catalogue and settings' file are their owner's and group's alone; blocking."""
    open_ = [str(path) for path in _secrets(settings, config) if _is_open(path)]
    if not open_:
        return []
    found = f"anybody on this machine can read or change {listed(open_)}"
    return [warning("machine", "secrets", found, f"chmod o-rwx {' '.join(open_)}")]


def _secrets(settings: Settings, config: Path | None) -> Iterator[Path]:
    yield from filter(None, (config, settings.web.tls_key))
    yield from (
        settings.vault.key_file,
        settings.web.key_file,
        settings.audit_key,
        settings.sftp.host_key_file,
    )
    scheme, _, catalogue = settings.store.url.partition(":///")
    if scheme == "sqlite":
        yield Path(catalogue)


def _is_open(path: Path) -> bool:
    """Whether others may, and get as far as to it."""
    try:
        mode = path.stat().st_mode
        parents = [level.stat().st_mode for level in path.absolute().parents]
    except OSError:
        return False
    return bool(mode & (OTHERS_READ | OTHERS_WRITE)) and all(one & OTHERS_ENTER for one in parents)
