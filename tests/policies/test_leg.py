"""Calls told to the leg's machine, step by step: what it asks for, and what becomes of it.

Each of these was once found by the histories (`tests/histories`), or is what they are too rough to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg import Leg, begin, happening, inputs, receive
from ari_recorder.policies.leg.effects import (
    Agree,
    Effect,
    Look,
    Measure,
    Place,
    Play,
    Record,
    Release,
    Reply,
    Request,
    Save,
    Snoop,
    Stop,
    TellRefused,
)
from ari_recorder.policies.leg.inputs import Given, Input, Snapshot, Written
from ari_recorder.policies.leg.state import Segment, file_names
from ari_recorder.policies.parties import Counterpart
from ari_recorder.policies.preferences import Preferences, combine
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.table import Event, Mode, State
from tests.histories.books import revived

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SILENT = combine({"announce_internal": "none", "announce_external": "none"})
PAUSE, RESUME, START = Event.PAUSE, Event.RESUME, Event.START


def at(seconds: float) -> datetime:
    """So many seconds after the channel was created."""
    return T0 + timedelta(seconds=seconds)


@dataclass
class Call:
    """A leg, the time (s), and what it has asked for. Saves are on disk at once if ``books`` are open."""

    mode: Mode = Mode.ALWAYS_PAUSE_RESUME
    preferences: Preferences = SILENT
    segment_max_s: float = 3600.0
    books: bool = True
    now_s: float = 0.0
    asked: list[Effect] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leg = self.new()

    def new(self) -> Leg:
        return begin(
            app="ari_recorder",
            pbx="pbx",
            channel="1700000000.1",
            channel_name="PJSIP/101-00000001",
            created_at=T0,
            user=UUID(int=101),
            organisation=UUID(int=1),
            user_number="101",
            user_name="Anna",
            mode=self.mode,
            preferences=self.preferences,
            direction="inbound",
            counterpart=Counterpart("0701234567"),
            segment_max_s=self.segment_max_s,
        )

    def told(self, *inputs_: Input, after_s: float = 0.0) -> list[Effect]:
        """Tell it; what it asks for then."""
        self.now_s += after_s
        asked: list[Effect] = []
        for one in inputs_:
            self.leg, effects = receive(self.leg, one, at(self.now_s))
            asked += effects
            saves = [effect for effect in effects if isinstance(effect, Save)]
            if saves and self.books:
                asked += self.told(inputs.Saved(saves[-1].version, catalogue=True))
        self.asked += asked
        return asked

    def answered(self) -> Call:
        """Both snoops have entered, the call is up, and both files are being written."""
        self.told(inputs.Begun("1700000000.1"))
        self.enter()
        self.told(inputs.Answered(at(self.now_s), "(alaw)"))
        if self.leg.running is not None:
            self.begins(1)
        return self

    def enter(self) -> None:
        for snoop in self.leg.snoops:
            self.told(inputs.Accepted(_snoop(self.leg, snoop)), inputs.SnoopEntered(snoop, wide=False))

    def names(self, number: int) -> tuple[str, str]:
        return file_names(self.leg.prefix, number)

    def begins(self, number: int) -> None:
        """Asterisk writes both files of a number, on snoops that have entered."""
        if not self.leg.entered:
            self.enter()
        for snoop, name in zip(self.leg.snoops, self.names(number), strict=True):
            self.told(inputs.FileBegan(name, at(self.now_s)), inputs.Accepted(Record(snoop, name, "wav")))

    def closes(self, number: int, *, at_s: float | None = None) -> list[Effect]:
        """Asterisk closes both files of a number."""
        asked: list[Effect] = []
        for name in self.names(number):
            asked += self.told(inputs.FileClosed(name, at(self.now_s if at_s is None else at_s)))
            asked += self.told(inputs.Accepted(Stop(name)))
        return asked

    def wakes(self) -> list[Effect]:
        """The time comes that it has asked for."""
        assert self.leg.woken_at is not None
        self.now_s = max(self.now_s, (self.leg.woken_at - T0).total_seconds())
        return self.told(inputs.Time())

    def until(self, kind: type) -> list[Effect]:
        """Time goes on until it asks for this; what is measured has grown."""
        grown = 0
        while not (asked := only(self.wakes(), kind)):
            for one in self.leg.requests:
                if isinstance(one, Measure):
                    grown += 1
                    self.told(inputs.Accepted(one), inputs.Measured(dict.fromkeys(one.files, grown)))
        return asked

    def sees(self, seen: Snapshot) -> list[Effect]:
        """An answer to a look."""
        looks = [one for one in self.leg.requests if isinstance(one, Look)]
        return self.told(*(inputs.Accepted(one) for one in looks), seen)

    def seen(self, *numbers: int, live: bool = True, state: str | None = "Up") -> Snapshot:
        """What there is, if both snoops and the files of these numbers are there, each since the answer."""
        names = [name for number in numbers for name in self.names(number)]
        return Snapshot(
            asked_at=at(self.now_s),
            state=state,
            snoops=frozenset(self.leg.snoops if state else ()),
            live=frozenset(names if live else ()),
            written={name: Written(at(0), at(self.now_s), "wav") for name in names},
        )

    def segments(self) -> tuple[Segment, ...]:
        return self.leg.recordings[-1].segments

    def problems(self) -> tuple[str, ...]:
        return self.leg.recordings[-1].problems

    def hangs_up(self) -> None:
        for files in self.leg.files:
            self.closes(files.number)
        self.told(inputs.HungUp(at(self.now_s)))


def _snoop(leg: Leg, name: str) -> Request:
    return Snoop(name, spy="in" if name == leg.snoops[0] else "out")


def only(effects: list[Effect], kind: type) -> list[Effect]:
    return [one for one in effects if isinstance(one, kind)]


def feature(command: Event, at_s: float) -> Given:
    return Given(command, at(at_s))


# The way of a call


def test_a_call_is_recorded_from_the_answer_to_the_hang_up() -> None:
    call = Call(Mode.ALWAYS).answered()
    call.now_s = 10.0
    call.hangs_up()
    [segment] = call.segments()
    assert (segment.began_at, segment.ended_at) == (T0, at(10))
    assert call.leg.recordings[0].state is RecordingState.CLOSING
    assert call.problems() == ()
    assert call.leg.over


def test_nothing_is_kept_of_what_is_heard_behind_the_hang_up() -> None:
    """Somebody has taken the channel's place, and with it those who listened there."""
    call = Call(Mode.ALWAYS).answered()
    snoops = call.leg.snoops
    call.told(inputs.HungUp(at(10)), after_s=10)
    call.until(Look)
    assert not call.leg.over
    asked = call.sees(replace(call.seen(1, state=None), snoops=frozenset(snoops)))
    assert only(asked, Release) == [Release(snoop) for snoop in sorted(snoops)]
    call.closes(1, at_s=12.5)
    [segment] = call.segments()
    assert (segment.ended_at, segment.file_ended_at) == (at(10), at(12.5))
    assert call.problems() == ()
    assert call.leg.over


