"""Who may do what, written down by hand: a line for each route, and for each kind of asker whom it reaches.

Nothing of it is computed from the program's own table, which it is there to check. Letters stand for who
gets in: ``u`` a user, ``s`` a supervisor, ``a`` an administrator, ``x`` an auditor, ``o`` an operator, and of
tokens ``p`` one of the organisation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .matrix_people import CODE, Asker, Stage, users_file, wav
from .world import PASSWORD

NEW_PASSWORD = "seventeen quiet lanterns drift"
EVERYBODY = "usaxo"
SIGN_IN, SECOND = "303 /sign-in", "303 /sign-in/second-factor"


@dataclass(frozen=True)
class Line:
    """What a route does for whom.

    ``people`` come with a session, ``programs`` with a token; ``stranger`` is the outcome for who has
    neither, where that is not to be sent away, ``halfway`` and ``first`` those of who has still to give or to
    add their second factor. ``about`` is what the id in the address is of, ``verb`` what is done with it.
    An outcome is a status, and where it leads.
    """

    people: str
    programs: str = ""
    ok: str = "200"
    about: str = ""
    verb: str = ""
    sent: Any = None
    stranger: str = ""
    halfway: str = ""
    first: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)
    """The outcome for one of ``people``, by letter, where it is another than ``ok``."""


def _read(people: str, programs: str = "", about: str = "", verb: str = "see", ok: str = "200") -> Line:
    return Line(people, programs, ok, about, verb)


def _write(people: str, programs: str, sent: Any, about: str = "", ok: str = "200", verb: str = "") -> Line:
    return Line(people, programs, ok, about, verb, sent)


def _form(ok: str, **fields: str) -> Line:
    """A form of one's own account."""
    return Line(EVERYBODY, "", ok, sent=fields)


def _public(ok: str = "200") -> Line:
    return Line(EVERYBODY, EVERYBODY + "p", ok, stranger=ok, halfway=ok, first=ok)


def _token(asker: Asker) -> Mapping[str, Any]:
    scope = {"x": "audit:read", "o": "usage:read"}.get(asker.letter, "recordings:read")
    return {"name": "mine", "scopes": [scope]}


def _confirmation(asker: Asker) -> Mapping[str, str]:
    return {"sealed": asker.sealed, "code": CODE}


Sent = Callable[[Asker], Any]
NOTE = {"note": "changed"}
MARKED = {"recordings": ["0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b"], "mark": "red"}
"""Of nobody: whose are marked by whom is for a test of its own."""
CHOSEN = {"recordings": MARKED["recordings"]}
"""Likewise: who may is let in, and finds nothing."""
PASSWORDS = {"old": PASSWORD, "new": NEW_PASSWORD}
ADMINISTRATOR = {"name": "First", "login": "first", "password": NEW_PASSWORD}
ORGANISATION = {"name": "Third", "administrator": ADMINISTRATOR}
NEW_TOKEN = {"name": "New", "of": "organisation", "lasting": "30", "scopes": "usage:read"}
NEW_HOOK = {"name": "New", "url": "https://hook.example/new", "events": "recording.ready"}
API_HOOK = {**NEW_HOOK, "events": ["recording.ready"]}
ORGANISATION_FORM = {
    "name": "Fourth", "timezone": "UTC", "language": "en", "endpoints": "", "storage_mb": "30",
    "retention_days": "180",
}  # fmt: skip
FIRST_FORM = {"admin_name": "First", "admin_login": "first", "admin_password": NEW_PASSWORD}
ANY = {"version": "*"}
"""A form that goes by no state."""
TOLD = {"acknowledged": "yes", "acknowledgement": "Told.", "acknowledgement.by": "Somebody"}
NEW_USER = {
    "name": "Somebody",
    "number": "999",
    "mode": "never",
    "plan": "basic",
    "role": "user",
    "another": "yes",
}
ERASED = {"kind": "counterpart", "number": "070-123 45 67", "reference": "DSR 12"}
NEW_HOLD = {"number": "070-123 45 67", "reason": "Case 4711"}
MEMBERS = "members"
"""In place of a body: who is to come into the group."""
CSV = b"number,name\r\n999,Somebody\r\n"
USER, GROUP = "/api/v1/users/{id}", "/api/v1/groups/{id}"
RECORDING, CALL = "/api/v1/recordings/{id}", "/api/v1/calls/{id}"
COMMAND = "/{command:start|stop|pause|resume}"
PROMPT = "/{language}/{kind}"
FACTOR, STEP = "/account/second-factor", "/sign-in/second-factor"
ALL = "/api/v1/organisations"
DELIVERY = "/api/v1/delivery"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAtmXPPD4b9QJ1evACqAMYrTpoqR15kL6V76XrF98pHy"
TARGET = {"kind": "sftp", "host": "sftp.example.com", "port": "22", "login": "acme", "host_key": PUBLIC_KEY}
HOOK, API_HOOKS = "/webhooks/{id}", "/api/v1/webhooks"

