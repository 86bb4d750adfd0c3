"""``ari-recorder delivery``: what organisations fetch by SFTP, and what is pushed to them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from ari_recorder.cli.common import (
    OrganisationOption,
    by_command_line,
    catalogue,
    console,
    print_json,
    say,
    settings,
    so_many,
    table,
)
from ari_recorder.cli.users import PasswordStdin, read_password
from ari_recorder.config import Settings
from ari_recorder.errors import NotFound, SettingsError
from ari_recorder.policies import targets
from ari_recorder.seals import Purpose, Seals, load_key
from ari_recorder.store import people
from ari_recorder.store.database import Store
from ari_recorder.store.deliveries import accounts, pushing, secrets
from ari_recorder.store.deliveries.accounts import DeliveryRow
from ari_recorder.store.deliveries.pushing import TargetRow

app = typer.Typer(help="What organisations fetch by SFTP, and what is pushed to them.", rich_markup_mode=None)

WEEK = timedelta(days=7)
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Off = Annotated[bool, typer.Option("--off", help="Keep it, and send nothing for now.")]


@app.command("show", epilog="Example: ari-recorder delivery show")
def show(context: typer.Context, organisation: OrganisationOption = None, json: Json = False) -> None:
    """How recordings are handed over: format, whose, the SFTP account, its keys, where they are pushed to."""
    with catalogue(settings(context)) as store:
        of = _of(store, organisation)
        row, target = store.read_now(accounts.find, of), store.read_now(pushing.find, of)
    if json:
        print_json({"delivery": row, "target": target})
        return
    _say(row)
    if row.keys:
        cells = [
            (key.id, key.name, key.fingerprint, _time(key.created_at), _time(key.seen_at) or "never")
            for key in row.keys
        ]
        console().print(table(("id", "name", "key", "added", "last used"), cells))
    _say_target(target)


@app.command("set", epilog="Example: ari-recorder delivery set --login acme --form wav")
def set_(
    context: typer.Context,
    organisation: OrganisationOption = None,
    form: Annotated[
        str | None, typer.Option("--form", help="wav, flac or opus; '' for as they are kept.")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", help="Only its members' recordings; repeat it for more."),
    ] = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="Everybody's recordings.")] = False,
    login: Annotated[str | None, typer.Option("--login", help="Of the SFTP account; '' closes it.")] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password, unseen.")] = False,
    password_stdin: PasswordStdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="Keys alone.")] = False,
    acknowledge: Annotated[
        bool | None,
        typer.Option("--acknowledge/--no-acknowledge", help="Fetched files are deleted from the view."),
    ] = None,
) -> None:
    """Change how recordings are handed over; what is not named stays."""
    found = settings(context)
    if group and everybody:
        raise SettingsError("--group and --everybody exclude each other.")
    values: dict[str, Any] = {
        name: value
        for name, value in (("form", form), ("login", login), ("acknowledges", acknowledge))
        if value is not None
    }
    if password or password_stdin:
        if not found.sftp.passwords:
            raise SettingsError("The SFTP service takes keys alone: set sftp.passwords for passwords.")
        values["password"] = read_password(password_stdin)
    elif no_password:
        values["password"] = None
    if not values and not group and not everybody:
        raise SettingsError("Nothing to change. See: ari-recorder delivery set --help")
    with catalogue(found) as store:
        of = _of(store, organisation)
        if group or everybody:
            values["groups"] = [store.read_now(people.find_group, of, name) for name in group or ()]
            values["everybody"] = everybody
        _say(store.write_now(accounts.change, of, values, **by_command_line()))


@app.command("add-key", epilog="Example: ari-recorder delivery add-key /tmp/acme.pub --name backup")
def add_key(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A public key; - for standard input.")],
    name: Annotated[str, typer.Option("--name", help="What it is for.")] = "",
    organisation: OrganisationOption = None,
) -> None:
    """Let who has that key in by SFTP."""
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8", errors="replace")
    with catalogue(settings(context)) as store:
        key = store.write_now(accounts.add_key, _of(store, organisation), name, text, **by_command_line())
    say(f"Added: {key.name} ({key.fingerprint}).")


@app.command(
    "remove-key", epilog="Example: ari-recorder delivery remove-key 0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b"
)
def remove_key(
    context: typer.Context,
    key: Annotated[UUID, typer.Argument(metavar="ID", help="As shown.")],
    organisation: OrganisationOption = None,
) -> None:
    """Let nobody in with it any more; sessions that came in by it end within seconds."""
    with catalogue(settings(context)) as store:
        of = _of(store, organisation)
        removed = store.write_now(accounts.remove_key, of, key, **by_command_line())
    say(f"Removed: {removed.name} ({removed.fingerprint}).")


@app.command(
    "push-sftp",
    epilog="Example: ari-recorder delivery push-sftp sftp.example.com --login acme --host-key /tmp/host.pub",
)
def push_sftp(
    context: typer.Context,
    host: Annotated[str, typer.Argument(metavar="HOST", help="The server.")],
    login: Annotated[str, typer.Option("--login", help="Who signs in there.")],
    host_key: Annotated[
        Path, typer.Option("--host-key", metavar="FILE", help="The server's host key, as ssh-keyscan has it.")
    ],
    port: Annotated[int, typer.Option("--port", help="Of the server.")] = targets.SFTP_PORT,
    folder: Annotated[str, typer.Option("--folder", help="Where to; the login's own, if left out.")] = "",
    password_stdin: PasswordStdin = False,
    off: Off = False,
    organisation: OrganisationOption = None,
) -> None:
    """Push to an SFTP server, signing in by a key that is made here, or by a password."""
    key = next(iter(_lines(host_key)), "")
    values = {"host": host, "port": port, "login": login, "folder": folder, "host_key": key}
    typed = read_password(password_stdin) if password_stdin else ""
    by = secrets.PASSWORD if password_stdin else secrets.KEY
    row = _push(context, organisation, targets.SFTP, values, typed or "", by, enabled=not off)
    if public := targets.fields_of(row.place)["public_key"]:
        say(public)
        say("Put this line into authorized_keys there. Then: ari-recorder delivery test", err=True)


@app.command(
    "push-s3",
    epilog="Example: ari-recorder delivery push-s3 acme-recordings --access-key AKIA… --secret-stdin",
)
def push_s3(
    context: typer.Context,
    bucket: Annotated[str, typer.Argument(metavar="BUCKET", help="The bucket.")],
    access_key: Annotated[str, typer.Option("--access-key", help="Whose secret key is given.")],
    region: Annotated[str, typer.Option("--region", help="Such as eu-north-1.")] = "",
    endpoint: Annotated[
        str, typer.Option("--endpoint", metavar="URL", help="Of a store that is not Amazon's.")
    ] = "",
    prefix: Annotated[str, typer.Option("--prefix", help="What every key begins with.")] = "",
    secret_stdin: Annotated[
        bool,
        typer.Option("--secret-stdin", help="Read the secret key from standard input; else it stays."),
    ] = False,
    off: Off = False,
    organisation: OrganisationOption = None,
) -> None:
    """Push to an S3 bucket."""
    values = {
        "bucket": bucket, "access_key": access_key, "region": region, "endpoint": endpoint, "prefix": prefix,
    }  # fmt: skip
    typed = sys.stdin.readline().rstrip("\r\n") if secret_stdin else ""
    _push(context, organisation, targets.S3, values, typed, secrets.KEY, enabled=not off)


@app.command("push-off", epilog="Example: ari-recorder delivery push-off")
def push_off(context: typer.Context, organisation: OrganisationOption = None) -> None:
    """Push nothing any more, and forget where to, and the secret."""
    with catalogue(settings(context)) as store:
        was = store.write_now(pushing.remove_target, _of(store, organisation), **by_command_line())
    say(f"Nothing is pushed to {was.place} any more.")


@app.command("test", epilog="Example: ari-recorder delivery test")
def try_out(context: typer.Context, organisation: OrganisationOption = None) -> None:
    """Have the running recorder try whether a file can be written where recordings are pushed to."""
    with catalogue(settings(context)) as store:
        asked = store.write_now(pushing.ask_for_test, _of(store, organisation), datetime.now(UTC))
    say(f"{asked.place} is tested by the recorder. What came of it: ari-recorder delivery report")


@app.command("report", epilog="Example: ari-recorder delivery report")
def report(context: typer.Context, organisation: OrganisationOption = None, json: Json = False) -> None:
    """What was pushed, day by day, why not all of it, and how much was fetched in a week."""
    with catalogue(settings(context)) as store:
        of = _of(store, organisation)
        days = store.read_now(pushing.report, of)
        fetched, acknowledged, last = store.read_now(pushing.fetched, of, datetime.now(UTC) - WEEK)
        target = store.read_now(pushing.find, of)
    if json:
        told = {"days": days, "fetched": fetched, "acknowledged": acknowledged, "last_fetched_at": last}
        print_json(told)
        return
    say(f"Fetched by SFTP in the last week: {fetched}" + (f", the last {_time(last)}." if last else "."))
    _say_target(target)
    if days:
        cells = [
            (
                one.day, f"{one.sent} of {one.files}", _time(one.sent_at), one.problem,
                _time(one.due_at) or "the day is gone",
            )
            for one in days
        ]  # fmt: skip
        console().print(table(("day", "pushed", "all of it", "problem", "next"), cells))


def _push(
    context: typer.Context,
    organisation: str | None,
    kind: str,
    values: dict[str, Any],
    typed: str,
    by: str,
    *,
    enabled: bool,
) -> TargetRow:
    found = settings(context)
    with catalogue(found) as store:
        of = _of(store, organisation)
        before = store.read_now(pushing.find, of)
        settled, sealed = secrets.settled(kind, values, typed, before, _seal(found), by=by)
        row = store.write_now(
            pushing.set_target, of, kind, settled, sealed, enabled=enabled, **by_command_line()
        )
    _say_target(row)
    return row


def _seal(found: Settings) -> Callable[[str], str]:
    def seal(plain: str) -> str:
        return Seals(load_key(found.web.key_file)).seal(Purpose.DELIVERY, plain, datetime.now(UTC))

    return seal


def _of(store: Store, organisation: str | None) -> UUID:
    return store.read_now(people.organisation_named, organisation, make=False)


def _lines(file: Path) -> list[str]:
    """The lines of a file that have something to say."""
    text = file.read_text(encoding="utf-8", errors="replace")
    found = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not found:
        raise NotFound(f"{file} has no key in it.")
    return found


def _say(row: DeliveryRow) -> None:
    whose = "everybody's" if row.everybody else ", ".join(name for _, name in row.groups) or "nobody's"
    account = f"login {row.login}" if row.login else "no account"
    password = "and a password" if row.has_password else "no password"
    gone = "deleted from the view to acknowledge them" if row.acknowledges else "left in the view"
    say(
        f"Format: {row.form or 'as they are kept'}. Recordings: {whose}. SFTP: {account},"
        f" {so_many(len(row.keys), 'key')}, {password}; fetched files are {gone}."
    )


def _say_target(row: TargetRow | None) -> None:
    if row is None:
        say("Pushed: nowhere.")
        return
    tested = "not tested yet"
    if row.is_being_tested:
        tested = "being tested"
    elif row.tested_at:
        tested = f"tested {_time(row.tested_at)}: {row.test_problem or 'it works'}"
    say(f"Pushed to: {row.place} ({'on' if row.enabled else 'off'}; {tested}).")


def _time(at: datetime | None) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}" if at else ""