def test_the_name_of_who_transferred_is_not_that_of_whom_they_transferred_to() -> None:
    """Nor when Asterisk says so twice; but theirs again when they are back."""
    call = Call(Mode.ALWAYS).answered()
    for number, name in (("106", "Fredrik"), ("0812345678", "Fredrik"), ("0812345678", "Fredrik")):
        call.told(inputs.Connected(Counterpart(number, name), at(call.now_s + 2)), after_s=2)
    assert call.leg.counterpart == Counterpart("0812345678")
    call.told(inputs.Connected(Counterpart("106", "Fredrik"), at(8)), after_s=2)
    met = [(one.counterpart.number, one.counterpart.name) for one in call.leg.counterparts]
    assert met[1:] == [("106", "Fredrik"), ("0812345678", ""), ("106", "Fredrik")]


def test_the_name_of_whom_a_dialplan_rang_first_is_not_that_of_who_answers() -> None:
    call = Call(Mode.ALWAYS)
    for number in ("106", "0812345678", "0812345678"):
        call.told(inputs.Connected(Counterpart(number, "Fredrik"), at(0)))
    assert call.leg.counterpart == Counterpart("0812345678")


def test_who_was_called_and_dials_is_the_caller_unless_a_transfer_has_them_dial() -> None:
    for first, direction in (("", "outbound"), ("0701", "inbound")):
        call = Call(Mode.ALWAYS)
        call.leg = replace(call.leg, counterpart=Counterpart(first))
        call.answered()
        call.told(inputs.Connected(Counterpart("0812345678"), at(1), "outbound"), after_s=1)
        assert (call.leg.direction, call.leg.counterpart.number) == (direction, "0812345678")