LINES: dict[str, Line] = {
    # Pages
    "GET /": Line(EVERYBODY, instead={"x": "303 /audit", "o": "303 /organisations"}),
    "GET /recordings/{id}": _read("usa", "", "recording"),
    "POST /recordings/{id}": _write(
        "usa", "", {**NOTE, "version": "*"}, "recording", "303 to itself", "see and note"
    ),
    "POST /recordings/mark": _write("usa", "", {"mark": "red"}, ok="303 /"),
    "POST /recordings/export": _write("usa", "", {}, ok="303 /"),
    "POST /recordings/chosen/hold": _write("a", "", {}, ok="303 /"),
    "POST /recordings/chosen/remove": _write("a", "", {}, ok="303 /"),
    "GET /recordings/remove": _read("a"),
    "POST /recordings/remove": _write("a", "", {**ANY, "recordings": MARKED["recordings"][0]}, ok="409"),
    "GET /searches": _read("usa"),
    "POST /searches": _write("usa", "", {"name": "Red", "query": "mark=red"}, ok="303 /"),
    "POST /searches/{id}": _write("usa", "", {"name": "Red"}, "search", "303 /searches"),
    "POST /searches/{id}/remove": _write("usa", "", {}, "search", "303 /searches"),
    "GET /recordings/{id}/remove": _read("a", "", "recording"),
    "POST /recordings/{id}/remove": _write("a", "", ANY, "recording", "303 /disposals", "see"),
    "GET /calls": _read("usa"),
    "GET /call": _read("usa"),
    "GET /call.webmanifest": _public(),
    "POST /calls/{id}": _write("usa", "", NOTE, "call", "303 /calls", "note"),
    "POST /calls/{id}" + COMMAND: _write("usa", "", {}, "call", "303 /calls", "command"),
    "GET /prompts": _read("a"),
    "POST /prompts" + PROMPT: _write("a", "", wav, ok="303 /prompts"),
    "POST /prompts" + PROMPT + "/reset": _write("a", "", {}, ok="303 /prompts"),
    "POST /prompts" + PROMPT + "/undo": _write("a", "", {"key": "unknown"}, ok="404"),
    "GET /audit": _read("ax"),
    "GET /usage": _read("ao"),
    "GET /ledger": _read("ax"),
    "GET /evidence": _read("ax"),
    "GET /erasures": _read("ax"),
    "GET /erasures/new": _read("a"),
    "POST /erasures/new": _write("a", "", ERASED),
    "POST /erasures": _write("a", "", {**ANY, **ERASED}, ok="303 to what it made"),
    "GET /erasures/{id}": _read("ax", "", "erasure"),
    "GET /holds": _read("ax"),
    "GET /holds/new": _read("a"),
    "POST /holds/new": _write("a", "", NEW_HOLD, ok="303 to what it made"),
    "GET /holds/{id}": _read("ax", "", "hold"),
    "POST /holds/{id}/end": _write("a", "", {**ANY, "ends": "2030-01-01"}, "hold", "303 to its page"),
    "GET /holds/{id}/release": _read("a", "", "hold"),
    "POST /holds/{id}/release": _write("a", "", {**ANY, "why": "Closed"}, "hold", "303 to its page"),
    "GET /disposals": _read("ax"),
    "GET /tokens": _read("a"),
    "GET /tokens/new": _read("a"),
    "POST /tokens/new": _write("a", "", NEW_TOKEN),
    "GET /tokens/{id}/revoke": _read("a", "", "token"),
    "POST /tokens/{id}/revoke": _write("a", "", {}, "token", "303 /tokens"),
    "GET /webhooks": _read("a"),
    "GET /webhooks/new": _read("a"),
    "POST /webhooks/new": _write("a", "", NEW_HOOK),
    f"GET {HOOK}": _read("a", "", "webhook"),
    f"POST {HOOK}": _write("a", "", {**ANY, **NEW_HOOK}, "webhook", "303 to itself"),
    f"POST {HOOK}/pause": _write("a", "", {}, "webhook", "303 to its page"),
    f"POST {HOOK}/resume": _write("a", "", {}, "webhook", "303 to its page"),
    f"POST {HOOK}/ping": _write("a", "", {}, "webhook", "303 to its page"),
    f"POST {HOOK}/again": _write("a", "", {}, "webhook", "303 to its page"),
    f"GET {HOOK}/secret": _read("a", "", "webhook"),
    f"POST {HOOK}/secret": _write("a", "", {}, "webhook"),
    f"GET {HOOK}/remove": _read("a", "", "webhook"),
    f"POST {HOOK}/remove": _write("a", "", {}, "webhook", "303 /webhooks"),
    "GET /sessions": _read("a"),
    "POST /sessions/{id}/end": _write("a", "", {}, "session", "303 /sessions", "end"),
    "GET /organisations": _read("o"),
    "GET /organisations/new": _read("o"),
    "POST /organisations/new": _write("o", "", ORGANISATION_FORM | FIRST_FORM, ok="303 /organisations"),
    "GET /organisations/{id}": _read("o", "", "organisation"),
    "POST /organisations/{id}": _write("o", "", ORGANISATION_FORM, "organisation", "303 to itself"),
    "GET /administration": _read("a"),
    "GET /users": _read("a"),
    "GET /users/add": _read("a"),
    "POST /users/add": _write("a", "", NEW_USER, ok="303 to itself"),
    "GET /users/import": _read("a"),
    "POST /users/import": _write("a", "", users_file, ok="303 to what it made"),
    "GET /users/import/{file}": _read("a", ok="303 /users/import"),
    "POST /users/import/{file}": _write("a", "", {}, ok="303 /users/import"),
    "POST /users/import/{file}/forget": _write("a", "", {}, ok="303 /users/import"),
    "GET /users/{id}": _read("a", "", "user"),
    "POST /users/{id}/who": _write("a", "", {**ANY, "name": "Changed"}, "user", "303 to its page"),
    "POST /users/{id}/recording": _write(
        "a", "", {**ANY, "mode": "on_demand", "plan": "pro"}, "user", "303 to its page"
    ),
    "POST /users/{id}/acknowledgement": _write("a", "", TOLD, "user", "303 to its page"),
    "POST /users/{id}/sign-in": _write(
        "a", "", {**ANY, "login": "changed", "role": "user"}, "user", "303 to its page"
    ),
    "POST /users/{id}/calls": _write("a", "", {**ANY, "warning_tone_s": "15"}, "user", "303 to its page"),
    "POST /users/{id}/groups": _write("a", "", {"group": "none"}, "user", "422"),
    "GET /users/{id}/remove": _read("a", "", "user"),
    "POST /users/{id}/remove": _write("a", "", ANY, "user", "303 /users"),
    "GET /groups": _read("a"),
    "POST /groups": _write("a", "", {"name": "New"}, ok="303 to what it made"),
    "GET /groups/{id}": _read("a", "", "group"),
    "POST /groups/{id}/name": _write("a", "", {**ANY, "name": "Changed"}, "group", "303 to its page"),
    "POST /groups/{id}/members": _write("a", "", {}, "group", "422"),
    "POST /groups/{id}/members/remove": _write("a", "", {}, "group", "303 to its page"),
    "POST /groups/{id}/supervisors": _write("a", "", {}, "group", "422"),
    "POST /groups/{id}/supervisors/remove": _write("a", "", {}, "group", "303 to its page"),
    "POST /groups/{id}/retention": _write(
        "a", "", {**ANY, "retention_days": "90"}, "group", "303 to its page"
    ),
    "GET /groups/{id}/remove": _read("a", "", "group"),
    "POST /groups/{id}/remove": _write("a", "", ANY, "group", "303 /groups"),
    "GET /organisation": _read("a"),
    "POST /organisation/place": _write(
        "a", "", {**ANY, "timezone": "Europe/Oslo", "country": "NO", "language": "sv"}, ok="303 /organisation"
    ),
    "POST /organisation/calls": _write("a", "", {**ANY, "warning_tone_s": "15"}, ok="303 /organisation"),
    "POST /organisation/retention": _write("a", "", {**ANY, "retention_days": "180"}, ok="303 /organisation"),
    "POST /organisation/fields": _write("a", "", {**ANY, "tag1_name": "Case"}, ok="303 /organisation"),
    "POST /organisation/leavers": _write("a", "", {**ANY, "leavers": "pseudonym"}, ok="303 /organisation"),
    "POST /organisation/second-factor": _write("a", "", ANY, ok="303 /organisation"),
    "GET /delivery": _read("a"),
    "POST /delivery/what": _write("a", "", {**ANY, "form": "wav", "whose": "all"}, ok="303 /delivery"),
    "POST /delivery/account": _write("a", "", {**ANY, "login": "changed"}, ok="303 /delivery"),
    "POST /delivery/keys": _write("a", "", {"key": PUBLIC_KEY, "name": "new"}, ok="303 /delivery"),
    "GET /delivery/keys/{id}/remove": _read("a", "", "delivery key"),
    "POST /delivery/keys/{id}/remove": _write("a", "", {}, "delivery key", "303 /delivery"),
    "POST /delivery/target": _write(
        "a", "", {**ANY, **TARGET, "by": "key", "enabled": "yes"}, ok="303 /delivery"
    ),
    "POST /delivery/target/test": _write("a", "", {}, ok="303 /delivery"),
    "GET /delivery/target/remove": _read("a"),
    "POST /delivery/target/remove": _write("a", "", {}, ok="303 /delivery"),
    "GET /api": _public(),
    "GET /static/{path:.+}": _public(),
    # Signing in, and one's own account
    "GET /sign-in": Line(EVERYBODY, "", "303 /", stranger="200", halfway="200", first="200"),
    "POST /sign-in": Line(
        EVERYBODY,
        "",
        SECOND,
        sent={"login": "eva", "password": PASSWORD, "next": "/"},
        stranger=SECOND,
        halfway=SECOND,
        first=SECOND,
    ),
    "POST /sign-out": Line(EVERYBODY, "", SIGN_IN, sent={}, halfway=SIGN_IN, first=SIGN_IN),
    f"GET {STEP}": Line(EVERYBODY, "", "303 /", halfway="200", first="200"),
    f"POST {STEP}": Line(EVERYBODY, "", "403", sent={"code": CODE}, halfway="303 /", first="403"),
    f"POST {STEP}/passkey/options": Line(EVERYBODY, "", "403", sent={}, halfway="200", first="403"),
    f"POST {STEP}/passkey": Line(EVERYBODY, "", "403", sent={"credential": "{}"}, halfway="401", first="403"),
    "GET /account": _read(EVERYBODY),
    "POST /account/password": _form(
        "303 /account", password=PASSWORD, new=NEW_PASSWORD, repeated=NEW_PASSWORD
    ),
    "POST /account/sessions/end-others": _form("303 /account"),
    "POST /account/sessions/{id}/end": _write(EVERYBODY, "", {}, "session", "303 /account"),
    f"POST {FACTOR}/app": Line(EVERYBODY, sent={"password": PASSWORD}, halfway="403", first="200"),
    f"POST {FACTOR}/app/confirm": Line(
        EVERYBODY, "", "303 /account", sent=_confirmation, halfway="403", first="200"
    ),
    f"POST {FACTOR}/passkey/options": Line(
        EVERYBODY, sent={"password": PASSWORD}, halfway="403", first="200"
    ),
    f"POST {FACTOR}/passkey": Line(
        EVERYBODY, "", "422", sent={"credential": "{}"}, halfway="403", first="422"
    ),
    f"POST {FACTOR}/codes": _form("200", password=PASSWORD),
    f"POST {FACTOR}/{{id}}/remove": _write(EVERYBODY, "", {"password": PASSWORD}, "factor", "303 /account"),
    "GET /api/v1/sessions": _read(EVERYBODY),
    "DELETE /api/v1/sessions/{id}": _write(EVERYBODY, "", None, "session", "204"),
    "POST /api/v1/sessions/end-others": _write(EVERYBODY, "", None),
    "PUT /api/v1/me/password": _write(EVERYBODY, "", PASSWORDS, ok="204"),
    "GET /api/v1/me": _read(EVERYBODY, EVERYBODY + "p"),
    # Recordings and calls
    "GET /api/v1/recordings": _read("usa", "usap"),
    "GET /api/v1/recordings.csv": _read("usa", "usap"),
    "POST /api/v1/recordings/mark": _write("usa", "usap", MARKED),
    "POST /api/v1/recordings/hold": _write("a", "ap", {**CHOSEN, "reason": "Case 4711"}, ok="404"),
    "POST /api/v1/recordings/remove": _write("a", "ap", CHOSEN),
    "GET /api/v1/searches": _read("usa", "usa"),
    "POST /api/v1/searches": _write("usa", "usa", {"name": "Red", "query": "mark=red"}, ok="201"),
    "GET /api/v1/searches/{id}": _read("usa", "usa", "search"),
    "PATCH /api/v1/searches/{id}": _write("usa", "usa", {"name": "Red"}, "search"),
    "DELETE /api/v1/searches/{id}": _write("usa", "usa", None, "search", "204"),
    f"GET {RECORDING}": _read("usa", "usap", "recording"),
    f"PATCH {RECORDING}": _write("usa", "usap", NOTE, "recording", verb="see and note"),
    f"DELETE {RECORDING}": _write("a", "ap", None, "recording", "204", "see"),
    f"GET {RECORDING}/history": _read("usa", "usap", "recording"),
    f"GET {RECORDING}/audio": _read("usa", "usap", "recording", "hear"),
    f"GET {RECORDING}/evidence": _read("usa", "usap", "recording", "hear", ok="409"),
    f"GET {RECORDING}/waveform": _read("usa", "usap", "recording", "hear"),
    f"GET {RECORDING}/timeline": _read("usa", "usap", "recording"),
    f"GET {RECORDING}/listens": _read("ax", "axp", "recording", "audit"),
    "GET /api/v1/calls/live": _read("usa", "usap"),
    f"POST {CALL}{COMMAND}": _write("usa", "usap", None, "call", verb="command"),
    f"GET {CALL}": _read("usa", "usap", "call", "note"),
    f"PATCH {CALL}": _write("usa", "usap", NOTE, "call", verb="note"),
    "GET /api/v1/live": _read("usa", "usap", ok="426"),
    # Settings
    "GET /api/v1/prompts": _read("a", "ap"),
    f"GET /api/v1/prompts{PROMPT}": _read("a", "ap"),
    f"PUT /api/v1/prompts{PROMPT}": _write("a", "ap", wav),
    f"DELETE /api/v1/prompts{PROMPT}": _write("a", "ap", None),
    f"GET /api/v1/prompts{PROMPT}/audio": _read("a", "ap"),
    "GET /api/v1/tokens": _read(EVERYBODY),
    "GET /api/v1/tokens/{id}": _read(EVERYBODY, "", "token"),
    "POST /api/v1/tokens": _write(EVERYBODY, "", _token, ok="201"),
    "DELETE /api/v1/tokens/{id}": _write(EVERYBODY, "", None, "token", "204"),
    f"GET {API_HOOKS}": _read("a", "ap"),
    f"POST {API_HOOKS}": _write("a", "ap", API_HOOK, ok="201"),
    f"GET {API_HOOKS}/{{id}}": _read("a", "ap", "webhook"),
    f"PATCH {API_HOOKS}/{{id}}": _write("a", "ap", {"name": "Changed"}, "webhook"),
    f"DELETE {API_HOOKS}/{{id}}": _write("a", "ap", None, "webhook", "204"),
    f"POST {API_HOOKS}/{{id}}/pause": _write("a", "ap", None, "webhook"),
    f"POST {API_HOOKS}/{{id}}/resume": _write("a", "ap", None, "webhook"),
    f"POST {API_HOOKS}/{{id}}/secret": _write("a", "ap", None, "webhook"),
    f"POST {API_HOOKS}/{{id}}/ping": _write("a", "ap", None, "webhook", "202"),
    f"GET {API_HOOKS}/{{id}}/deliveries": _read("a", "ap", "webhook"),
    f"POST {API_HOOKS}/{{id}}/deliveries/send-failed": _write("a", "ap", None, "webhook"),
    f"GET {API_HOOKS}/{{id}}/deliveries/{{delivery}}": _read("a", "ap", "delivery"),
    f"POST {API_HOOKS}/{{id}}/deliveries/{{delivery}}/send": _write("a", "ap", None, "delivery"),
    "GET /api/v1/users": _read("a", "ap"),
    "POST /api/v1/users": _write("a", "ap", {"name": "Somebody", "number": "999"}, ok="201"),
    "GET /api/v1/users.csv": _read("a", "ap"),
    "POST /api/v1/users/import": _write("a", "ap", CSV),
    f"GET {USER}": _read("a", "ap", "user"),
    f"PATCH {USER}": _write("a", "ap", {"name": "Changed"}, "user"),
    f"DELETE {USER}": _write("a", "ap", None, "user"),
    f"GET {USER}/activations": _read("a", "ap", "user"),
    f"GET {USER}/preferences": _read("a", "ap", "user"),
    f"PATCH {USER}/preferences": _write("a", "ap", {"warning_tone_s": 15}, "user"),
    "GET /api/v1/groups": _read("sa", "sap"),
    "POST /api/v1/groups": _write("a", "ap", {"name": "New"}, ok="201"),
    f"GET {GROUP}": _read("sa", "sap", "group"),
    f"PATCH {GROUP}": _write("a", "ap", {"name": "Changed"}, "group"),
    f"DELETE {GROUP}": _write("a", "ap", None, "group", "204"),
    f"POST {GROUP}/members": _write("a", "ap", MEMBERS, "members"),
    f"PUT {GROUP}/members/{{user}}": _write("a", "ap", None, "newcomer"),
    f"DELETE {GROUP}/members/{{user}}": _write("a", "ap", None, "member"),
    f"PUT {GROUP}/supervisors/{{user}}": _write("a", "ap", {}, "supervisor"),
    f"DELETE {GROUP}/supervisors/{{user}}": _write("a", "ap", None, "supervisor"),
    "GET /api/v1/preferences": _read("a", "ap"),
    "PATCH /api/v1/preferences": _write("a", "ap", {"warning_tone_s": 15}),
    "GET /api/v1/organisation": _read("a", "ap"),
    "PATCH /api/v1/organisation": _write("a", "ap", {"timezone": "Europe/Oslo"}),
    f"GET {DELIVERY}": _read("a", "ap"),
    f"PATCH {DELIVERY}": _write("a", "", {"form": "wav"}),
    f"POST {DELIVERY}/keys": _write("a", "", {"key": PUBLIC_KEY, "name": "new"}, ok="201"),
    f"GET {DELIVERY}/keys/{{id}}": _read("a", "ap", "delivery key"),
    f"DELETE {DELIVERY}/keys/{{id}}": _write("a", "", None, "delivery key", "204"),
    f"GET {DELIVERY}/target": _read("a", "ap"),
    f"PUT {DELIVERY}/target": _write("a", "", TARGET | {"port": 22}),
    f"DELETE {DELIVERY}/target": _write("a", "", None, ok="204"),
    f"POST {DELIVERY}/target/test": _write("a", "", None),
    f"GET {DELIVERY}/report": _read("a", "ap"),
    f"GET {ALL}": _read("o"),
    f"POST {ALL}": _write("o", "", ORGANISATION, ok="201"),
    f"GET {ALL}/{{id}}": _read("o", "", "organisation"),
    f"GET {ALL}/{{id}}/usage": _read("o", "", "organisation"),
    f"PATCH {ALL}/{{id}}": _write("o", "", {"name": "Changed"}, "organisation"),
    "GET /api/v1/usage": _read("ao", "aop"),
    "GET /api/v1/usage.csv": _read("ao", "aop"),
    "GET /api/v1/usage/organisations.csv": _read("o"),
    "GET /api/v1/retention": _read("a", "ap"),
    # What happened, and whether it works
    "GET /api/v1/disposals": _read("ax", "axp"),
    "GET /api/v1/disposals.csv": _read("ax", "axp"),
    "GET /api/v1/ledger": _read("ax", "axp"),
    "GET /api/v1/evidence": _read("ax", "axp"),
    "GET /api/v1/evidence/recordings/{id}": _read("ax", "axp", "recording", "prove", ok="409"),
    "GET /api/v1/erasures": _read("ax", "axp"),
    "GET /api/v1/erasures/{id}": _read("ax", "axp", "erasure"),
    "GET /api/v1/erasures/{id}/report": _read("ax", "axp", "erasure", ok="409"),
    "GET /api/v1/holds": _read("ax", "axp"),
    "POST /api/v1/holds": _write("a", "ap", NEW_HOLD, ok="201"),
    "GET /api/v1/holds/{id}": _read("ax", "axp", "hold"),
    "PATCH /api/v1/holds/{id}": _write("a", "ap", {"ends_at": "2030-01-01T00:00:00Z"}, "hold"),
    "POST /api/v1/holds/{id}/release": _write("a", "ap", {"why": "Closed"}, "hold"),
    "GET /api/v1/audit": _read("ax", "axp"),
    "GET /api/v1/audit.jsonl": _read("ax", "axp"),
    "GET /api/v1/audit.csv": _read("ax", "axp"),
    "GET /api/v1/audit/key": _read("ax", "axp"),
    "GET /api/v1/openapi.json": _public(),
    "GET /api/v1/evidence/keys": _public(),
    "GET /healthz": _public(),
    "GET /readyz": _public(),
    "GET /metrics": Line("o", "o", stranger="401", halfway="401", first="401"),
}
NARROW = frozenset(
    {
        "GET /api/v1/recordings",
        "GET /api/v1/recordings.csv",
        f"GET {RECORDING}",
        f"GET {RECORDING}/history",
        f"GET {RECORDING}/timeline",
    }
)
"""Besides what every token may: what one may whose only scope is to read recordings."""
ANY_TOKEN = frozenset({"GET /api/v1/me"})
TAKE_TOKENS = frozenset({"GET /readyz", "GET /metrics"})
"""Routes outside of ``/api/`` that look at a token at all."""
OF_ALL = frozenset({f"GET {ALL}", f"POST {ALL}", f"GET {ALL}/{{id}}", f"GET {ALL}/{{id}}/usage"})
OF_ALL |= {"GET /organisations", "GET /organisations/new", "POST /organisations/new"}
OF_ALL |= {"GET /organisations/{id}", "POST /organisations/{id}"}
OF_ALL |= {f"PATCH {ALL}/{{id}}", "GET /api/v1/usage/organisations.csv"}
"""Of every organisation: the operators', who are of the provider."""
UNASKED = frozenset({"GET /healthz", "GET /static/{path:.+}"})
OPEN_DOCUMENTS = frozenset({"GET /api/v1/openapi.json", "GET /api/v1/evidence/keys"})
"""Of the API, and for everybody."""
FORM_FIRST = frozenset({"POST /sign-in"})
"""What is public, and yet a form."""
_OWN = frozenset({"own"})
_GROUP, _ALL = _OWN | {"member"}, _OWN | {"member", "elsewhere"}
VERBS = ("see", "hear", "note", "follow", "command")
WHOSE: dict[str, tuple[frozenset[str], ...]] = {
    "user": (_OWN, _OWN, _OWN, _OWN, _OWN),
    "user who may not listen": (frozenset(), frozenset(), _OWN, _OWN, _OWN),
    "supervisor": (_GROUP, _GROUP, _GROUP, _GROUP, _OWN),
    "supervisor who only sees": (_GROUP, _OWN, _OWN, _GROUP, _OWN),
    "supervisor of no group": (_OWN, _OWN, _OWN, _OWN, _OWN),
    "administrator": (_ALL, _ALL, _ALL, _ALL, _OWN),
    "auditor": (frozenset(),) * 5,
    "operator": (frozenset(),) * 5,
    "program": (_ALL, _ALL, _ALL, _ALL, _ALL),
}
"""Of whom each kind of asker has recordings and calls, for each of `VERBS`."""


