"""Forms of preferences: announcements, the warning tone, what a failure does, codes; of a user or of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aiohttp import web

from ari_recorder.policies.preferences import WARNING_TONE_S, Preferences, check
from ari_recorder.policies.table import COMMANDS
from ari_recorder.store.preferences import Shown
from ari_recorder.web import page
from ari_recorder.web.administration import terms
from ari_recorder.web.administration.forms import UNDONE, VERSION, Form
from ari_recorder.web.administration.versions import version
from ari_recorder.web.language import N_, Language
from ari_recorder.web.problems import Refused
from ari_recorder.web.told import Undo
from ari_recorder.web.words import COMMANDS as COMMAND_NAMES

CHOICES = ("language", "announce_external", "announce_internal", "heard_by", "on_failure")
CODES = tuple(f"code.{command}" for command in COMMANDS)
FIELDS = (*CHOICES, "warning_tone_s", *CODES)
INHERITED = ""
"""What a field holds that is left to the organisation, or to the standard."""


def form_of_user(shown: Shown) -> Form:
    """What a user has set; what they have not is `INHERITED`."""
    fields = fields_of(shown, "user")
    return Form("calls", fields, version=version(fields))


def form_of_organisation(shown: Shown) -> Form:
    """What an organisation has set."""
    fields = fields_of(shown, "organisation")
    return Form("calls", fields, version=version(fields))


def fields_of(shown: Shown, layer: str) -> dict[str, str]:
    """The fields of the form, of what is set in that layer."""
    written = _written(shown.preferences)
    return {
        name: written[name] if shown.origins[_preference(name)] == layer else INHERITED for name in FIELDS
    }


def values(form: Form, words: Language) -> dict[str, Any]:
    """The form as the store takes it, None for what is inherited; what is wrong is said in the form."""
    found: dict[str, Any] = {}

    def read(name: str, reader: Callable[[], Any]) -> None:
        value = reader()
        if value is not None:
            check({name: value})
        found[name] = value

    readers: dict[str, Callable[[], Any]] = {name: partial(_chosen, form, name) for name in CHOICES}
    readers |= {"warning_tone_s": partial(_seconds, form), "codes": partial(_codes, form)}
    form.check(words, *(partial(read, name, reader) for name, reader in readers.items()))
    if "codes" in form.problems:  # which has no field of its own: it is of all four
        form.problems[CODES[0]] = form.problems.pop("codes")
    return found


def undo(address: str, before: Form, after: Form, sent: Mapping[str, Any]) -> Undo | None:
    """How to take back what a form has changed; None of a form that took something back itself."""
    if UNDONE in sent:
        return None
    fields = {**before.values, VERSION: after.version, UNDONE: "yes"}
    return Undo(address, tuple((name, str(value)) for name, value in fields.items()))


def choices(request: web.Request, shown: Shown) -> dict[str, Any]:
    """What the form offers, and what holds now for what is left alone."""
    words = page.reader_language(request)
    options = {
        "language": terms.languages(words),
        "announce_external": terms.named(words, terms.ANNOUNCE),
        "announce_internal": terms.named(words, terms.ANNOUNCE),
        "heard_by": terms.named(words, terms.HEARD_BY),
        "on_failure": terms.named(words, terms.ON_FAILURE),
    }
    return {
        "calling": options,
        "effective": {**_written(shown.preferences), **_named(options, shown.preferences)},
        "origins": shown.origins,
        "commands": [(f"code.{command}", words.gettext(COMMAND_NAMES[command])) for command in COMMANDS],
        "tone": WARNING_TONE_S,
    }


def _named(options: Mapping[str, list[tuple[str, str]]], preferences: Preferences) -> dict[str, str]:
    written = _written(preferences)
    return {name: dict(known)[written[name]] for name, known in options.items()}


def _written(preferences: Preferences) -> dict[str, str]:
    plain = {name: str(getattr(preferences, name)) for name in (*CHOICES, "warning_tone_s")}
    return plain | {f"code.{command}": code for command, code in preferences.codes.items()}


def _preference(name: str) -> str:
    return "codes" if name in CODES else name


def _chosen(form: Form, name: str) -> str | None:
    return form.value(name) or None


def _seconds(form: Form) -> int | None:
    text = form.value("warning_tone_s").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        least, greatest = WARNING_TONE_S
        raise Refused(
            422,
            N_("0 for none, or a whole number of seconds from %(least)s to %(greatest)s."),
            values={"least": least, "greatest": greatest},
            field="warning_tone_s",
        )
    return int(text)


def _codes(form: Form) -> dict[str, str] | None:
    """All four, or none of them."""
    given = {str(command): form.value(f"code.{command}").strip() for command in COMMANDS}
    return given if any(given.values()) else None
