"""My Pages on a furnished catalogue with two calls that go on, without Asterisk: for pictures and tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from ari_recorder import config
from ari_recorder.handlers.sealer import Sealer
from ari_recorder.live import Answer, Live
from ari_recorder.policies.leg import begin, inputs, receive
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import Event, Mode, decide
from ari_recorder.safes import safe
from ari_recorder.store import audit_key, calls, people
from ari_recorder.store.database import Store
from ari_recorder.store.rows import LegRow, shown
from ari_recorder.web import Part, WebContext
from ari_recorder.web import start as start_web
from lab import furnish, pages
from lab.directory import LAB
from lab.past_calls import COUNT, DAYS
from lab.recorder import PBX, add_users

ON = (
    ("101", Counterpart("0812345678", "Karin Ek"), Mode.ALWAYS, timedelta(minutes=2, seconds=41), ()),
    (
        "102",
        Counterpart("+46701234567", "Åke Öberg"),
        Mode.ALWAYS_PAUSE_RESUME,
        timedelta(minutes=6, seconds=5),
        (Event.PAUSE,),
    ),
)
"""The calls that go on: whose, with whom, since when, and which commands were given in them."""

NAME = "Nordvik"
"""What the company is called."""
ANOTHER = "Havsbris"
"""Another one of the provider's."""


@dataclass(frozen=True)
class Show:
    """Where it is served, and what the names in the addresses of `pages.PAGES` stand for."""

    url: str
    places: Mapping[str, str]

    def address(self, page: pages.Page) -> str:
        """The full address of a page."""
        return self.url.rstrip("/") + page.address.format(**self.places)


@asynccontextmanager
async def showing(folder: Path, now: datetime, latest: int = COUNT) -> AsyncIterator[Show]:
    """Furnish a catalogue in ``folder`` with the ``latest`` calls before ``now``, and serve it as of then."""
    settings = config.load(environ=_environment(folder))
    await asyncio.to_thread(_furnish, settings, now, latest)
    store = Store(settings.store.url)
    try:
        await Sealer(store, audit_key.made(folder / "audit.key"), lambda: now).seal()
        live = Live()
        for number, (user, party, mode, ago, commands) in enumerate(ON):
            live.add(await store.write(_in_progress, number, user, party, mode, now - ago, commands))
        context = WebContext(
            store, safe(settings.vault, store, lambda: now), settings.web, folder / "session.key",
            dict.fromkeys(("store", "vault", f"pbx.{PBX}"), _works), live, lambda: now,
        )  # fmt: skip
        server = await start_web(context)
        try:
            yield Show(server.url, await store.read(pages.places))
        finally:
            await server.close()
    finally:
        store.close()


def _furnish(settings: config.Settings, now: datetime, latest: int) -> None:
    store = Store(settings.store.url)
    began_at = now - timedelta(days=DAYS + 1)
    add_users(store, began_at)
    organisation = store.read_now(people.organisation_named, None, make=False)
    store.write_now(people.change_organisation, organisation, {"name": NAME}, actor=LAB, now=began_at)
    store.write_now(people.add_organisation, {"name": ANOTHER}, actor=LAB, now=began_at)
    store.close()
    furnish.furnish(settings, now, latest)


def _environment(folder: Path) -> dict[str, str]:
    return {
        "ARI_RECORDER_STORE__URL": f"sqlite:///{folder}/catalogue.db",
        "ARI_RECORDER_VAULT__PATH": str(folder / "vault"),
        "ARI_RECORDER_VAULT__KEY_FILE": str(folder / "master.key"),
        "ARI_RECORDER_WEB__PORT": "0",
        "ARI_RECORDER_WEB__REQUESTS_PER_MINUTE_MAX": "1000000",
        "ARI_RECORDER_WEB__REQUESTS_PER_MINUTE_PER_ADDRESS_MAX": "1000000",
    }


async def _works() -> Part:
    return Part(True)


class _InProgress:
    """A call that goes on by the table of modes alone."""

    def __init__(self, row: LegRow) -> None:
        self.row = row

    def command(self, command: Event) -> asyncio.Future[Answer]:
        """Carried out at once."""
        decision = decide(self.row.policy, command, self.row.policy.since)
        self.row = replace(self.row, policy=decision.leg)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        answer.set_result(Answer(self.row, decision.reason))
        return answer

    def annotated(self, annotations: Mapping[str, str]) -> None:
        """As they are now."""
        self.row = replace(self.row, annotations=annotations)


def _in_progress(
    number: int, user: str, party: Counterpart, mode: Mode, at: datetime, commands: tuple[Event, ...]
) -> _InProgress:
    owner = people.find_user(None, user)
    channel = f"{int(at.timestamp())}.{number}"
    leg = begin(
        app="show", pbx=PBX, channel=channel, channel_name=f"PJSIP/{user}-{number:08x}", created_at=at,
        user=owner.id, organisation=owner.organisation, user_number=user, user_name=owner.name, mode=mode,
        preferences=Preferences(), direction="inbound", counterpart=party,
    )  # fmt: skip
    for told in (inputs.Begun(channel), inputs.Answered(at, "(alaw)")):
        leg, _ = receive(leg, told, at)
    calls.save(leg, None, at)
    row = replace(shown(leg), policy=leg.standing)
    for command in commands:
        row = replace(row, policy=decide(row.policy, command, at + timedelta(minutes=4)).leg)
    return _InProgress(row)
