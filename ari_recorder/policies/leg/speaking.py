"""What the parties of a leg hear: one prompt at a time, with the evidence of it.

A new prompt cuts off the one before it. Nothing waits for a prompt; but a prompt waits until its evidence is
on disk, so that nothing was ever heard of which there is none.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ari_recorder.policies import announcements
from ari_recorder.policies.announcements import FAILURES, Audience, Prompt
from ari_recorder.policies.leg.effects import Direction, HangUp, Meet, Place, Play, Snoop
from ari_recorder.policies.leg.inputs import Met, Placed, PlaybackBegan, PlaybackEnded
from ari_recorder.policies.leg.state import Alarm, Announcement, Speaking, Untold, id_of
from ari_recorder.policies.leg.turn import Turn
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.table import Decision, Event, State, has_commands

ANNOUNCED_AFTER_S = 0.3
"""How long after the answer recording is announced: the parties' audio is through by then."""
MEET_AGAIN_S = 0.5
MEET_WITHIN = timedelta(minutes=3)
"""How long somebody may take to be connected."""
PLACED_WITHIN_S = 5.0
ENTERED_WITHIN_S = 2.0
FINISHED_WITHIN_S = 5.0
"""How much longer than its length a prompt may take."""

PLAYED, CUT, FAILED = "played", "cut", "failed"
"""Played to its end; begun and cut off; not played at all."""

WHISPER: dict[Audience, Direction] = {Audience.BOTH: "both", Audience.USER: "out", Audience.COUNTERPART: "in"}
"""Asterisk's direction for an audience, seen from the user's channel."""

_ANSWERED, _JOINED = "answered", "joined"


def announce(t: Turn, untold: Untold) -> None:
    """What was decided has been carried out."""
    leg = t.leg
    t.silence(Alarm.WARN)
    watch(t)
    if untold.event is Event.ANSWERED:
        t.note(meeting=_ANSWERED)
        t.alarm(Alarm.MEET, ANNOUNCED_AFTER_S)
        return
    prompt = announcements.announce(
        untold.before, untold.event, untold.decision, leg.preferences, internal=leg.internal
    )
    if prompt is not None:
        say(t, prompt)


def refuse(t: Turn, prompt: Prompt | None) -> None:
    """A command has changed nothing. Its tone cuts off nothing that others are to hear."""
    if prompt is not None and t.leg.speaking is None:
        say(t, prompt)


def fail(t: Turn) -> None:
    """What is recorded cannot be written down anywhere: as if it could not be recorded."""
    prompt = announcements.tell_failure(t.leg.preferences)
    if prompt is not None:
        say(t, prompt)


def joined(t: Turn) -> None:
    """Somebody else is being connected: they are greeted when they are."""
    if t.leg.meeting != _ANSWERED:
        t.note(meeting=_JOINED, meet_until=t.now + MEET_WITHIN)
        t.alarm(Alarm.MEET, 0.0)


def remind(t: Turn) -> None:
    """After an absence: who was not told is told, and the user of a mode with commands hears where they are.

    Keys pressed meanwhile may have been lost.
    """
    leg, recording = t.leg, t.leg.recording
    watch(t)
    if leg.untold:  # it is announced when it has been carried out
        return
    if leg.standing.state is State.RECORDING and recording is not None and not recording.announced:
        t.note(meeting=_ANSWERED)
        t.alarm(Alarm.MEET, 0.0)
    elif has_commands(leg.standing.mode) and leg.answered_at is not None:
        prompt = announcements.remind(leg.standing, leg.preferences, internal=leg.internal)
        if prompt is not None:
            say(t, prompt)


def watch(t: Turn) -> None:
    """Have the warning tone come at its time, if the leg's state has one."""
    due_s = announcements.warning_due_s(t.leg.standing, t.leg.preferences)
    if due_s and Alarm.WARN not in t.leg.alarms:
        t.alarm(Alarm.WARN, due_s)


def warn(t: Turn) -> None:
    """It is time for the warning tone."""
    if t.leg.standing.state is State.RECORDING and t.leg.speaking is None:
        say(t, announcements.warn(t.leg.preferences))
    watch(t)


def meet(t: Turn) -> None:
    """See who is at the other end."""
    if t.leg.meeting:
        t.ask(Meet())


def met(t: Turn, who: Met) -> None:
    """Somebody is at the other end, or nobody: an application, or a phone that still rings."""
    leg, meeting = t.leg, t.leg.meeting
    waits = meeting == _JOINED and not who.peer
    if waits and leg.meet_until is not None and t.now < leg.meet_until:
        t.alarm(Alarm.MEET, MEET_AGAIN_S)
        return
    t.note(meeting="")
    if not meeting or waits:
        return
    if who.internal != leg.internal:
        t.keep(internal=who.internal)
        if leg.recording is not None:
            t.change_recording(leg.recording, internal=who.internal)
    prompt = _greeting(t) if meeting == _JOINED else _start(t)
    if prompt is not None:
        say(t, prompt)


