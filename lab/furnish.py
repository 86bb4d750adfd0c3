"""``python -m lab.furnish``: fill a catalogue with fifty spoken recordings of the last weeks, to look at.

Two groups, their supervisor and an auditor, marks, notes, tags, listeners and some faults. The users 101 to
104 have to be there (`make demo` has them). The recordings are made as the recorder makes them: legs by what
writes every leg, then stitched, put into the vault, hashed and sealed by its own finisher, with the clock put
back; so ``ari-recorder verify`` finds nothing. A recorder on the same catalogue may run meanwhile.
Each of them has ``demo data`` as its third tag; ``--remove`` takes them and everything about them out again,
but for the lines of the audit log, which nothing takes out.

The settings are the recorder's own (``--config FILE`` or the environment).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import secrets
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import structlog

from ari_recorder import config
from ari_recorder.ari import Ari
from ari_recorder.errors import ARIRecorderError, Conflict, NotFound
from ari_recorder.handlers.finisher import Finisher
from ari_recorder.policies import erasing, holds
from ari_recorder.policies.listening import Stretch
from ari_recorder.policies.rights import COMMAND_LINE, Right
from ari_recorder.policies.table import Mode
from ari_recorder.policies.webhooks.events import EventType
from ari_recorder.policies.webhooks.sending import Attempt
from ari_recorder.safes import safe
from ari_recorder.store import annotations as notes
from ari_recorder.store import (
    calls,
    finishing,
    happenings,
    heard,
    holding,
    models,
    people,
    searches,
    tokens,
    webhook_sending,
    webhooks,
)
from ari_recorder.store.audit import Actor, ActorKind, By
from ari_recorder.store.database import Store
from ari_recorder.store.deliveries import accounts, pushing
from ari_recorder.store.erasing import asking, working
from ari_recorder.store.erasing.asking import Target
from ari_recorder.store.hold_about import About
from ari_recorder.store.people import UserRow
from lab import past
from lab.directory import LAB
from lab.errors import LabError
from lab.past_calls import COUNT, DAYS, GROUPS, PastCall, past_calls
from lab.people import STAFF

TAG = "demo data"
FIELDS = {"tag1_name": "Case", "tag2_name": "Place", "tag3_name": "Origin"}
"""What the three fields of calls are called."""
TIMEZONE = "Europe/Stockholm"
SAVED = {"To call back": "mark=red", "Something missing": "state=problems", "Orders": "q=order"}
"""What the supervisor looks for again and again."""
ARCHIVE_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAtmXPPD4b9QJ1evACqAMYrTpoqR15kL6V76XrF98pHy archive@acme"
SERVER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOJEqYuxV8fIt/qVl7DmuJMowjK/91Dtfo+NrnUbsol8"
"""Of nobody: their private halves are gone."""
WORKERS = 2
POLL_S = 0.05
FINISH_S = 120.0
ANSWERED = (
    Attempt(datetime(2026, 1, 1, tzinfo=UTC), 204, 38),
    Attempt(datetime(2026, 1, 1, tzinfo=UTC), 503, 21, answer="Try again later."),
    Attempt(datetime(2026, 1, 1, tzinfo=UTC), 0, 5004, "it cannot be connected to: Connection refused"),
)
"""What the demo's webhook answered."""
AFTERWARDS = timedelta(minutes=11)
"""After the last call of a day, people listen and note."""


def furnish(settings: config.Settings, now: datetime, latest: int = COUNT) -> int:
    """Fill the catalogue, with the ``latest`` calls; how many. Raises `LabError` if that has been done."""
    store = Store(settings.store.url)
    try:
        if store.read_now(_legs):
            raise LabError(
                f"The catalogue has the demo's recordings already; --remove takes them out ({TAG})."
            )
        owners = {number: store.read_now(_owner, number) for number in sum(GROUPS.values(), ())}
        store.write_now(_organise, now - timedelta(days=DAYS))
        made = asyncio.run(_make(store, settings, owners, past_calls(now)[-latest:]))
        store.write_now(_tell, now)
        _erase(store, now - timedelta(days=1))
        return made
    finally:
        store.close()


def remove(settings: config.Settings) -> int:
    """Take out every recording that `furnish` made; how many there were."""
    store = Store(settings.store.url)
    try:
        keys = store.write_now(_take_out)
    finally:
        store.close()
    for key in keys:
        (settings.vault.path / key).unlink(missing_ok=True)
    return len(keys)


# ---- people


