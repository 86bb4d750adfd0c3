"""``ari-recorder organisation``: the customer companies."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ari_recorder.cli.common import (
    by_command_line,
    catalogue,
    console,
    print_json,
    say,
    settings,
    so_many,
    table,
)
from ari_recorder.errors import SettingsError
from ari_recorder.policies.erasing import Leavers
from ari_recorder.policies.rights import Role
from ari_recorder.store import people
from ari_recorder.store.people import OrganisationRow

app = typer.Typer(help="The customer companies.", rich_markup_mode=None)

OrganisationName = Annotated[str, typer.Argument(metavar="ORGANISATION", help="Its name.")]
TimeZone = Annotated[
    str | None, typer.Option("--timezone", help="Name of the tz database: Europe/Stockholm.")
]
Language = Annotated[str | None, typer.Option("--language", help="en or sv.")]
Country = Annotated[
    str | None,
    typer.Option("--country", help="Whose numbers they are (ISO 3166-1): SE; '' for none."),
]
SecondFactor = Annotated[
    list[Role] | None,
    typer.Option("--second-factor", help="A role that needs one to sign in; repeat it for more."),
]
Endpoints = Annotated[
    str | None,
    typer.Option(
        "--endpoints",
        help="Telephones that its administrators may give to users: patterns, parted by spaces, in quotes.",
    ),
]

StorageMb = Annotated[
    int | None, typer.Option("--storage-mb", metavar="MB", help="Storage that is included for each user.")
]
RetentionDays = Annotated[
    int | None,
    typer.Option("--retention-days", metavar="DAYS", help="How long recordings are to be kept."),
]


@app.command("list", epilog="Example: ari-recorder organisation list")
def list_(
    context: typer.Context, json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False
) -> None:
    """Every organisation, and how much it uses."""
    with catalogue(settings(context)) as store:
        found = store.read_now(people.list_organisations)
        used = [store.read_now(people.counts, one.id) for one in found]
    if json:
        print_json([{"organisation": one, "counts": of} for one, of in zip(found, used, strict=True)])
        return
    rows = [
        (
            one.name, one.timezone, one.language, one.country, " ".join(one.second_factor),
            " ".join(one.endpoints), of.users,
            ", ".join(f"{n} {plan}" for plan, n in sorted(of.recorded.items())), of.recordings,
            f"{of.size_bytes / 1e6:.1f}",
        )
        for one, of in zip(found, used, strict=True)
    ]  # fmt: skip
    columns = (
        "name", "time zone", "language", "country", "second factor", "telephones", "users", "recorded",
        "recordings",
        "MB",
    )  # fmt: skip
    console().print(table(columns, rows))


@app.command("add", epilog="Example: ari-recorder organisation add Acme --timezone Europe/Stockholm")
def add(
    context: typer.Context,
    name: OrganisationName,
    timezone: TimeZone = None,
    language: Language = None,
    country: Country = None,
    endpoints: Endpoints = None,
    storage_mb: StorageMb = None,
    retention_days: RetentionDays = None,
) -> None:
    """Add an organisation. Its first administrator: user add --organisation NAME --role administrator."""
    values = _given(
        name=name, timezone=timezone, language=language, country=country, endpoints=_patterns(endpoints),
        storage_mb=storage_mb, retention_days=retention_days,
    )  # fmt: skip
    with catalogue(settings(context), make=True) as store:
        made = store.write_now(people.add_organisation, values, **by_command_line())
    _say(made)


@app.command("set", epilog="Example: ari-recorder organisation set Acme --language sv")
def set_(
    context: typer.Context,
    organisation: OrganisationName,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    timezone: TimeZone = None,
    language: Language = None,
    country: Country = None,
    endpoints: Endpoints = None,
    storage_mb: StorageMb = None,
    retention_days: RetentionDays = None,
    leavers: Annotated[
        Leavers | None, typer.Option(help="What recordings of removed users bear: name, or pseudonym.")
    ] = None,
    tag1_name: Annotated[
        str | None, typer.Option(help="What the first of a call's three fields is called; '' for its number.")
    ] = None,
    tag2_name: Annotated[str | None, typer.Option(help="The second.")] = None,
    tag3_name: Annotated[str | None, typer.Option(help="The third.")] = None,
    second_factor: SecondFactor = None,
    no_second_factor: Annotated[
        bool, typer.Option("--no-second-factor", help="No role needs a second factor.")
    ] = False,
) -> None:
    """Change an organisation; what is not named stays."""
    values = _given(
        name=name, timezone=timezone, language=language, country=country, endpoints=_patterns(endpoints),
        storage_mb=storage_mb, retention_days=retention_days, tag1_name=tag1_name, tag2_name=tag2_name,
        tag3_name=tag3_name,
    )  # fmt: skip
    if leavers is not None:
        values["leavers"] = leavers.value
    if second_factor and no_second_factor:
        raise SettingsError("--second-factor and --no-second-factor exclude each other.")
    if second_factor or no_second_factor:
        values["second_factor"] = [str(role) for role in second_factor or ()]
    if not values:
        raise SettingsError("Nothing to change. See: ari-recorder organisation set --help")
    with catalogue(settings(context)) as store:
        of = store.read_now(people.organisation_named, organisation)
        changed = store.write_now(people.change_organisation, of, values, **by_command_line())
    _say(changed)


def _patterns(text: str | None) -> list[str] | None:
    return None if text is None else text.split()


def _given(**values: str | int | list[str] | None) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _say(organisation: OrganisationRow) -> None:
    roles = ", ".join(organisation.second_factor) or "no role"
    telephones = " ".join(organisation.endpoints) or "not said"
    names = [organisation.tag1_name, organisation.tag2_name, organisation.tag3_name]
    fields = f", fields of calls: {', '.join(name or '–' for name in names)}" if any(names) else ""
    say(
        f"{organisation.name}: time zone {organisation.timezone}, language {organisation.language},"
        f" country {organisation.country or 'not said'}, second factor for {roles}, telephones {telephones},"
        f" {organisation.storage_mb} MB a user,"
        f" kept for {so_many(organisation.retention_days, 'day')}{fields}."
    )
