"""Every condition of a search is one that both databases understand, and finds the same on both."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import catalogue, models
from ari_recorder.store.database import Store
from ari_recorder.store.filters import Wanted

from .build import BEGIN, add_user, recorded_call

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"began_from": BEGIN + HOUR}, "b"),
        ({"began_before": BEGIN + HOUR}, "a"),
        ({"min_duration_s": 60.0}, "b"),
        ({"max_duration_s": 59.9999}, "a"),
        ({"user": "102"}, "b"),
        ({"user": uuid4()}, ""),
        ({"number": "070"}, "a"),
        ({"mark": "red"}, "a"),
        ({"note": "rING"}, "a"),
        ({"note": "_"}, ""),
        ({"note": "a_"}, "b"),
        ({"note": "a_b"}, "b"),
        ({"note": "a%b"}, ""),
        ({"tag1": "x"}, "a"),
        ({"tag2": "x"}, ""),
        ({"tag3": "y"}, "b"),
        ({"group": uuid4()}, ""),
        ({"group": "group"}, "b"),
        ({"direction": "inbound"}, "ab"),
        ({"mode": "always"}, "ab"),
        ({"mode": "on_demand"}, ""),
        ({"state": "recording"}, ""),
        ({"state": "preparing"}, "b"),
        ({"state": "ready"}, "a"),
        ({"state": "problems"}, "b"),
        ({"text": "EVA"}, "a"),
        ({"text": "102"}, "b"),
        ({"text": "'; --"}, ""),
    ],
)
def test_a_condition_finds(store: Store, wanted: dict[str, Any], found: str) -> None:
    anna, bo = add_user(store, "101"), add_user(store, "102")
    first = recorded_call(store, anna, number="0701").recording
    second = recorded_call(store, bo, number="0802", at=BEGIN + HOUR).recording
    change(store, first, note="Ring back", mark="red", tag1="x", duration_ms=59_999, state="stored")
    change(store, first, counterpart_name="Eva")
    change(store, second, note="a_b", tag3="y", duration_ms=60_000, problems="Late.")

    def group() -> Any:
        made = models.Group.create(organisation=bo.organisation, name="Sales")
        models.Membership.create(group=made, user=bo.id)
        return made.id

    asked = wanted | ({"group": store.write_now(group)} if wanted.get("group") == "group" else {})
    page = store.read_now(catalogue.recordings, COMMAND_LINE, wanted=Wanted(**asked))
    names = {first: "a", second: "b"}
    assert "".join(sorted(names[row.id] for row in page.recordings)) == found


def change(store: Store, recording: Any, **columns: Any) -> None:
    query = models.Recording.update(**columns).where(models.Recording.id == recording)
    store.write_now(query.execute)
