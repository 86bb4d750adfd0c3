"""What Asterisk writes of a leg: the files, on its snoops.

`carry_out` puts down what the table of modes wants; `settle` asks for what is missing of that, at the end of
each turn. What is lost is begun anew on new snoops.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from datetime import datetime, timedelta

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import arming, segments
from ari_recorder.policies.leg.effects import Measure, Record, Stop
from ari_recorder.policies.leg.inputs import FileBegan, FileClosed, Measured
from ari_recorder.policies.leg.state import (
    NARROW,
    WIDE,
    Alarm,
    Files,
    Recording,
    Segment,
    Untold,
    file_names,
    is_wide,
    number_of,
)
from ari_recorder.policies.leg.turn import Turn
from ari_recorder.policies.parties import Stretch, leave, take_off
from ari_recorder.policies.table import COMMANDS, RUNNING, Action, Decision, Event, State, decide

LOSS_CHECKED_AFTER_S = (0.25, 1.0, 4.0, 15.0, 60.0)
"""How long after a segment ended unasked, or could not begin, it is taken for lost: by losses so far."""
GROWS_WITHIN_S = 10.0
"""In this time what is being written has to grow; Asterisk writes what it has every two seconds."""
CLOSED_WITHIN_S = 2.0
"""How long Asterisk may take to say that a file is closed which it was asked to end."""
WORD_WITHIN_S = 0.2
"""How long the word of a file that is over already may still be on its way."""
ROLL_AGAIN_S = 60.0
"""How long after Asterisk refused a roll-over it is tried again; what runs goes on meanwhile."""
LATE = timedelta(seconds=0.25)
"""What is heard of later than this is heard of late."""
UNHEARD = "word of the answer did not come"
ENDED = "Asterisk ended the file by itself"


def carry_out(
    t: Turn,
    event: Event,
    at: datetime,
    decision: Decision,
    *,
    cause: str = "",
    number: int | None = None,
) -> None:
    """Put down what was decided, for `settle` to ask for. ``cause``: why it comes late, if it does."""
    before = t.leg.standing
    t.keep(standing=decision.leg)
    for action in decision.actions:
        match action:
            case Action.OPEN_LEDGER:
                t.keep(due=True, counterparts=(Stretch(t.leg.counterpart, at),))
            case Action.OPEN_RECORDING:
                _open(t, at)
            case Action.BEGIN_SEGMENT:
                _begin(t, event, at, cause)
            case Action.END_SEGMENT:
                _end(t, event, at)
            case Action.KEEP_RECORDING if t.leg.recording:
                t.change_recording(t.leg.recording, kept=True)
            case Action.CLOSE_RECORDING if t.leg.recording:
                t.change_recording(t.leg.recording, state=RecordingState.CLOSING, ended_at=at)
            case Action.DISCARD_RECORDING if t.leg.recording:
                t.change_recording(t.leg.recording, state=RecordingState.DISCARDING, ended_at=at)
    if decision.leg.state is State.ENDED:
        t.keep(ended_at=at, counterparts=leave(t.leg.counterparts, at), holds=take_off(t.leg.holds, at))
    rests = decision.leg.state not in RUNNING
    closes = tuple(files.number for files in t.leg.files if files.stopping) if rests else ()
    begins = Action.BEGIN_SEGMENT in decision.actions
    version = t.leg.version + 1 if event in COMMANDS else 0
    untold = Untold(before, event, decision, at, closes, begins, version, number)
    t.note(untold=(*t.leg.untold, untold))


def _open(t: Turn, at: datetime) -> None:
    leg = t.leg
    kept = leg.standing.state not in (State.PROVISIONAL, State.PROVISIONAL_PAUSED)
    recording = Recording(len(leg.recordings) + 1, at, kept, leg.counterpart, leg.internal)
    t.keep(recordings=(*leg.recordings, recording))


def _begin(t: Turn, event: Event, at: datetime, cause: str) -> None:
    """A segment in new files; or in those that go on, if their end was wanted and not asked for yet.

    What was given long before it is heard of has files before it that were written all the while: what these
    have since then is kept as well, and the new ones continue it.

    What begins by a command begins on new snoops: Asterisk keeps up to half a second for a snoop that has
    fallen behind, so that those which listened in the pause would still give what was said in it.
    """
    files = next((one for one in t.leg.files if _goes_on(one)), None)
    if files is not None and event is not Event.SEGMENT_LOST:
        t.change_files(files, stopping=False)
        t.add_segment(Segment(0, files.number, at, at, files.format, since=at))
        _wait_no_more(t, files.number)
        return
    written = next((one for one in t.leg.files if _was_written(t, one, at)), None)
    if written is not None and event is not Event.SEGMENT_LOST:
        t.add_segment(Segment(0, written.number, at, at, written.format, since=at))
        at = t.now
    number = t.leg.taken + 1
    newer_than = t.leg.arming if event in COMMANDS else 0
    t.keep(taken=number, files=(*t.leg.files, Files(number, newer_than=newer_than)))
    t.add_segment(Segment(0, number, at, at, cause=cause, continues=written is not None))


def _was_written(t: Turn, files: Files, at: datetime) -> bool:
    """Whether these were written at that time, some time ago, and have not been closed since."""
    asked_before = files.asked_at is not None and files.asked_at < at < t.now - LATE
    return asked_before and files.stop_asked and not (files.broken or any(files.ended))


def _goes_on(files: Files) -> bool:
    """Whether the end of these is wanted, and nothing has come of that yet."""
    asked = files.stopping and files.asked_at is not None
    return asked and not (files.stop_asked or files.broken or files.roll or any(files.ended))


def _wait_no_more(t: Turn, number: int) -> None:
    """What has been cut out of files that go on is done."""
    t.note(
        untold=tuple(
            replace(one, closes=tuple(other for other in one.closes if other != number))
            for one in t.leg.untold
        )
    )


def _end(t: Turn, event: Event, at: datetime) -> None:
    """The end of all files is wanted. A command bounds what is kept of them."""
    for files in t.leg.files:
        if files.stopping:
            continue
        t.change_files(files, stopping=True)
        if files.roll:  # it has no segment yet, and gets one of which nothing is kept
            t.add_segment(Segment(0, files.number, at, at, files.format, since=at, until=at))
        else:
            t.change_segments(files.number, lost=event is Event.SEGMENT_LOST)
    if event in COMMANDS and t.leg.recording is not None:
        bounded = tuple(segments.bounded(one, at) for one in t.leg.recording.segments)
        t.change_recording(t.leg.recording, segments=bounded)
    t.silence(Alarm.FULL, Alarm.GROWTH, Alarm.LOSS)


def settle(t: Turn) -> None:
    """Ask for what is wanted and has not been asked for yet."""
    arming.arm(t)
    _record(t)
    _stop(t)
    segments.close(t)


# Files


def _record(t: Turn) -> None:
    files = next((one for one in t.leg.files if one.asked_at is None and not one.stopping), None)
    if files is None or not arming.fit(t, files.newer_than):
        return
    _ask_to_record(t, files)
    t.silence(Alarm.FULL)
    watch(t)


def _ask_to_record(t: Turn, files: Files) -> None:
    leg = t.leg
    file_format = WIDE if is_wide(leg.codecs) else NARROW
    t.change_files(files, asked_at=t.now, arming=leg.arming, format=file_format, broken="")
    t.change_segments(files.number, format=file_format)
    for snoop, name in zip(leg.snoops, file_names(leg.prefix, files.number), strict=True):
        t.ask(Record(snoop, name, file_format))


def watch(t: Turn) -> None:
    """Have it noticed when what is being written has its longest length, or does not grow."""
    if Alarm.GROWTH not in t.leg.alarms:
        t.note(sizes={}, grown_at=None)
        t.alarm(Alarm.GROWTH, 0.0)
    running = t.leg.running
    if running is not None and running.asked_at and Alarm.FULL not in t.leg.alarms:
        age_s = (t.now - running.asked_at).total_seconds()
        t.alarm(Alarm.FULL, max(t.leg.segment_max_s - age_s, 0.0))


def began(t: Turn, told: FileBegan) -> None:
    """Asterisk has begun to write a file: one that nobody wants any more is ended."""
    name, at = told.name, told.at
    for files in t.leg.files:
        names = file_names(t.leg.prefix, files.number)
        if name in names:
            side = names.index(name)
            ended_at = files.ended[side]
            if ended_at is not None and at > ended_at:
                break
            if files.began[side] is None:
                t.note_files(files, began=_with(files.began, side, at))
            if files.stop_asked:  # it was queued then, and such a one Asterisk begins all the same
                t.ask_again(Stop(name))
            return
    end_strays(t, t.leg.strays | {name})


def end_strays(t: Turn, names: Set[str]) -> None:
    """End files that were given up and have been begun since, and see whether they have ended."""
    t.note(strays=frozenset(names))
    numbers = [number_of(name, f"{t.leg.prefix}r") for name in names]
    if max(numbers, default=0) > t.leg.taken:
        t.keep(taken=max(numbers))
    for name in sorted(names):
        t.ask_again(Stop(name))
    if names:
        t.alarm(Alarm.LOOK, CLOSED_WITHIN_S)


def closed(t: Turn, told: FileClosed) -> None:
    """Asterisk has closed a file. Unasked, that is a loss, or the call's end."""
    name, at = told.name, told.at
    t.note(strays=t.leg.strays - {name})
    for files in t.leg.files:
        names = file_names(t.leg.prefix, files.number)
        if name in names and files.ended[names.index(name)] is None:
            side = names.index(name)
            files = t.note_files(files, ended=_with(files.ended, side, at))
            if files.began[side] is None:
                t.alarm(Alarm.LOOK, WORD_WITHIN_S)
            if files.roll:
                _drop_roll(t, files)
            elif not files.stopping:
                suspect(t, ENDED)


