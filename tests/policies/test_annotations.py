"""What people put on a call has nothing in it that acts on who reads it."""

from __future__ import annotations

import pytest

from ari_recorder.policies.annotations import Problem, Unfit, check


@pytest.mark.parametrize("field", ["note", "tag1", "tag2", "tag3"])
@pytest.mark.parametrize(
    "hidden", ["\x1b[2J", "\x9b31m", "\u202e", "\u2066", "\u2069", "\0", "\ud800", "\u2028", "\x7f"]
)
def test_a_character_that_acts_is_refused(field: str, hidden: str) -> None:
    with pytest.raises(Unfit) as refused:
        check({field: f"a{hidden}b"})
    assert (refused.value.field, refused.value.problem) == (field, Problem.HIDDEN_CHARACTER)


@pytest.mark.parametrize("field", ["note", "tag1"])
def test_what_is_pasted_along_is_left_out_and_what_scripts_need_stays(field: str) -> None:
    assert check({field: "\ufeffav\u00adtal\u200b\u2060 4711"}) == {field: "avtal 4711"}
    for text in ("C++\u200e שלום\u200f!", "👩\u200d🚒", "می\u200cخواهم"):
        assert check({field: text}) == {field: text}


def test_it_is_said_which_character_it_is_and_where() -> None:
    with pytest.raises(Unfit, match=r"cannot be shown: U\+202E at position 3") as refused:
        check({"note": "ab\u202ec"})
    assert (refused.value.character, refused.value.position) == ("U+202E", 3)


def test_a_note_has_lines_and_every_script() -> None:
    for note in ("one\ntwo\n\tthree", "one\r\ntwo", "שלום", "👩\u200d🚒", "می\u200cخواهم"):
        assert check({"note": note}) == {"note": note}


def test_a_tag_has_one_line() -> None:
    with pytest.raises(Unfit):
        check({"tag1": "one\ntwo"})
