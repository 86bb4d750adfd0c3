"""Who rewrites a note, a mark or a tag in the database, or their history, is told of."""

from __future__ import annotations

from typing import Any

import pytest

from ari_recorder.policies.retention import Rule
from ari_recorder.store import disposal, models, notes_check
from ari_recorder.store.disposal import Why

from .build import Call
from .test_erasure import LATER, NAME, NUMBER, World, world

__all__ = ["world"]

ATTACKS = {
    "note": (models.Leg, {"note": "He agreed"}, "Its note"),
    "mark": (models.Leg, {"mark": "green"}, "Its note"),
    "tag": (models.Recording, {"tag1": "closed"}, "Its note"),
    "taken away": (models.Recording, {"note": ""}, "Its note"),
    "history": (models.Annotation, {"after": "He agreed"}, "The history"),
    "author": (models.Annotation, {"by": "Bo"}, "The history"),
    "time": (models.Annotation, {"at": LATER}, "The history"),
    "all of it": (models.Annotation, None, "The history"),
}


@pytest.fixture
def call(world: World) -> Call:
    """With notes; beside it one whose person was erased, one that is gone, and one of which nobody wrote."""
    made = world.call(("0709999999", "Bertil"), note="He refused")
    world.annotate(made, note="He refused, twice", mark="red")
    world.annotate(made, by=world.bo, tag1="open")
    both = world.call((NUMBER, NAME), ("0709999999", "Bertil"), note=f"{NAME} was angry")
    world.annotate(both, tag1=("x" * 120 + NAME)[:128])
    gone, _ = world.call(("0708888888", "Cia"), note="Gone"), world.call(("0708888888", "Cia"))
    disposal.dispose(world.store, world.safe, [gone.recording], Why(Rule.RETENTION, {"days": 1}), LATER)
    world.erase()
    return made


def test_what_was_written_in_order_is_not_told(world: World, call: Call) -> None:
    assert list(notes_check.unlike(world.store)) == []


@pytest.mark.parametrize("name", ATTACKS)
def test_what_was_rewritten_in_the_database_is(world: World, call: Call, name: str) -> None:
    model, values, said = ATTACKS[name]
    where: Any = model.id == call.leg.id if model is models.Leg else model.leg == call.leg.id
    deed = model.delete() if values is None else model.update(**values)
    assert world.store.write_now(deed.where(where).execute)
    ((which, text),) = notes_check.unlike(world.store)
    assert which == call.leg.id
    assert text.startswith(said)