def test_a_pause_counts_from_its_time_and_is_confirmed_when_the_files_are_closed() -> None:
    call = Call().answered()
    asked = call.told(inputs.Asked(PAUSE, at(5), 1), after_s=5.2)
    assert only(asked, Stop) == [Stop(name) for name in call.names(1)]
    assert not only(asked, Reply)
    assert only(call.closes(1), Reply) == [Reply(1)]
    assert call.segments()[0].ended_at == at(5)


def test_a_command_is_not_confirmed_before_it_is_on_disk() -> None:
    call = Call().answered()
    call.books = False
    call.told(inputs.Asked(PAUSE, at(5), 1), after_s=5)
    assert not only(call.closes(1), Reply)
    version = call.leg.version
    assert only(call.told(inputs.Saved(version, catalogue=False)), Reply) == [Reply(1)]


# What the histories found


def test_what_asterisk_keeps_is_not_given_again_when_an_echo_has_come() -> None:
    call = Call().answered()
    call.told(inputs.Featured(PAUSE, at(5)), after_s=5)
    for digit in "*48":
        call.told(inputs.Digit(digit, at(5.1)))
    call.closes(1)
    call.told(inputs.Asked(RESUME, at(9), 1), after_s=4)
    call.begins(2)
    call.told(inputs.Unknown(Stop("another"), "no answer"))
    call.wakes()
    call.sees(replace(call.seen(2), commands=(feature(PAUSE, 5),)))
    assert call.leg.standing.state is State.RECORDING


def test_a_lost_file_is_not_taken_for_one_that_goes_on() -> None:
    call = Call(Mode.ALWAYS).answered()
    call.told(inputs.FileClosed(call.names(1)[0], at(3)), after_s=3)
    call.wakes()
    asked = call.sees(replace(call.seen(1), live=frozenset({call.names(1)[1]})))
    assert call.leg.running is not None
    assert call.leg.running.number == 2
    assert only(asked, Stop) == [Stop(call.names(1)[1])]


def lose(call: Call) -> list[Effect]:
    """The files that are being written end unasked; what is asked for when they are taken for lost."""
    running = call.leg.running
    assert running is not None
    call.closes(running.number)
    call.wakes()
    return call.sees(call.seen(running.number, live=False))


def test_snoops_are_kept_until_others_listen_in_their_place() -> None:
    """Without, Asterisk would change the source of both phones' audio, and back."""
    call = Call(Mode.ALWAYS).answered()
    before = set(call.leg.snoops)
    assert not only(lose(call), Release)
    first, second = call.leg.snoops
    assert before.isdisjoint({first, second})
    assert not only(call.told(inputs.SnoopEntered(first, wide=False)), Release)
    call.sees(replace(call.seen(), snoops=frozenset({*before, first})))
    assert not only(call.asked, Release)
    assert {one.snoop for one in only(call.told(inputs.SnoopEntered(second, wide=False)), Release)} == before


def test_snoops_are_kept_when_recording_is_given_up() -> None:
    call = Call(Mode.ALWAYS).answered()
    while True:
        lose(call)
        if call.leg.standing.state is State.FAILED:
            break
        call.enter()
    last = frozenset(call.leg.snoops)
    call.sees(replace(call.seen(), snoops=last))
    assert call.leg.needed >= last
    assert not [one for one in only(call.asked, Release) if one.snoop in last]
    call.hangs_up()
    assert not call.leg.needed


def test_what_could_not_be_written_of_a_stretch_is_told_though_others_were() -> None:
    call = Call().answered()
    call.told(inputs.Asked(PAUSE, at(5), 1), after_s=5)
    call.closes(1)
    call.told(inputs.Asked(RESUME, at(10), 2), after_s=5)
    for snoop, name in zip(call.leg.snoops, call.names(2), strict=True):
        call.told(inputs.Unknown(Record(snoop, name, "wav"), "no answer"))
    call.told(inputs.Asked(PAUSE, at(15), 3), after_s=5)
    call.wakes()
    call.sees(call.seen(1, live=False))
    call.now_s = 20
    call.hangs_up()
    assert call.problems() == ("The last 5.0 s are missing: Asterisk ended the file early.",)


