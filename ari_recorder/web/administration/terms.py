"""What modes, roles, plans and preferences mean, in a sentence for who has never read the guide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ari_recorder.policies.numbering import is_country
from ari_recorder.policies.plans import Plan
from ari_recorder.policies.preferences import Announce, HeardBy, OnFailure
from ari_recorder.policies.rights import Role
from ari_recorder.policies.search import fold
from ari_recorder.policies.table import Event, Mode
from ari_recorder.store.people import Which
from ari_recorder.web.language import LANGUAGES, N_, Language
from ari_recorder.web.words import MODES, ROLES

Option = tuple[str, str, str]
"""Value, name, and a sentence about it."""

MODES_ABOUT: dict[Mode, str] = {
    Mode.NEVER: N_("No call is recorded."),
    Mode.ALWAYS: N_("Every call, from the answer to the end. The user can neither stop nor pause it."),
    Mode.ALWAYS_PAUSE_RESUME: N_(
        "Every call, from the answer to the end, but for what is said while the user has paused it: %(pause)s"
        " pauses, %(resume)s goes on."
    ),
    Mode.ON_DEMAND: N_(
        "Every call from the answer on, and destroyed when it ends, unless the user has pressed %(start)s to"
        " keep it. Can be paused."
    ),
    Mode.ON_DEMAND_USER_START: N_(
        "Nothing, until the user presses %(start)s; %(stop)s ends it. Each start makes a recording of its"
        " own. Can be paused."
    ),
}
ROLES_ABOUT: dict[Role, str] = {
    Role.USER: N_("Has their own calls, and their own recordings if they may listen."),
    Role.SUPERVISOR: N_("As a user, and has the recordings of the groups that they are made supervisor of."),
    Role.ADMINISTRATOR: N_("Has every recording of the organisation, and sets up everything here."),
    Role.AUDITOR: N_("Reads the audit log and the ledger, and hears nothing."),
    Role.OPERATOR: N_("Of the provider: made and changed by the command line alone."),
}
PLANS: dict[Plan, str] = {
    Plan.BASIC: N_("Basic"),
    Plan.PRO: N_("Pro"),
    Plan.BUSINESS: N_("Business"),
    Plan.ENTERPRISE: N_("Enterprise"),
}
WHICH: dict[Which, str] = {
    Which.RECORDED: N_("Recorded"),
    Which.NOT_RECORDED: N_("Not recorded"),
    Which.WITHOUT_TELEPHONE: N_("Recorded, without a telephone"),
    Which.UNACKNOWLEDGED: N_("Recorded, not known to have been told"),
    Which.WITHOUT_GROUP: N_("Recorded, in no group"),
    Which.SIGNING_IN: N_("Can sign in"),
}
ANNOUNCE: dict[Announce, str] = {
    Announce.NONE: N_("Nothing"),
    Announce.BEEP: N_("A beep"),
    Announce.ANNOUNCEMENT: N_("A voice"),
}
HEARD_BY: dict[HeardBy, str] = {
    HeardBy.BOTH: N_("Both parties"),
    HeardBy.USER: N_("The user alone"),
}
ON_FAILURE: dict[OnFailure, str] = {
    OnFailure.CONTINUE: N_("Go on silently"),
    OnFailure.TELL: N_("Tell the parties, and go on"),
    OnFailure.END: N_("Tell the parties, and end the call"),
}
ACKNOWLEDGEMENT = N_(
    "The user has been told that their calls are recorded, what the recordings are for, who can listen to"
    " them and how long they are kept, and has agreed to it."
)
"""Offered as the text of an acknowledgement, to be changed to what was said."""


def modes(words: Language, codes: Mapping[Event, str]) -> list[Option]:
    """Every mode, with the codes that its user presses."""
    values = {str(event): code for event, code in codes.items()}
    return [
        (mode, words.gettext(MODES[mode]), words.gettext(about, **values))
        for mode, about in MODES_ABOUT.items()
    ]


def roles(words: Language, present: str) -> list[Option]:
    """The roles that somebody can be given here, and the one they have."""
    shown = [role for role in Role if role is not Role.OPERATOR or role == present]
    return [(role, words.gettext(ROLES[role]), words.gettext(ROLES_ABOUT[role])) for role in shown]


def named(words: Language, terms: Mapping[Any, str]) -> list[tuple[str, str]]:
    """Values and their names, for a field to choose from."""
    return [(str(value), words.gettext(name)) for value, name in terms.items()]


def languages(words: Language) -> list[tuple[str, str]]:
    """Languages of pages and prompts, named in the reader's."""
    return [(code, words.locale.languages[code].capitalize()) for code in LANGUAGES]


def countries(words: Language) -> list[tuple[str, str]]:
    """Countries with a numbering plan, by their names in the reader's language."""
    named = [(code, name) for code, name in words.locale.territories.items() if is_country(code)]
    return sorted(named, key=lambda country: fold(country[1]))