def refused(t: Turn, name: str, why: str) -> None:
    """Asterisk did not begin a file."""
    for files in t.leg.files:
        if name in file_names(t.leg.prefix, files.number):
            if files.roll:
                _drop_roll(t, files)
            elif not files.stopping:
                suspect(t, f"Asterisk refused to record: {why}")


def not_armed(t: Turn, why: str) -> None:
    """The snoops came to nothing."""
    arming.again(t)
    suspect(t, why)


def suspect(t: Turn, why: str) -> None:
    """What is wanted is not being written: after a while it is seen whether the call still goes on."""
    running = t.leg.running
    if running is None:
        return
    t.change_files(running, broken=why)
    if Alarm.LOSS not in t.leg.alarms:
        t.alarm(Alarm.LOSS, LOSS_CHECKED_AFTER_S[min(t.leg.standing.losses, len(LOSS_CHECKED_AFTER_S) - 1)])


def lose(t: Turn) -> None:
    """The running segment is lost, and the call goes on: begin the next on new snoops."""
    decision = decide(t.leg.standing, Event.SEGMENT_LOST, t.now)
    if decision.reason is None:
        running = t.leg.running
        t.keep(trouble=running.broken if running is not None else "")
        carry_out(t, Event.SEGMENT_LOST, t.now, decision, cause=t.leg.trouble)
        arming.anew(t)


