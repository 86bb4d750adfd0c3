"""Text that somebody else wrote acts on nobody."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.policies import fields
from ari_recorder.policies.text import (
    JOINERS,
    MARKS,
    REPLACEMENT,
    escaped,
    escaped_lines,
    first_acting,
    harmless,
    is_plain,
    is_seen,
    isolated,
    json_escaped,
    tidy,
)
from ari_recorder.policies.unfit import Unfit

ACTING = {
    "ESC": "\x1b[2J",
    "NUL": "\0",
    "BEL": "\a",
    "DEL": "\x7f",
    "CSI of C1": "\x9b31m",
    "right-to-left override": "\u202e",
    "left-to-right embedding": "\u202a",
    "isolate": "\u2066",
    "zero width space": "\u200b",
    "byte order mark": "\ufeff",
    "line separator": "\u2028",
    "next line": "\x85",
    "lone surrogate": "\ud800",
    "tag": "\U000e0041",
}
PLAIN = ("", "Anna", "Åsa Öst", "אבג", "محمد", "👩\u200d🚒", "می\u200cخواهم", "+46 (8) 123", "a b")


def acting(text: str, kept: str = JOINERS) -> list[str]:
    """What no text that is shown may have: controls, formats and separators by Unicode's own table."""
    return [
        one for one in text if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") and one not in kept
    ]


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    assert is_plain(text)
    assert harmless(text) == escaped(text) == text


@pytest.mark.parametrize("text", ["A", "7", "-", "👩", "é", "e\u0301", "א", "\u3164A"])
def test_one_letter_or_sign_is_seen(text: str) -> None:
    assert is_seen(text)
    assert fields.name("name", text) == text


@pytest.mark.parametrize(
    "text", ["", " ", "\u200c", "\u200e", "\u3164", "\u115f\u1160", "\u2800 \uffa0", "\ufe0f"]
)
def test_what_shows_nothing_is_no_name(text: str) -> None:
    assert not is_seen(text)
    with pytest.raises(Unfit, match="empty"):
        fields.name("name", text)


@pytest.mark.parametrize("hostile", ACTING.values(), ids=ACTING)
def test_what_acts_is_found_and_made_harmless(hostile: str) -> None:
    text = f"An{hostile}na"
    assert not is_plain(text)
    assert not is_plain(text, lines=True)
    assert acting(harmless(text), JOINERS + MARKS) == []
    assert harmless(text).startswith("An")
    assert harmless(text).endswith("na")
    assert acting(escaped(text)) == []
    assert escaped(text).encode().decode("unicode_escape") == text


def test_marks_of_direction_stay_and_are_seen_on_terminals() -> None:
    text = "C++\u200e שלום\u200f!"
    assert is_plain(text)
    assert harmless(text) == tidy(text) == text
    assert escaped(text) == "C++\\u200e שלום\\u200f!"


def test_what_says_nothing_is_left_out() -> None:
    assert tidy("\ufeffal\u00adpha\u200b\u2060bet") == "alphabet"
    for text in PLAIN:
        assert tidy(text) == text


def test_what_acts_is_named_with_its_place() -> None:
    assert first_acting("ab\u202ec\u0007") == ("U+202E", 3)
    assert first_acting("\U000e0041") == ("U+E0041", 1)
    assert first_acting("a\nb") == ("U+000A", 2)
    assert first_acting("a\nb", lines=True) is None


def test_lines_stay_only_where_they_may() -> None:
    note = "first\n\tsecond"
    assert is_plain(note, lines=True)
    assert not is_plain(note)
    assert harmless(note, lines=True) == note
    assert harmless("first\r\nsecond", lines=True) == "first\nsecond"
    assert harmless("first\nsecond") == "first second"
    assert escaped(note) == r"first\n\tsecond"
    assert escaped_lines("Traceback\n\tValueError: \x1b[2J\n") == "Traceback\n\tValueError: \\x1b[2J\n"


def test_it_is_seen_that_something_was_there_and_a_space_stays_one() -> None:
    assert harmless("a\x1bb") == f"a{REPLACEMENT}b"
    assert harmless("a\u00a0b") == "a b"
    assert harmless("abcdef", most=3) == "abc"


def test_a_name_from_right_to_left_keeps_to_itself() -> None:
    assert isolated("Anna") == "Anna"
    assert isolated("אבג 5") == "\u2068אבג 5\u2069"
    assert isolated("\u202eאבג") == "\u2068\\u202eאבג\u2069", "its own controls do not get out"


@given(st.text())
def test_nothing_acts_and_once_is_enough(text: str) -> None:
    for lines in (False, True):
        made = harmless(text, lines=lines)
        assert is_plain(made, lines=lines)
        assert harmless(made, lines=lines) == made
    assert acting(harmless(text), JOINERS + MARKS) == acting(escaped(text)) == []
    assert acting(isolated(text)[1:-1]) == []


@given(
    st.recursive(st.text(st.characters()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_json_says_the_same_and_acts_on_nobody(value: object) -> None:
    document = json.dumps(value, ensure_ascii=False, indent=2)
    made = json_escaped(document)
    assert acting(made.replace("\n", "")) == []
    assert json.loads(made) == value
