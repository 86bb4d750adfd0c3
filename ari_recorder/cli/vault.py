"""``ari-recorder vault``: where recordings lie, and moving them to where the settings say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ari_recorder import safes
from ari_recorder.cli.common import actor, catalogue, console, print_json, say, settings, table
from ari_recorder.errors import VaultError
from ari_recorder.policies.usage import MB
from ari_recorder.store import audit, vault_rows
from ari_recorder.store.audit import Action, Subject
from ari_recorder.store.database import Store
from ari_recorder.store.moving import Moved, Mover
from ari_recorder.store.safe import Safe
from ari_recorder.store.vault_rows import Content
from ari_recorder.store.vaults import Vaults

SHOWN = 10
"""So many of what could not be moved are named."""

app = typer.Typer(help="The vaults that recordings lie in.", rich_markup_mode=None)


@dataclass(frozen=True)
class Shown:
    """A vault: ``state`` is empty for one that is there."""

    id: UUID | None
    address: str
    current: bool
    recordings: int
    size_bytes: int
    state: str


@app.command("list", epilog="Example: ari-recorder vault list")
def list_(
    context: typer.Context, json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False
) -> None:
    """Where recordings lie, how many and how much, and whether each vault is there."""
    with _opened(context) as (store, vaults, _):
        found = _shown(vaults, store.read_now(vault_rows.contents, vaults.first))
        moving = store.read_now(vault_rows.moving)
    if json:
        print_json({"vaults": found, "moving": moving})
        return
    rows = (
        (one.address, "here" if one.current else "", f"{one.recordings:,}", f"{one.size_bytes / MB:,.1f}",
         one.state or "there")
        for one in found
    )  # fmt: skip
    console().print(table(("vault", "new ones go", "recordings", "MB", "state"), rows))
    if moving:
        say(f"{moving} are on their way.")
    if any(one.recordings for one in found if not one.current):
        say("To move all to where new ones go: ari-recorder vault move")


@app.command("move", epilog="Example: ari-recorder vault move")
def move(context: typer.Context) -> None:
    """Move every recording to the vault of the settings, encrypted as it is; each is read back first.

    It may be interrupted and done again, and run beside a working recorder; meanwhile both are played from.
    Exit code 74 when something could not be moved.
    """
    with _opened(context) as (store, vaults, safe), _bar() as bar:
        target = vaults.settle()
        elsewhere = store.read_now(vault_rows.elsewhere, target)
        if elsewhere:
            store.write_now(_note, target, {"recordings": elsewhere, "to": safe.vault.address})
        task = bar.add_task("recordings", total=elsewhere, mb="0")

        def show(moved: Moved) -> None:
            done = moved.recordings + moved.gone + len(moved.failed)
            bar.update(task, completed=done, mb=f"{moved.size_bytes / MB:,.0f}")

        mover = Mover(store, safe, lambda: datetime.now(UTC), show)
        try:
            mover.run()
        finally:
            bar.stop()
            _say(mover.moved, safe.vault.address)
        left = [one for one in store.read_now(vault_rows.contents, vaults.first) if one.id != target]
    if mover.moved.failed:
        raise VaultError(f"{len(mover.moved.failed)} could not be moved, and lie where they were.")
    for one in left:
        if not one.recordings:
            say(f"Nothing lies in {one.address} any more.")


@app.command("found", epilog="Example: ari-recorder vault found /mnt/new/vault")
def found(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="A folder, or an s3:// address.")],
) -> None:
    """Say where a vault is that older recordings lie in, when it is elsewhere than it was."""
    with _opened(context) as (store, vaults, _):
        vault = vaults.found(address)
        store.write_now(_note, vault, {"address": address})
    say(f"The vault {vault} is at {address}.")


def _note(vault: UUID, detail: dict[str, object]) -> None:
    audit.write(actor(), Action.CHANGE, Subject("vault", str(vault)), datetime.now(UTC), detail=detail)


def _shown(vaults: Vaults, contents: list[Content]) -> list[Shown]:
    """The current one first, if it was never used, too."""
    found = []
    try:
        current, state = vaults.current_id(), ""
    except VaultError as error:
        current, state = (
            next((c.id for c in contents if c.address == vaults.current.address), None),
            str(error),
        )
    for one in contents:
        is_current = one.id == current
        told = state if is_current else _state(vaults, one)
        address = vaults.current.address if is_current else one.address
        found.append(Shown(one.id, address, is_current, one.recordings, one.size_bytes, told))
    if not any(one.current for one in found):
        found.append(Shown(current, vaults.current.address, True, 0, 0, state or "new"))
    return sorted(found, key=lambda one: not one.current)


def _state(vaults: Vaults, one: Content) -> str:
    try:
        vaults.sure(one.id)
    except VaultError as error:
        return str(error) if one.recordings else "gone"
    return ""


def _say(moved: Moved, to: str) -> None:
    say(f"{moved.recordings} recordings were moved to {to}, {moved.size_bytes / MB:,.1f} MB.")
    for recording, why in list(moved.failed.items())[:SHOWN]:
        say(f"{recording}: {why}", err=True)
    if len(moved.failed) > SHOWN:
        say(f"and {len(moved.failed) - SHOWN} more: ari-recorder vault move tells of the next.", err=True)


def _bar() -> Progress:
    err = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[mb]} MB"), TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


@contextmanager
def _opened(context: typer.Context) -> Iterator[tuple[Store, Vaults, Safe]]:
    found = settings(context)

    def now() -> datetime:
        return datetime.now(UTC)

    with catalogue(found) as store:
        vaults = safes.vaults(found.vault, store, now)
        yield store, vaults, Safe(vaults, safes.keyring(found.vault, store, now))
