"""Who is meant by a number and a name, where texts speak of them, and what is told without naming them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ari_recorder.policies import erasing
from ari_recorder.policies.erasing import Counts, Kind, Person
from ari_recorder.policies.unfit import Unfit

KARIN = erasing.person("070-123 45 67", "Karin Ek", "SE")
HERE = "[gone]"


@pytest.mark.parametrize(
    "number", ["0701234567", "+46701234567", "0046701234567", "46 70 123 45 67", "070-1234567"]
)
def test_a_number_in_any_writing_is_theirs_whatever_the_name(number: str) -> None:
    assert KARIN.is_party(number, "")
    assert KARIN.is_party(number, "Somebody Else")


@pytest.mark.parametrize("number", ["0701234568", "070123456", "07012345670", "101", "*44"])
def test_another_number_is_not_theirs_whatever_the_name(number: str) -> None:
    assert not KARIN.is_party(number, "Karin Ek")


def test_who_shows_no_number_is_meant_by_the_whole_name() -> None:
    for name in ("Karin Ek", "KARIN EK", "karin  ék"):
        assert KARIN.is_party("", name)
        assert KARIN.is_party("anonymous", name)
    for name in ("Karin", "Karin Ekman", "Ek Karin", ""):
        assert not KARIN.is_party("", name)
    assert not erasing.person("0701234567", "", "SE").is_party("", "")


def test_an_internal_number_that_others_had_counts_with_the_name_only() -> None:
    anna = erasing.person("101", "Anna Ek", "SE", both=True)
    assert anna.is_party("101", "Anna Ek")
    assert not anna.is_party("101", "Bo")
    assert not anna.is_party("102", "Anna Ek")


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("Call 070-123 45 67 again", f"Call {HERE} again"),
        ("+46 (0)70", "+46 (0)70"),
        ("(+46 70 123 45 67)", f"({HERE})"),
        ("0046-70-1234567.", f"{HERE}."),
        ("2026-11-22 0701234567 12:30", f"2026-11-22 {HERE} 12:30"),
        ("0701234567, 0701234568", f"{HERE}, 0701234568"),
        ("a0701234567b", f"a{HERE}b"),
        ("70123456701", "70123456701"),
        ("karin ek", HERE),
        ("Ek, Karin wants", f"{HERE} wants"),
        ("KARIN\u00a0EKS dog", f"{HERE} dog"),
        ("Karin. Ek", HERE),
        ("Karin and Ek", "Karin and Ek"),
        ("Karin Ekman", "Karin Ekman"),
        ("Karin Ek Karin Ek", HERE),
        ("Karin Ek 0701234567", f"{HERE} {HERE}"),
        ("", ""),
        ("\u202eKarin Ek\u202c", f"\u202e{HERE}\u202c"),
    ],
)
def test_what_a_text_is_without_them(text: str, without: str) -> None:
    assert KARIN.without(text, HERE) == without
    assert KARIN.is_in(text) == (text != without)
    assert not KARIN.is_in(without)


def test_a_single_word_and_a_short_number_are_looked_for_in_calls_with_them_or_not_at_all() -> None:
    anna = erasing.person("101", "Anna", "SE")
    assert anna.without("Anna has room 101", HERE) == "Anna has room 101"
    assert anna.without("Anna has room 101", HERE, own=True) == f"{HERE} has room 101"
    assert anna.is_partly_in("anna has it")
    assert KARIN.is_partly_in("Talk to Karin")
    assert KARIN.is_partly_in("ends in 9234567")
    assert not KARIN.is_partly_in("Talk to Bo, 08-1234")


@given(some.text(), some.booleans())
def test_no_text_breaks_it_and_nothing_is_left(text: str, own: bool) -> None:
    found = KARIN.without(text, "…", own=own)
    assert not KARIN.is_in(found, own=own)
    assert KARIN.is_in(text, own=own) or found == text


@given(some.text(alphabet="0123456789+-() ."), some.text(alphabet="0123456789 "))
def test_a_number_between_others_is_found(before: str, after: str) -> None:
    assert KARIN.is_in(f"{before}x 0701234567 y{after}")


@pytest.mark.parametrize("value", ["12", "x", "070\u202e1234567", "1" * 200, "a0701234567", None])
def test_no_number(value: object) -> None:
    with pytest.raises(Unfit):
        erasing.number("number", value)


@pytest.mark.parametrize("value", ["x" * 201, "a\nb", "a\u202eb", "--", None])
def test_no_name(value: object) -> None:
    with pytest.raises(Unfit):
        erasing.name("name", value)


def test_a_reference_that_names_them_is_refused() -> None:
    assert erasing.reference("reference", " DSR 4711 ", KARIN) == "DSR 4711"
    for value in ("Karin Ek", "070-123 45 67", "x" * 201, "a\0b", None):
        with pytest.raises(Unfit):
            erasing.reference("reference", value, KARIN)


def test_a_pseudonym_says_nothing_and_is_of_the_organisations_language() -> None:
    assert erasing.pseudonym(Kind.COUNTERPART, "en", bytes(6)) == "Erased person 222222"
    assert erasing.pseudonym(Kind.LEAVER, "sv", range(6)) == "Tidigare användare 234567"
    assert erasing.pseudonym(Kind.USER, "xx", bytes([255] * 6)).startswith("Erased user ")
    assert set(erasing.PSEUDONYMS["en"]) == set(erasing.PSEUDONYMS["sv"]) == set(Kind)


def test_what_is_counted_is_kept_and_what_was_left_is_counted_anew() -> None:
    counted = Counts(disposed=3, held=2, audit_first=(1, 2), to_look_at=("x",))
    assert erasing.counts(counted.text()) == counted
    assert counted.again() == Counts(disposed=3)


def test_a_report_is_the_text_that_is_hashed() -> None:
    report = erasing.report({"b": 1, "a": "ö"})
    assert json.loads(report.text) == {"format": erasing.FORMAT, "a": "ö", "b": 1}
    assert len(report.sha256) == 64


def test_nobody_is_nobody() -> None:
    nobody = Person(frozenset(), ())
    assert not nobody
    assert not nobody.is_in("Karin Ek 0701234567", own=True)
    assert not nobody.is_party("", "")
