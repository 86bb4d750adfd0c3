"""The end of a run of an erasure: what it waits for, or that it is done, and the report of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from ari_recorder.policies import erasing as policy
from ari_recorder.policies.erasing import Person, State
from ari_recorder.store import audit
from ari_recorder.store.audit import Action, Actor, ActorKind, Subject
from ari_recorder.store.erasing import asking
from ari_recorder.store.models import Erasure, Hold, Organisation

_BY_ITSELF = Actor(ActorKind.RECORDER, "", "")


def end(row: Any, now: datetime) -> None:
    """Say what came of it, in a write: it waits, or is done, and then nobody is named in it any more."""
    counts = asking.rows([row])[0].counts
    naming = _naming(row)
    waits = bool(counts.held or counts.going_on or naming)
    state = State.WAITING if waits else State.DONE
    report = policy.report(_facts(row, state, naming, now))
    new: dict[str, Any] = {"state": state.value, "report": report.text, "report_sha256": report.sha256}
    if not waits:
        new |= {"number": "", "name": "", "done_at": now}
    Erasure.update(**new).where(Erasure.id == row.id).execute()
    detail = {
        "state": state.value,
        "recordings": counts.disposed,
        "held": counts.held,
        "report_sha256": report.sha256,
    }
    audit.write(
        _BY_ITSELF, Action.REMOVE if state is State.DONE else Action.CHANGE,
        Subject(asking.KIND, str(row.id)), now, organisation=row.organisation_id, detail={"after": detail},
    )  # fmt: skip


def _facts(row: Any, state: State, naming: Sequence[UUID], now: datetime) -> dict[str, Any]:
    """Everything that is told, and nobody's name or number."""
    counts = asking.rows([row])[0].counts
    keeping = Hold.select(Hold.id).where((Hold.organisation == row.organisation_id) & Hold.over_at.is_null())
    return {
        "erasure": row.id,
        "organisation": Organisation.get_by_id(row.organisation_id).name,
        "kind": row.kind,
        "user": row.user,
        "pseudonym": row.pseudonym,
        "reference": row.reference,
        "begun_at": row.begun_at.isoformat(),
        "begun_by": row.begun_by,
        "written_at": now.isoformat(),
        "state": state.value,
        "done": {
            "recordings_disposed_of": counts.disposed,
            "recordings_with_pseudonym": counts.renamed,
            "calls_with_pseudonym": counts.calls,
            "texts_changed": counts.texts,
            "manifests_without_names": counts.manifests,
            "saved_searches_removed": counts.searches,
            "other_places_changed": counts.others,
        },
        "waits": {
            "recordings_on_hold": counts.held,
            "recordings_going_on": counts.going_on,
            "holds_naming_the_person": [str(one) for one in naming],
            "holds_of_the_organisation": [str(one.id) for one in keeping] if counts.held else [],
        },
        "kept": {
            "audit_lines": counts.audit_lines,
            "audit_line_numbers": list(counts.audit_first),
        },
        "to_look_at": list(counts.to_look_at),
    }


def _naming(row: Any) -> list[UUID]:
    """Holds that hold and name the person: they are changed when they are over."""
    who: Person = asking.person_of(row.organisation_id, row)
    own = (Hold.organisation == row.organisation_id) & Hold.over_at.is_null()
    return [one.id for one in Hold.select().where(own) if _names(who, one)]


def _names(who: Person, hold: Any) -> bool:
    texts = (hold.reason, hold.people, hold.query)
    return any(who.is_in(text) for text in texts) or (bool(hold.number) and who.is_party(hold.number, ""))