def whose(asker: Asker, verb: str) -> frozenset[str]:
    """Whose calls ``asker`` may do that with; for ``see and note`` those of whom they may do both."""
    sets = [WHOSE[asker.kind][VERBS.index(one)] for one in verb.split(" and ")]
    return frozenset.intersection(*sets)


def expected(route: str, asker: Asker, subject: str) -> str:
    """What is to come of it: a status, and where it leads."""
    line, api = LINES[route], " /api/v1/" in route
    changes = not route.startswith("GET ")
    if route in UNASKED:
        return line.ok
    if asker.is_program and not api and route not in TAKE_TOKENS:
        return line.stranger or SIGN_IN
    if asker.stage is Stage.BAD_TOKEN:
        return "200" if route == "GET /readyz" else "401"
    if asker.stage in (Stage.NOBODY, Stage.HALFWAY, Stage.FIRST):
        return _not_in(line, asker.stage, api=api)
    if asker.is_program and route in ANY_TOKEN:
        return line.ok
    if asker.stage is Stage.NARROW and route not in NARROW | TAKE_TOKENS | OPEN_DOCUMENTS:
        return "403"
    if asker.stage is Stage.NARROW and route == "GET /metrics":
        return "403"
    if asker.stage is Stage.FORGED and changes:
        return "403"
    if asker.letter not in (line.programs if asker.is_program else line.people):
        return "403"
    return _about(line, asker, subject)


