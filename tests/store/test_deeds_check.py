"""Who takes a legal hold out of the catalogue, ends or rewrites it, or an erasure's report, is told of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ari_recorder.policies.holds import Kind
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import deeds_check, holding, models, since
from ari_recorder.store.filters import Wanted
from ari_recorder.store.hold_about import About

from .build import recorded_call
from .test_erasure import HOUR, KARIN, LATER, NAME, NUMBER, SOMEBODY, World, world

__all__ = ["world"]


@pytest.fixture
def holds(world: World) -> dict[str, UUID]:
    """One of each kind, one that was given an end, one that is over, and an erasure."""
    recordings = [recorded_call(world.store, world.bo, at=LATER + n * HOUR).recording for n in range(2)]
    made = {
        "recording": world.hold(About(Kind.RECORDING, recording=recordings[0])),
        "selection": world.hold(About(Kind.SELECTION, recordings=recordings)),
        "user": world.hold(About(Kind.USER, user=world.bo.id)),
        "number": world.hold(About(Kind.NUMBER, number="0709876543"), "Karin's case"),
        "search": world.hold(About(Kind.SEARCH, query="q=fire", wanted=Wanted(text="fire"))),
        "over": world.hold(About(Kind.NUMBER, number="0709876544")),
    }
    world.release(made["over"])
    world.store.write_now(
        holding.change_end, COMMAND_LINE, made["number"], LATER + timedelta(days=9), actor=SOMEBODY, now=LATER
    )
    world.call((NUMBER, NAME))
    made["erasure"] = world.erase(KARIN).id
    return made


def found(world: World) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for which, text in deeds_check.unlike(world.store):
        told.setdefault(which, []).append(text)
    return told


def test_what_was_done_in_order_is_not_told(world: World, holds: dict[str, UUID]) -> None:
    assert found(world) == {}
    assert world.store.read_now(models.Hold.select().count) == 6


def change(model: Any, one: UUID, **values: Any) -> Callable[[], object]:
    return lambda: model.update(**values).where(model.id == one).execute()


ATTACKS: dict[str, tuple[str, Callable[[UUID], Callable[[], object]], str]] = {
    "gone": ("user", lambda one: lambda: models.Hold.delete_by_id(one), "it is not in the catalogue"),
    "over": ("search", lambda one: change(models.Hold, one, over_at=LATER), "no release"),
    "sooner": ("number", lambda one: change(models.Hold, one, ends_at=LATER + HOUR), "It does not say"),
    "other number": ("number", lambda one: change(models.Hold, one, number="070"), "It does not say"),
    "other recording": (
        "recording", lambda one: change(models.Hold, one, recording=UUID(int=7)), "It does not say"
    ),
    "other reason": ("number", lambda one: change(models.Hold, one, reason="None"), "It does not say"),
    "held again": ("over", lambda one: change(models.Hold, one, over_at=None), "that it holds"),
    "fewer": (
        "selection",
        lambda one: lambda: models.HeldRecording.delete().where(models.HeldRecording.hold == one).execute(),
        "not of the recordings",
    ),
    "report": ("erasure", lambda one: change(models.Erasure, one, report="{}"), "Its report"),
    "no erasure": ("erasure", lambda one: lambda: models.Erasure.delete_by_id(one), "it is not in the"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_what_was_done_in_the_database_is(world: World, holds: dict[str, UUID], name: str) -> None:
    of, attack, said = ATTACKS[name]
    world.store.write_now(attack(holds[of]))
    kind = "erasure" if of == "erasure" else "hold"
    told = found(world)
    assert list(told) == [f"{kind} {holds[of]}"]
    assert said in told[f"{kind} {holds[of]}"][0]


def test_what_is_done_while_it_is_looked_at_is_not(
    world: World, holds: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, waiting = deeds_check._told, [holds["number"]]

    def and_then_released(*given: Any) -> Any:
        read = told(*given)
        while waiting:
            world.release(waiting.pop())
        return read

    monkeypatch.setattr(deeds_check, "_told", and_then_released)
    assert found(world) == {}
    assert waiting == []


def test_one_that_nobody_placed_is(world: World) -> None:
    added = world.store.write_now(
        lambda: models.Hold.create(
            organisation=world.organisation, kind="number", number="070", reason="x", begun_at=LATER,
            begun_by="Eve",
        )
    )  # fmt: skip
    assert found(world) == {
        f"hold {added.id}": ["It is in the catalogue, and the audit log tells of no such deed."]
    }


def test_what_a_restore_does_again_is_told_of(world: World, holds: dict[str, UUID]) -> None:
    newest = world.store.read_now(since.read_catalogue)
    world.store.write_now(lambda: models.HeldRecording.delete().execute())
    world.store.write_now(lambda: models.Hold.delete().where(models.Hold.id != holds["over"]).execute())
    world.store.write_now(change(models.Hold, holds["over"], over_at=None))
    since.do_again(world.store, newest, SOMEBODY, LATER, LATER + HOUR)
    assert found(world) == {}
    assert deeds(world, holds["recording"]) == ["create", "create"]
    assert deeds(world, holds["over"]) == ["create", "remove", "remove"]


def deeds(world: World, hold: UUID) -> list[str]:
    its = models.AuditLine.select().where(models.AuditLine.subject == str(hold))
    return world.store.read_now(lambda: [row.action for row in its.order_by(models.AuditLine.number)])