def test_a_snoop_of_whose_end_no_word_came_is_let_go_again() -> None:
    call = Call(Mode.ALWAYS)
    call.told(inputs.Begun("1"))
    stale, _ = call.leg.snoops
    call.told(inputs.Refused(_snoop(call.leg, stale), "500"))
    call.told(inputs.Unknown(Release(stale), "no answer"))
    assert Release(stale) in call.until(Release)
    call.told(inputs.Refused(Release(stale), "not found", missing=True))
    assert stale not in call.leg.leaving


def test_a_snoop_that_enters_after_it_was_given_up_is_let_go() -> None:
    call = Call(Mode.ALWAYS)
    call.told(inputs.Begun("1"))
    stale = call.leg.snoops[0]
    call.wakes()
    call.told(inputs.Refused(Release(stale), "not found", missing=True))
    call.wakes()
    assert stale not in call.leg.snoops
    assert Release(stale) in call.told(inputs.SnoopEntered(stale, wide=False))


def test_a_file_that_begins_after_it_was_given_up_is_ended_and_is_no_part_of_its_segment() -> None:
    call = Call()
    call.told(inputs.Begun("1"))
    call.enter()
    call.told(inputs.Answered(at(0), "(alaw)"))
    inward, outward = call.names(1)
    call.told(inputs.FileBegan(inward, at(0)), inputs.Accepted(Record(call.leg.snoops[0], inward, "wav")))
    call.told(inputs.Unknown(Record(call.leg.snoops[1], outward, "wav"), "no answer"))
    call.told(inputs.Asked(PAUSE, at(5), 1), after_s=5)
    call.told(inputs.FileClosed(inward, at(5)))
    call.until(Look)
    call.sees(replace(call.seen(), written={inward: Written(at(0), at(5), "wav")}))
    assert not call.leg.files
    assert Stop(outward) in call.told(inputs.FileBegan(outward, at(11)), after_s=6)
    [segment] = call.segments()
    assert (segment.ended_at, segment.outward_late_ms) == (at(5), 5_000)


def test_a_queued_file_that_was_to_end_is_ended_when_it_begins() -> None:
    call = Call(segment_max_s=10).answered()
    asked = call.until(Record)
    queued = call.names(2)
    assert [one.name for one in asked if isinstance(one, Record)] == [*queued]
    call.told(inputs.Asked(PAUSE, at(call.now_s), 1))
    call.told(*(inputs.Accepted(Stop(name)) for name in queued))
    assert Stop(queued[0]) in call.told(inputs.FileBegan(queued[0], at(call.now_s)))


def test_a_queued_file_that_was_to_end_keeps_no_pause_from_being_confirmed() -> None:
    call = Call().answered()
    call.told(inputs.Asked(PAUSE, at(5), 1), after_s=5)
    inward, outward = call.names(1)
    call.told(inputs.FileClosed(inward, at(5)))
    call.until(Look)
    seen = replace(call.seen(1), live=frozenset(), queued=frozenset({outward}))
    assert only(call.sees(seen), Reply) == [Reply(1)]


def test_a_pause_is_not_confirmed_while_a_file_that_was_given_up_is_being_written() -> None:
    call = Call(segment_max_s=10).answered()
    call.until(Record)
    queued = call.names(2)
    call.told(inputs.Refused(Record(call.leg.snoops[0], queued[0], "wav"), "500"))
    call.told(inputs.Accepted(Record(call.leg.snoops[1], queued[1], "wav")))
    call.told(inputs.Unknown(Stop(queued[1]), "no answer"))
    call.until(Look)
    call.sees(replace(call.seen(1), queued=frozenset({queued[1]})))
    call.told(inputs.Asked(PAUSE, at(call.now_s), 1))
    assert Stop(queued[1]) in call.told(inputs.FileBegan(queued[1], at(call.now_s)))
    assert not only(call.closes(1), Reply)
    assert only(call.told(inputs.FileClosed(queued[1], at(call.now_s))), Reply) == [Reply(1)]


def test_what_is_measured_late_of_other_files_says_nothing() -> None:
    call = Call(Mode.ALWAYS).answered()
    [measure] = call.until(Measure)
    assert isinstance(measure, Measure)
    call.told(inputs.Accepted(measure), inputs.Measured({}))
    call.told(inputs.Accepted(Measure(("another",))), inputs.Measured({}))
    assert call.leg.running is not None
    assert not call.leg.running.broken


