"""Keys become commands: codes, false starts, waits, floods, and both ways at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.policies.commands import KEPT_MAX, Given, Keys, Source, press, read, take
from ari_recorder.policies.preferences import Preferences
from ari_recorder.policies.table import COMMANDS, Event

DEFAULT_CODES = Preferences().commands
T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def dial(digits: str, every_s: float = 0.2, keys: Keys | None = None) -> list[Event]:
    keys, commands = keys or Keys(DEFAULT_CODES), []
    for index, digit in enumerate(digits):
        keys, command = press(keys, digit, T0 + timedelta(seconds=every_s * index))
        commands += [command] if command else []
    return commands


@pytest.mark.parametrize(("code", "command"), DEFAULT_CODES.items())
def test_each_code_is_its_command(code: str, command: Event) -> None:
    assert dial(code) == [command]


def test_every_command_has_a_code() -> None:
    assert set(DEFAULT_CODES.values()) == set(COMMANDS)


@pytest.mark.parametrize("digits", ["", "*", "*4", "44", "48*", "*4#8", "*4 8", "123456", "*46"])
def test_what_is_no_code_is_no_command(digits: str) -> None:
    assert dial(digits) == []


@pytest.mark.parametrize("digits", ["**48", "*4*48", "1*48", "*44*48"[3:], "*46*48"])
def test_a_false_start_does_not_spoil_the_code_behind_it(digits: str) -> None:
    assert dial(digits) == [Event.PAUSE]


def test_codes_one_after_the_other() -> None:
    assert dial("*48*49*45") == [Event.PAUSE, Event.RESUME, Event.STOP]


def test_half_a_code_and_silence_is_forgotten() -> None:
    assert dial("*48", every_s=3.5) == []
    assert dial("*48", every_s=2.9) == [Event.PAUSE]


@given(st.text(alphabet="0123456789*#ABCD", max_size=400))
def test_a_flood_of_digits_is_held_in_no_more_than_a_code(digits: str) -> None:
    keys = Keys(DEFAULT_CODES)
    for digit in digits:
        keys, _ = press(keys, digit, T0)
        assert len(keys.digits) < max(map(len, DEFAULT_CODES))


def test_the_same_keys_as_digits_and_as_a_feature_are_one_command() -> None:
    keys, first = take(Keys(DEFAULT_CODES), Given(Event.PAUSE, T0, Source.FEATURE))
    keys, second = take(keys, Given(Event.PAUSE, T0 + timedelta(seconds=1), Source.DIGITS))
    assert (first, second) == (Event.PAUSE, None)


def test_pressed_again_in_the_same_way_is_given_again() -> None:
    keys, _ = take(Keys(DEFAULT_CODES), Given(Event.PAUSE, T0, Source.FEATURE))
    _, again = take(keys, Given(Event.PAUSE, T0 + timedelta(seconds=1), Source.FEATURE))
    assert again is Event.PAUSE


def test_later_or_another_command_is_no_echo() -> None:
    keys, _ = take(Keys(DEFAULT_CODES), Given(Event.PAUSE, T0, Source.FEATURE))
    assert take(keys, Given(Event.PAUSE, T0 + timedelta(seconds=3), Source.DIGITS))[1] is Event.PAUSE
    assert take(keys, Given(Event.RESUME, T0 + timedelta(seconds=1), Source.DIGITS))[1] is Event.RESUME


def test_an_echo_is_swallowed_once() -> None:
    keys, _ = take(Keys(DEFAULT_CODES), Given(Event.START, T0, Source.FEATURE))
    keys, _ = take(keys, Given(Event.START, T0, Source.DIGITS))
    assert take(keys, Given(Event.START, T0 + timedelta(seconds=1), Source.DIGITS))[1] is Event.START


def test_the_last_command_is_remembered_behind_its_echo() -> None:
    keys, _ = take(Keys(DEFAULT_CODES), Given(Event.PAUSE, T0, Source.DIGITS))
    keys, _ = take(keys, Given(Event.PAUSE, T0 + timedelta(seconds=0.1), Source.FEATURE))
    assert keys.last == Given(Event.PAUSE, T0 + timedelta(seconds=0.1), Source.DIGITS)


def on_channel(*given: tuple[Event, float]) -> Keys:
    """Keys of a leg of which this was read on the channel, with its time in seconds."""
    kept = [Given(command, T0 + timedelta(seconds=at_s)) for command, at_s in given]
    return read(replace(Keys(DEFAULT_CODES), last=kept[-1]), kept)


def taken(keys: Keys, command: Event, at_s: float, source: Source) -> Event | None:
    return take(keys, Given(command, T0 + timedelta(seconds=at_s), source))[1]


PAUSED_AND_RESUMED = ((Event.PAUSE, 2.6), (Event.RESUME, 3.5))


@pytest.mark.parametrize("source", [Source.FEATURE, Source.DIGITS])
def test_what_was_read_on_the_channel_is_no_news_when_it_comes_late(source: Source) -> None:
    """Not even if it is not the last: as a pause of before the last resume it would be carried out again."""
    keys = on_channel(*PAUSED_AND_RESUMED)
    assert taken(keys, Event.PAUSE, 2.6, source) is None
    assert taken(keys, Event.RESUME, 3.5, source) is None


def test_a_user_event_of_before_the_last_on_the_channel_was_read_there() -> None:
    """However many were given since."""
    keys = on_channel(*((one, 10.0 * n) for n in range(KEPT_MAX) for one in (Event.PAUSE, Event.RESUME)))
    assert len(keys.kept) == KEPT_MAX
    assert taken(keys, Event.PAUSE, 10.0, Source.FEATURE) is None


def test_a_user_event_is_a_little_later_than_what_was_kept_of_it() -> None:
    keys = on_channel(*PAUSED_AND_RESUMED)
    assert taken(keys, Event.RESUME, 3.6, Source.FEATURE) is None
    assert taken(keys, Event.PAUSE, 3.6, Source.FEATURE) is Event.PAUSE
    assert taken(keys, Event.RESUME, 3.8, Source.FEATURE) is Event.RESUME


def test_digits_that_the_feature_map_let_through_are_not_on_the_channel() -> None:
    keys = on_channel(*PAUSED_AND_RESUMED, (Event.START, 9.0))
    assert taken(keys, Event.STOP, 3.0, Source.DIGITS) is Event.STOP
    assert taken(keys, Event.PAUSE, 5.0, Source.DIGITS) is Event.PAUSE
    assert taken(keys, Event.PAUSE, 9.1, Source.DIGITS) is Event.PAUSE
