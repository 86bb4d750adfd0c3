"""What is played to whom, for every mode and event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ari_recorder.policies import announcements
from ari_recorder.policies.announcements import (
    TOLD_AFTER_LOSSES,
    Audience,
    Prompt,
    announce,
    greet,
    refuse,
    share,
)
from ari_recorder.policies.commands import Source
from ari_recorder.policies.preferences import Preferences, combine
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.table import COMMANDS, Event, Mode, Reason, Standing, State, decide

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LOUD = combine({"announce_internal": "announcement", "announce_external": "announcement"})
A, START, STOP, PAUSE, RESUME, LOST = (
    Event.ANSWERED, Event.START, Event.STOP, Event.PAUSE, Event.RESUME, Event.SEGMENT_LOST,
)  # fmt: skip


def heard(
    mode: Mode, *events: Event, preferences: Preferences = LOUD, internal: bool = False
) -> list[Prompt | None]:
    leg, prompts = Standing(mode, State.RINGING, T0), []
    for event in events:
        decision = decide(leg, event, T0)
        prompts.append(announce(leg, event, decision, preferences, internal=internal))
        leg = decision.leg
    return prompts


def both(*kinds: str) -> list[Prompt | None]:
    return [Prompt(PromptKind(kind), Audience.BOTH) if kind else None for kind in kinds]


@pytest.mark.parametrize(
    ("mode", "events", "kinds"),
    [
        (Mode.NEVER, (A, START, Event.HANGUP), ("", "", "")),
        (Mode.ALWAYS, (A, PAUSE, Event.SEGMENT_FULL, Event.HANGUP), ("start", "", "", "")),
        (Mode.ALWAYS_PAUSE_RESUME, (A, PAUSE, PAUSE, RESUME, RESUME), ("start", "pause", "", "resume", "")),
        (Mode.ON_DEMAND, (A, START, START, PAUSE, RESUME), ("", "start", "", "pause", "resume")),
        (
            Mode.ON_DEMAND_USER_START,
            (A, START, STOP, START, PAUSE, STOP),
            ("", "start", "stop", "start", "pause", "stop"),
        ),
    ],
)
def test_what_happens_is_announced_and_what_does_not_is_not(
    mode: Mode, events: tuple[Event, ...], kinds: tuple[str, ...]
) -> None:
    assert heard(mode, *events) == both(*kinds)


def test_of_a_provisional_recording_only_the_user_hears() -> None:
    assert heard(Mode.ON_DEMAND, A, PAUSE, RESUME) == [
        None,
        Prompt(PromptKind.PAUSE, Audience.USER),
        Prompt(PromptKind.RESUME, Audience.USER),
    ]
    assert heard(Mode.ON_DEMAND, A, PAUSE, START)[-1] == Prompt(PromptKind.START, Audience.BOTH)


@pytest.mark.parametrize("internal", [True, False])
def test_inside_and_outside_are_set_apart(internal: bool) -> None:
    preferences = combine({"announce_internal": "none", "announce_external": "beep", "heard_by": "user"})
    expected = None if internal else Prompt(PromptKind.START, Audience.USER, beep=True)
    assert heard(Mode.ALWAYS, A, preferences=preferences, internal=internal) == [expected]


@pytest.mark.parametrize("source", [*Source, None])
@pytest.mark.parametrize("reason", Reason)
def test_only_a_key_that_is_refused_gets_the_error_tone(source: Source | None, reason: Reason) -> None:
    by_keys = source in (Source.DIGITS, Source.FEATURE)
    wrong = reason not in (Reason.ALREADY, Reason.LATE, Reason.CALL_ENDED)
    expected = Prompt(PromptKind.ERROR, Audience.USER) if by_keys and wrong else None
    for command in COMMANDS:
        assert refuse(command, reason, source) == expected
    assert refuse(Event.HANGUP, reason, source) is None


@pytest.mark.parametrize(
    ("on_failure", "told"),
    [
        ("continue", None),
        ("tell", Prompt(PromptKind.FAILURE_CONTINUE, Audience.BOTH)),
        ("end", Prompt(PromptKind.FAILURE_END, Audience.BOTH, end=True)),
    ],
)
def test_a_failure_is_told_once_it_lasts(on_failure: str, told: Prompt | None) -> None:
    preferences = combine({"on_failure": on_failure})
    prompts = heard(Mode.ALWAYS, A, *[LOST] * TOLD_AFTER_LOSSES, preferences=preferences, internal=True)
    assert prompts == [None] * TOLD_AFTER_LOSSES + [told]


def test_it_is_told_only_once_but_the_call_is_ended_as_often_as_it_takes() -> None:
    for on_failure, again in (("tell", None), ("end", PromptKind.FAILURE_END)):
        preferences = combine({"on_failure": on_failure})
        prompt = heard(
            Mode.ALWAYS, A, *[LOST] * (TOLD_AFTER_LOSSES + 1), preferences=preferences, internal=True
        )[-1]
        assert (prompt.kind if prompt else None) == again


RECORDING = Standing(Mode.ALWAYS, State.RECORDING, T0)


def test_who_joins_later_is_told() -> None:
    later = timedelta(minutes=1)
    assert greet(RECORDING, LOUD, internal=False, answered_for=later) == Prompt(
        PromptKind.START, Audience.COUNTERPART
    )
    assert greet(replace(RECORDING, state=State.PAUSED), LOUD, internal=False, answered_for=later) is None
    assert greet(RECORDING, combine({"heard_by": "user"}), internal=False, answered_for=later) is None
    assert greet(RECORDING, combine(), internal=True, answered_for=later) is None
    assert greet(RECORDING, LOUD, internal=False, answered_for=timedelta(seconds=1)) is None


def test_two_recorded_users_each_tell_their_own() -> None:
    start, warning = Prompt(PromptKind.START, Audience.BOTH), Prompt(PromptKind.WARNING, Audience.BOTH)
    silent = combine({"announce_internal": "none", "announce_external": "none"})
    warned = combine({"announce_external": "none", "warning_tone_s": 15})
    assert share(start, [(RECORDING, LOUD, True)]) == replace(start, audience=Audience.USER)
    assert share(start, [(RECORDING, silent, True)]) == start
    assert share(start, [(replace(RECORDING, state=State.RINGING), LOUD, True)]) == start
    assert share(warning, [(RECORDING, LOUD, True)]) == warning
    assert share(warning, [(RECORDING, warned, True)]) == replace(warning, audience=Audience.USER)


@pytest.mark.parametrize("kind", ["failure_continue", "failure_end"])
def test_a_failure_is_told_to_both_by_whoever_has_it(kind: str) -> None:
    prompt = Prompt(PromptKind(kind), Audience.BOTH)
    assert share(prompt, [(RECORDING, LOUD, True)]) == prompt


def test_only_what_is_kept_from_the_answer_on_may_be_announced_before() -> None:
    assert {mode for mode in Mode if announcements.begins_at_answer(mode)} == {
        Mode.ALWAYS,
        Mode.ALWAYS_PAUSE_RESUME,
    }


def test_warning_tones_only_while_what_is_kept_is_recorded() -> None:
    preferences = combine({"warning_tone_s": 15})
    due = {
        state for state in State if announcements.warning_due_s(replace(RECORDING, state=state), preferences)
    }
    assert due == {State.RECORDING}
    assert announcements.warning_due_s(RECORDING, combine()) == 0
    assert announcements.warn(preferences) == Prompt(PromptKind.WARNING, Audience.BOTH)
