"""What is said of security names files that there are, and goes through the whole standard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SECURITY, ASVS = PROJECT / "SECURITY.md", PROJECT / "docs/reference/asvs.md"
SECTIONS = {
    1: 5,
    2: 4,
    3: 7,
    4: 4,
    5: 4,
    6: 8,
    7: 6,
    8: 4,
    9: 2,
    10: 7,
    11: 7,
    12: 3,
    13: 4,
    14: 3,
    15: 4,
    16: 5,
    17: 3,
}
"""Of each chapter of ASVS 5.0.0, how many."""
LEVEL_THREE = {"V3.1", "V3.6", "V6.7", "V11.7", "V15.4"}
"""Those that ask for something at level 3 alone."""


def rows() -> list[list[str]]:
    lines = ASVS.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| V")]


def sections(cell: str) -> list[str]:
    first, _, last = cell.partition(" to ")
    chapter, _, number = first.partition(".")
    until = int((last or first).partition(".")[2])
    return [f"{chapter}.{one}" for one in range(int(number), until + 1)]


def test_every_section_is_there_once() -> None:
    told = [section for row in rows() for section in sections(row[0])]
    every = {f"V{chapter}.{one}" for chapter, most in SECTIONS.items() for one in range(1, most + 1)}
    assert len(told) == len(set(told))
    assert set(told) == every - LEVEL_THREE


def test_yes_is_shown_and_what_is_missing_is_said() -> None:
    for section, _, answer, why in rows():
        assert answer in ("yes", "partly", "no", "none"), section
        if answer in ("partly", "no"):
            assert len(re.sub(r"`[^`]*`|\[[^]]*\]\([^)]*\)", "", why)) > 30, section
        if answer == "yes" and section not in ("V5.1", "V6.1", "V13.1"):
            assert "`tests/" in why, section


@pytest.mark.parametrize("page", [SECURITY, ASVS], ids=lambda page: page.name)
def test_every_file_named_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    files = re.findall(r"`((?:tests|scripts|docs|[a-z]+)/[\w./-]+|\w+\.(?:py|lock))`", text)
    assert len(files) > 20
    for file in files:
        assert (PROJECT / file).exists() or (PROJECT / "ari_recorder" / file).exists(), file
    for link in re.findall(r"\]\((?!https:)([^)#]+)", text):
        assert (page.parent / link).exists(), link


def test_a_number_of_the_standard_stands_in_its_section() -> None:
    for section, _, _, why in rows():
        for number in re.findall(r"\b(\d+\.\d+)\.\d+\b", why.replace("5.0.0", "")):
            assert f"V{number}" in sections(section), (section, number)