def test_a_pause_bounds_what_was_rolled_over_and_is_still_written() -> None:
    call = Call(segment_max_s=10).answered()
    call.until(Record)
    call.begins(2)
    call.told(inputs.Asked(PAUSE, at(call.now_s), 1))
    assert [one.until for one in call.segments()] == [at(call.now_s)] * 2
    assert not only(call.closes(2), Reply)
    assert only(call.closes(1), Reply) == [Reply(1)]


def test_a_pause_and_a_resume_of_one_look_cut_what_goes_on_and_are_told() -> None:
    call = Call().answered()
    call.told(inputs.Asked(PAUSE, at(2), 1), after_s=2)
    call.closes(1)
    call.told(inputs.Asked(RESUME, at(3), 2), after_s=1)
    call.begins(2)
    call.now_s = 20
    given = (feature(PAUSE, 10), feature(RESUME, 12))
    call.told(replace(call.seen(2), away=True, commands=given))
    assert call.leg.running is not None
    assert call.leg.running.number == 2
    assert not call.leg.untold
    assert [(one.since, one.until) for one in call.segments()[1:]] == [(None, at(10)), (at(12), None)]


def recorded_on(asked: list[Effect]) -> list[str]:
    """The snoops that are to be recorded, as they are called behind the leg's prefix."""
    return [one.snoop.rpartition("-s")[2] for one in only(asked, Record)]


def test_what_is_resumed_is_recorded_on_snoops_that_did_not_listen_in_the_pause() -> None:
    """One that has fallen behind would still give it. The old ones stay until the new are there."""
    call = Call()
    call.told(inputs.Begun("1700000000.1"))
    call.enter()
    assert recorded_on(call.told(inputs.Answered(at(0), "(alaw)"))) == ["1-in", "1-out"]
    call.begins(1)
    call.told(inputs.Asked(PAUSE, at(2), 1), after_s=2)
    call.closes(1)
    old, asked = call.leg.snoops, call.told(inputs.Asked(RESUME, at(4), 2), after_s=2)
    assert [one.snoop for one in only(asked, Snoop)] == list(call.leg.snoops)
    assert not only(asked, Record)
    assert not only(asked, Release)
    before = len(call.asked)
    call.enter()
    assert recorded_on(call.asked[before:]) == ["2-in", "2-out"]
    assert [one.snoop for one in only(call.asked[before:], Release)] == list(old)


def test_who_starts_does_so_on_new_snoops() -> None:
    call = Call(mode=Mode.ON_DEMAND_USER_START).answered()
    asked = call.told(inputs.Asked(START, at(4), 1), after_s=4)
    assert [one.snoop for one in only(asked, Snoop)] == list(call.leg.snoops)
    before = len(call.asked)
    call.enter()
    assert recorded_on(call.asked[before:]) == ["2-in", "2-out"]


def test_a_roll_over_and_what_goes_on_stay_on_their_snoops() -> None:
    """Nothing is to be kept out of these, and nothing is to be lost."""
    call = Call(segment_max_s=60).answered()
    assert recorded_on(call.until(Record)) == ["1-in", "1-out"]


def test_what_was_seen_on_the_channel_is_not_done_again_when_its_word_comes() -> None:
    """The look has overtaken the events, and the pause is not the last command any more."""
    call = Call().answered()
    call.now_s = 20
    given = (feature(PAUSE, 10), feature(RESUME, 12))
    call.told(replace(call.seen(1), commands=given))
    before = call.segments()
    for one in given:
        call.told(inputs.Featured(one.command, one.at))
        for digit in call.leg.preferences.codes[one.command]:
            call.told(inputs.Digit(digit, one.at))
    assert call.segments() == before
    assert call.leg.running is not None


def test_a_pause_heard_of_late_counts_from_when_it_was_given_but_not_from_before_the_last_resume() -> None:
    call = Call().answered()
    call.told(inputs.Asked(PAUSE, at(2), 1), after_s=2)
    call.closes(1)
    call.told(inputs.Asked(RESUME, at(4), 2), after_s=2)
    call.begins(2)
    call.told(inputs.Featured(PAUSE, at(3)), after_s=1)
    assert call.segments()[-1].until == at(4)


