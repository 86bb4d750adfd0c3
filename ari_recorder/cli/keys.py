"""``ari-recorder keys``: what opens recordings, and changing it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from ari_recorder import safes
from ari_recorder.cli.common import actor, catalogue, print_json, say, settings
from ari_recorder.errors import KeyMissing
from ari_recorder.store import people
from ari_recorder.store.database import Store
from ari_recorder.store.sealing.keyring import Keyring

app = typer.Typer(help="The keys that open recordings.", rich_markup_mode=None)


@app.command("list", epilog="Example: ari-recorder keys list")
def list_(
    context: typer.Context, json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False
) -> None:
    """Where the master key is, by which the catalogue's keys are wrapped, and whether it is the one needed.

    Exit code 78 when one that is needed is not there.
    """
    with _keyring(context) as (_, keys):
        told = keys.told()
    if json:
        print_json(told)
    else:
        say(f"The master key is {told.where}.")
        for number, key in enumerate(told.there):
            use = "current" if number == 0 else "needed" if key in told.needed else "no longer needed"
            say(f"{key}: {use}")
    if missing := sorted(set(told.needed) - set(told.there)):
        raise KeyMissing(f"Not there, and needed: {', '.join(missing)}. Restore it from its backup.")


@app.command("change-master", epilog="Example: ari-recorder keys change-master")
def change_master(context: typer.Context) -> None:
    """Wrap the organisations' keys by another master key. No audio is written anew.

    In a file a new one is put in front; where the key is a setting or told by a command, put it there first.
    A recorder that runs takes notice by itself.
    """
    with _keyring(context) as (_, keys):
        changed = keys.change_master(actor())
        told = keys.told()
    say(f"{changed} keys of organisations are wrapped by the master key {told.there[0]}, {told.where}.")
    say("Back it up. Catalogues backed up before need the former: keep that as long as you keep them.")
    if len(told.there) > 1 and "vault." not in told.where:
        say("Then: ari-recorder keys forget-former")


@app.command("forget-former", epilog="Example: ari-recorder keys forget-former")
def forget_former(context: typer.Context) -> None:
    """Remove the former master keys from the file, if nothing needs them."""
    with _keyring(context) as (_, keys):
        say(f"{keys.forget_masters()} former master keys are gone from the file.")


@app.command("change-organisation", epilog="Example: ari-recorder keys change-organisation Acme")
def change_organisation(
    context: typer.Context,
    organisation: Annotated[str, typer.Argument(metavar="ORGANISATION", help="Its name.")],
) -> None:
    """Make a new key of an organisation, and wrap those of its recordings by it. No audio is written anew.

    It may be interrupted, and run beside a working recorder.
    """
    err = Console(stderr=True)
    with _keyring(context) as (store, keys), Progress(console=err, disable=not err.is_terminal) as bar:
        which = store.read_now(people.organisation_named, organisation, make=False)
        task = bar.add_task("recordings", total=None)
        done = keys.change_organisation(which, actor(), lambda n: bar.update(task, completed=n))
    say(f"{done} recordings of {organisation} are wrapped by its new key.")


@contextmanager
def _keyring(context: typer.Context) -> Iterator[tuple[Store, Keyring]]:
    found = settings(context)
    with catalogue(found) as store:
        yield store, safes.keyring(found.vault, store, lambda: datetime.now(UTC))
