"""``ari-recorder prompt``: what is said and played in calls about their recording."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from ari_recorder import files
from ari_recorder.cli.common import (
    OrganisationOption,
    actor,
    catalogue,
    console,
    print_json,
    say,
    settings,
    table,
)
from ari_recorder.errors import FileError, NotFound, PromptRefused, SettingsError
from ari_recorder.media.prompts import FILE_MAX_BYTES, ConvertedPrompt, convert
from ari_recorder.policies.preferences import LANGUAGES
from ari_recorder.policies.prompts import TONES, PromptKind
from ari_recorder.store import prompts
from ari_recorder.store.people import organisation_named
from ari_recorder.store.prompts import PromptInfo

app = typer.Typer(help="What is said and played in calls about their recording.", rich_markup_mode=None)

Kind = Annotated[PromptKind, typer.Argument(metavar="KIND", help=", ".join(PromptKind) + ".")]
LanguageOption = Annotated[
    str | None, typer.Option("--language", help=f"{' or '.join(LANGUAGES)}; left out for a tone.")
]


@app.command("list", epilog="Example: ari-recorder prompt list --json")
def list_(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with every field.")] = False,
    organisation: OrganisationOption = None,
) -> None:
    """Every prompt: the ones that ship, and the ones put in their place."""
    with catalogue(settings(context)) as store:
        found = store.read_now(prompts.list_prompts, store.read_now(_whose, organisation))
    print_json(found) if json else console().print(_table(found))


@app.command("set", epilog='Example: ari-recorder prompt set start hej.mp3 --language sv --text "Hej!"')
def set_(
    context: typer.Context,
    kind: Kind,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Sound, at most 30 seconds and 10 MB.")],
    language: LanguageOption = None,
    text: Annotated[str, typer.Option(help="What it says.")] = "",
    organisation: OrganisationOption = None,
) -> None:
    """Use a file instead of the prompt in use."""
    spoken_in, said = _language(kind, language), _text(text)
    converted = _converted(file)
    with catalogue(settings(context), make=True) as store:
        info = store.write_now(
            prompts.replace,
            actor(),
            store.write_now(organisation_named, organisation),
            kind,
            spoken_in,
            wav=converted.wav,
            duration_ms=converted.duration_ms,
            text=said,
            file_name=file.name,
            now=datetime.now(UTC),
        )
    _say(info)


@app.command("reset", epilog="Example: ari-recorder prompt reset start --language sv")
def reset(
    context: typer.Context,
    kind: Kind,
    language: LanguageOption = None,
    organisation: OrganisationOption = None,
) -> None:
    """Go back to the prompt that ships."""
    spoken_in = _language(kind, language)
    with catalogue(settings(context)) as store:
        of = store.read_now(_whose, organisation)
        _say(store.write_now(prompts.reset, actor(), of, kind, spoken_in, datetime.now(UTC)))


@app.command("export", epilog="Example: ari-recorder prompt export start out.wav --language sv")
def export(
    context: typer.Context,
    kind: Kind,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The WAV file to write.")],
    language: LanguageOption = None,
    organisation: OrganisationOption = None,
) -> None:
    """Write what is played into a WAV file."""
    spoken_in = _language(kind, language)
    with catalogue(settings(context)) as store:
        of = store.read_now(_whose, organisation)
        found = store.read_now(prompts.find, of, kind, spoken_in)
    try:
        with files.created(file) as written:
            written.write(found.wav)
    except OSError as error:
        raise FileError(file, "written", error) from error
    _say(found)


def _whose(organisation: str | None) -> UUID:
    """The organisation whose prompts these are; while there is none at all, nobody: those that ship."""
    try:
        return organisation_named(organisation, make=False)
    except NotFound:
        if organisation is not None:
            raise
        return UUID(int=0)


def _language(kind: PromptKind, language: str | None) -> str:
    if kind in TONES:
        if language:
            raise SettingsError(f"{kind} is a tone, the same in every language: leave out --language.")
        return ""
    if language is None:
        raise SettingsError(f"{kind} is spoken: say in which language, --language {' or '.join(LANGUAGES)}.")
    try:
        return prompts.stored_language(kind, language)
    except ValueError as error:
        raise SettingsError(f"--language: {error}") from error


def _text(text: str) -> str:
    try:
        return prompts.check_text(text)
    except ValueError as error:
        raise SettingsError(f"--{error}") from error


def _converted(path: Path) -> ConvertedPrompt:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise FileError(path, "read", error) from error
    try:
        return convert(content)
    except PromptRefused as refused:
        raise PromptRefused(refused.reason, str(path)) from refused


def _say(info: PromptInfo) -> None:
    name = f"{info.kind} {info.language}".strip()
    whose = f"your own, from {info.file_name}" if info.own else "the one that ships"
    say(f"{name}: {whose}, {_seconds(info)} s{f': {info.text}' if info.text else ''}")


def _table(found: list[PromptInfo]) -> Table:
    rows = (
        (one.kind, one.language, "own" if one.own else "ships", _seconds(one), one.text, one.file_name)
        for one in found
    )
    return table(("kind", "language", "which", "seconds", "says", "file"), rows)


def _seconds(info: PromptInfo) -> str:
    return f"{info.duration_ms / 1000:.1f}"
