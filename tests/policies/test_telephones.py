"""Whose telephones are whose: the patterns that a provider sets, and what they let an administrator give."""

from __future__ import annotations

import pytest

from ari_recorder.policies import telephones
from ari_recorder.policies.unfit import Unfit

OWN = ["PJSIP/acme-*", "main:PJSIP/1??"]


def test_patterns_are_kept_once_each_in_their_order() -> None:
    assert telephones.patterns("endpoints", [*OWN, "PJSIP/acme-*"]) == OWN
    assert telephones.patterns("endpoints", []) == []
    assert telephones.patterns("endpoints", ["DAHDI/[1-4]", "north:SIP/é*"]) == [
        "DAHDI/[1-4]",
        "north:SIP/é*",
    ]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (["*"], r"'\*' is not of the form TECH/NAME or PBX:TECH/NAME"),
        (["PJSIP/"], "is not of the form"),
        (["pjsip/1*"], "is not of the form"),
        (["*/1*"], "is not of the form"),
        (["*:PJSIP/1*"], "is not of the form"),
        (["PJSIP/1*,PJSIP/2*"], "is not of the form"),
        (["PJSIP/1* PJSIP/2*"], "is not of the form"),
        (["PJSIP/1*\n"], "is not of the form"),
        (["PJSIP/1\u202e*"], "is not of the form"),
        ([7], "7 is not of the form"),
        ("PJSIP/1*", "a list"),
        (["PJSIP/" + "1" * 300], "306 characters; at most 200"),
        ([f"PJSIP/{n}" for n in range(101)], "101 patterns; at most 100"),
    ],
)
def test_what_is_no_pattern_is_refused(value: object, why: str) -> None:
    with pytest.raises(Unfit, match=why) as refused:
        telephones.patterns("endpoints", value)
    assert refused.value.field == "endpoints"


@pytest.mark.parametrize(
    ("pbx", "name", "theirs"),
    [
        ("main", "PJSIP/acme-7", True),
        ("north", "PJSIP/acme-7", True),
        ("main", "PJSIP/150", True),
        ("north", "PJSIP/150", False),
        ("main", "PJSIP/1500", False),
        ("main", "PJSIP/ACME-7", False),
        ("main", "SIP/acme-7", False),
        ("main", "PJSIP/other-acme-7", False),
    ],
)
def test_a_telephone_matches_whole_and_as_it_is_written(pbx: str, name: str, theirs: bool) -> None:
    def give() -> None:
        telephones.check_given("endpoints", [(pbx, name)], [], OWN, alone=False)

    if theirs:
        give()
    else:
        with pytest.raises(Unfit, match=rf"{pbx}:{name} .*PJSIP/acme-\*, main:PJSIP/1\?\?.*organisation set"):
            give()


@pytest.mark.parametrize("alone", [True, False])
def test_patterns_count_for_the_only_organisation_too(alone: bool) -> None:
    with pytest.raises(Unfit):
        telephones.check_given("endpoints", [("main", "PJSIP/7")], [], OWN, alone=alone)


def test_without_patterns_the_only_organisation_gives_any_and_one_of_several_none() -> None:
    telephones.check_given("endpoints", [("main", "PJSIP/7")], [], [], alone=True)
    telephones.check_given("endpoints", [], [], [], alone=False)
    with pytest.raises(Unfit, match=r"main:PJSIP/7 .*organisation set NAME --endpoints 'PJSIP/acme-\*'"):
        telephones.check_given("endpoints", [("main", "PJSIP/7")], [], [], alone=False)


def test_what_the_user_has_stays() -> None:
    had = [("main", "PJSIP/7")]
    telephones.check_given("endpoints", had, had, [], alone=False)
    telephones.check_given("endpoints", [*had, ("main", "PJSIP/150")], had, OWN, alone=False)
    with pytest.raises(Unfit, match="north:PJSIP/7"):
        telephones.check_given("endpoints", [("north", "PJSIP/7")], had, OWN, alone=False)