def test_what_was_written_since_a_resume_that_is_heard_of_late_is_kept() -> None:
    """The recorder was frozen: each event comes in a turn of its own, and the files went on all the while."""
    call = Call().answered()
    call.told(inputs.Featured(PAUSE, at(5)), after_s=10)
    call.told(inputs.Featured(RESUME, at(7)))
    call.closes(1)
    call.now_s = 10.05
    call.begins(2)
    call.now_s = 12
    call.hangs_up()
    first, since, after = call.segments()
    assert (first.began_at, first.ended_at) == (T0, at(5))
    assert (since.files, since.began_at, since.ended_at) == (1, at(7), at(10))
    assert (after.files, after.began_at, after.ended_at, after.continues) == (2, at(10.05), at(12), True)
    assert call.problems() == ()


def test_nothing_is_kept_since_a_resume_of_files_that_went_on_behind_the_pause() -> None:
    """Their snoops listened in it, and may give the end of it half a second late."""
    call = Call().answered()
    call.told(inputs.Asked(PAUSE, at(5), 1), after_s=5)
    call.told(*(inputs.Unknown(Stop(name), "no answer") for name in call.names(1)), after_s=5)
    call.told(inputs.Asked(RESUME, at(12), 2), after_s=2)
    call.now_s = 20
    call.hangs_up()
    assert [(one.files, one.ended_at) for one in call.segments()] == [(1, at(5)), (2, at(12))]


def test_nothing_of_a_second_pause_is_kept_though_both_were_heard_of_late() -> None:
    call = Call().answered()
    for command, at_s in ((PAUSE, 5), (RESUME, 7), (PAUSE, 8)):
        call.told(inputs.Featured(command, at(at_s)), after_s=10 - call.now_s)
    call.closes(1)
    call.begins(2)
    call.closes(2)
    call.now_s = 12
    call.hangs_up()
    kept = [(one.files, one.began_at, one.ended_at) for one in call.segments() if not one.nothing]
    assert kept == [(1, T0, at(5)), (1, at(7), at(8))]
    assert call.problems() == ()


def test_a_call_that_was_paused_when_asterisk_went_for_good_ends() -> None:
    """Nothing of it is written, so nothing tells by not growing: that Asterisk does not answer has to do."""
    call = Call().answered()
    call.told(inputs.Asked(PAUSE, at(5), 1), after_s=5)
    call.closes(1)
    call.told(inputs.Unknown(Look(), "no connection"), after_s=1)
    while not call.leg.over:
        asked = only(call.wakes(), Look)
        call.told(*(inputs.Unknown(one, "no connection") for one in asked if isinstance(one, Look)))
    assert call.leg.ended_at == at(6)
    assert call.now_s > 6 + call.leg.gone_after_s
    assert call.problems() == ()


def test_a_file_that_was_to_be_closed_when_asterisk_went_for_good_ends() -> None:
    call = Call().answered()
    call.told(inputs.Asked(PAUSE, at(5), 1), after_s=5)
    while not call.leg.over:
        asked = only(call.wakes(), Look)
        call.told(*(inputs.Unknown(one, "no connection") for one in asked if isinstance(one, Look)))
    assert [(one.began_at, one.ended_at) for one in call.segments()] == [(T0, at(5))]


def test_a_pause_heard_of_late_bounds_what_is_closed_already() -> None:
    call = Call().answered()
    for name in call.names(1):
        call.told(inputs.FileClosed(name, at(8)))
    call.now_s = 9
    call.wakes()
    call.sees(call.seen(1, live=False))
    assert [one.number for one in call.leg.files] == [2]
    call.told(inputs.Featured(PAUSE, at(6)), after_s=1)
    assert call.segments()[0].ended_at == at(6)


def test_a_look_that_a_request_has_overtaken_judges_nothing() -> None:
    call = Call(Mode.ALWAYS)
    call.told(inputs.Begun("1"))
    call.enter()
    call.told(inputs.Answered(at(1), "(alaw)"), after_s=1)
    seen = replace(call.seen(), asked_at=at(2))
    for snoop, name in zip(call.leg.snoops, call.names(1), strict=True):
        call.told(inputs.Accepted(Record(snoop, name, "wav")), after_s=1)
    call.told(seen)
    assert call.leg.running is not None
    assert not any(call.leg.running.ended)
    assert call.until(Look)


