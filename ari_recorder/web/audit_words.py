"""The audit log in plain words: what was done, to what, and what it was before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ari_recorder.policies.retention import Rule
from ari_recorder.store.audit import Action
from ari_recorder.store.audit_log import AuditRow
from ari_recorder.web.auditing import Why
from ari_recorder.web.calls import REASONS
from ari_recorder.web.language import N_
from ari_recorder.web.words import COMMANDS, Words, clock

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
FIELDS = {
    "note": N_("Note"),
    "mark": N_("Mark"),
    "text": N_("Text"),
    "file_name": N_("File"),
    "name": N_("Name"),
    "number": N_("Number"),
    "reason": N_("Reason"),
    "command": N_("Command"),
    "outcome": N_("Outcome"),
    "recordings": N_("Recordings"),
    "calls": N_("Calls without a recording"),
    "path": N_("Address"),
    "form": N_("Format"),
    "from": N_("From"),
    "to": N_("To"),
    "unwritten": N_("Further attempts before"),
    "state": N_("State"),
    "rows": N_("Rows"),
    "created": N_("New"),
    "changed": N_("Changed"),
    "same": N_("Unchanged"),
    "refused": N_("Wrong"),
    "url": N_("Address"),
    "events": N_("Events"),
    "personal": N_("Names and numbers"),
    "stopped": N_("Stopped"),
    "secret": N_("Secret"),
    "tested": N_("Tested"),
    "sent_again": N_("Sent again"),
    "kind": N_("Kind"),
    "recording": N_("Recording"),
    "user": N_("User"),
    "ends_at": N_("Ends"),
    "released": N_("Released"),
    "pseudonym": N_("Pseudonym"),
    "held": N_("Under a legal hold"),
    "leavers": N_("Who leaves"),
    "rule": N_("Rule"),
    "retention_days": N_("Days that recordings are kept"),
    "ahead_s": N_("Seconds ahead"),
}
HIDDEN = frozenset({"sha256", "report_sha256", "method", "limit", "cursor"})
"""Of a line's detail, for programs alone."""
DENIALS = {
    Why.ROLE: N_("their role does not include it"),
    Why.NOT_THEIRS: N_("it is not theirs to see"),
    Why.FORM: N_("it was not sent from a page that was open for them"),
}
OUTCOMES = {"done": N_("done"), "already": N_("it was so already"), "refused": N_("refused")}
VALUES: dict[str, dict[str, str]] = {
    "command": COMMANDS,
    "state": {"begun": N_("begun"), "ended": N_("ended")},
    "outcome": OUTCOMES,
    "rule": {
        Rule.RETENTION: N_("Kept for its time"),
        Rule.REQUEST: N_("Removed by somebody"),
        Rule.ERASURE: N_("Erased with a person"),
    },
    "reason": {str(reason): text for reason, text in (*REASONS.items(), *DENIALS.items())},
}
"""Words of a line's detail, by its members."""
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
    return _known(words, ACTIONS, row.action)


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
    return _known(words, FIELDS, name)


def _value(words: Words, name: str, value: Any) -> str:
    if value in (None, ""):
        return "–"
    if name == "mark":
        return words.mark(str(value))
    return _known(words, VALUES.get(name, {}), str(value))[:_SHOWN_MAX]


def _known(words: Words, texts: Mapping[str, str], value: str) -> str:
    return words.language.gettext(texts[value]) if value in texts else value
