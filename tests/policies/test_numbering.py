"""One number in several writings, and the countries that there are."""

from __future__ import annotations

import pytest

from ari_recorder.policies.numbering import compact, dialled, is_country, writings


@pytest.mark.parametrize(
    ("number", "country", "others"),
    [
        ("070-123 45 67", "SE", {"46701234567", "0046701234567"}),
        ("0701234567", "SE", {"46701234567", "0046701234567"}),
        ("+46 70 123 45 67", "SE", {"0701234567", "0046701234567"}),
        ("0046701234567", "SE", {"0701234567", "46701234567"}),
        ("46701234567", "SE", {"0701234567", "0046701234567"}),
        ("+46701234567", "", {"0046701234567"}),
        ("0701234567", "", set()),
        ("070", "SE", {"4670", "004670"}),
        ("0", "SE", set()),
        ("123 45", "SE", set()),
        ("101", "SE", set()),
        ("+4930123456", "SE", {"004930123456"}),
        ("(201) 555-0123", "US", {"12015550123", "0012015550123"}),
        ("+1 201 555 0123", "US", {"2015550123", "0012015550123"}),
        ("20 12 34 56", "DK", {"4520123456", "004520123456"}),
        ("02 1234 5678", "IT", {"390212345678", "00390212345678"}),
        ("anonymous", "SE", set()),
        ("*44", "SE", set()),
        ("", "SE", set()),
        ("+", "SE", set()),
        ("0701234567", "XX", set()),
    ],
)
def test_a_number_is_written_otherwise_elsewhere(number: str, country: str, others: set[str]) -> None:
    assert set(writings(number, country)) == others


def test_only_what_is_dialled_is_kept_and_letters() -> None:
    assert compact("+46 (70) 123-45/67.8") == "467012345678"
    assert compact("*44#") == "*44#"
    assert compact("٠٧٠") == "070"
    assert compact("sip:anna@example.com") == "sipannaexamplecom"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+46 70-123 45 67", "+46701234567"),
        ("+46\u00a070\u2011123\u202f45\u200967", "+46701234567"),
        ("(08) 12.34.56", "08123456"),
        ("+46 (0)70 123 45 67", "+46701234567"),
        ("(0)70", "070"),
        ("\u202a+4670\u202c", "+4670"),
        ("*48#", "*48#"),
        ("08/123 a\n", "08/123a\n"),
    ],
)
def test_a_number_is_dialled_without_what_stands_between_its_digits(written: str, number: str) -> None:
    assert dialled(written) == number


def test_a_country_is_one_that_has_numbers() -> None:
    assert is_country("SE")
    assert not any(is_country(code) for code in ("se", "XX", "", "SWE", "EU"))