def test_snoops_that_have_gone_while_paused_are_made_anew() -> None:
    call = Call().answered()
    call.told(inputs.SnoopLeft(call.leg.snoops[1]), after_s=5)
    call.told(inputs.Asked(PAUSE, at(5), 1))
    before = call.leg.arming
    call.wakes()
    while call.leg.arming == before:
        call.wakes()
    assert call.leg.arming == before + 1


def test_the_dialplan_is_answered_when_the_call_ends() -> None:
    call = Call(Mode.ALWAYS)
    call.told(inputs.Begun("1"), inputs.Agreed(Mode.ALWAYS, SILENT, 7))
    assert [one.number for one in call.told(inputs.HungUp(at(1))) if isinstance(one, Agree)] == [7]


def test_an_answer_that_only_the_call_detail_record_tells_is_due() -> None:
    call = Call(Mode.ALWAYS)
    call.told(inputs.Begun("1"))
    call.now_s = 60
    gone = replace(call.seen(state=None), answered_at=at(5), ended_at=at(40), away=True)
    call.told(gone)
    assert call.leg.due
    assert (call.leg.answered_at, call.leg.ended_at) == (at(5), at(40))
    assert call.problems()[0].startswith("Nothing of it could be recorded")


def test_of_what_asterisk_had_in_memory_only_when_it_died_it_is_not_said_that_it_began_late() -> None:
    call = Call().answered()
    call.now_s = 5
    written = {name: Written(at(0), at(0), "wav") for name in call.names(1)}
    call.told(replace(call.seen(state=None), ended_at=at(2), written=written))
    assert call.problems() == ("Nothing of it could be recorded: Asterisk ended the file early.",)


def test_a_file_whose_request_was_not_written_down_is_adopted() -> None:
    call = Call(Mode.ON_DEMAND_USER_START).answered()
    assert call.leg.standing.state is State.IDLE
    call.now_s = 20
    seen = call.seen(1)
    call.told(replace(seen, away=True, revived=True, commands=(feature(START, 0),)))
    assert call.leg.standing.state is State.RECORDING
    assert call.leg.running is not None
    assert call.leg.running.began == (T0, T0)


def test_what_was_rolled_over_to_just_before_a_crash_is_kept_until_a_pause() -> None:
    call = Call(segment_max_s=10).answered()
    call.until(Record)
    call.leg = revived(call.leg)
    call.now_s = 30
    written = {name: Written(at(0), at(10), "wav") for name in call.names(1)}
    written |= {name: Written(at(10), at(30), "wav") for name in call.names(2)}
    seen = replace(call.seen(2), away=True, revived=True, written=written, commands=(feature(PAUSE, 25),))
    call.told(seen)
    call.closes(2)
    kept = [(one.files, one.began_at, one.ended_at) for one in call.segments()]
    assert kept == [(1, at(0), at(10)), (2, at(10), at(25))]


def test_what_begins_after_a_pause_that_changes_nothing_is_no_sign_of_a_resume() -> None:
    call = Call().answered()
    call.told(inputs.Asked(PAUSE, at(5), 1), after_s=5)
    call.closes(1)
    call.now_s = 20
    begun_late = {call.names(2)[0]: Written(at(15), at(20), "wav")}
    seen = replace(call.seen(), away=True, revived=True, written=begun_late, commands=(feature(PAUSE, 10),))
    call.told(seen)
    assert call.leg.standing.state is State.PAUSED
    assert len(call.segments()) == 1


def test_a_stop_is_not_confirmed_while_what_a_pause_of_before_a_crash_ended_is_being_written() -> None:
    call = Call(Mode.ON_DEMAND_USER_START).answered()
    call.told(inputs.Asked(START, at(0), 1))
    call.begins(1)
    call.told(inputs.Asked(PAUSE, at(5), 2), after_s=5)
    call.leg = revived(call.leg)
    call.now_s = 8
    assert only(call.told(replace(call.seen(1), away=True, revived=True)), Stop)
    assert not only(call.told(inputs.Asked(Event.STOP, at(9), 3), after_s=1), Reply)
    assert only(call.closes(1), Reply) == [Reply(3)]


