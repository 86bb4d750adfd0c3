"""The first page of administration: what is set up at a glance, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from ari_recorder.policies.usage import Usage
from ari_recorder.policies.webhooks.sending import Stopped
from ari_recorder.store import disposal, ledger, people, retention, webhooks
from ari_recorder.store.deliveries import pushing
from ari_recorder.store.people import LastImport, OrganisationRow, Overview, Which
from ari_recorder.web import page, told, usage
from ari_recorder.web.administration.imports import IMPORTS
from ari_recorder.web.administration.unknown import among, unknown
from ari_recorder.web.context import CONTEXT, own_organisation, scope
from ari_recorder.web.language import N_, Language

TAKES = (told.PARAMETER,)
LATELY = timedelta(days=7)
UNKNOWN_SHOWN = 5
NOT_GONE_AFTER = timedelta(hours=1)
"""What is being removed for so long is told: its file cannot be."""
FAILS_FROM = timedelta(hours=1)
"""A receiver that is away for less is nothing to look after."""
NEARLY_FULL = N_("More than 80 % of the included storage is used.")
FULL = N_("All of the included storage is used: more is billed as overage, and nothing is lost.")


@dataclass(frozen=True)
class Missing:
    """Something that is not as it should be, in words, and where it is put right."""

    text: str
    link: str
    address: str


async def show(request: web.Request) -> web.Response:
    """``GET /administration``."""
    store, organisation = request.app[CONTEXT].store, own_organisation(request)
    found = await store.read(people.overview, organisation)
    last = await store.read(people.last_import, organisation)
    words = page.reader_language(request)
    own = await store.read(people.organisation, organisation)
    used = (await usage.read(request, organisation, None)).usage
    broke_off = last is not None and not last.ended and not request.app[IMPORTS].goes_on(organisation)
    values = {
        "found": found,
        "missing": [
            *await _of_telephones(request),
            *_missing(found, words),
            *_of_organisation(own, words),
            *_broke_off(last if broke_off else None, words),
            *await _of_accounts(request, used),
            *await _of_pushes(request),
            *await _of_webhooks(request),
            *await _of_retention(request),
        ],
        "used": used,
        "share": min(1.0, used.stored_bytes / used.included_bytes) if used.included_bytes else None,
        "begins": found.users <= 1,
        "last": last if last and last.ended else None,
    }
    return await page.render(request, "administration/overview.html", values)


async def _of_telephones(request: web.Request) -> list[Missing]:
    """Whose telephones Asterisk does not have."""
    say, there_not = page.reader_language(request).gettext, await unknown(request)
    store, organisation = request.app[CONTEXT].store, own_organisation(request)
    users = await store.read(people.owners, organisation, there_not, UNKNOWN_SHOWN)
    text = N_("Asterisk does not know %(telephones)s of %(name)s: no call is recorded there.")
    return [
        Missing(
            say(text, telephones=", ".join(among(user.endpoints, there_not)), name=user.name),
            say("Show the user"),
            f"/users/{user.id}#who",
        )
        for user in users
    ]


def _missing(found: Overview, words: Language) -> Iterator[Missing]:
    say = words.gettext
    them, where = say("Show them"), "/users?which="
    if n := found.which[Which.UNACKNOWLEDGED]:
        text = words.ngettext(
            "%(n)s recorded user is not known to have been told.",
            "%(n)s recorded users are not known to have been told.",
            n,
        )
        yield Missing(text, them, where + Which.UNACKNOWLEDGED)
    if n := found.which[Which.WITHOUT_TELEPHONE]:
        text = words.ngettext(
            "%(n)s recorded user has no telephone: only a dialplan that names them records their calls.",
            "%(n)s recorded users have no telephone: only a dialplan that names them records their calls.",
            n,
        )
        yield Missing(text, them, where + Which.WITHOUT_TELEPHONE)
    if found.groups and (n := found.which[Which.WITHOUT_GROUP]):
        text = words.ngettext(
            "%(n)s recorded user is in no group: no supervisor has their recordings.",
            "%(n)s recorded users are in no group: no supervisor has their recordings.",
            n,
        )
        yield Missing(text, them, where + Which.WITHOUT_GROUP)
    yield from _of_groups(found, words)
    if found.administrators == 1:
        yield Missing(
            say("There is one administrator: nobody can help when they are away."),
            say("Show who signs in"),
            where + Which.SIGNING_IN,
        )
    if n := found.administrators_with_one_factor:
        text = words.ngettext(
            "%(n)s administrator signs in with a password alone.",
            "%(n)s administrators sign in with a password alone.",
            n,
        )
        yield Missing(text, say("Ask for a second factor"), "/organisation#second-factor")


def _of_groups(found: Overview, words: Language) -> Iterator[Missing]:
    if n := found.groups_without_supervisor:
        text = words.ngettext("%(n)s group has no supervisor.", "%(n)s groups have no supervisor.", n)
        yield Missing(text, words.gettext("Show the groups"), "/groups")
    if n := found.groups_without_member:
        text = words.ngettext("%(n)s group has no members.", "%(n)s groups have no members.", n)
        yield Missing(text, words.gettext("Show the groups"), "/groups")


def _of_organisation(own: OrganisationRow, words: Language) -> Iterator[Missing]:
    if not own.country:
        text = words.gettext(
            "It is not said in which country you are: 070-123 45 67 does not find +46701234567."
        )
        yield Missing(text, words.gettext("Choose the country"), "/organisation#place")


def _broke_off(last: LastImport | None, words: Language) -> Iterator[Missing]:
    if last is not None:
        text = words.gettext("The last import of users broke off before its end.")
        yield Missing(text, words.gettext("Import the file again"), "/users/import")


async def _of_accounts(request: web.Request, used: Usage) -> list[Missing]:
    """What the ledger and the usage of the month warn about (row T5)."""
    store, words, now = request.app[CONTEXT].store, page.reader_language(request), request.app[CONTEXT].now()
    lost = await store.read(ledger.lost, scope(request), now - LATELY, now)
    found = []
    if lost:
        text = words.ngettext(
            "%(n)s call of the last seven days was not recorded.",
            "%(n)s calls of the last seven days were not recorded.",
            lost,
        )
        found.append(Missing(text, words.gettext("Show why"), "/ledger?outcome=not_recorded"))
    if used.is_nearly_full:
        full = FULL if used.stored_bytes >= used.included_bytes else NEARLY_FULL
        found.append(Missing(words.gettext(full), words.gettext("Show the usage"), "/usage"))
    return found


async def _of_pushes(request: web.Request) -> list[Missing]:
    """The days of late of which not all could be pushed."""
    context, words = request.app[CONTEXT], page.reader_language(request)
    since = (context.now() - LATELY).date().isoformat()
    rows = await context.store.read(pushing.report, own_organisation(request))
    if not (late := [row for row in rows if row.problem and row.day >= since]):
        return []
    text = words.ngettext(
        "Not all recordings of %(n)s day could be pushed to your server.",
        "Not all recordings of %(n)s days could be pushed to your server.",
        len(late),
    )
    return [Missing(text, words.gettext("Show why"), "/delivery#report-title")]


async def _of_webhooks(request: web.Request) -> list[Missing]:
    """Those that take nothing, for a while or any more; a pause is as somebody wished."""
    context, say = request.app[CONTEXT], page.reader_language(request).gettext
    text = N_("The webhook %(name)s takes nothing: what happens waits for it.")
    return [
        Missing(say(text, name=hook.name), say("Show why"), f"/webhooks/{hook.id}")
        for hook in await context.store.read(webhooks.listed, scope(request))
        if hook.stopped != Stopped.PERSON
        and hook.failing_since is not None
        and context.now() - hook.failing_since > FAILS_FROM
    ]


async def _of_retention(request: web.Request) -> list[Missing]:
    """Which recordings go earlier than was said, and what is in the way of those that should be gone."""
    context, organisation = request.app[CONTEXT], own_organisation(request)
    words, now, found = page.words(request), context.now(), []
    say, look = words.language.gettext, words.language.gettext(N_("Look at it"))
    for one in await context.store.read(retention.coming, organisation, now):
        text = words.language.ngettext(
            "From %(day)s on recordings are kept for less than before: %(n)s is removed then.",
            "From %(day)s on recordings are kept for less than before: %(n)s are removed then.",
            one.recordings,
            day=words.date(one.at),
        )
        found.append(Missing(text, look, "/organisation#retention"))
    left = await context.store.read(disposal.left, organisation)
    if left.since is not None and now - left.since > NOT_GONE_AFTER:
        text = words.language.ngettext(
            "%(n)s recording should be gone, and its file is still there.",
            "%(n)s recordings should be gone, and their files are still there.",
            left.count,
        )
        found.append(Missing(text, look, "/disposals"))
    clock = await context.store.read(retention.clock)
    if clock is not None and clock.ahead:
        text = say(N_("The clock is not known to be right: recordings are kept for longer meanwhile."))
        found.append(Missing(text, look, "/organisation#retention"))
    return found