def full(t: Turn) -> None:
    """The segment has its longest length: Asterisk queues the next file behind it, without a gap."""
    running = t.leg.running
    if running is None or running.asked_at is None or running.broken or _rolling(t) is not None:
        return
    if decide(t.leg.standing, Event.SEGMENT_FULL, t.now).reason is None:
        number = t.leg.taken + 1
        t.keep(taken=number, files=(*t.leg.files, Files(number, roll=True)))
        _ask_to_record(t, t.leg.files[-1])


def roll(t: Turn) -> None:
    """Both files of a roll-over wait behind the running ones: ending these begins them."""
    files, running = _rolling(t), t.leg.running
    if files is None or running is None:
        return
    t.change_files(running, stopping=True)
    t.change_files(files, roll=False)
    t.add_segment(Segment(0, files.number, t.now, t.now, files.format, continues=True))
    t.alarm(Alarm.FULL, t.leg.segment_max_s)


def seen_rolling(t: Turn, there: frozenset[str]) -> None:
    """Whether a roll-over was accepted, when no answer to it came; it may even have been carried out."""
    files = _rolling(t)
    if files is None:
        return
    begun = all(files.began) and not files.absent
    if begun or there.issuperset(file_names(t.leg.prefix, files.number)):
        roll(t)
    elif any(files.ended):
        _drop_roll(t, files)