def test_what_is_taken_for_a_pause_is_told() -> None:
    call = Call().answered()
    call.now_s = 20
    call.told(replace(call.seen(1, live=False), away=True, revived=True))
    assert call.leg.standing.state is State.PAUSED
    assert call.problems() == (
        "Taken for paused from 09:00:20 UTC on: it ended then while the recorder was away.",
    )


def test_files_are_closed_when_it_is_known_since_when_they_reach() -> None:
    call = Call(Mode.ALWAYS)
    call.told(inputs.Begun("1"))
    call.enter()
    call.told(inputs.Answered(at(1), "(alaw)"), after_s=1)
    call.now_s = 9
    for snoop, name in zip(call.leg.snoops, call.names(1), strict=True):
        call.told(inputs.Accepted(Record(snoop, name, "wav")), inputs.FileClosed(name, at(9)))
    call.told(inputs.HungUp(at(9)))
    assert call.leg.files
    call.wakes()
    written = {name: Written(at(2), at(9), "wav") for name in call.names(1)}
    call.sees(replace(call.seen(state=None), written=written))
    assert not call.leg.files
    assert call.segments()[0].file_began_at == at(2)


def test_a_look_does_not_judge_what_began_after_it() -> None:
    call = Call(Mode.ALWAYS)
    call.told(inputs.Begun("1"))
    call.enter()
    call.told(inputs.Answered(at(1), "(alaw)"), after_s=1)
    seen = replace(call.seen(), asked_at=at(2))
    call.now_s = 3
    call.begins(1)
    call.told(seen)
    assert call.leg.running is not None
    assert not any(call.leg.running.ended)


def test_what_could_not_be_measured_is_measured_again() -> None:
    call = Call(Mode.ALWAYS).answered()
    [measure] = call.until(Measure)
    assert isinstance(measure, Measure)
    call.told(inputs.Unknown(measure, "no answer"))
    assert call.until(Measure) == [measure]


def test_nothing_is_announced_that_is_not_done() -> None:
    loud = combine({"announce_internal": "announcement", "announce_external": "announcement"})
    call = Call(Mode.ALWAYS, loud)
    call.told(inputs.Begun("1"))
    call.now_s = 10
    call.told(replace(call.seen(), snoops=frozenset(), away=True))
    assert call.leg.standing.state is State.RECORDING
    assert not call.leg.meeting
    assert not only(call.asked, Play)


def test_a_whispering_snoop_of_before_a_crash_does_not_stay() -> None:
    loud = combine({"announce_internal": "announcement", "announce_external": "announcement"})
    call = Call(Mode.ALWAYS, loud).answered()
    call.told(inputs.Met("PJSIP/trunk-2", internal=False))
    assert only(call.asked, Place)
    call.told(inputs.SnoopEntered(call.leg.whisper, wide=False))
    assert Release(call.leg.whisper) in call.until(Release)


def test_a_refused_command_says_when_it_was_given() -> None:
    call = Call(Mode.ALWAYS).answered()
    asked = call.told(inputs.Featured(PAUSE, at(2)), after_s=3)
    assert [one.at for one in asked if isinstance(one, TellRefused)] == [at(2)]


def test_keys_for_which_there_is_no_room_have_the_error_tone() -> None:
    call = Call(books=False).answered()
    for number in range(16):
        call.told(inputs.Asked((PAUSE, RESUME)[number % 2], at(call.now_s), number), after_s=1.0)
    assert len(call.leg.untold) > 15
    asked = call.told(inputs.Featured(PAUSE, at(call.now_s)), after_s=1.0)
    assert [one.prompt.kind for one in asked if isinstance(one, Place)] == [PromptKind.ERROR]
    assert Reply(16, problem=happening.BUSY) in call.told(inputs.Asked(PAUSE, at(call.now_s), 16))


def test_nothing_is_looked_for_when_what_was_to_end_is_known_to_be_closed() -> None:
    call = Call().answered()
    call.told(inputs.Asked(PAUSE, at(5), 1), after_s=5)
    call.closes(1)
    assert not only(call.told(inputs.Time(), after_s=3), Look)
    call.told(inputs.Asked(RESUME, at(call.now_s), 2))
    call.begins(2)
    call.told(inputs.Asked(PAUSE, at(call.now_s + 1), 3), after_s=1)
    assert only(call.told(inputs.Time(), after_s=3), Look)
