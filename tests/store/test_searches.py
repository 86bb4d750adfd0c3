"""Saved searches: each has their own, and no two of one name; marks of several recordings."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from ari_recorder.errors import Conflict, Invalid, NotFound
from ari_recorder.store import models, searches
from ari_recorder.store.audit import Actor, ActorKind, By
from ari_recorder.store.database import Store

from .build import add_user

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def by(user: UUID) -> By:
    organisation = models.User.get_by_id(user).organisation_id
    return {"actor": Actor(ActorKind.USER, str(user), "anna", organisation), "now": NOW}


def audited() -> list[tuple[str, str]]:
    rows = models.AuditLine.select().where(models.AuditLine.subject_kind == "search")
    return [(row.action, row.subject) for row in rows.order_by(models.AuditLine.number)]


def test_a_search_is_kept_changed_and_removed_and_written_down(store: Store) -> None:
    anna = add_user(store).id

    def work() -> None:
        made = searches.save(anna, "  Red ones ", "mark=red", **by(anna))
        searches.save(anna, "blue", "q=a", **by(anna))
        assert [row.name for row in searches.saved(anna)] == ["blue", "Red ones"]
        changed = searches.change(anna, made.id, "Red", None, **by(anna))
        assert (changed.name, changed.query) == ("Red", "mark=red")
        searches.change(anna, made.id, "Red", "mark=red", **by(anna))  # nothing new: nothing written
        assert searches.search(anna, made.id) == changed
        assert searches.remove(anna, made.id, **by(anna)).query == "mark=red"
        assert [row.name for row in searches.saved(anna)] == ["blue"]
        assert [what for what, which in audited() if which == str(made.id)] == ["create", "change", "remove"]

    store.write_now(work)


def test_what_cannot_be_kept(store: Store) -> None:
    anna = add_user(store).id

    def work() -> None:
        first = searches.save(anna, "Red", "mark=red", **by(anna))
        second = searches.save(anna, "Blue", "mark=blue", **by(anna))
        with pytest.raises(Conflict, match="name"):
            searches.save(anna, "Red ", "mark=green", **by(anna))
        with pytest.raises(Conflict, match="name"):
            searches.change(anna, second.id, "Red", None, **by(anna))
        for name in ("", "  ", "x" * 101, "a\u202eb", "a\nb"):
            with pytest.raises(Invalid):
                searches.change(anna, first.id, name, None, **by(anna))
        for number in range(searches.EACH - 2):
            searches.save(anna, f"n {number}", "q=x", **by(anna))
        with pytest.raises(Conflict, match="50"):
            searches.save(anna, "one more", "q=x", **by(anna))
        assert len(searches.saved(anna)) == searches.EACH

    store.write_now(work)


def test_nobody_has_anothers(store: Store) -> None:
    anna, bo = add_user(store).id, add_user(store, number="102").id

    def work() -> None:
        made = searches.save(anna, "Red", "mark=red", **by(anna))
        searches.save(bo, "Red", "mark=blue", **by(bo))
        for search in (made.id, uuid4()):
            for attempt in (
                lambda search=search: searches.search(bo, search),
                lambda search=search: searches.change(bo, search, "x", None, **by(bo)),
                lambda search=search: searches.remove(bo, search, **by(bo)),
            ):
                with pytest.raises(NotFound):
                    attempt()
        assert [row.query for row in searches.saved(anna)] == ["mark=red"]

    store.write_now(work)
