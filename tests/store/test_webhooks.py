"""What happens in calls comes into the outbox in the same commit, in order, once; and from there to hooks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ari_recorder.errors import Conflict, Invalid, NotFound
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.proxies import Networks
from ari_recorder.policies.retention import Rule
from ari_recorder.policies.rights import COMMAND_LINE, Right, program
from ari_recorder.policies.table import Event, Mode, State
from ari_recorder.policies.webhooks import sending
from ari_recorder.policies.webhooks.events import CHOSEN, EventType, happened
from ari_recorder.policies.webhooks.sending import Attempt, Stopped
from ari_recorder.store import (
    calls,
    disposal,
    finishing,
    happenings,
    models,
    webhook_log,
    webhook_sending,
    webhooks,
)
from ari_recorder.store.database import Store
from ari_recorder.store.disposal import Why
from ari_recorder.store.webhook_sending import Sending
from ari_recorder.store.webhooks import HookRow

from .build import BEGIN, BY, SECOND, Call, add_organisation, add_user, recorded_call, sealed, the_due

EVERYTHING = {
    "name": "CRM", "url": "https://crm.example/x", "events": [str(one) for one in CHOSEN], "personal": False,
}  # fmt: skip
LATER = BEGIN + timedelta(minutes=5)


def add_hook(store: Store, organisation: UUID, **differently: Any) -> HookRow:
    values = {**EVERYTHING, **differently}
    return store.write_now(webhooks.add, organisation, values, "sealed", actor=BY, now=BEGIN)


def noted(store: Store) -> list[tuple[str, datetime]]:
    """What is in the outbox: of each subject in its order."""

    def read() -> list[tuple[str, datetime]]:
        rows = models.Outbox.select().order_by(models.Outbox.subject, models.Outbox.place)
        return [(row.type.removeprefix("recording."), row.at) for row in rows]

    return store.read_now(read)


def kinds(store: Store) -> list[str]:
    return [kind for kind, _ in noted(store)]


def seal(call: Call) -> None:
    due = the_due(call.store)
    call.store.write_now(finishing.seal, due, sealed(due), call.now)


def test_a_call_is_told_from_its_beginning_to_its_end(store: Store) -> None:
    user = add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)
    add_hook(store, user.organisation)
    call = Call.rings(store, user)
    assert kinds(store) == []
    call.happens(Event.ANSWERED)
    assert noted(store) == [("started", call.now)]
    call.happens(Event.PAUSE)
    assert noted(store)[-1] == ("paused", call.now)
    call.happens(Event.RESUME)
    assert noted(store)[-1] == ("resumed", call.now)
    call.happens(Event.PAUSE, Event.RESUME).hangs_up()
    seal(call)
    assert kinds(store) == ["started", "paused", "resumed", "paused", "resumed", "ready"]
    row = store.read_now(lambda: models.Outbox.get(models.Outbox.type == EventType.READY))
    data = json.loads(row.data)
    assert data["recording"] == str(call.recording)
    assert data["user"] == str(user.id)
    assert data["duration_ms"] == 1000
    assert data["problems"] == []
    texts = store.read_now(lambda: " ".join(row.data for row in models.Outbox.select()))
    assert "0701234567" not in texts
    assert "Somebody" not in texts
    assert user.name not in texts


def test_a_pause_is_told_when_its_files_are_closed(store: Store) -> None:
    user = add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)
    add_hook(store, user.organisation)
    call = Call.rings(store, user, closes=False).happens(Event.ANSWERED, Event.PAUSE)
    paused_at = call.now
    assert kinds(store) == ["started"]
    call.now += SECOND
    call.segment_ends()
    assert noted(store)[1:] == [("paused", paused_at)]


def test_what_only_the_last_version_of_a_leg_tells_is_told_all_the_same(store: Store) -> None:
    """As after an outage, in which the journal alone was written."""
    user = add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)
    add_hook(store, user.organisation)
    call = Call.rings(store, user)
    before = call.leg
    with unwritten():
        call.happens(Event.ANSWERED, Event.PAUSE, Event.RESUME, Event.PAUSE)
    assert kinds(store) == []
    store.write_now(calls.save, call.leg, before, call.now)
    assert kinds(store) == ["started", "paused", "resumed", "paused"]
    store.write_now(calls.save, call.leg, None, call.now)
    assert kinds(store) == ["started", "paused", "resumed", "paused"], "a second time it is the same"


@contextmanager
def unwritten() -> Iterator[None]:
    kept = calls.save
    calls.save = lambda *_: None  # type: ignore[assignment]
    try:
        yield
    finally:
        calls.save = kept


def test_of_a_provisional_recording_nothing_is_told_until_it_is_kept(store: Store) -> None:
    user = add_user(store, mode=Mode.ON_DEMAND)
    add_hook(store, user.organisation)
    call = Call.rings(store, user).happens(Event.ANSWERED)
    answered_at = call.now
    call.happens(Event.PAUSE, Event.RESUME)
    assert kinds(store) == []
    call.happens(Event.START)
    assert noted(store)[0] == ("started", answered_at)
    assert kinds(store) == ["started", "paused", "resumed"]


def test_of_one_that_is_destroyed_nothing_is_told(store: Store) -> None:
    user = add_user(store, mode=Mode.ON_DEMAND)
    add_hook(store, user.organisation)
    call = Call.rings(store, user).happens(Event.ANSWERED).hangs_up()
    due = the_due(store)
    store.write_now(finishing.end_without_file, due, RecordingState.DISCARDED, "", call.now)
    assert kinds(store) == []


def test_one_without_audio_has_failed_and_its_call_was_missed(store: Store) -> None:
    user = add_user(store)
    add_hook(store, user.organisation)
    call = recorded_call(store, user)
    store.write_now(finishing.end_without_file, the_due(store), RecordingState.EMPTY, "Nothing.", call.now)
    assert Counter(kinds(store)) == Counter(["started", "failed", "call.missed"])
    row = store.read_now(lambda: models.Outbox.get(models.Outbox.type == EventType.MISSED))
    assert row.subject == call.leg.id
    assert json.loads(row.data)["reason"] == "Nothing."


def test_one_that_broke_off_has_failed_at_once_and_once(store: Store) -> None:
    user = add_user(store)
    add_hook(store, user.organisation)
    call = Call.rings(store, user).happens(Event.ANSWERED)
    broken = copy(call.leg)
    broken.standing = replace(broken.standing, state=State.FAILED, since=LATER)
    broken.trouble = "Asterisk refused"
    (failed,) = happened(call.leg, broken)
    assert (failed.type, failed.at, failed.data["reason"]) == (EventType.FAILED, LATER, "Asterisk refused")
    store.write_now(happenings.note, [failed])
    call.hangs_up()
    store.write_now(finishing.end_without_file, the_due(store), RecordingState.EMPTY, "", call.now)
    assert Counter(kinds(store)) == Counter(["started", "failed", "call.missed"])


def test_a_call_in_which_the_user_started_nothing_was_not_missed(store: Store) -> None:
    user = add_user(store, mode=Mode.ON_DEMAND_USER_START)
    add_hook(store, user.organisation)
    Call.rings(store, user).happens(Event.ANSWERED).hangs_up()
    assert store.read_now(lambda: models.LedgerLine.get().outcome) == "not_recorded"
    assert kinds(store) == []


def test_what_is_removed_is_told_with_its_rule_while_it_is_there(store: Store) -> None:
    user = add_user(store)
    add_hook(store, user.organisation)
    call = recorded_call(store, user)
    seal(call)
    store.write_now(happenings.disposed, user.organisation, call.recording, "retention", LATER)
    assert noted(store)[-1] == ("disposed", LATER)
    row = store.read_now(lambda: models.Outbox.get(models.Outbox.type == EventType.DISPOSED))
    assert json.loads(row.data)["rule"] == "retention"


def test_what_is_disposed_of_is_told_when_it_is_gone(store: Store) -> None:
    user = add_user(store)
    add_hook(store, user.organisation)
    call = recorded_call(store, user)
    call.now += SECOND
    seal(call)
    segments = [segment.id for segment in call.segments]
    store.write_now(
        lambda: models.Segment.update(cleared=True).where(models.Segment.id.in_(segments)).execute()
    )
    assert store.write_now(disposal.begin, [call.recording], Why(Rule.RETENTION), LATER).begun
    assert kinds(store)[-1] == "ready"
    store.write_now(disposal.complete, [call.recording], LATER)
    assert noted(store)[-1] == ("disposed", LATER)
    take_out(store)
    assert store.read_now(models.Recording.select().count) == 0


def test_where_nobody_wants_to_know_nothing_is_written_and_nothing_asked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)
    other = store.write_now(add_organisation, "Other")
    add_hook(store, other)
    looked: list[None] = []
    look = happenings._Wanted._look

    def counted(self: Any) -> None:
        looked.append(None)
        look(self)

    monkeypatch.setattr(happenings._Wanted, "_look", counted)
    monkeypatch.setattr(happenings, "LOOKED_S", 60.0)
    happenings.look_again()
    for _ in range(3):
        recorded_call(store, user)
    assert kinds(store) == []
    assert len(looked) == 1


def test_what_fails_is_not_told(store: Store) -> None:
    """The event is of the same commit, and of the same savepoint, as what it tells of."""
    user = add_user(store)
    add_hook(store, user.organisation)
    call = Call.rings(store, user)
    with unwritten():
        call.happens(Event.ANSWERED)

    def fails() -> None:
        calls.save(call.leg, None, call.now)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        store.write_now(fails)
    assert kinds(store) == []


def test_an_outbox_that_nobody_empties_has_an_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(happenings, "OUTBOX_MAX", 3)
    monkeypatch.setattr(happenings, "LOOKED_S", 0.0)
    user = add_user(store)
    add_hook(store, user.organisation)
    for _ in range(6):
        recorded_call(store, user)
    assert len(kinds(store)) == 3
    store.write_now(webhook_sending.take_out, LATER)
    recorded_call(store, user)
    assert len(kinds(store)) == 1


# From the outbox to the hooks


def told(store: Store, *, now: datetime = LATER, sent_now: Any = None) -> list[Sending]:
    return store.read_now(webhook_sending.due, now, sent_now or {})


def take_out(store: Store, now: datetime = LATER) -> int:
    return store.write_now(webhook_sending.take_out, now)


def went(status: int, at: datetime = LATER) -> Attempt:
    return Attempt(at, status, 7, "" if status else "no answer", "ok")


def done(store: Store, one: Sending, status: int = 204, at: datetime = LATER) -> Stopped | None:
    return store.write_now(webhook_sending.done, one, went(status, at), at)


def paused_call(store: Store, hook: Callable[[UUID], Any] | None = None) -> Call:
    user = add_user(store, mode=Mode.ALWAYS_PAUSE_RESUME)
    (hook or (lambda of: add_hook(store, of)))(user.organisation)
    call = Call.rings(store, user).happens(Event.ANSWERED, Event.PAUSE, Event.RESUME).hangs_up()
    seal(call)
    return call


def test_events_of_one_recording_are_sent_one_after_the_other(store: Store) -> None:
    paused_call(store)
    assert take_out(store) == 4
    assert kinds(store) == []
    sent = []
    while found := told(store):
        (one,) = found
        assert told(store, sent_now={one.hook: {one.id}}) == []
        sent.append(one.event.type.value)
        done(store, one)
    assert sent == ["recording.started", "recording.paused", "recording.resumed", "recording.ready"]


def test_what_was_not_taken_keeps_the_next_of_its_recording_and_no_other(store: Store) -> None:
    call = paused_call(store)
    take_out(store)
    (first,) = told(store)
    assert done(store, first, 500) is None
    assert told(store) == []
    other = recorded_call(store, add_user(store, "102"))
    take_out(store)
    assert [one.event.subject for one in told(store)] == [other.recording]
    again = LATER + timedelta(seconds=5)
    assert {one.event.subject for one in told(store, now=again)} == {call.recording, other.recording}
    (first_again,) = [one for one in told(store, now=again) if one.event.subject == call.recording]
    assert first_again.event.id == first.event.id


def test_what_is_given_up_makes_way(store: Store) -> None:
    paused_call(store)
    take_out(store)
    at = LATER
    (first,) = told(store)
    for tries in range(sending.ATTEMPTS_MAX):
        (one,) = told(store, now=at)
        assert one.id == first.id, tries
        store.write_now(lambda: models.Webhook.update(failing_since=None, rests_until=None).execute())
        done(store, one, 500, at)
        store.write_now(lambda: models.Webhook.update(stopped="", rests_until=None).execute())
        at += timedelta(days=1)
    (row,) = store.read_now(webhook_log.deliveries, COMMAND_LINE, first.hook, state="failed").rows
    assert (row.id, len(row.attempts)) == (first.id, sending.ATTEMPTS_MAX)
    assert [one.event.type.value for one in told(store, now=at)] == ["recording.paused"]


def test_at_most_four_recordings_at_a_time(store: Store) -> None:
    user = add_user(store)
    add_hook(store, user.organisation)
    for _ in range(7):
        recorded_call(store, user)
    take_out(store)
    found = told(store)
    assert len(found) == sending.AT_ONCE
    assert len({one.event.subject for one in found}) == sending.AT_ONCE
    running = {found[0].hook: {one.id for one in found[:3]}}
    (next_,) = told(store, sent_now=running)
    assert next_.id not in running[found[0].hook]


def test_a_hook_is_told_only_what_it_wants_and_only_of_its_organisation(store: Store) -> None:
    user = add_user(store)
    ready = add_hook(store, user.organisation, name="ready", events=["recording.ready"])
    every = add_hook(store, user.organisation, name="every")
    other = add_hook(store, store.write_now(add_organisation, "Other"), name="other")
    seal(recorded_call(store, user))
    take_out(store)
    by_hook: dict[UUID, list[str]] = {ready.id: [], every.id: [], other.id: []}
    while found := told(store):
        for one in found:
            by_hook[one.hook].append(one.event.type.value)
            done(store, one)
    assert by_hook == {
        ready.id: ["recording.ready"],
        every.id: ["recording.started", "recording.ready"],
        other.id: [],
    }


def test_what_happened_before_there_was_the_hook_is_not_told_it(store: Store) -> None:
    user = add_user(store)
    add_hook(store, user.organisation, name="first")
    recorded_call(store, user)
    late = store.write_now(
        webhooks.add, user.organisation, EVERYTHING, "sealed", actor=BY, now=LATER + timedelta(hours=1)
    )
    take_out(store)
    assert late.id not in {one.hook for one in told(store)}


def test_an_event_that_is_found_twice_is_told_once(store: Store) -> None:
    """A recorder that starts anew writes its legs down as if for the first time."""
    user = add_user(store)
    add_hook(store, user.organisation)
    call = Call.rings(store, user).happens(Event.ANSWERED)
    take_out(store)
    (one,) = told(store)
    done(store, one)
    store.write_now(calls.save, call.leg, None, call.now)
    assert kinds(store) == ["started"]
    take_out(store)
    assert told(store) == []


def test_names_and_numbers_are_looked_up_when_it_is_sent_and_only_for_who_is_told_them(store: Store) -> None:
    user = add_user(store)
    knows = add_hook(store, user.organisation, name="knows", personal=True)
    call = recorded_call(store, user, number="0701234567")
    take_out(store)
    (one,) = [one for one in told(store) if one.hook == knows.id]
    assert one.personal["counterpart"] == {"number": "0701234567", "name": "Somebody"}
    assert one.personal["recorded_user"] == {"number": user.number, "name": user.name}

    def erase() -> None:
        models.Recording.update(counterpart_number="", counterpart_name="").where(
            models.Recording.id == call.recording
        ).execute()

    store.write_now(erase)
    (one,) = [one for one in told(store) if one.hook == knows.id]
    assert one.personal["counterpart"] == {"number": "", "name": ""}


def test_a_hook_that_is_gone_is_stopped_and_what_happens_waits_for_it(store: Store) -> None:
    call = paused_call(store)
    take_out(store)
    (first,) = told(store)
    assert done(store, first, 410) is Stopped.GONE
    assert told(store) == []
    row = store.read_now(webhooks.find, COMMAND_LINE, first.hook)
    assert (row.stopped, row.waiting, row.failed) == (Stopped.GONE, 3, 1)
    store.write_now(webhooks.resume, COMMAND_LINE, first.hook, actor=BY, now=LATER)
    (next_,) = told(store)
    assert (next_.event.type, next_.event.subject) == (EventType.PAUSED, call.recording)


def test_a_paused_hook_collects_and_a_ping_comes_through(store: Store) -> None:
    user = add_user(store)
    hook = add_hook(store, user.organisation)
    store.write_now(webhooks.pause, COMMAND_LINE, hook.id, actor=BY, now=BEGIN)
    recorded_call(store, user)
    take_out(store)
    assert told(store) == []
    ping = store.write_now(webhooks.ping, COMMAND_LINE, hook.id, actor=BY, now=LATER)
    (one,) = told(store)
    assert (one.id, one.event.type) == (ping, EventType.PING)
    done(store, one, 500)
    delivery = store.read_now(webhook_log.delivery, COMMAND_LINE, hook.id, ping)
    assert delivery.state == "failed", "a test is tried once"
    assert store.read_now(webhooks.find, COMMAND_LINE, hook.id).failures == 0
    store.write_now(webhooks.resume, COMMAND_LINE, hook.id, actor=BY, now=LATER)
    assert [one.event.type for one in told(store)] == [EventType.STARTED]


def test_two_tests_in_one_moment_are_two(store: Store) -> None:
    hook = add_hook(store, add_user(store).organisation)
    for _ in range(2):
        store.write_now(webhooks.ping, COMMAND_LINE, hook.id, actor=BY, now=LATER)
    assert len({one.event.id for one in told(store)}) == 2


def test_what_waits_for_one_hook_has_an_end_which_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sending, "WAITING_MAX", 3)
    user = add_user(store)
    hook = add_hook(store, user.organisation)
    store.write_now(webhooks.pause, COMMAND_LINE, hook.id, actor=BY, now=BEGIN)
    for _ in range(5):
        recorded_call(store, user)
    take_out(store)
    row = store.read_now(webhooks.find, COMMAND_LINE, hook.id)
    assert (row.waiting, row.dropped) == (3, 2)


def test_what_was_given_up_is_sent_again_one_or_all(store: Store) -> None:
    paused_call(store)
    take_out(store)
    at = LATER
    while found := told(store, now=at):
        for one in found:
            done(store, one, 410, at)
        store.write_now(webhooks.resume, COMMAND_LINE, found[0].hook, actor=BY, now=at)
    hook = one.hook
    (*_, oldest) = store.read_now(webhook_log.deliveries, COMMAND_LINE, hook, state="failed").rows
    again = store.write_now(webhook_log.send_again, COMMAND_LINE, hook, oldest.id, actor=BY, now=at)
    assert (again.state, len(again.attempts)) == ("waiting", 1)
    count = store.write_now(webhook_log.send_failed_again, COMMAND_LINE, hook, actor=BY, now=at)
    assert count == 3
    (first,) = told(store, now=at)
    assert first.event.type is EventType.STARTED
    done(store, first, 200, at)
    row = store.read_now(webhook_log.delivery, COMMAND_LINE, hook, first.id)
    assert [one.status for one in row.attempts] == [200, 410]


def test_what_is_old_is_forgotten(store: Store) -> None:
    paused_call(store)
    take_out(store)
    assert store.write_now(webhook_sending.forget_old, LATER + sending.KEPT) == 0
    assert store.write_now(webhook_sending.forget_old, LATER + sending.KEPT + SECOND) == 4
    assert store.read_now(lambda: models.WebhookDelivery.select().count()) == 0


def test_a_hook_that_is_removed_takes_everything_with_it(store: Store) -> None:
    paused_call(store)
    take_out(store)
    (one,) = told(store)
    done(store, one, 500)
    store.write_now(webhooks.remove, COMMAND_LINE, one.hook, actor=BY, now=LATER)
    assert done(store, one, 204) is None
    for table in (models.Webhook, models.WebhookDelivery, models.WebhookAttempt):
        assert store.read_now(table.select().count) == 0


def test_a_renewed_secret_counts_beside_the_one_before_for_a_day(store: Store) -> None:
    user = add_user(store)
    hook = add_hook(store, user.organisation)
    recorded_call(store, user)
    take_out(store)
    store.write_now(webhooks.rotate, COMMAND_LINE, hook.id, "newer", actor=BY, now=LATER)
    assert told(store)[0].secrets == ("newer", "sealed")
    until = LATER + sending.OVERLAP
    assert told(store, now=until - SECOND)[0].secrets == ("newer", "sealed")
    assert told(store, now=until)[0].secrets == ("newer",)


# Who may


def test_nobody_has_the_hooks_of_another_organisation(store: Store) -> None:
    ours = add_user(store).organisation
    theirs = store.write_now(add_organisation, "Other")
    own, foreign = add_hook(store, ours), add_hook(store, theirs)
    asker = program(ours, [Right.WEBHOOKS_READ, Right.WEBHOOKS_WRITE])
    by = {"actor": BY, "now": LATER}
    assert [row.id for row in store.read_now(webhooks.listed, asker)] == [own.id]
    for work, given in (
        (webhooks.change, ({"name": "x"},)),
        (webhooks.remove, ()),
        (webhooks.pause, ()),
        (webhooks.resume, ()),
        (webhooks.rotate, ("x",)),
        (webhooks.ping, ()),
        (webhook_log.send_failed_again, ()),
    ):
        with pytest.raises(NotFound):
            store.write_now(work, asker, foreign.id, *given, **by)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        store.read_now(webhook_log.deliveries, asker, foreign.id)
    without = program(ours, [Right.RECORDINGS_READ])
    assert store.read_now(webhooks.listed, without) == []


def test_every_change_is_in_the_audit_log_and_no_secret_is(store: Store) -> None:
    organisation = add_user(store).organisation
    hook = add_hook(store, organisation)
    by = {"actor": BY, "now": LATER}
    store.write_now(webhooks.change, COMMAND_LINE, hook.id, {"url": "https://other.example/"}, **by)
    store.write_now(webhooks.pause, COMMAND_LINE, hook.id, **by)
    store.write_now(webhooks.pause, COMMAND_LINE, hook.id, **by)
    store.write_now(webhooks.resume, COMMAND_LINE, hook.id, **by)
    store.write_now(webhooks.rotate, COMMAND_LINE, hook.id, "new secret", **by)
    store.write_now(webhooks.ping, COMMAND_LINE, hook.id, **by)
    store.write_now(webhooks.remove, COMMAND_LINE, hook.id, **by)

    def lines() -> list[tuple[str, str]]:
        its = (models.AuditLine.subject_kind == "webhook") & (models.AuditLine.organisation == organisation)
        rows = models.AuditLine.select().where(its).order_by(models.AuditLine.number)
        return [(row.action, row.detail) for row in rows]

    found = store.read_now(lines)
    assert [action for action, _ in found] == ["create", *["change"] * 5, "remove"]
    assert "https://other.example/" in found[1][1]
    assert not any("sealed" in detail or "new secret" in detail for _, detail in found)


def test_a_hook_says_whose_it_is(store: Store) -> None:
    organisation = add_user(store).organisation
    hook = add_hook(store, organisation)
    assert hook.organisation == store.read_now(webhooks.find, COMMAND_LINE, hook.id).organisation
    assert hook.organisation == organisation


def test_there_are_twenty_at_most(store: Store) -> None:
    organisation = add_user(store).organisation
    for number in range(20):
        add_hook(store, organisation, name=f"hook {number}")
    with pytest.raises(Conflict, match="20"):
        add_hook(store, organisation)


def test_what_cannot_be_is_said_at_its_field() -> None:
    good = {"unencrypted": False, "allowed": Networks()}
    for field, value in (("name", ""), ("url", "http://x"), ("events", [])):
        with pytest.raises(Invalid) as refused:
            webhooks.checked({**EVERYTHING, field: value}, **good)  # type: ignore[arg-type]
        assert refused.value.field == field
