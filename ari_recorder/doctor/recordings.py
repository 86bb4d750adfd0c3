"""What waits to be finished, and whether it can be."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from uuid import UUID

from ari_recorder.config import Settings, Vault
from ari_recorder.doctor.report import Check, bad, good, warning
from ari_recorder.errors import ARIRecorderError, KeyMissing, SettingsError, StoreError, VaultError
from ari_recorder.policies import finishing as waits
from ari_recorder.policies.finishing import age
from ari_recorder.policies.retention import Clock, disposing
from ari_recorder.safes import keyring, vaults
from ari_recorder.store import disposal, finishing, retention, vault_rows
from ari_recorder.store.database import Store
from ari_recorder.store.disposal import Left
from ari_recorder.store.finishing import Waiting
from ari_recorder.store.s3.address import is_s3
from ari_recorder.store.vaults import Vaults
from ari_recorder.store.verify import OVERDUE

NAME = "recordings"


def look_at_recordings(store: Store, pbxs: Collection[str]) -> Iterator[Check]:
    """What waits, and what nobody finishes because its Asterisk is not one of ``pbxs``; blocking."""
    now = datetime.now(UTC)
    yield _waiting(store.read_now(finishing.waiting), now)
    yield from _disposing(store.read_now(disposal.left), store.read_now(retention.clock), now)
    for pbx, count in store.read_now(finishing.of_others, pbxs).items():
        found = f"{count} not finished belong to an Asterisk {pbx!r} that is not in the settings"
        remedy = (
            f"Add [pbx.{pbx}] back, with spool set to the recording folder that their audio is in;"
            " then they are finished."
        )
        yield bad("store", NAME, found, remedy)


def _disposing(left: Left, clock: Clock | None, now: datetime) -> Iterator[Check]:
    """What is being disposed of for longer than it takes, and a clock that keeps recordings from going."""
    if left.since is not None and now - left.since > OVERDUE:
        found = disposing(left.count, (now - left.since).total_seconds())
        remedy = "See the recorder's log for why: the vault is away, say, or refuses to delete."
        yield warning("store", NAME, found, remedy)
    if clock is not None and clock.ahead:
        found = (
            f"the clock was put forward, or nobody looked at it for long: recordings are kept for longer by"
            f" {age(clock.ahead.total_seconds())}"
        )
        yield warning("store", "clock", found, "If it is right: ari-recorder retention trust-clock")


def look_at_keys(store: Store, settings: Vault) -> Check:
    """Whether the master key is the one that opens what there is; blocking."""
    remedy = "Restore it from its backup: until then nothing is heard, and what is recorded waits."
    try:
        told = keyring(settings, store, lambda: datetime.now(UTC)).told()
    except (KeyMissing, SettingsError) as error:
        return bad("vault", "master key", str(error), remedy)
    if missing := sorted(set(told.needed) - set(told.there)):
        return bad("vault", "master key", f"needed and not {told.where}: {', '.join(missing)}", remedy)
    if not told.there:
        return good("vault", "master key", f"made at the first start, {told.where}")
    return good("vault", "master key", f"{told.there[0]}, {told.where}: it opens what there is")


def _waiting(waiting: Waiting, now: datetime) -> Check:
    waited = now - (waiting.since or now)
    found = waits.waiting(waiting.count, waited.total_seconds())
    if waited > OVERDUE:
        return warning("store", NAME, found, "See the recorder's log for why, and whether it runs at all.")
    return good("store", NAME, found)


def look_at_vaults(settings: Settings) -> list[Check]:
    """Whether the vault is the one that holds the catalogue's recordings, and others are there; blocking."""
    try:
        store = Store(settings.store.url, make=False)
    except ARIRecorderError:
        return []  # it is told already
    try:
        return list(_vaults(vaults(settings.vault, store, lambda: datetime.now(UTC)), store))
    except SettingsError as error:
        return [bad("vault", "address", str(error), "Correct vault.url; see docs/guide/vault.md.")]
    except StoreError:
        return []
    finally:
        store.close()


def _vaults(found: Vaults, store: Store) -> Iterator[Check]:
    try:
        current = found.current.look()
    except VaultError as error:
        remedy = "Until then what is recorded waits in Asterisk's recording folder."
        yield bad("vault", NAME, str(error), remedy)
        current = None
    else:
        if is_s3(found.current.address):
            yield good("vault", "address", f"{found.current.address} answers")
    for vault, address in store.read_now(vault_rows.used, found.first).items():
        if vault != current and address != found.current.address:
            yield _other(found, vault, address)


def _other(found: Vaults, vault: UUID, address: str) -> Check:
    try:
        found.sure(vault)
    except (VaultError, SettingsError) as error:
        return bad("vault", "older recordings", str(error), "Until then they cannot be played.")
    said = f"some lie in {address}, and are played from there"
    return warning("vault", "older recordings", said, "To move them: ari-recorder vault move")
