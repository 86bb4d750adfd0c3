"""What Asterisk has, beside what the leg knows: the one way in which lost word is made good.

It is the same after a start of the recorder, after a lost event socket, after a request without an answer,
and when a file ends by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime, timedelta
from functools import partial

from ari_recorder.policies.commands import Given, read, take
from ari_recorder.policies.leg import speaking, writing
from ari_recorder.policies.leg.effects import Look, Record, Release
from ari_recorder.policies.leg.happening import answer, hang_up, press
from ari_recorder.policies.leg.inputs import Snapshot, Written
from ari_recorder.policies.leg.state import SIDES, Alarm, Files, file_names, number_of
from ari_recorder.policies.leg.turn import Turn
from ari_recorder.policies.table import Action, Event, State, decide

PAUSES = (State.PAUSED, State.PROVISIONAL_PAUSED)
AGAIN_S = 1.0
AGAIN_MAX_S = 30.0
WRITES_WITHIN = timedelta(seconds=2)
"""So much of a file Asterisk may have had in memory only, when it died."""
LISTENS_WITHIN = timedelta(seconds=1)
"""A snoop that is behind gives what it heard in this time after its channel has gone."""
TAKEN_FOR_PAUSED = "Taken for paused from {:%H:%M:%S} UTC on: it ended then while the recorder was away."


def look(t: Turn) -> None:
    """Ask what there is, and for what was let go once more."""
    for snoop in sorted(t.leg.leaving):
        t.ask(Release(snoop))
    t.ask(Look((*t.leg.file_names, *sorted(t.leg.strays))))


def unanswered(t: Turn, why: str) -> None:
    """It is not known what Asterisk has. What does not grow any more, and for long, has ended with it."""
    leg = t.leg
    t.note(looks=leg.looks + 1, unanswered_at=leg.unanswered_at or t.now)
    t.alarm(Alarm.LOOK, min(2.0 ** min(leg.looks - 1, 10), AGAIN_MAX_S))
    since, running = leg.unanswered_at, leg.running
    grows = running is not None and not running.broken
    if since is None or t.now - since <= timedelta(seconds=leg.gone_after_s) or grows:
        return
    t.keep(trouble=f"Asterisk could not be asked since {since:%H:%M:%S} UTC ({why})")
    t.note(strays=frozenset())
    t.keep(
        files=tuple(
            one.closed_by((leg.grown_at or one.asked_at or since) if one is running else leg.standing.since)
            for one in leg.files
        )
    )
    hang_up(t, min(since, leg.grown_at + WRITES_WITHIN) if running and leg.grown_at else since)


def compare(t: Turn, seen: Snapshot) -> None:
    """Make the leg agree with what was seen."""
    t.note(looks=0, unanswered_at=None)
    written = seen.written or {}
    if seen.codecs and seen.codecs != "(none)":
        t.note(codecs=seen.codecs)
    if seen.revived:
        speaking.interrupted(t)
        _find_snoops(t, seen)
        writing.seen_rolling(t, seen.live | seen.queued | frozenset(written))
    _answer(t, seen, written)
    _happen(t, seen, written)
    if seen.commands:
        t.note(keys=read(t.leg.keys, seen.commands))
    if t.leg.recorded_at is None or t.leg.recorded_at < seen.asked_at:
        _judge(t, seen, written)
    else:  # something may have been begun after it was looked
        t.alarm(Alarm.LOOK, AGAIN_S)
    writing.end_strays(t, seen.live - _followed(t))
    writing.seen_rolling(t, seen.live | seen.queued)
    if seen.state is None:
        written_last = [files for files in t.leg.files if not (files.stopping or files.absent)]
        ends = [at for files in written_last for at in files.ended if at]
        hang_up(t, seen.ended_at or max(ends, default=t.now))
    if t.leg.ended_at is None:
        _lost(t, seen)
        _check_snoops(t, seen)
        if seen.away:
            speaking.remind(t)
    elif seen.asked_at - t.leg.ended_at > LISTENS_WITHIN:
        for snoop in sorted(seen.snoops):  # to whoever has taken the user's place
            t.let_go(snoop)
    if _is_closing(t):
        t.alarm(Alarm.CLOSE, writing.CLOSED_WITHIN_S)


def _followed(t: Turn) -> set[str]:
    """The files that are being written, as far as the leg knows."""
    sides = (zip(file_names(t.leg.prefix, one.number), one.ended, strict=True) for one in t.leg.files)
    return {name for side in sides for name, ended_at in side if ended_at is None}


def _find_snoops(t: Turn, seen: Snapshot) -> None:
    """Numbers go on behind those that are in use, whether they were written down or not."""
    t.silence(Alarm.ARM)
    numbers = [number_of(name, f"{t.leg.prefix}s") for name in seen.snoops]
    t.note(arming=max([t.leg.arming, *numbers]), armed_at=None)
    said = [number_of(name, f"{t.leg.prefix}w") for name in seen.snoops]
    t.note(said=max([t.leg.said, *said]))
    if t.leg.arming and seen.snoops.issuperset(t.leg.snoops):
        t.note(armed_at=t.now, entered=frozenset(t.leg.snoops))


def _answer(t: Turn, seen: Snapshot, written: Mapping[str, Written]) -> None:
    """Whether the channel is up; or was, as its call detail record says, or what was written of it."""
    began = [
        one.began_at for name, one in written.items() if number_of(name, f"{t.leg.prefix}r") > t.leg.taken
    ]
    known = seen.state == "Up" or seen.answered_at is not None or began
    if t.leg.standing.state is State.RINGING and known:
        cause = f"the recorder was away until {t.now:%H:%M:%S} UTC" if seen.away else writing.UNHEARD
        latest = min([t.now, *began, *(one.at for one in seen.commands)])  # only who talks can give one
        answer(t, seen.answered_at or latest, cause, unknown=seen.answered_at is None)


def _happen(t: Turn, seen: Snapshot, written: Mapping[str, Written]) -> None:
    """What was given, and what was begun, one after the other.

    What was begun after a pause that was never heard of is no sign of a resume.
    """
    last = t.leg.keys.last
    news = [one for one in seen.commands if last is None or one.at > last.at]
    pauses = {one.at for one in news if one.command is Event.PAUSE}
    happened = [(one.at, partial(_command, t, one)) for one in seen.commands]
    if seen.revived:
        numbers = {number_of(name, f"{t.leg.prefix}r") for name in written}
        for number in sorted(numbers):
            found = [written[name] for name in file_names(t.leg.prefix, number) if name in written]
            began_at = min(one.began_at for one in found)
            happened.append((began_at, partial(_adopt, t, number, began_at, found[0].format, pauses)))
    for _, happens in sorted(happened, key=lambda one: one[0]):
        happens()


def _adopt(t: Turn, number: int, began_at: datetime, file_format: str, pauses: Set[datetime]) -> None:
    """Files of which it was not written down that they were asked for: the recorder died just then."""
    if number > t.leg.taken:
        t.keep(taken=number - 1)
        if t.leg.standing.state not in PAUSES or not any(at <= began_at for at in pauses):
            _begin(t, began_at)
        t.keep(taken=number)
    files = next((one for one in t.leg.files if one.number == number), None)
    if files is not None and files.asked_at is None:
        t.change_files(files, asked_at=began_at, arming=t.leg.arming, format=file_format)
        t.change_segments(number, format=file_format)


def _begin(t: Turn, at: datetime) -> None:
    """Something that leads to where files are begun has happened."""
    for event in (Event.RESUME, Event.START, Event.SEGMENT_LOST):
        decision = decide(t.leg.standing, event, at)
        if Action.BEGIN_SEGMENT in decision.actions:
            writing.carry_out(t, event, at, decision)
            return


def _judge(t: Turn, seen: Snapshot, written: Mapping[str, Written]) -> None:
    """What is not being written any more is over, though no word of it came."""
    in_flight = {one.name for one in t.leg.requests if isinstance(one, Record)}
    for files in t.leg.files:
        names = file_names(t.leg.prefix, files.number)
        if files.asked_at is None or files.asked_at > seen.asked_at or in_flight.intersection(names):
            continue
        absent = not any(files.began) and not any(name in written for name in names)
        there = seen.live if files.stopping else seen.live | seen.queued  # if these begin, they are strays
        for side in range(len(SIDES)):
            at = files.began[side]
            if at is not None and at > seen.asked_at:
                continue  # it was not there yet
            files = _judge_side(t, files, side, names[side] in there, written.get(names[side]))
        if absent and all(files.ended):
            files = t.change_files(files, absent=True)
        if files.stopping and not files.over:
            writing.ask_to_stop(t, files)


def _judge_side(t: Turn, files: Files, side: int, live: bool, written: Written | None) -> Files:
    """Of a side of which there is no file nothing is kept: it began when it ended."""
    began, ended = list(files.began), list(files.ended)
    if began[side] is None and written is not None:
        began[side] = written.began_at
    if not live:
        ended[side] = ended[side] or (written.changed_at if written else began[side] or files.asked_at)
        began[side] = began[side] or ended[side]
    if (began, ended) == (list(files.began), list(files.ended)):
        return files
    return t.change_files(files, began=tuple(began), ended=tuple(ended))


def _command(t: Turn, given: Given) -> None:
    """A command that Asterisk has kept, and of which no word came."""
    last = t.leg.keys.last
    if t.leg.ended_at is None and (last is None or given.at > last.at):
        press(t, take(t.leg.keys, given), given.at)


def _lost(t: Turn, seen: Snapshot) -> None:
    """What is wanted and is not being written. The call goes on."""
    running = t.leg.running
    if running is None or running.asked_at is None:
        if running is not None and running.broken and t.leg.armed_at is None:
            writing.lose(t)
        return
    asked_at, ended = running.asked_at, [at for at in running.ended if at is not None]
    if ended and seen.revived and seen.snoops.issuperset(t.leg.snoops):
        paused = decide(t.leg.standing, Event.PAUSE, min(ended))
        if paused.reason is None:  # nobody but us ends files whose snoops are left: it was to be paused
            writing.carry_out(t, Event.PAUSE, min(ended), paused)
            if t.leg.recording is not None:
                told = TAKEN_FOR_PAUSED.format(min(ended))
                t.change_recording(t.leg.recording, problems=(*t.leg.recording.problems, told))
            return
    if ended and not running.broken:
        away = f"the file ended while the recorder was away, until {t.now:%H:%M:%S} UTC"
        running = t.change_files(running, broken=away if seen.away else writing.ENDED)
    if ended or (running.broken and asked_at < seen.asked_at):
        writing.lose(t)
    else:
        writing.watch(t)


def _check_snoops(t: Turn, seen: Snapshot) -> None:
    """Those that are not there any more are made anew; those that nobody needs are let go."""
    leg = t.leg
    if leg.armed_at is not None and leg.armed_at < seen.asked_at:
        t.note(entered=seen.snoops.intersection(leg.snoops))
    for snoop in sorted(seen.snoops - leg.needed):
        if snoop.startswith(leg.prefix):
            t.let_go(snoop)


def close_late(t: Turn) -> None:
    """See what has become of files that were to end, if not all of them are known to be closed."""
    if _is_closing(t):
        look(t)


def _is_closing(t: Turn) -> bool:
    return any(files.stopping and not files.over for files in t.leg.files)
