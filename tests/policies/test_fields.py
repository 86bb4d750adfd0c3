"""What users and organisations may be called: nothing is cut, and what cannot be names its field."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.policies import fields
from ari_recorder.policies.text import tidy
from ari_recorder.policies.unfit import Unfit

HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
NEEDED = "\u200c\u200d\u200e\u200f"


@given(st.text(max_size=300))
def test_a_name_is_what_was_written_or_refused(text: str) -> None:
    try:
        name = fields.name("name", text)
    except Unfit:
        return
    assert name == tidy(text).replace("\u00a0", " ").strip(" ")
    assert 1 <= len(name) <= fields.NAME_MAX
    assert not any(unicodedata.category(one) in HIDDEN for one in name if one not in NEEDED)


@given(st.text(max_size=80))
def test_a_number_can_be_dialled(text: str) -> None:
    try:
        number = fields.number("number", text)
    except Unfit:
        return
    assert number is None or (
        set(number) <= set("0123456789*#+") and number == fields.number("number", number)
    )


def test_a_name_is_seen_and_has_nothing_pasted_along() -> None:
    assert fields.name("name", "\ufeffAn\u00adna\u200b ") == "Anna"
    for text in ("\u200d", "\u200e \u200f", "\u200b"):
        with pytest.raises(Unfit, match="empty"):
            fields.name("name", text)
    with pytest.raises(Unfit, match=r"cannot be seen: U\+202E at position 2"):
        fields.name("name", "A\u202eB")


@pytest.mark.parametrize("name", ["Åsa Öberg", "李小龍", "علی‌رضا", "O'Brien-Smith", "[bold]Anna[/]", "=1+1"])
def test_names_that_people_have(name: str) -> None:
    assert fields.name("name", f" {name} ") == name


@pytest.mark.parametrize(
    ("pbxs", "text", "found"),
    [
        (["main"], "PJSIP/101", ("main", "PJSIP/101")),
        (["main"], "main:PJSIP/101", ("main", "PJSIP/101")),
        (["north", "south"], "south:SIP/x_1", ("south", "SIP/x_1")),
    ],
)
def test_endpoints(pbxs: list[str], text: str, found: tuple[str, str]) -> None:
    assert fields.endpoint("endpoints", text, pbxs) == found
    assert fields.endpoints("endpoints", [text, text], pbxs) == [found], "each once"


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (fields.name, None), (fields.name, 1), (fields.number, 101), (fields.login, "a b"),
        (fields.login, ["a"]),
        (fields.time_zone, None), (fields.time_zone, "/etc/passwd"), (fields.time_zone, "Europe\0"),
        (fields.language, None), (fields.roles, "administrator"), (fields.roles, [None]),
        (fields.yes_or_no, "yes"), (fields.acknowledgement, ""), (fields.acknowledgement, "x" * 2001),
        (fields.acknowledgement, "a\x1bb"), (fields.acknowledgement, None),
    ],
)  # fmt: skip
def test_what_is_none_of_it(check: Any, value: object) -> None:
    with pytest.raises(Unfit, match=r"^field: "):
        check("field", value)


def test_roles_in_their_usual_order() -> None:
    assert fields.roles("second_factor", ["auditor", "administrator", "auditor"]) == [
        "administrator",
        "auditor",
    ]


def test_line_breaks_of_an_acknowledgement_stay() -> None:
    assert fields.acknowledgement("acknowledgement", " one\r\ntwo ") == "one\ntwo"


def test_unknown_fields_are_named() -> None:
    with pytest.raises(Unfit, match="shoe_size: that cannot be changed: use one of login, may_listen"):
        fields.user({"shoe_size": 1})
