"""Calls of the bridge way are written down, and known until they are over."""

from __future__ import annotations

from dataclasses import replace

from ari_recorder.store import bridges
from ari_recorder.store.bridges import BridgedRow
from ari_recorder.store.database import Store
from ari_recorder.store.models import new_id

from .build import BEGIN, PBX, SECOND


def test_those_of_one_pbx_that_are_not_over(store: Store) -> None:
    first = BridgedRow(new_id(), PBX, "1.1", "PJSIP/102", 25, BEGIN)
    second = replace(first, id=new_id(), caller="1.2", planned_at=BEGIN + SECOND)
    for row in (second, first, replace(first, id=new_id(), pbx="other")):
        store.write_now(bridges.begin, row)
    assert store.read_now(bridges.open_calls, PBX) == [first, second]
    store.write_now(bridges.end, first.id, BEGIN + SECOND)
    assert store.read_now(bridges.open_calls, PBX) == [second]


def test_names_in_asterisk_tell_whose_they_are() -> None:
    row = BridgedRow(new_id(), PBX, "1.1", "PJSIP/102", 25, BEGIN)
    assert row.bridge("app") == f"app-bridge-{row.id.hex}"
    assert row.called("app") == f"app-bridge-{row.id.hex}-out"
