"""What the delivery process does about legal holds and erasures, by itself and after whatever happened."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ari_recorder.delivery import erasing, holding
from ari_recorder.delivery.process import TASKS, DeliveryContext
from ari_recorder.policies.erasing import Kind, State
from ari_recorder.policies.holds import GRACE
from ari_recorder.policies.holds import Kind as Held
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import disposal, holds, models
from ari_recorder.store import holding as placed
from ari_recorder.store.database import Store
from ari_recorder.store.erasing import asking, working
from ari_recorder.store.erasing.asking import Target
from ari_recorder.store.filters import Wanted
from ari_recorder.store.hold_about import About

from ..store.build import BY, add_user, finish, recorded_call, safe_in

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def context_at(store: Store, folder: Path, now: datetime = NOW) -> DeliveryContext:
    return DeliveryContext(store, safe_in(store, folder), lambda: now)


def test_both_are_tasks_of_the_process() -> None:
    assert {TASKS["legal holds"], TASKS["erasures"]} == {holding.run, erasing.run}


async def test_holds_end_and_what_they_found_is_noted_and_forgotten(store: Store, tmp_path: Path) -> None:
    user = add_user(store)
    recordings = [recorded_call(store, user).recording for _ in range(3)]
    about = About(Held.SEARCH, query="direction=inbound", wanted=Wanted(direction="inbound"))
    store.write_now(
        placed.place, COMMAND_LINE, user.organisation, about, reason="x", ends_at=NOW, actor=BY, now=NOW - DAY
    )
    store.write_now(lambda: models.HeldRecording.delete().execute())
    await holding.once(context_at(store, tmp_path))
    assert {row.recording for row in store.read_now(lambda: list(models.HeldRecording.select()))} == set(
        recordings
    )
    await holding.once(context_at(store, tmp_path, NOW + GRACE))
    assert store.read_now(holds.held, recordings) == set()
    assert store.read_now(models.HeldRecording.select().count) == 0


async def test_an_erasure_is_done_and_waits_for_what_goes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "REST_S", 0.0)
    user, context = add_user(store), context_at(store, tmp_path)
    recorded_call(store, user, number="0701234567")
    finish(store, context.safe, tmp_path)
    made = store.write_now(
        asking.begin, user.organisation, Target(Kind.COUNTERPART, number="0701234567"), "", bytes(6),
        actor=BY, now=NOW,
    )  # fmt: skip
    await erasing.once(context)
    assert store.read_now(asking.one, COMMAND_LINE, made.id).state is State.RUNNING
    (waits,) = store.read_now(disposal.waiting, 10)
    assert waits.place is not None
    context.safe.remove(waits.place)
    store.write_now(disposal.complete, [waits.id], NOW)
    await erasing.once(context)
    assert store.read_now(asking.one, COMMAND_LINE, made.id).state is State.DONE
    assert store.read_now(working.look) is None


async def test_it_goes_on_for_ever_and_ends_when_it_is_told(store: Store, tmp_path: Path) -> None:
    for task in (holding.run, erasing.run):
        running = asyncio.create_task(task(context_at(store, tmp_path)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(running, 0.2)
