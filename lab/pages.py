"""The one table of the pages: where, for whom, under which name they are pictured and tested.

A test holds it against the table of routes: every page that can be asked for is in one of the two here.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ari_recorder.store import models, people
from lab import past
from lab.past_calls import GROUPS

NOT_SHOWN = {
    "/recordings/{id}/remove": "before a recording is removed: as other confirmations",
    "/healthz": "for probes",
    "/readyz": "for probes",
    "/metrics": "for Prometheus",
    "/static/{path:.+}": "files of pages",
    "/call.webmanifest": "what an installed call window is called",
    "/sign-in/second-factor": "only between a password and a code",
}
"""Addresses that answer with no page of their own, and why they are not pictured."""


@dataclass(frozen=True)
class Page:
    """A page: the file name of its pictures, its route, and who looks at it (a login, empty for nobody).

    ``path`` is asked for, with ``{names}`` that `places` knows; empty: the route's own. ``file`` is the text
    of a file that is given to the form there first, which leads to the page.
    """

    name: str
    route: str
    who: str
    path: str = ""
    title: str = ""
    file: str = ""

    @property
    def address(self) -> str:
        """What is asked for, with names in it."""
        return self.path or self.route


IMPORTED = """number,name,mode,endpoints,groups,acknowledgement
106,Fredrik Åberg,always,,Sales,"Told on paper, 22 Nov 2026"
107,Eva Sandberg,on_demand,,Support,"Told on paper, 22 Nov 2026"
108,Åke Öberg,sometimes,,,
101,Anna,always,,,
"""
"""A file with a new user, a changed one, one that stays and a fault."""

PAGES = (
    Page("sign-in", "/sign-in", "", title="Signing in"),
    Page("recordings", "/", "supervisor", title="Recordings, as a supervisor finds them"),
    Page("recordings-found", "/", "admin", "/?q=malm%C3%B6&mark=green", title="Found by a search"),
    Page("recordings-none", "/", "101", "/?q=zeppelin", title="Nothing found"),
    Page("searches", "/searches", "supervisor", title="Saved searches"),
    Page("recording", "/recordings/{id}", "102", "/recordings/{paused}", title="A recording with a pause"),
    Page(
        "recording-problem", "/recordings/{id}", "supervisor", "/recordings/{faulty}",
        title="A recording of which something is missing",
    ),
    Page(
        "recordings-remove", "/recordings/remove", "admin",
        "/recordings/remove?recordings={paused},{faulty},{recording}",
        title="Before several recordings are removed",
    ),
    Page("calls", "/calls", "supervisor", title="Calls now, as a supervisor sees them"),
    Page("calls-own", "/calls", "102", title="Calls now, for the recorded user"),
    Page("call", "/call", "102", title="The call window, for a phone or a side window"),
    Page("prompts", "/prompts", "admin", title="Prompts"),
    Page("administration", "/administration", "admin", title="Administration: what there is to do"),
    Page("users", "/users", "admin", title="Users"),
    Page("user-add", "/users/add", "admin", title="Adding a user"),
    Page("user", "/users/{id}", "admin", "/users/{user}", title="A user"),
    Page(
        "user-remove", "/users/{id}/remove", "admin", "/users/{user}/remove",
        title="Before a user is removed",
    ),
    Page("users-import", "/users/import", "admin", title="Importing users"),
    Page(
        "users-import-preview", "/users/import/{file}", "admin", "/users/import", file=IMPORTED,
        title="What an import would do, before it does it",
    ),
    Page("groups", "/groups", "admin", title="Groups"),
    Page("group", "/groups/{id}", "admin", "/groups/{group}", title="A group"),
    Page(
        "group-remove", "/groups/{id}/remove", "admin", "/groups/{group}/remove",
        title="Before a group is removed",
    ),
    Page("organisation", "/organisation", "admin", title="The organisation"),
    Page("delivery", "/delivery", "admin", title="Delivery: by SFTP, or pushed"),
    Page(
        "delivery-key-remove", "/delivery/keys/{id}/remove", "admin", "/delivery/keys/{delivery_key}/remove",
        title="Before a key is removed",
    ),
    Page(
        "delivery-target-remove", "/delivery/target/remove", "admin",
        title="Before recordings are pushed no longer",
    ),
    Page("usage", "/usage", "admin", title="Usage and billing"),
    Page("disposals", "/disposals", "auditor", title="The disposal log: what is gone, and why"),
    Page("ledger", "/ledger", "auditor", title="The ledger: every call accounted for"),
    Page("evidence", "/evidence", "auditor", title="Evidence: what proves that nothing was changed"),
    Page("holds", "/holds", "auditor", title="Legal holds"),
    Page(
        "hold-new", "/holds/new", "admin", "/holds/new?query=q%3Dmalm%C3%B6%26mark%3Dgreen",
        title="A new legal hold",
    ),
    Page(
        "hold-selection", "/holds/new", "admin", "/holds/new?recordings={paused},{faulty},{recording}",
        title="A new legal hold of chosen recordings",
    ),
    Page("hold", "/holds/{id}", "admin", "/holds/{hold}", title="A legal hold"),
    Page(
        "hold-release", "/holds/{id}/release", "admin", "/holds/{hold}/release",
        title="Before a legal hold is released",
    ),
    Page("erasures", "/erasures", "auditor", title="Erasures"),
    Page("erasure-new", "/erasures/new", "admin", title="Whom to erase"),
    Page("erasure", "/erasures/{id}", "admin", "/erasures/{erasure}", title="The report of an erasure"),
    Page("tokens", "/tokens", "admin", title="API tokens"),
    Page("token-new", "/tokens/new", "admin", title="A new API token"),
    Page(
        "token-revoke", "/tokens/{id}/revoke", "admin", "/tokens/{token}/revoke",
        title="Before a token is revoked",
    ),
    Page("webhooks", "/webhooks", "admin", title="Webhooks"),
    Page("webhook-new", "/webhooks/new", "admin", title="A new webhook"),
    Page("webhook", "/webhooks/{id}", "admin", "/webhooks/{webhook}", title="A webhook and its log"),
    Page(
        "webhook-secret", "/webhooks/{id}/secret", "admin", "/webhooks/{webhook}/secret",
        title="Before the secret of a webhook is renewed",
    ),
    Page(
        "webhook-remove", "/webhooks/{id}/remove", "admin", "/webhooks/{webhook}/remove",
        title="Before a webhook is removed",
    ),
    Page("sessions", "/sessions", "admin", title="Who is signed in"),
    Page("organisations", "/organisations", "operator", title="The provider's organisations"),
    Page("organisation-new", "/organisations/new", "operator", title="A new organisation"),
    Page(
        "organisation-one", "/organisations/{id}", "operator", "/organisations/{organisation}",
        title="An organisation, for the provider",
    ),
    Page("audit", "/audit", "auditor", title="The audit log"),
    Page("account", "/account", "101", title="One's own account"),
    Page("api", "/api", "", title="The API"),
)  # fmt: skip


def places() -> dict[str, str]:
    """What the names in addresses stand for, on a furnished catalogue; to be called in a read."""
    found = {
        "paused": _newest(models.Recording.id.in_(_with_a_pause()) & (models.Recording.problems == "")),
        "faulty": _newest(models.Recording.problems.contains("are missing")),
        "recording": _newest(models.Recording.note != ""),
        "user": people.find_user(None, "102").id,
    }
    organisation = people.find_user(None, "102").organisation
    group = people.find_group(organisation, next(iter(GROUPS)))
    token = models.Token.get(models.Token.organisation == organisation).id
    hold = models.Hold.get(models.Hold.organisation == organisation).id
    hook = models.Webhook.get(models.Webhook.organisation == organisation).id
    erasure = models.Erasure.get(models.Erasure.organisation == organisation).id
    delivery = models.Delivery.get(models.Delivery.organisation == organisation).id
    key = models.DeliveryKey.get(models.DeliveryKey.delivery == delivery).id
    more = {"organisation": organisation, "group": group, "token": token, "hold": hold}
    more |= {"webhook": hook, "erasure": erasure, "delivery_key": key}
    return {name: str(one) for name, one in (found | more).items()}


def _newest(condition: object) -> UUID:
    stored = models.Recording.select().join(models.Leg).where(models.Leg.pbx == past.PBX, condition)
    return UUID(str(stored.order_by(models.Recording.started_at.desc()).get().id))


def _with_a_pause() -> object:
    return models.Segment.select(models.Segment.recording).where(models.Segment.ordinal == 2)
