"""What must hold in every history, whatever goes wrong: the observer sees it, and judges.

At each step:

- A prompt is played only when the evidence of it is on disk (but for a failure that is told because nothing
  can be written).
- A pause and a stop are confirmed to the app only when the files that ran are closed.
- The app and the dialplan are answered once.
- A pause, or a stop, that was carried out in Asterisk, though it was not written down, is not forgotten.

When everything has gone well for a while, and the call goes on (`Observer.quiet`):

- No snoop and no file of ours is there that the leg does not follow.
- What is to be recorded is being recorded, on both sides, and what is paused is not.
- What was decided has been told, and nothing is being asked for again and again.

At the end (`Observer.end`), from what is in the catalogue, and in the files by Asterisk's own truth:

- The leg has ended, and its line in the ledger is one, with one end.
- Nothing is kept from outside of what people wanted: before the answer or start, while paused, after a stop;
  and nothing of what was provisional, if start was not given.
- What people wanted and is not kept is told, with a sensible length.
- What people wanted, and Asterisk has written of both sides, is kept.
- The app was answered, unless the recorder died.
- What was heard has its evidence, and every announcement an outcome.

People's commands count in the order in which the recorder has taken them, from the moment they were given. So
these do not: what never reached it, as it was dead, or its socket down; and what it took, and died before any
of it was written down or carried out. If it died after a part of that, it is only asked that what was carried
out in Asterisk holds from then on; what was between is neither wanted nor unwanted.

What nobody can know is not asked for, where Asterisk's call detail records do not tell: an answer, if it was
not heard of before the end; and when a call ended, if that was not heard of: then it ended with its
files. So it did when Asterisk died. A call of which the recorder never wrote anything down, and which was
over without a file before it came back, is not known here. A file with less audio in it than its segment says
is found and told by whoever finishes it; and a file of no segment that is left over at the end is deleted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce

from ari_recorder.policies.announcements import FAILURES
from ari_recorder.policies.commands import Given, Source, press, take
from ari_recorder.policies.ledger import RecordingState, close
from ari_recorder.policies.leg import Leg, inputs
from ari_recorder.policies.leg.effects import Agree, Effect, Play, Reply, TellRefused
from ari_recorder.policies.leg.inputs import Input
from ari_recorder.policies.leg.state import Recording, Segment, file_names, id_of
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import RUNNING, Event, Mode, Reason, State

from .asterisk import DONE, LIVE, File
from .recorder import Recorder
from .spans import Span, common, seconds, union, without

KEPT_OVER = timedelta(seconds=0.03)
"""So much is not heard: a frame, and a half."""
MISSING_FROM_S = 0.6
LEFT_MAX_S = 0.6
UNTOLD_MAX = 16
_LENGTH = re.compile(r"(\d+\.\d) s (?:are|is) missing")
NO_LENGTH = ("its beginning may be missing", "Nothing of it could be recorded", "Taken for paused")


@dataclass(frozen=True)
class Command:
    """What the recorder has taken; ``live`` were being written then. ``version`` has it on disk.

    ``event`` is None for what it has found.
    """

    event: Event | None
    at: datetime
    version: int
    live: tuple[File, ...]


@dataclass
class Question:
    """The app, or a dialplan, has asked."""

    run: int
    live: tuple[File, ...]
    command: Event | None = None
    answers: int = 0
    delivered: bool = False


class Observer:
    """Sees a history, and says what was not as it should be."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.asterisk, self.books, self.clock = recorder.asterisk, recorder.books, recorder.clock
        self.violations: list[str] = []
        self.marks: list[tuple[datetime, bool | None]] = []
        """From when on something is wanted; None: it cannot be said."""
        self.kept: bool | None = False
        """Whether start was given to what is provisional."""
        self.doubted: list[Command] = []
        """Taken, and not on disk yet."""
        self.questions: dict[int, Question] = {}
        self._leg: Leg | None = None
        self._commands: set[tuple[Event, datetime]] = set()
        """Commands that the recorder was told of since it was started."""
        self._made_at: dict[int, datetime] = {}
        self._nowhere: set[str] = set()
        """Snoops that told that nothing can be written."""
        self._ended_heard = self._doubted = False

    def violated(self, what: str) -> None:
        """Something is not as it should be."""
        self.violations.append(f"{(self.clock.now - self.recorder.begun_at).total_seconds():.3f} s: {what}")

    # People who wait

    def ask(self, command: Event) -> None:
        """The app gives a command."""
        if self.recorder.alive:
            number = len(self.questions) + 1
            self.questions[number] = Question(self.recorder.crashes, self._live(), command)
            self.recorder.tell(inputs.Asked(command, self.clock.now, number))

    def agree(self, mode: Mode, preferences: Preferences) -> None:
        """A dialplan wants something of the call."""
        if self.recorder.alive:
            number = len(self.questions) + 1
            self.questions[number] = Question(self.recorder.crashes, ())
            self.recorder.tell(inputs.Agreed(mode, preferences, number))

    def _live(self) -> tuple[File, ...]:
        return tuple(file for file in self.asterisk.files.values() if file.state == LIVE)

    # At each step

    def received(self, before: Leg, told: Input, after: Leg, effects: list[Effect]) -> None:
        """Which commands the recorder has taken, and which it has found by itself."""
        self._leg = after
        if after.version < before.version:
            self.violated("a version was used twice")
        if isinstance(told, inputs.Digit | inputs.Featured | inputs.Asked | inputs.Snapshot):
            doubted, given = self.doubted, [one for one in _given(before, told) if self._is_news(one, told)]
            if isinstance(told, inputs.Snapshot) and told.revived:
                self.doubted = []
            for event, at in given:
                self._commanded(before, event, at, after, effects)
            if isinstance(told, inputs.Snapshot) and told.revived and doubted:
                if given:  # in an order that it cannot know
                    self._doubt(min(one.at for one in doubted))
                self._revived(told, after, doubted[-1], given=bool(given))
        if isinstance(told, inputs.Featured):
            self._commands.add((told.command, told.at))
        elif isinstance(told, inputs.HungUp):
            self._ended_heard |= before.ended_at is None
        elif isinstance(told, inputs.Asked):
            question = self.questions[told.number]
            question.delivered, question.live = True, self._live()
        elif isinstance(told, inputs.Agreed):
            self.questions[told.number].delivered = True

    def _is_news(self, given: tuple[Event, datetime], told: Input) -> bool:
        """Whether it was not heard of before; what was, is not given again by a look."""
        return not isinstance(told, inputs.Snapshot) or given not in self._commands

    def _commanded(self, before: Leg, event: Event, at: datetime, after: Leg, effects: list[Effect]) -> None:
        if len(before.untold) >= UNTOLD_MAX:
            return
        refusals = [one for one in effects if isinstance(one, TellRefused)]
        refused = next((one.reason for one in refusals if (one.command, one.at) == (event, at)), None)
        if refused is None:
            self._mark(event, at, before.standing.mode)
            self.doubted.append(Command(event, at, after.version, self._live()))
        elif refused is Reason.ALREADY and event is Event.PAUSE and self.marks and self.marks[-1][1]:
            self._want(at, None)  # it was taken for paused, or given up

    def _doubt(self, since: datetime) -> None:
        """What people have wanted since then is not sure."""
        sure = [one for one in self.marks if one[0] < since]
        self.marks = [*sure, (since, None)]

    def _mark(self, event: Event, at: datetime, mode: Mode) -> None:
        if event is Event.START and mode is Mode.ON_DEMAND:
            self.kept = True
        else:
            self._want(at, event in (Event.START, Event.RESUME))

    def _want(self, at: datetime, wanted: bool | None) -> None:
        self.marks.append((max([at, *(one[0] for one in self.marks[-1:])]), wanted))

    def performed(self, effect: Effect) -> None:
        """An effect is being carried out."""
        if isinstance(effect, Reply | Agree):
            question = self.questions[effect.number]
            question.answers += 1
            if question.answers > 1:
                self.violated(f"question {effect.number} was answered twice")
            if isinstance(effect, Reply) and effect.reason is None and not effect.problem:
                still = [file.name for file in question.live if file.state != DONE]
                if question.command in (Event.PAUSE, Event.STOP) and still:
                    self.violated(f"{question.command} was confirmed, and {still} is being written")
        elif isinstance(effect, Play):
            self._played(effect)

    def _played(self, effect: Play) -> None:
        leg = self._leg
        assert leg is not None
        known = {*self.books.announcements}
        if self.books.newest is not None:
            known |= {one.id for one in self.books.newest.announcements}
        failing = leg.unsaved and leg.speaking is not None and leg.speaking.prompt.kind in FAILURES
        if failing:
            self._nowhere.add(effect.snoop)
        elif _announcement_id(leg, effect.snoop) not in known:
            self.violated(f"{effect.snoop} is played to before the evidence is on disk")

    def died(self) -> None:
        """What was not written down is in doubt."""
        self._commands.clear()
        on_disk = self.books.newest
        self._ended_heard = on_disk is not None and on_disk.ended_at is not None and self._ended_heard
        self.doubted = [one for one in self.doubted if one.version > self.books.version]
        if self.doubted:
            self._doubted = True
            self._doubt(min(one.at for one in self.doubted))
            if any(one.event is Event.START for one in self.doubted) and self.kept:
                self.kept = None

    def _revived(self, seen: inputs.Snapshot, leg: Leg, last: Command, *, given: bool) -> None:
        """What is wanted from now on is what it has found: ``last`` was taken, and not written down."""
        if leg.ended_at is not None:
            return
        stopped = [file.ended_at for file in last.live if file.stopped and file.ended_at is not None]
        runs = leg.standing.state in RUNNING
        if last.event in (Event.PAUSE, Event.STOP) and stopped and not given:
            both = len(last.live) > 1 and all(file.snoop in seen.snoops for file in last.live)
            if runs and both:  # otherwise it looks like a loss
                self.violated(f"{last.event} was carried out, and is forgotten")
            elif not runs:
                self._want(min(stopped), False)
        self._want(self.clock.now, runs or leg.standing.state is State.FAILED)
        self.doubted.append(Command(None, self.clock.now, leg.version, ()))

    # When everything has gone well for a while

    def quiet(self) -> None:
        """The call goes on, and nothing has gone wrong for long."""
        leg = self.recorder.leg
        if leg is None or self.asterisk.state is None:
            if self.asterisk.state is not None:
                self.violated("nobody follows the call")
            return
        self._nothing(sorted(set(self.asterisk.snoops) - leg.needed), "snoops that nobody follows")
        following = {name for files in leg.files for name in file_names(leg.prefix, files.number)}
        self._nothing(sorted({file.name for file in self._live()} - following), "files that nobody follows")
        if self.asterisk.state == "Up" and leg.standing.state is State.RINGING:
            self.violated("the call is up, and the leg is ringing")
        live = {file.name for file in self._live() if file.full_at is None}
        if leg.standing.state in RUNNING:
            running = leg.running
            wanted = set(file_names(leg.prefix, running.number)) if running else {"anything"}
            self._nothing(sorted(wanted - live), "files that should be written")
        elif leg.standing.state is not State.RINGING:
            self._nothing(sorted(live), "files that should not be written")
        if leg.told != leg.standing or leg.untold:
            self.violated(f"told {leg.told.state}, and is {leg.standing.state}: {leg.untold}")
        if not self.books.busy and self.books.version != leg.version:
            self.violated("the catalogue is behind")

    def _nothing(self, names: list[str], what: str) -> None:
        if names:
            self.violated(f"{what}: {', '.join(name[-8:] for name in names)}")

    # At the end

    def complete(self, leg: Leg, recording: Recording) -> None:
        """A recording is about to be made into a file; what is written later is no part of it."""
        self._made_at.setdefault(recording.ordinal, self.clock.now)
        if recording.state is RecordingState.OPEN:
            self.violated(f"recording {recording.ordinal} is complete, and open")
        open_files = [
            name
            for segment in recording.segments
            for name in file_names(leg.prefix, segment.files)
            if (file := self.asterisk.files.get(name)) is not None
            and file.state == LIVE
            and not file.canceled
            if segment.file_ended_at and file.began_at and file.began_at <= segment.file_ended_at
        ]
        self._nothing(open_files, "complete, and being written")

    @staticmethod
    def names(leg: Leg, recording: Recording) -> list[str]:
        """The files of a recording."""
        numbers = sorted({one.files for one in recording.segments})
        return [name for number in numbers for name in file_names(leg.prefix, number)]

    def end(self) -> None:
        """Everything is over."""
        self._answered()
        leg = self.books.catalogue
        answered = self.asterisk.answered_at
        if leg is None:
            if self.asterisk.folder or (answered and not self.recorder.crashes and not self.recorder.late):
                self.violated("nothing was written down of the call")
            return
        self._ended(leg)
        if leg.standing.mode is Mode.NEVER:
            return
        recordings = [one for key, one in sorted(self.books.recordings.items())]
        if self.books.due != ({leg.id} if answered and leg.answered_at is not None else set()):
            self.violated(f"lines in the ledger: {len(self.books.due)}, answered: {answered is not None}")
        self._audio(leg, recordings)
        self._heard(leg)

    def _ended(self, leg: Leg) -> None:
        now = self.recorder.leg
        if leg.ended_at is None or leg.files or (now is not None and not now.over):
            self.violated(f"the leg does not end: {leg.standing.state}, files {leg.files}")
        if now is not None and now.version != leg.version:
            self.violated("the catalogue is behind")
        if now is not None and (now.untold or now.speaking or now.alarms):
            self.violated(f"after the end: untold {now.untold}, {now.speaking}, alarms {dict(now.alarms)}")
        made = []
        for (_, ordinal), recording in sorted(self.books.recordings.items()):
            if not recording.complete or recording.state is RecordingState.OPEN:
                self.violated(f"recording {ordinal} stays {recording.state}, complete {recording.complete}")
            ordinals = [one.ordinal for one in recording.segments]
            if len(ordinals) != len(set(ordinals)):
                self.violated(f"recording {ordinal} has segments {ordinals}")
            kept = recording.state is RecordingState.CLOSING
            made.append((RecordingState.STORED if kept else RecordingState.DISCARDED, ""))
        if close(leg.standing.mode, made) is None:
            self.violated("the line in the ledger has no end")

    def _answered(self) -> None:
        for number, question in self.questions.items():
            died = self.recorder.crashes > question.run
            if question.delivered and not died and question.answers != 1:
                self.violated(f"question {number} ({question.command}) was answered {question.answers} times")

    def _audio(self, leg: Leg, recordings: list[Recording]) -> None:
        wanted, maybe = self._wanted(leg)
        kept = [
            (recording, segment)
            for recording in recordings
            if recording.state is RecordingState.CLOSING
            for segment in recording.segments
            if not segment.nothing
        ]
        claimed, audible = [], []
        for recording, segment in kept:
            if segment.ended_at is None or segment.file_began_at is None:
                self.violated(f"segment {segment.ordinal} of recording {recording.ordinal} has no end")
                continue
            claimed.append((segment.began_at, segment.ended_at))
            sides = self._audible(leg, segment, self._made_at.get(recording.ordinal, self.clock.now))
            audible += common(*sides)
            for span in (*sides[0], *sides[1]):
                over = without([span], union([*wanted, *maybe]))
                if seconds(over) > KEPT_OVER.total_seconds():
                    self.violated(f"kept, and not wanted: {self._spans(over)} of {segment}")
        self._left(leg, recordings, wanted, claimed)
        holes = without(without(common(wanted, [self._known(leg)]), claimed), maybe)
        self._missing(leg, recordings, holes, seconds(without([*wanted, *maybe], audible)))

    def _left(self, leg: Leg, recordings: list[Recording], wanted: list[Span], claimed: list[Span]) -> None:
        """What Asterisk has written on both sides, and was wanted, and is not kept.

        If a file goes on for a while behind a pause, nothing is taken from there for what is resumed then.
        """
        bounds = {
            segment.files: segment.until
            for recording in recordings
            for segment in recording.segments
            if segment.until is not None
        }
        for number in range(1, leg.taken + 1):
            spans = [wanted]
            for name in file_names(leg.prefix, number):
                file = self.asterisk.files.get(name)
                if file is None or file.began_at is None:
                    break
                until = file.until(self.clock.now)
                spans.append([(file.began_at, min(until, bounds.get(number, until)))])
            else:
                left = without(reduce(common, spans), claimed)
                if seconds(left) > LEFT_MAX_S:
                    self.violated(f"written, wanted and not kept: {self._spans(left)}")

    def _missing(self, leg: Leg, recordings: list[Recording], holes: list[Span], most_s: float) -> None:
        missing = [hole for hole in holes if seconds([hole]) > MISSING_FROM_S]
        problems = [problem for one in recordings for problem in one.problems]
        told_s = sum(float(length) for problem in problems for length in _LENGTH.findall(problem))
        if missing and not problems:
            self.violated(f"missing, and not told: {self._spans(missing)}")
        elif not any(words in problem for words in NO_LENGTH for problem in problems):
            if told_s < 0.8 * seconds(missing) - 1.0:
                self.violated(f"missing {self._spans(missing)}, told {problems}")
            if told_s > 1.2 * (most_s + self._late_s(leg)) + 1.0 and not self._doubted:
                self.violated(f"told {problems}, missing {self._spans(holes)}")

    def _late_s(self, leg: Leg) -> float:
        """How much later than it did the call has ended, as far as the leg knows."""
        ended = self.asterisk.ended_at
        return max((leg.ended_at - ended).total_seconds(), 0.0) if leg.ended_at and ended else 0.0

    def _known(self, leg: Leg) -> Span:
        """The call, as far as can be known."""
        begin, end = self.recorder.begun_at, self.asterisk.ended_at or self.clock.now
        unheard = not self._ended_heard and not self.recorder.tells_times
        return begin, min(end, leg.ended_at) if unheard and leg.ended_at else end

    def _wanted(self, leg: Leg) -> tuple[list[Span], list[Span]]:
        """What people wanted to be kept, and of what that cannot be said."""
        answered, ended = self.asterisk.answered_at, self.asterisk.ended_at
        if answered is None or leg.answered_at is None or ended is None or leg.ended_at is None:
            return [], []
        mode = leg.standing.mode
        marks = [(answered, mode is not Mode.ON_DEMAND_USER_START)]
        marks += [(max(at, answered), wanted) for at, wanted in self.marks]
        ends = [at for at, _ in marks[1:]] + [ended]
        spans: dict[bool | None, list[Span]] = {True: [], False: [], None: []}
        for (at, wanted), end in zip(marks, ends, strict=True):
            spans[wanted].append((at, min(end, ended)))
        if mode is Mode.ON_DEMAND and self.kept is not True:
            return [], [] if self.kept is False else union([*spans[True], *spans[None]])
        return union(spans[True]), union(spans[None])

    def _audible(self, leg: Leg, segment: Segment, made_at: datetime) -> tuple[list[Span], list[Span]]:
        """The truth of what is kept of a segment's two files, cut as they are when they are put together."""
        assert segment.file_began_at is not None
        assert segment.ended_at is not None
        late = timedelta(milliseconds=segment.outward_late_ms)
        begins = (
            segment.file_began_at + max(-late, timedelta()),
            segment.file_began_at + max(late, timedelta()),
        )
        sides: tuple[list[Span], list[Span]] = [], []
        names = file_names(leg.prefix, segment.files)
        for side, name, begins_at in zip(sides, names, begins, strict=True):
            file = self.asterisk.files.get(name)
            if file is not None and file.began_at is not None and file.began_at < made_at:
                shift = file.began_at - begins_at
                cut = segment.began_at + shift, segment.ended_at + shift
                side += common([cut], [(file.began_at, file.until(self.clock.now))])
        return sides

    def _spans(self, spans: list[Span]) -> str:
        begun_at = self.recorder.begun_at
        return ", ".join(
            f"{(a - begun_at).total_seconds():.3f} to {(b - begun_at).total_seconds():.3f}" for a, b in spans
        )

    def _heard(self, leg: Leg) -> None:
        rows = self.books.announcements
        for heard in self.asterisk.heard:
            if _announcement_id(leg, heard.snoop) not in rows and heard.snoop not in self._nowhere:
                self.violated(f"{heard.snoop[-4:]} was heard, and there is no evidence")
        without_end = [one.prompt.kind for one in rows.values() if not one.outcome]
        self._nothing([str(kind) for kind in without_end], "announcements without an outcome")


def _announcement_id(leg: Leg, snoop: str) -> object:
    return id_of(leg.created_at, leg.id, "announcement", int(snoop.rpartition("w")[2]))


def _given(before: Leg, told: Input) -> list[tuple[Event, datetime]]:
    """The commands in an input, as keys and features say them."""
    match told:
        case inputs.Digit(digit=digit, at=at):
            command = press(before.keys, digit, at)[1]
            return [(command, at)] if command is not None else []
        case inputs.Featured(command=event, at=at):
            taken = take(before.keys, Given(event, at, Source.FEATURE))[1]
            return [(taken, at)] if taken is not None else []
        case inputs.Asked(command=event, at=at):
            return [(event, at)]
        case inputs.Snapshot(commands=commands) if before.ended_at is None:
            keys, found = before.keys, []
            for one in sorted(commands, key=lambda one: one.at):
                if keys.last is None or one.at > keys.last.at:
                    keys, taken = take(keys, Given(one.command, one.at, Source.FEATURE))
                    found += [(taken, one.at)] if taken is not None else []
            return found
    return []
