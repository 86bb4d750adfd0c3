"""The places of My Pages, in one table: the header's menu and the sub-navigation of administration."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from ari_recorder.policies.rights import Right
from ari_recorder.web.language import N_


@dataclass(frozen=True)
class Place:
    """A place that a menu leads to, for who has the right to it."""

    address: str
    name: str
    right: Right
    about: str = ""
    """What can be done there, in a sentence."""

    def holds(self, here: str) -> bool:
        """Whether the page at that address belongs to it."""
        return here == self.address or here.startswith(self.address + "/")


@dataclass(frozen=True)
class Part:
    """Places of administration that belong together; the first part has no name."""

    name: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Entry:
    """A place of a menu, as who asks is shown it."""

    address: str
    name: str
    current: bool
    about: str = ""


@dataclass(frozen=True)
class Heading:
    """A part of the sub-navigation, as who asks is shown it."""

    name: str
    entries: list[Entry] = field(default_factory=list)


RECORDINGS = Place("/", N_("Recordings"), Right.RECORDINGS_READ)
CALLS = Place("/calls", N_("Calls now"), Right.CALLS_READ)
OVERVIEW = Place("/administration", N_("Overview"), Right.USERS_READ)
ACCOUNT = "/account"
ADMINISTRATION = N_("Administration")
PARTS: tuple[Part, ...] = (
    Part("", (OVERVIEW,)),
    Part(
        N_("People"),
        (
            Place(
                "/users",
                N_("Users"),
                Right.USERS_READ,
                N_("Who is recorded and how, who signs in, and what they may."),
            ),
            Place(
                "/groups",
                N_("Groups"),
                Right.GROUPS_WRITE,
                N_("Who supervises whom: supervisors have the recordings of a group's members."),
            ),
        ),
    ),
    Part(
        N_("Settings"),
        (
            Place(
                "/organisation",
                N_("Organisation"),
                Right.ORGANISATION_READ,
                N_("Time zone, announcements, keys, what happens when recording fails, second factor."),
            ),
            Place(
                "/delivery",
                N_("Delivery"),
                Right.ORGANISATION_READ,
                N_("Recordings by SFTP, or pushed to a server or bucket of yours."),
            ),
            Place(
                "/prompts",
                N_("Prompts"),
                Right.PROMPTS_READ,
                N_("What is said and played about recording, and your own in its place."),
            ),
        ),
    ),
    Part(
        N_("Access"),
        (
            Place(
                "/sessions",
                N_("Sessions"),
                Right.USERS_WRITE,
                N_("Who is signed in, and where."),
            ),
            Place(
                "/tokens",
                N_("API tokens"),
                Right.TOKENS,
                N_("What programs come in with, and what they may do."),
            ),
            Place(
                "/webhooks",
                N_("Webhooks"),
                Right.WEBHOOKS_WRITE,
                N_("Programs that are told when recordings begin, are ready or fail."),
            ),
        ),
    ),
    Part(
        N_("Provider"),
        (
            Place(
                "/organisations",
                N_("Organisations"),
                Right.ORGANISATIONS,
                N_("Every organisation, what it is billed for, and a new one."),
            ),
        ),
    ),
    Part(
        N_("Accountability"),
        (
            Place(
                "/audit",
                N_("Audit log"),
                Right.AUDIT_READ,
                N_("Who did what: signed in, listened, changed or removed."),
            ),
            Place(
                "/ledger",
                N_("Ledger"),
                Right.LEDGER_READ,
                N_("What was due to be recorded, what came of it, and why."),
            ),
            Place(
                "/evidence",
                N_("Evidence"),
                Right.EVIDENCE_READ,
                N_("What proves that no recording was changed or taken away."),
            ),
            Place(
                "/holds",
                N_("Legal holds"),
                Right.HOLDS_READ,
                N_("What must not be deleted, why, and until when."),
            ),
            Place(
                "/disposals",
                N_("Disposal log"),
                Right.AUDIT_READ,
                N_("Which recordings are gone, when, and why."),
            ),
            Place(
                "/erasures",
                N_("Erasures"),
                Right.HOLDS_READ,
                N_("People who were taken out, and the reports of it."),
            ),
            Place(
                "/usage",
                N_("Usage"),
                Right.USAGE_READ,
                N_("What is billed for a month: users by plan, start fees, storage."),
            ),
        ),
    ),
)
"""Administration, in the order in which it is shown: a page that belongs here is added here alone."""


def sections(rights: Collection[Right], here: str) -> list[Heading]:
    """The sub-navigation of administration for who has those rights; ``here`` is the path of the page."""
    found = [Heading(part.name, _entries(part.places, rights, here)) for part in PARTS]
    return [heading for heading in found if heading.entries]


def menu(rights: Collection[Right], here: str) -> list[Entry]:
    """The header's menu: what belongs to administration is one entry, which leads to the first of it."""
    entries = _entries((RECORDINGS, CALLS), rights, "/" if here.startswith("/recordings/") else here)
    within = [entry for heading in sections(rights, here) for entry in heading.entries]
    if within:
        current = any(entry.current for entry in within)
        entries.append(Entry(within[0].address, ADMINISTRATION, current))
    return entries


def home(rights: Collection[Right]) -> str:
    """Where who has those rights begins: the first place of the menu; their account if there is none."""
    entries = menu(rights, "")
    return entries[0].address if entries else ACCOUNT


def is_large(headings: Sequence[Heading]) -> bool:
    """Whether there is more than fits above a page on a telephone, and an overview of it to go back to."""
    addresses = [entry.address for heading in headings for entry in heading.entries]
    return len(addresses) > SMALL and OVERVIEW.address in addresses


SMALL = 3


def _entries(places: Sequence[Place], rights: Collection[Right], here: str) -> list[Entry]:
    return [
        Entry(place.address, place.name, place.holds(here), place.about)
        for place in places
        if place.right in rights
    ]
