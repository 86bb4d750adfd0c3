"""What finds what: case, accents, spaces, short words, numbers with spaces, and the order of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.policies import search
from ari_recorder.policies.search import Term, document, fold, part, person, place, terms


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Åke ÖBERG", "ake oberg"),
        ("Søren Ångström-Łukasz", "soren angstrom-lukasz"),
        ("STRASSE straße", "strasse strasse"),
        ("ﬁn  Æ\tœ\n", "fin ae oe"),
        ("e\u0301\u200b\u202ex", "ex"),
        ("İı", "ii"),
        ("שלום 😀", "שלום 😀"),
        ("\x00\x1b \ud800", ""),
        ("Ｆｕｌｌ", "full"),
    ],
)
def test_neither_case_nor_accents_nor_spaces_matter(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(text) == fold(text.upper()) or any(one.upper().lower() != one.lower() for one in text)


FOUND = [
    ("ake", "Åke Öberg", True),
    ("ÅKE", "ake", True),
    ("berg", "Åke Öberg", True),
    ("e o", "Åke Öberg", False),  # one letter is a word's first
    ("ke ob", "Åke Öberg", False),
    ("berg ake", "Åke Öberg", True),
    ("o", "Åke Öberg", True),
    ("be", "Åke Öberg", False),
    ("ob", "Åke Öberg", True),
    ("100%", "is 100% _sure_", True),
    ("10%", "is 100% _sure_", False),
    ('"a', 'he said "a b"', True),
    ("", "x", False),
    ("´", "x", False),
]


@pytest.mark.parametrize(("asked", "text", "found"), FOUND)
def test_a_word_is_found(asked: str, text: str, found: bool) -> None:
    written, somebody = document(note=text), person(text, None)
    assert all(term.is_in(written) for term in terms(asked, "")) is found
    assert all(term.is_of(somebody) for term in terms(asked, "")) is found


def test_a_note_is_found_by_its_words_in_their_order() -> None:
    note = document(note="Ring\n tillbaka  på fredag").note
    assert part("RING TILLBAKA PA") in note
    assert part("tillbaka ring") not in note
    assert part("\u200b") == ""


@pytest.mark.parametrize("number", ["0701234567", "+46701234567", "070-123 45 67", "0046701234567"])
@pytest.mark.parametrize(
    "asked", ["0701234567", "+46701234567", "070-123 45 67", "0046 70 123 45 67", "46701234567", "123 45"]
)
def test_a_number_in_any_writing_finds_any_other(number: str, asked: str) -> None:
    written = document(numbers=[number])
    assert any(part in written.numbers for part in search.number_parts(asked, "SE"))
    assert [term.is_in(written) for term in terms(asked, "SE")] == [True]


def test_a_number_written_abroad_is_one_only_from_its_beginning_on() -> None:
    assert not any(
        part in document(numbers=["08467012"]).numbers for part in search.number_parts("07012", "SE")
    )


def test_figures_are_one_number_when_they_begin_as_one() -> None:
    assert [term.text for term in terms("anna 070-123 45 67 igen", "SE")] == [
        "anna", "070-123  45  67", "igen",
    ]  # fmt: skip
    assert [term.text for term in terms("order 123 456", "SE")] == ["order", "123", "456"]
    assert [term.text for term in terms("123 456", "SE")] == ["123  456"]
    assert terms(" ", "SE") == (Term(),)


def test_a_number_without_a_digit_is_a_word() -> None:
    assert document(numbers=["anonymous", "101"]).words == "  anonymous"


def test_places_are_in_the_order_of_time() -> None:
    at = datetime(2026, 11, 26, 12, tzinfo=UTC)
    later = at + timedelta(microseconds=1)
    one, other = UUID(int=2**128 - 1), UUID(int=0)
    assert (
        search.begins(at) <= place(at, other) < place(at, one) < search.begins(later) <= place(later, other)
    )
    assert place(at, one) == place(at, one)
    for extreme in (datetime.min, datetime.max):
        assert -(2**63) < place(extreme.replace(tzinfo=UTC), one) < 2**63


def test_who_is_three_characters_and_nobody_elses() -> None:
    every = [search.who(uuid4()) for _ in range(1000)]
    assert {len(one) for one in every} == {3}
    assert len(set(every)) == 1000