def _owner(number: str) -> past.Owner:
    try:
        user = people.find_user(None, number)
    except NotFound as error:
        raise LabError(f"There is no user {number}: furnish a catalogue that has the lab's users.") from error
    return past.Owner(user.id, user.organisation, number, user.name, Mode(user.mode))


def _organise(now: datetime) -> None:
    """Where the company is, its groups, who supervises them, and a program that fetches recordings."""
    organisation = people.find_user(None, "101").organisation
    people.change_organisation(organisation, {"timezone": TIMEZONE, **FIELDS}, actor=LAB, now=now)
    for one in STAFF:
        with contextlib.suppress(NotFound):
            people.find_user(None, one.login)
            continue
        people.add_user(
            name=one.name, number=None, role=one.role, login=one.login, password=one.password,
            organisation=organisation, actor=LAB, now=now,
        )  # fmt: skip
    supervisor = people.find_user(None, "supervisor").id
    there = {group.name for group in people.list_groups(organisation)}
    for name in GROUPS.keys() - there:
        group = people.add_group(organisation, name, actor=LAB, now=now).id
        members = [people.find_user(organisation, number).id for number in GROUPS[name]]
        people.add_members(organisation, group, members, actor=LAB, now=now)
        people.set_supervisor(organisation, group, supervisor, actor=LAB, now=now)
    saved = Actor(ActorKind.USER, str(supervisor), "Sara", organisation, "127.0.0.1")
    for name, query in SAVED.items():
        searches.save(supervisor, name, query, actor=saved, now=now)
    about = About(holds.Kind.USER, user=people.find_user(organisation, "104").id)
    holding.place(
        COMMAND_LINE, organisation, about, reason="Case T 4711-26, Malmö tingsrätt",
        people="Asked for by Eva Ek, legal department", actor=LAB, now=now,
    )  # fmt: skip
    tokens.add(LAB, organisation, None, "CRM", {Right.RECORDINGS_READ}, now + timedelta(days=365), now)
    _deliver(organisation, now)


def _deliver(organisation: UUID, now: datetime) -> None:
    """An account of the SFTP service, and a server that recordings were pushed to; it is switched off."""
    accounts.change(organisation, {"login": "acme"}, actor=LAB, now=now)
    with contextlib.suppress(Conflict):
        accounts.add_key(organisation, "archive", ARCHIVE_KEY, actor=LAB, now=now)
    place = {"host": "sftp.example.com", "login": "recordings", "folder": "calls", "host_key": SERVER_KEY}
    pushing.set_target(organisation, "sftp", place, "", enabled=False, actor=LAB, now=now)
    for ago, problem in ((4, "sftp.example.com port 22 does not answer within 30 s."), (3, ""), (2, "")):
        day = (now - timedelta(days=ago)).date().isoformat()
        sent = {"files": 12, "sent": 7 if problem else 12, "problem": problem}
        models.DeliveryDay.get_or_create(
            organisation=organisation, day=day,
            defaults={**sent, "sent_at": None if problem else now - timedelta(days=ago - 1)},
        )  # fmt: skip


def _tell(now: datetime) -> None:
    """A webhook that was told of the latest recordings, and is paused: nothing leaves the demo."""
    organisation = people.find_user(None, "101").organisation
    what = {"name": "CRM", "url": "https://crm.example/recordings", "personal": False}
    events = [EventType.STARTED, EventType.READY, EventType.FAILED, EventType.MISSED]
    by = By(actor=LAB, now=now)
    hook = webhooks.add(organisation, {**what, "events": events}, "", **by).id
    stored = models.Recording.select(models.Recording.id).where(models.Recording.stored_at.is_null(False))
    for row in stored.order_by(models.Recording.id.desc()).limit(len(ANSWERED)):
        happenings.ready(organisation, row.id, now)
    webhook_sending.take_out(now)
    for one, attempt in zip(webhook_sending.due(now, {}), ANSWERED, strict=False):
        webhook_sending.done(one, replace(attempt, at=now), now)
    webhooks.pause(COMMAND_LINE, hook, **by)


def _erase(store: Store, now: datetime) -> None:
    """Somebody with whom nobody here ever talked was erased: the report of it can be looked at."""
    organisation = store.read_now(people.find_user, None, "101").organisation
    target = Target(erasing.Kind.COUNTERPART, number="0739999999")
    store.write_now(
        asking.begin,
        organisation,
        target,
        "DSR 2026-12",
        secrets.token_bytes(erasing.CODE_LENGTH),
        actor=LAB,
        now=now,
    )
    while batch := store.read_now(working.look):
        store.write_now(working.do, batch, now)


# ---- calls


