"""Passwords: long enough, not common, not about whose they are; and the same however they are composed."""

from __future__ import annotations

import pytest

from ari_recorder.policies.passwords import MOST, Weakness, least, normal, weakness
from ari_recorder.policies.rights import Role

COMMON = {"password", "letmein1", "sunshine", "dragon", "qwertyui"}
ABOUT = ("anna", "Anna Andersson", "0812345", "Acme Telephony")


def of(password: str, role: str = Role.USER) -> Weakness | None:
    return weakness(normal(password), role=role, about=ABOUT, common=COMMON)


@pytest.mark.parametrize("role", list(Role))
def test_who_may_do_more_needs_a_longer_one(role: Role) -> None:
    shortest = 15 if role in (Role.ADMINISTRATOR, Role.OPERATOR) else 8
    assert least(role) == shortest
    whole = "tv9 kxq mru zw2 "
    assert of(whole[:shortest], role) is None
    assert of(whole[: shortest - 1], role) is Weakness.TOO_SHORT


def test_a_long_one_is_taken_as_a_whole_up_to_a_limit() -> None:
    long = "quite a long sentence that nobody else would write, ever. "
    assert of((long * 3)[:MOST]) is None
    assert of((long * 3)[: MOST + 1]) is Weakness.TOO_LONG


@pytest.mark.parametrize(
    "password",
    [
        "password", "PassWord", "letmein1", "password123!", "drowssap", "dragondragon", "dragondragon99",
        "aaaaaaaaaaaaaaaaa", "abababababab", "1234567890123456", "98765432", "abcdefghijklm", "qwertyuiopas",
    ],
)  # fmt: skip
def test_a_common_one_is_refused_also_dressed_up(password: str) -> None:
    assert of(password) is Weakness.COMMON


@pytest.mark.parametrize(
    "password",
    ["anna2026", "Andersson1", "annaandersson", "Acme Telephony", "acme-0812345", "0812345anna!"],
)
def test_one_about_the_person_is_refused(password: str) -> None:
    assert of(password) is Weakness.PERSONAL


@pytest.mark.parametrize("password", ["anna likes her trumpet", "purple tin kettle", "hårdkokt ägg på tåget"])
def test_words_that_do_not_belong_together_are_taken(password: str) -> None:
    assert of(password) is None


def test_the_same_text_is_the_same_password_however_it_is_composed() -> None:
    assert normal("p\u00e5l\u00e4gg") == normal("pa\u030ala\u0308gg")
    assert of("pa\u030ala\u0308g\u030a") is Weakness.TOO_SHORT, "characters are counted as they are read"
