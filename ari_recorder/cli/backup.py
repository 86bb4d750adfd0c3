"""``ari-recorder backup`` and ``restore``: the catalogue, and what happened since it was backed up."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ari_recorder import safes
from ari_recorder.cli.common import actor, catalogue, confirm, print_json, say, settings, so_many
from ari_recorder.config import Settings
from ari_recorder.errors import NoCatalogue, SettingsError
from ari_recorder.policies.usage import MB
from ari_recorder.store import backup as backups
from ari_recorder.store import since as happened
from ari_recorder.store import vault_rows
from ari_recorder.store.address import shown
from ari_recorder.store.backup import About, Backup, Vault
from ari_recorder.store.database import Store
from ari_recorder.store.since import Done, Since

BACKUP_EXAMPLE = "Example: ari-recorder backup /srv/backups"
RESTORE_EXAMPLE = (
    "Example: ari-recorder restore /srv/backups/ari_recorder-20261127T020000Z"
    " --newest sqlite:////var/lib/ari_recorder/catalogue.db.before"
)
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def backup(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the backup is put, in a new folder.")
    ],
    json: Json = False,
) -> None:
    """Copy the catalogue, whole and of one moment, beside a working recorder.

    Says what belongs to it and is not in it: the keys, and the vault's files.
    """
    found = settings(context)
    with catalogue(found) as store:
        made = backups.make(found.store.url, folder, _facts(found, store))
    if json:
        print_json({"folder": made.folder, "about": made.about})
        return
    say(f"{made.folder}: {made.about.size_bytes / MB:,.1f} MB, SHA-256 {made.about.sha256}.")
    say("Not in it, and to be kept apart from it, or nobody hears a recording again:")
    for what, where in _keys(found):
        say(f"  {where}: {what}")
    say("Not in it, and to be backed up by other means (their files never change):")
    for vault in made.about.vaults:
        say(f"  {vault.address}: {so_many(vault.recordings, 'recording')}, {vault.size_bytes / MB:,.1f} MB")


def restore(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="BACKUP", help="The folder that backup has made.")],
    newest: Annotated[
        str | None,
        typer.Option("--newest", metavar="URL", help="The catalogue before this, if it can be read still."),
    ] = None,
    disposals: Annotated[
        list[Path] | None,
        typer.Option("--disposals", metavar="FILE", help="Of disposals --json, kept elsewhere; repeat it."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="It is put back already: only do again what happened since.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Put a backup of the catalogue back, and do again what happened after it: disposals, holds.

    Stop the recorder first, and do not start it before this is done. It may be interrupted and done again
    with --again. What it cannot know it says.
    """
    found = settings(context)
    chosen = backups.read(folder)
    since = _since(newest, disposals or [])
    if not again:
        confirm(
            f"Put the catalogue of {_time(chosen.about.made_at)} to {shown(found.store.url)}?"
            f" What was changed and recorded after it is lost, but for {len(since.disposals)} disposals and"
            f" {len(since.holds)} holds.",
            yes,
        )
        backups.put_back(chosen, found.store.url)
    with catalogue(found, make=True) as store:  # one of an older version is upgraded
        now = datetime.now(UTC)
        done = happened.do_again(store, since, actor(), chosen.about.made_at, now)
    if json:
        print_json({"backup": chosen.about, "done": done})
    else:
        if not again:
            say(f"The catalogue of {_time(chosen.about.made_at)} is put back.")
        _say(chosen, done, newest=newest, lists=bool(disposals))


def _facts(found: Settings, store: Store) -> About:
    now = datetime.now(UTC)
    first = safes.vaults(found.vault, store, lambda: now).first
    contents = store.read_now(vault_rows.contents, first)
    told = safes.keyring(found.vault, store, lambda: now).needed()
    return About(
        made_at=now,
        database=backups.kind_of(found.store.url),
        sha256="",
        size_bytes=0,
        vaults=tuple(Vault(one.address, one.recordings, one.size_bytes) for one in contents),
        master_keys=tuple(told),
        told=store.read_now(backups.newest_told),
    )


def _keys(found: Settings) -> list[tuple[str, str]]:
    elsewhere = found.vault.key or found.vault.key_command
    master = "vault.key, or what its command asks" if elsewhere else found.vault.key_file
    return [
        ("the master key, which opens every recording", str(master)),
        ("the key that signs audit log and evidence", str(found.audit_key)),
        ("the key of second factors and forms", str(found.web.key_file)),
        ("the settings", "the file of --config, and the environment"),
    ]


def _since(newest: str | None, lists: list[Path]) -> Since:
    since = Since()
    if newest:
        try:
            store = Store(newest, make=False)
        except NoCatalogue as error:
            raise SettingsError(f"--newest: {error.found}") from error
        try:
            since = store.read_now(happened.read_catalogue)
        finally:
            store.close()
    for path in lists:
        since.disposals |= happened.read_list(path)
    return since


def _say(chosen: Backup, done: Done, *, newest: str | None, lists: bool) -> None:
    made = _time(chosen.about.made_at)
    say(
        f"Done again: {done.disposed} disposals, {done.holds_placed} holds, {done.holds_ended} ends of holds."
    )
    if done.disposed:
        say("What is left of those recordings goes when the recorder runs.")
    for one in done.erasures:
        what = f"the erasure of {_time(one.begun_at)} ({one.kind}, reference {one.reference or 'none'}"
        say(f"To be begun again: {what}, then called {one.pseudonym}): its names are in this catalogue.")
    if done.held:
        say(f"Held, though once disposed of: {', '.join(map(str, done.held))}")
    if not newest:
        kept = "but for the lists that were given" if lists else "and no list of disposals was given"
        say(f"Not known: disposals after {made}, {kept}; holds and erasures after it.")
        say("Whoever asked for one has to ask again. If the newest catalogue can be read still, give it as")
        say("--newest, with --again.")
    say(f"Lost: what was recorded after {made} (its keys were in the catalogue that is gone), and notes,")
    say("users and settings changed since. ari-recorder verify names the vault's files that are nobody's")
    say("now, and, with --seals LOG, that this catalogue is older than what was signed.")


def _time(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