def _start(t: Turn) -> Prompt | None:
    standing = t.leg.standing
    ringing = replace(standing, state=State.RINGING)
    return announcements.announce(
        ringing, Event.ANSWERED, Decision(standing), t.leg.preferences, internal=t.leg.internal
    )


def _greeting(t: Turn) -> Prompt | None:
    answered_for = t.now - (t.leg.answered_at or t.now)
    return announcements.greet(
        t.leg.standing, t.leg.preferences, internal=t.leg.internal, answered_for=answered_for
    )


def say(t: Turn, prompt: Prompt) -> None:
    """Play a prompt; what is being played is cut off."""
    stop(t)
    t.note(said=t.leg.said + 1)
    t.note(speaking=Speaking(t.leg.said, prompt))
    t.ask(Place(t.leg.said, prompt))
    t.alarm(Alarm.SPEAK, PLACED_WITHIN_S)


def stop(t: Turn) -> None:
    """Cut off what is being played, or should have been by now."""
    if t.leg.speaking is not None:
        _finish(t, "", t.now)


def placed(t: Turn, what: Placed) -> None:
    """It can be played: note the evidence, and have a snoop made that whispers."""
    leg, speaking = t.leg, t.leg.speaking
    if speaking is None or speaking.number != what.number or speaking.media:
        return
    evidence = Announcement(
        id=id_of(leg.created_at, leg.id, "announcement", what.number),
        prompt=what.prompt,
        language=what.language,
        text=what.text,
        sha256=what.sha256,
        planned_at=t.now,
        recording=leg.recording.ordinal if leg.recording else 0,
    )
    t.keep(announcements=(*leg.announcements, evidence))
    t.note(
        speaking=replace(
            speaking,
            prompt=what.prompt,
            media=what.media,
            duration_ms=what.duration_ms,
            version=leg.version + 1,
        )
    )
    t.ask(Snoop(leg.whisper, whisper=WHISPER[what.prompt.audience]))
    t.alarm(Alarm.SPEAK, ENTERED_WITHIN_S)


def entered(t: Turn, snoop: str) -> None:
    """The snoop can be played to."""
    if t.leg.speaking is not None and snoop == t.leg.whisper:
        t.note(speaking=replace(t.leg.speaking, entered=True))


def settle(t: Turn) -> None:
    """Play as soon as that is possible, and its evidence is on disk."""
    leg, speaking = t.leg, t.leg.speaking
    if speaking is None or not speaking.media or not speaking.entered or speaking.asked:
        return
    nowhere = bool(leg.unsaved) and speaking.prompt.kind in FAILURES
    if leg.saved >= speaking.version or nowhere:
        t.note(speaking=replace(speaking, asked=True))
        t.ask(Play(leg.whisper, speaking.media))
        t.alarm(Alarm.SPEAK, speaking.duration_ms / 1000 + FINISHED_WITHIN_S)


def playback_began(t: Turn, what: PlaybackBegan) -> None:
    """Asterisk has begun to play."""
    if t.leg.speaking is not None and what.snoop == t.leg.whisper:
        _note(t, began_at=what.at)


def playback_ended(t: Turn, what: PlaybackEnded) -> None:
    """Asterisk has played, or could not."""
    if t.leg.speaking is not None and what.snoop == t.leg.whisper:
        _finish(t, PLAYED if what.ok else FAILED, what.at)


def failed(t: Turn, snoop_or_number: str | int) -> None:
    """A prompt cannot be played."""
    speaking = t.leg.speaking
    if speaking is not None and snoop_or_number in (t.leg.whisper, speaking.number):
        _finish(t, FAILED, t.now)


def interrupted(t: Turn) -> None:
    """After a start of the recorder: what was being played then was cut off."""
    t.keep(
        announcements=tuple(
            one if one.outcome else replace(one, outcome=CUT, ended_at=t.now) for one in t.leg.announcements
        )
    )


def _note(t: Turn, **changes: object) -> None:
    leg, speaking = t.leg, t.leg.speaking
    assert speaking is not None
    own = id_of(leg.created_at, leg.id, "announcement", speaking.number)
    t.keep(
        announcements=tuple(
            replace(one, **changes) if one.id == own else one  # type: ignore[arg-type]
            for one in leg.announcements
        )
    )


def _finish(t: Turn, outcome: str, at: datetime) -> None:
    """``outcome`` is empty for what was cut off, wherever it was."""
    leg, speaking = t.leg, t.leg.speaking
    assert speaking is not None
    if speaking.media:
        began = any(one.began_at and not one.outcome for one in leg.announcements)
        outcome = outcome or (CUT if began else FAILED)
        _note(t, outcome=outcome, ended_at=at)
    if leg.ended_at is None and (speaking.media or speaking.entered):  # which one of before a crash may have
        t.let_go(leg.whisper)
    if outcome == PLAYED and speaking.prompt.kind is PromptKind.START and leg.recording is not None:
        t.change_recording(leg.recording, announced=True)
    t.note(speaking=None)
    t.silence(Alarm.SPEAK)
    if speaking.prompt.end and leg.ended_at is None:
        t.ask(HangUp())
