"""What people put on a call has nothing in it that acts on who reads it."""

from __future__ import annotations

import pytest

from ari_recorder.policies.annotations import Problem, Unfit, check


@pytest.mark.parametrize("field", ["note", "tag1", "tag2", "tag3"])
@pytest.mark.parametrize(
    "hidden", ["\x1b[2J", "\x9b31m", "\u202e", "\u2066", "\u200b", "\0", "\ud800", "\u2028", "\x7f"]
)
def test_a_character_that_acts_is_refused(field: str, hidden: str) -> None:
    with pytest.raises(Unfit) as refused:
        check({field: f"a{hidden}b"})
    assert (refused.value.field, refused.value.problem) == (field, Problem.HIDDEN_CHARACTER)


def test_a_note_has_lines_and_every_script() -> None:
    for note in ("one\ntwo\n\tthree", "one\r\ntwo", "שלום", "👩\u200d🚒", "می\u200cخواهم"):
        assert check({"note": note}) == {"note": note}


def test_a_tag_has_one_line() -> None:
    with pytest.raises(Unfit):
        check({"tag1": "one\ntwo"})
