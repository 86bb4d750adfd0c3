"""The audit log in plain words: what was done, to what, and what it was before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ari_recorder.store.audit import Action
from ari_recorder.store.audit_log import AuditRow
from ari_recorder.web.audit_fields import FIELDS, HIDDEN, MANY, VALUES, YES_OR_NO
from ari_recorder.web.language import N_
from ari_recorder.web.words import Words, clock

ACTIONS: dict[str, str] = {
    Action.SIGN_IN: N_("Signed in"),
    Action.SIGN_IN_FAILED: N_("Failed to sign in"),
    Action.SIGN_OUT: N_("Signed out"),
    Action.LISTEN: N_("Listened"),
    Action.DOWNLOAD: N_("Downloaded"),
    Action.READ: N_("Listed recordings"),
    Action.EXPORT: N_("Exported"),
    Action.IMPORT: N_("Imported"),
    Action.ANNOTATE: N_("Changed note, mark or fields"),
    Action.COMMAND: N_("Gave a command in a call"),
    Action.CREATE: N_("Added"),
    Action.CHANGE: N_("Changed"),
    Action.REMOVE: N_("Removed"),
    Action.DENIED: N_("Was denied"),
}
ACTIONS_OF = {
    (Action.CREATE, "hold"): N_("Placed"),
    (Action.REMOVE, "hold"): N_("Released"),
    (Action.CREATE, "erasure"): N_("Begun"),
    (Action.REMOVE, "erasure"): N_("Carried out"),
}
"""Of some things it is called by another word."""
KINDS = {
    "recording": N_("A recording"),
    "recordings": N_("Recordings"),
    "call": N_("Call"),
    "calls": N_("Calls without a recording"),
    "prompt": N_("Prompt"),
    "audit": N_("Audit log"),
    "user": N_("User"),
    "group": N_("Group"),
    "organisation": N_("Organisation"),
    "token": N_("API token"),
    "webhook": N_("Webhook"),
    "session": N_("Session"),
    "address": N_("Address"),
    "login": N_("Login"),
    "password": N_("Password"),
    "preferences": N_("Preferences"),
    "second_factor": N_("Second factor"),
    "users": N_("Users"),
    "search": N_("Saved search"),
    "usage": N_("Usage"),
    "master_key": N_("Master key"),
    "organisation_key": N_("Key of the organisation"),
    "hold": N_("Legal hold"),
    "erasure": N_("Erasure"),
    "vault": N_("Vault"),
    "catalogue": N_("Catalogue"),
    "disposals": N_("Disposal log"),
    "clock": N_("Clock"),
    "delivery": N_("Delivery"),
    "delivery_target": N_("Push"),
}
ACTORS = {
    "sftp": N_("by SFTP"),
    "push": N_("pushed"),
    "token": N_("by API token"),
    "command_line": N_("on the command line"),
    "nobody": N_("not signed in"),
    "recorder": N_("by itself"),
}
_SHOWN_MAX = 200


def details(words: Words, row: AuditRow) -> list[str]:
    """What a line tells besides who, what and when: each in a few words."""
    say, detail = words.language.gettext, dict(row.detail)
    found = []
    if isinstance(detail.get("from_ms"), int) and isinstance(detail.get("to_ms"), int):
        first, last = clock(detail.pop("from_ms")), clock(detail.pop("to_ms"))
        found.append(say(N_("from %(first)s to %(last)s"), first=first, last=last))
    before, after = detail.pop("before", None), detail.pop("after", None)
    found += _changes(words, before, after)
    rest = {name: value for name, value in detail.items() if value and name not in HIDDEN}
    shown = {name: value for name, value in rest.items() if value != row.subject}
    return found + [f"{_field(words, name)}: {_value(words, name, value)}" for name, value in shown.items()]


def kind(words: Words, row: AuditRow) -> str:
    """What sort of thing it was done to."""
    return _known(words, KINDS, row.subject_kind)


def action(words: Words, row: AuditRow) -> str:
    """What was done."""
    own = ACTIONS_OF.get((Action(row.action), row.subject_kind)) if row.action in ACTIONS else None
    return words.language.gettext(own) if own else _known(words, ACTIONS, row.action)


def actor(words: Words, row: AuditRow) -> str:
    """How somebody came who has not just signed in; else empty."""
    return words.language.gettext(ACTORS[row.actor_kind]) if row.actor_kind in ACTORS else ""


def _changes(words: Words, before: Any, after: Any) -> Iterator[str]:
    if not isinstance(before, Mapping) and not isinstance(after, Mapping):
        return
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        yield from _all_of(words, after if isinstance(after, Mapping) else before)
        return
    old, new = before, after
    for name in dict.fromkeys([*old, *new]):
        if name not in HIDDEN and old.get(name) != new.get(name):
            shown = (_value(words, name, each.get(name)) for each in (old, new))
            yield f"{_field(words, name)}: {' → '.join(shown)}"


def _all_of(words: Words, made: Mapping[str, Any]) -> Iterator[str]:
    """What was added, or removed: there is no before or after to it."""
    for name, value in made.items():
        if name not in HIDDEN and value not in (None, "", [], {}):
            yield f"{_field(words, name)}: {_value(words, name, value)}"


def _field(words: Words, name: str) -> str:
    if name in MANY:
        return words.tag(name)
    return words.language.gettext(FIELDS[name]) if name in FIELDS else name


def _value(words: Words, name: str, value: Any) -> str:
    return _plain(words, name, value)[:_SHOWN_MAX]


def _plain(words: Words, name: str, value: Any) -> str:
    """A value as the pages write it; what has several parts with all of them."""
    if value in (None, "", [], {}):
        return "–"
    if isinstance(value, bool):
        return words.language.gettext(YES_OR_NO[value])
    if isinstance(value, Mapping):
        return ", ".join(f"{_field(words, part)}: {_plain(words, part, of)}" for part, of in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(words, name, one) for one in value)
    if name.endswith("_at") and (at := _moment(str(value))):
        return words.exactly(at)
    if name == "country":
        return str(words.language.locale.territories.get(str(value), value))
    return _known(words, VALUES.get(name, {}), str(value))


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _known(words: Words, texts: Mapping[str, str], value: str) -> str:
    return words.language.gettext(texts[value]) if value in texts else value
