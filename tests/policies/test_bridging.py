"""Bridged calls: step by step, and in histories in which words are lost and the recorder dies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import pytest

from ari_recorder.policies.bridging import Bridged, Bridging, begin, effects, inputs, receive, state
from ari_recorder.policies.bridging.effects import Request
from ari_recorder.policies.bridging.inputs import Input
from ari_recorder.policies.bridging.machine import LOOK_TALKING_S
from ari_recorder.policies.bridging.state import Stage
from tests.histories.clock import BEGIN, Clock

CALLER = "1795.1"
DIAL_S = 20
WISH = Bridging("PJSIP/102", DIAL_S)
CALLED = begin("app", CALLER, BEGIN, WISH).called
BRIDGE = begin("app", CALLER, BEGIN, WISH).bridge


# Step by step


def told(call: Bridged, *what: Input, after_s: float = 0.0) -> tuple[Bridged, list[effects.Effect]]:
    """The call after these, and what it asked for since; its wishes to be woken are left out."""
    asked: list[effects.Effect] = []
    for one in what:
        call, more = receive(call, one, BEGIN + timedelta(seconds=after_s))
        asked += [effect for effect in more if not isinstance(effect, effects.WakeAt)]
    return call, asked


def found(
    caller: str | None, called: str | None, *joined: str, bridge: bool = True, entered: bool = True
) -> inputs.Found:
    return inputs.Found(BEGIN, caller, called, entered, frozenset(joined) if bridge else None)


def test_the_way_to_a_call_and_out_of_it() -> None:
    call = begin("app", CALLER, BEGIN, WISH)
    steps: list[tuple[Input, effects.Effect | None]] = [
        (inputs.Begun(), effects.Prepare()),
        (inputs.Accepted(effects.Prepare()), effects.Create()),
        (inputs.Accepted(effects.Create()), None),
        (inputs.Entered(), effects.Join((CALLER, CALLED))),
        (inputs.Accepted(effects.Join((CALLER, CALLED))), effects.Introduce()),
        (inputs.Accepted(effects.Introduce()), effects.Dial()),
        (inputs.Accepted(effects.Dial()), None),
        (inputs.Rung(), None),
        (inputs.Answered(), effects.Answer()),
        (inputs.Accepted(effects.Answer()), None),
    ]
    for one, wanted in steps:
        call, asked = told(call, one)
        assert asked == ([wanted] if wanted else []), one
    call, asked = told(call, inputs.Gone(CALLED, 16))
    assert asked == [effects.Destroy(), effects.HangUp(CALLER, 16)]
    call, asked = told(call, *map(inputs.Accepted, asked), inputs.Left(CALLER))
    assert (call.over, asked) == (True, [])


@pytest.mark.parametrize(("cause", "passed_on"), [(17, 17), (21, 21), (0, 19)])
def test_the_caller_is_told_the_cause(cause: int, passed_on: int) -> None:
    call, _ = told(begin("app", CALLER, BEGIN, WISH, found=True), found("Ring", "Ringing", CALLER, CALLED))
    _, asked = told(call, inputs.Gone(CALLED, cause))
    assert effects.HangUp(CALLER, passed_on) in asked


def test_what_is_refused_goes_on_in_the_dialplan_when_the_rest_has_ended() -> None:
    call, _ = told(begin("app", CALLER, BEGIN, WISH), inputs.Begun(), inputs.Accepted(effects.Prepare()))
    call, asked = told(call, inputs.Refused(effects.Create(), "no such endpoint"))
    assert asked == [effects.HangUp(CALLED, 16), effects.Destroy()]
    call, asked = told(call, inputs.Refused(asked[0], "not there", missing=True))  # type: ignore[arg-type]
    assert asked == []
    call, asked = told(call, inputs.Accepted(effects.Destroy()))
    assert asked == [effects.SendBack("no such endpoint")]


def test_a_called_side_that_is_said_to_be_there_and_is_not_goes_on_in_the_dialplan() -> None:
    """Asterisk says so of an unknown endpoint on a connection on which it has refused an id before."""
    call, _ = told(begin("app", CALLER, BEGIN, WISH), inputs.Begun(), inputs.Accepted(effects.Prepare()))
    call, _ = told(call, inputs.Refused(effects.Create(), "it exists", conflict=True))
    call, asked = told(call, inputs.Time(), after_s=2)
    assert asked == [effects.Look()]
    seen = inputs.Found(BEGIN + timedelta(seconds=2), "Up", None, False, frozenset())
    call, asked = told(call, inputs.Accepted(effects.Look()), seen, after_s=3)
    assert asked == [effects.Destroy()]
    _, asked = told(call, inputs.Accepted(effects.Destroy()), after_s=3)
    assert asked == [effects.SendBack("it exists")]


@pytest.mark.parametrize(
    ("seen", "asked"),
    [
        (found("Ring", None, bridge=False), effects.Prepare()),
        (found("Ring", "Down", bridge=True), effects.Join((CALLER, CALLED))),
        (found("Ring", "Ringing", CALLER), effects.Join((CALLED,))),
        (found("Up", "Up", CALLER, CALLED), effects.Answer()),
        (found("Up", None, CALLER), effects.HangUp(CALLER, 16)),
        (found(None, "Up", CALLED), effects.HangUp(CALLED, 16)),
        (found("Up", "Up", CALLER, entered=False), None),
    ],
)
def test_a_recorder_that_was_away_goes_on_from_wherever_it_is(
    seen: inputs.Found, asked: effects.Effect | None
) -> None:
    _, effects_ = told(begin("app", CALLER, BEGIN, WISH, found=True), seen)
    assert asked is None or asked in effects_


def test_a_called_side_that_may_have_been_dialled_is_not_dialled_again() -> None:
    """Asterisk hangs up a channel that is dialled twice before it rings."""
    call = begin("app", CALLER, BEGIN, WISH, found=True)
    call, asked = told(call, found("Ring", "Down", CALLER, CALLED))
    assert (call.stage, asked) == (Stage.UNSURE, [])
    ringing, asked = told(call, found("Ring", "Ringing", CALLER, CALLED))
    assert (ringing.stage, asked) == (Stage.DIALLED, [])
    _, asked = told(call, inputs.Time(), after_s=6)
    assert {effects.HangUp(CALLED, 16), effects.Destroy()} <= set(asked)


def test_a_seen_that_is_out_of_date_changes_nothing() -> None:
    call, _ = told(begin("app", CALLER, BEGIN, WISH), inputs.Begun(), after_s=1)
    after, asked = told(call, found(None, None), after_s=2)
    assert (after.ending, asked) == (None, [])


def test_names_and_arguments_say_whose_they_are() -> None:
    given = state.arguments(WISH, "a,b")
    assert state.caller_of(given.split(",")) == (WISH, "a,b")
    others = [("2", BEGIN, "PJSIP/102"), (CALLER, BEGIN, "PJSIP/103")]
    assert BRIDGE not in {state.name("app", *other) for other in others}
    assert BRIDGE.startswith("app-bridge-")


# Histories


@dataclass
class Luck:
    """Chances, from 0 to 1, that something goes wrong."""

    event_lost: float = 0.0
    answer_lost: float = 0.0
    request_lost: float = 0.0
    refused: float = 0.0
    dies: float = 0.0


@dataclass
class Plot:
    """What the people do. Times are in seconds; those of hanging up are from the answer."""

    answers_after_s: float | None = 4.0
    rejects: bool = False
    caller_gives_up_after_s: float | None = None
    called_hangs_up_after_s: float | None = 200.0
    caller_hangs_up_after_s: float | None = None
    rings_after_s: float = 0.1


@dataclass
class History:
    """One call on an Asterisk of its own, with a recorder that may die before any of its effects."""

    seed: int = 0
    plot: Plot = field(default_factory=Plot)
    luck: Luck = field(default_factory=Luck)
    die_before: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.clock = Clock()
        self.states: dict[str, str] = {}
        self.dialled = False
        self.bridge: set[str] | None = None
        self.call: Bridged | None = None
        self.life = 0
        self.count = 0
        self.timer = 0
        self.sent_back = ""
        self.answered = False
        self.causes: list[int] = []
        self.alone_since: datetime | None = None
        self.alone_s = 0.0
        self.longest_s = 0.0

    def run(self) -> History:
        self.states[CALLER] = "Ring"
        self._begin(found=False)
        self.clock.after(1.0, self._measure)
        self.clock.after(60.0, self._minute)
        if self.plot.caller_gives_up_after_s is not None:
            self.clock.after(self.plot.caller_gives_up_after_s, self._give_up)
        self.clock.run(BEGIN + timedelta(seconds=600))
        self.luck = Luck()
        self.clock.run(BEGIN + timedelta(seconds=900))
        return self

    # The recorder

    def _begin(self, *, found: bool) -> None:
        self.call = begin("app", CALLER, BEGIN, WISH, found=found)
        self._tell(inputs.Begun())

    def _tell(self, told: Input) -> None:
        if self.call is None:
            return
        self.call, asked = receive(self.call, told, self.clock.now)
        for effect in asked:
            self.count += 1
            if self.count == self.die_before or self.random.random() < self.luck.dies:
                self._die()
                return
            self._perform(effect)
        if self.call.over:
            self.call = None

    def _perform(self, effect: effects.Effect) -> None:
        if isinstance(effect, effects.WakeAt):
            self.timer += 1
            if effect.at is not None:
                self.clock.at(effect.at, self._in_this_life(self._wake), self.timer)
        else:
            self.clock.after(0.002, self._in_this_life(self._ask), effect)

    def _wake(self, timer: int) -> None:
        if timer == self.timer:
            self._tell(inputs.Time())

    def _in_this_life(self, do: Callable[..., None]) -> Callable[..., None]:
        life = self.life
        return lambda *arguments: do(*arguments) if life == self.life else None

    def _die(self) -> None:
        self.life += 1
        self.call = None
        self.clock.after(self.random.choice((0.5, 3.0)), self._in_this_life(self._compare))

    def _minute(self) -> None:
        self._compare()
        self.clock.after(60.0, self._minute)

    def _compare(self) -> None:
        """As `handlers.bridge` does: at a connect, and every minute."""
        if self.call is not None:
            self._tell(self._found())
        elif CALLER in self.states:
            self._begin(found=True)
        else:
            self._hang_up(CALLED, 16)
            self.bridge = None

    def _found(self) -> inputs.Found:
        called = self.states.get(CALLED)
        joined = None if self.bridge is None else frozenset(self.bridge)
        return inputs.Found(self.clock.now, self.states.get(CALLER), called, called is not None, joined)

    def _ask(self, request: Request) -> None:
        draw = self.random.random()
        if draw < self.luck.request_lost:
            self.clock.after(5.0, self._in_this_life(self._tell), inputs.Unknown(request, "no answer"))
            return
        refused = draw < self.luck.request_lost + self.luck.refused
        answer = inputs.Refused(request, "no luck") if refused else self._do(request)
        if self.random.random() < self.luck.answer_lost:
            self.clock.after(5.0, self._in_this_life(self._tell), inputs.Unknown(request, "no answer"))
            return
        self._tell(answer)
        if request == effects.Look() and not refused:
            self._tell(self._found())

    # Asterisk

    def _do(self, request: Request) -> Input:
        missing = inputs.Refused(request, "not there", missing=True)
        match request:
            case effects.Prepare():
                self.bridge = set() if self.bridge is None else self.bridge
            case effects.Create():
                if CALLED in self.states:
                    return inputs.Refused(request, "taken", conflict=True)
                self.states[CALLED], self.dialled = "Down", False
                self._event(inputs.Entered())
            case effects.Join(channels):
                if self.bridge is None or not self.states.keys() >= set(channels):
                    return missing
                self.bridge.update(channels)
            case effects.Introduce() if CALLED not in self.states:
                return missing
            case effects.Dial():
                return self._dial(request)
            case effects.Answer():
                if CALLER not in self.states:
                    return missing
                self.states[CALLER] = "Up"
            case effects.HangUp(channel, cause):
                if channel not in self.states:
                    return missing
                if channel == CALLER:
                    self.causes.append(cause)
                self._hang_up(channel, cause)
            case effects.Destroy():
                if self.bridge is None:
                    return missing
                self.bridge = None
            case effects.SendBack(reason):
                if CALLER not in self.states:
                    return missing
                assert CALLED not in self.states or self.luck != Luck(), "the phone still rings"
                self.sent_back = reason
                self._hang_up(CALLER, 0)
        return inputs.Accepted(request)

    def _dial(self, request: Request) -> Input:
        if CALLED not in self.states:
            return inputs.Refused(request, "not there", missing=True)
        if self.states[CALLED] != "Down":
            return inputs.Refused(request, "not Down", conflict=True)
        assert not self.dialled, "dialled twice, Asterisk hangs it up"
        self.dialled = True
        self._event(inputs.Rung())
        self.clock.after(self.plot.rings_after_s, self._ring)
        self.clock.after(DIAL_S, self._ring_out)
        if self.plot.answers_after_s is not None:
            self.clock.after(self.plot.answers_after_s, self._answer)
        return inputs.Accepted(request)

    def _ring(self) -> None:
        if self.states.get(CALLED) == "Down":
            self.states[CALLED] = "Ringing"

    def _ring_out(self) -> None:
        if self.states.get(CALLED) != "Up":
            self._hang_up(CALLED, 19)

    def _answer(self) -> None:
        if self.plot.rejects:
            self._hang_up(CALLED, 21)
        elif CALLED in self.states:
            self.states[CALLED] = "Up"
            self.answered = True
            self._event(inputs.Answered())
            hangs_up = (
                (CALLER, self.plot.caller_hangs_up_after_s),
                (CALLED, self.plot.called_hangs_up_after_s),
            )
            for channel, after_s in hangs_up:
                if after_s is not None:
                    self.clock.after(after_s, self._hang_up, channel, 16)

    def _give_up(self) -> None:
        if not self.answered:
            self._hang_up(CALLER, 16)

    def _hang_up(self, channel: str, cause: int) -> None:
        if self.states.pop(channel, None) is None:
            return
        if self.bridge:
            self.bridge.discard(channel)
        self._event(inputs.Left(channel))
        self._event(inputs.Gone(channel, cause))

    def _event(self, event: Input) -> None:
        if self.random.random() >= self.luck.event_lost:
            self.clock.after(0.001, self._in_this_life(self._tell), event)

    def _measure(self) -> None:
        """How long somebody has been in the application without the other: in silence, or hearing it ring."""
        both = {CALLER: "Up", CALLED: "Up"}
        talk = self.states == both and self.bridge is not None and self.bridge >= both.keys()
        alone = bool(self.states) and not talk
        self.alone_s = self.alone_s + 0.5 if alone else 0.0
        self.longest_s = max(self.longest_s, self.alone_s)
        self.clock.after(0.5, self._measure)

    def left(self) -> list[str]:
        """What is left at the end."""
        return [
            *self.states,
            *([BRIDGE] if self.bridge is not None else []),
            *(["call"] if self.call else []),
        ]


PLOTS = {
    "answered, the called side hangs up": Plot(),
    "answered, the caller hangs up": Plot(called_hangs_up_after_s=None, caller_hangs_up_after_s=90.0),
    "rejected": Plot(rejects=True),
    "nobody answers": Plot(answers_after_s=None),
    "the caller gives up": Plot(answers_after_s=None, caller_gives_up_after_s=3.0),
    "early media, without ringing": Plot(rings_after_s=100.0, answers_after_s=8.0),
}
CAUSES = {"rejected": [21], "nobody answers": [19], "answered, the called side hangs up": [16]}


@pytest.mark.parametrize("plot", PLOTS)
def test_a_history_without_trouble(plot: str) -> None:
    history = History(plot=PLOTS[plot]).run()
    assert (history.left(), history.sent_back) == ([], "")
    assert history.causes == CAUSES.get(plot, [16] if "early" in plot else [])
    assert history.longest_s <= DIAL_S + 1


@pytest.mark.parametrize("plot", PLOTS)
def test_the_recorder_dies_before_any_effect(plot: str) -> None:
    effects_ = History(plot=PLOTS[plot]).run().count
    for die_before in range(1, effects_ + 1):
        history = History(plot=PLOTS[plot], die_before=die_before).run()
        assert history.left() == [], die_before
        assert history.longest_s <= DIAL_S + 20, die_before
        if "answered" in plot and history.sent_back == "":
            assert history.answered


@pytest.mark.parametrize("plot", PLOTS)
def test_no_event_ever_comes(plot: str) -> None:
    history = History(plot=PLOTS[plot], luck=Luck(event_lost=1.0)).run()
    assert history.left() == []
    assert history.longest_s <= LOOK_TALKING_S + 5
    assert "answered" not in plot or history.answered


ALONE_S = 120.0
"""With up to a fifth of all words, requests and answers lost, in a recorder that dies now and then."""


@pytest.mark.parametrize("first", range(0, 1000, 100))
def test_histories_with_lost_words_lost_answers_and_deaths(first: int) -> None:
    for seed in range(first, first + 100):
        random = Random(seed)
        plot = random.choice(list(PLOTS.values()))
        chances = [random.choice((0.0, 0.0, 0.05, 0.2)) for _ in range(4)]
        luck = Luck(*chances, dies=random.choice((0.0, 0.0, 0.02)))
        history = History(seed, plot, luck).run()
        assert history.left() == [], seed
        assert history.longest_s <= ALONE_S, seed
