"""The commands and what stands before them."""

from __future__ import annotations

import asyncio
import copy
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ari_recorder import __version__, config, log
from ari_recorder.cli import (
    audit,
    backup,
    delivery,
    diagnosis,
    erasures,
    exchange,
    groups,
    holds,
    keys,
    organisations,
    preferences,
    prompts,
    recordings,
    retention,
    signing_in,
    tokens,
    usage,
    users,
    vault,
    webhooks,
)
from ari_recorder.cli.common import Options, settings
from ari_recorder.errors import ARIRecorderError

EXAMPLES = """Examples:

  ari-recorder --config /etc/ari_recorder.toml run

  ari-recorder user add 101 --name Anna --mode always --endpoint PJSIP/101

  ari-recorder recordings list --limit 10

  ari-recorder doctor"""

app = typer.Typer(
    help="Call recording for Asterisk through ARI.",
    epilog=EXAMPLES,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help=f"Settings file (TOML); otherwise {config.CONFIG_VARIABLE}."
    ),
]


@app.callback()
def root(
    context: typer.Context,
    config_file: ConfigOption = None,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=lambda v: _version(v), help="Say the version."),
    ] = False,
) -> None:
    """Call recording for Asterisk through ARI."""
    context.ensure_object(Options).config = config_file


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ari-recorder {__version__}")
        raise typer.Exit


@app.command(epilog="Example: ari-recorder run --config /etc/ari_recorder.toml")
def run(context: typer.Context) -> None:
    """Record until SIGINT, SIGTERM or SIGHUP; calls go on, and go on being recorded, when it stops."""
    found = settings(context)
    log.configure(found.log)
    vars(sys.modules["__main__"]).pop("__file__", None)  # else what it starts runs that script, too
    from ari_recorder.app import run as run_app  # the other commands start faster without

    asyncio.run(run_app(found))


@app.command(epilog="Example: ari-recorder demo --check")
def demo(
    check: Annotated[
        bool, typer.Option("--check", help="Make the calls, verify every recording, and end.")
    ] = False,
) -> None:
    """Start a PBX, telephones and the recorder on this machine (in a source checkout)."""
    raise typer.Exit(_demo_main()(check))


def _demo_main() -> Callable[[bool], int]:
    try:
        return cast(Callable[[bool], int], importlib.import_module("lab.demo").main)
    except ModuleNotFoundError as error:
        if error.name not in ("lab", "lab.demo"):
            raise
        raise ARIRecorderError(
            "The demo is part of the source checkout, not of the installed package:"
            " get the source and run `make demo` in it."
        ) from error


users.app.command("export", epilog=exchange.EXPORT_EXAMPLE)(exchange.export)
users.app.command("import", epilog=exchange.IMPORT_EXAMPLE)(exchange.import_)
users.app.add_typer(signing_in.sessions, name="sessions")
users.app.add_typer(signing_in.second_factor, name="second-factor")
app.add_typer(users.app, name="user")
app.add_typer(groups.app, name="group")
app.add_typer(organisations.app, name="organisation")
app.add_typer(preferences.app, name="preferences")
app.add_typer(recordings.app, name="recordings")
app.add_typer(retention.app, name="retention")
app.command("disposals", epilog=retention.DISPOSALS_EXAMPLE)(retention.list_disposals)
app.add_typer(prompts.app, name="prompt")
app.add_typer(audit.app, name="audit")
app.add_typer(tokens.app, name="token")
app.add_typer(holds.app, name="holds")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(erasures.app, name="erasures")
app.command("usage", epilog=usage.USAGE_EXAMPLE)(usage.usage)
app.add_typer(keys.app, name="keys")
app.add_typer(vault.app, name="vault")
app.command("backup", epilog=backup.BACKUP_EXAMPLE)(backup.backup)
app.command("restore", epilog=backup.RESTORE_EXAMPLE)(backup.restore)
app.add_typer(delivery.app, name="delivery")
app.command("verify", epilog=diagnosis.VERIFY_EXAMPLE)(diagnosis.verify)
app.command("verify-evidence", epilog=diagnosis.EVIDENCE_EXAMPLE)(diagnosis.verify_evidence)
app.command("doctor", epilog=diagnosis.DOCTOR_EXAMPLE)(diagnosis.doctor)


def command() -> Any:
    """The commands, each of which takes ``--config`` behind it as well as before it; the last one counts."""
    root = typer.main.get_command(app)
    option = next(one for one in root.params if "--config" in one.opts)
    for leaf in _leaves(root):
        behind = copy.copy(option)
        behind.expose_value, behind.callback = False, _name_settings
        leaf.params.append(behind)
    return root


def _leaves(group: Any) -> Iterator[Any]:
    for child in group.commands.values():
        yield from _leaves(child) if hasattr(child, "commands") else (child,)


def _name_settings(context: Any, _option: Any, file: Any) -> None:
    if file:
        context.ensure_object(Options).config = Path(file)