async def _make(
    store: Store, settings: config.Settings, owners: dict[str, past.Owner], wanted: list[PastCall]
) -> int:
    clock = [wanted[0].answered_at]
    with tempfile.TemporaryDirectory(prefix="ari-recorder-furnish-") as made:
        folder = Path(made)
        finisher = Finisher(
            store=store, safe=safe(settings.vault, store, lambda: clock[0]), spools={past.PBX: folder},
            aris={past.PBX: cast(Ari, _NoAsterisk())}, work=folder / "work",
            audio_format=settings.media.format, workers=WORKERS, now=lambda: clock[0],
        )  # fmt: skip
        running = asyncio.create_task(finisher.run())
        try:
            for _, of_day in groupby(enumerate(wanted, 1), key=lambda one: one[1].answered_at.date()):
                await _make_day(store, finisher, owners, list(of_day), folder, clock)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return len(wanted)


async def _make_day(
    store: Store,
    finisher: Finisher,
    owners: dict[str, past.Owner],
    of_day: list[tuple[int, PastCall]],
    folder: Path,
    clock: list[datetime],
) -> None:
    legs = []
    for number, call in of_day:
        leg = await asyncio.to_thread(past.leave, call, owners[call.user], number, folder, folder / "spoken")
        clock[0] = (leg.ended_at or leg.created_at) + timedelta(seconds=3)
        await store.write(calls.save, leg, None, clock[0])
        await store.write(_annotate, leg.id, {"tag3": (LAB.name, TAG)}, clock[0])
        legs.append((leg, call))
    finisher.wake()
    async with asyncio.timeout(FINISH_S):
        while await store.read(finishing.due, (), 1, [past.PBX]):  # noqa: ASYNC110 - another task's work
            await asyncio.sleep(POLL_S)
    for leg, call in legs:
        clock[0] += AFTERWARDS / len(legs)
        await store.write(_listen, leg.recording_id(1), call.heard, clock[0])
        await store.write(_annotate, leg.id, call.put, clock[0])


def _annotate(leg: UUID, put: Mapping[str, tuple[str, str]], now: datetime) -> None:
    for field, (by, value) in put.items():
        actor = LAB if by == LAB.name else _actor(people.find_user(None, by))
        notes.annotate(COMMAND_LINE, actor, leg, {field: value}, now)


def _listen(recording: UUID, logins: Iterable[str], now: datetime) -> None:
    row = models.Recording.get_by_id(recording)
    for count, login in enumerate(logins):
        actor = _actor(people.find_user(None, login))
        at = now + timedelta(seconds=40 * count)
        heard.note_heard(
            actor, recording, row.organisation_id, Stretch(0, row.duration_ms), at, copied=count == 2
        )


def _actor(user: UserRow) -> Actor:
    return Actor(ActorKind.USER, str(user.id), user.name, user.organisation, "127.0.0.1")


class _NoAsterisk:
    """In place of the Asterisk of these calls: it has no files but those in the folder."""

    async def stored_recordings(self) -> list[Any]:
        """None."""
        return []


# ---- out again


def _legs() -> list[UUID]:
    rows = models.Leg.select(models.Leg.id).where(models.Leg.pbx == past.PBX)
    return [row.id for row in rows]


def _take_out() -> list[str]:
    """Everything about these calls; the keys of their files in the vault."""
    legs = _legs()
    recordings = list(models.Recording.select().where(models.Recording.leg.in_(legs)))
    of_recordings = [models.Segment]
    of_legs = [
        models.Announcement,
        models.Annotation,
        models.Counterpart,
        models.OnHold,
        models.LedgerLine,
        models.Recording,
    ]
    for table in of_recordings:
        table.delete().where(table.recording.in_([row.id for row in recordings])).execute()
    for table in of_legs:
        table.delete().where(table.leg.in_(legs)).execute()
    models.Webhook.delete().where(models.Webhook.created_by == LAB.name).execute()
    models.Leg.delete().where(models.Leg.id.in_(legs)).execute()
    models.Call.delete().where(models.Call.pbx == past.PBX).execute()
    return [row.vault_key for row in recordings if row.vault_key]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m lab.furnish", description=__doc__)
    parser.add_argument("--config", type=Path, help="the recorder's settings")
    parser.add_argument("--remove", action="store_true", help="take out what was filled in")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        settings = config.load(given.config)
        if given.remove:
            print(f"{remove(settings)} recordings taken out.")
        else:
            print(f"{furnish(settings, datetime.now(UTC))} calls of the last weeks put in.")
    except ARIRecorderError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