def _rolling(t: Turn) -> Files | None:
    return next((one for one in t.leg.files if one.roll and not one.stopping), None)


def recorded(t: Turn, name: str) -> None:
    """Asterisk has accepted to write a file."""
    files = _rolling(t)
    asked = {one.name for one in t.leg.requests if isinstance(one, Record)}
    if files is not None and not asked.intersection(file_names(t.leg.prefix, files.number)):
        roll(t)


def _drop_roll(t: Turn, files: Files) -> None:
    """What runs goes on; what was queued behind it, if anything, is taken back."""
    if not files.stopping:
        at = t.now
        t.change_files(files, stopping=True)
        t.add_segment(Segment(0, files.number, at, at, files.format, since=at, until=at))
        t.alarm(Alarm.FULL, ROLL_AGAIN_S)


def _stop(t: Turn) -> None:
    for files in t.leg.files:
        if files.stopping and files.asked_at is not None and not files.stop_asked and not files.over:
            t.change_files(files, stop_asked=True)
            if t.leg.ended_at is None:  # otherwise Asterisk ends them by itself
                ask_to_stop(t, files)
            t.alarm(Alarm.CLOSE, CLOSED_WITHIN_S)


def ask_to_stop(t: Turn, files: Files) -> None:
    """Have Asterisk end those that it has not ended yet."""
    for name, ended in zip(file_names(t.leg.prefix, files.number), files.ended, strict=True):
        if ended is None:
            t.ask(Stop(name))


def _with(
    times: tuple[datetime | None, datetime | None], side: int, at: datetime
) -> tuple[datetime | None, datetime | None]:
    return (at, times[1]) if side == 0 else (times[0], at)


def measure(t: Turn) -> None:
    """See whether what is being written grows."""
    running = t.leg.running
    if running is not None and running.asked_at is not None:
        t.ask(Measure(file_names(t.leg.prefix, running.number)))


def measure_later(t: Turn) -> None:
    """See it once more, after the time in which it has to grow."""
    if t.leg.running is not None:
        t.alarm(Alarm.GROWTH, GROWS_WITHIN_S)


def measured(t: Turn, told: Measured) -> None:
    """What has the size that it had is not being written."""
    running = t.leg.running
    if running is None or running.asked_at is None:
        return
    names = file_names(t.leg.prefix, running.number)
    if t.leg.measured != names:  # those before
        return
    before, sizes = t.leg.sizes, told.sizes
    if all(name in before for name in names) and any(sizes.get(name, 0) <= before[name] for name in names):
        t.change_files(running, dry_at=t.leg.grown_at or running.asked_at)
        suspect(t, "the file did not grow: is the disk of the recording folder full, or away?")
    t.note(sizes={name: sizes.get(name, 0) for name in names}, grown_at=told.changed_at)
    measure_later(t)