def _not_in(line: Line, stage: Stage, *, api: bool) -> str:
    told = {Stage.NOBODY: line.stranger, Stage.HALFWAY: line.halfway, Stage.FIRST: line.first}[stage]
    return told or ("401" if api else SIGN_IN if stage is Stage.NOBODY else SECOND)


def _about(line: Line, asker: Asker, subject: str) -> str:
    if subject == "":
        return line.instead.get(asker.letter, line.ok)
    if line.verb == "prove":  # of every recording of the organisation; an auditor has none of their own
        return "404" if subject == "foreign" or (subject == "own" and asker.letter == "x") else line.ok
    if line.about in ("recording", "call") and line.verb != "audit":
        if subject in whose(asker, line.verb):
            return line.ok
        seen = line.verb == "command" and subject in whose(asker, "follow")
        return "403" if seen else "404"
    if line.verb == "audit" or line.about == "organisation":
        return line.ok
    if line.about == "token":
        return line.ok if subject == "own" or (asker.letter == "a" and subject != "foreign") else "404"
    if line.verb == "end":
        return line.ok if subject != "foreign" else "404"
    if line.about in ("session", "factor", "search"):
        return line.ok if subject == "own" else "404"
    if line.about == "group" and asker.letter == "s":
        return line.ok if subject == "ours" and asker.kind != "supervisor of no group" else "404"
    return line.ok if subject == "ours" else "404"
