"""The documents lead somewhere: every link of every page, and to every page from the index."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PAGES = sorted(
    PROJECT / name
    for name in subprocess.run(
        ("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"),
        cwd=PROJECT, capture_output=True, text=True, check=True,
    ).stdout.split()
)  # fmt: skip
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^ *```.*?^ *```", re.S | re.M)
CODE = re.compile(r"`[^`\n]*`")


def anchors(page: Path) -> set[str]:
    """What headings can be called in an address, as GitHub makes it of them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.M)
    plain = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    wrong = []
    for link in LINK.findall(CODE.sub("", BLOCK.sub("", page.read_text(encoding="utf-8")))):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        there = (page.parent / name).resolve() if name else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_block_of_code_ends_before_the_next_heading(page: Path) -> None:
    inside = ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            inside = "" if inside else line
        assert not (inside and re.match("##+ `?[A-Za-z]", line)), (page, line)
    assert not inside


def test_the_index_leads_to_every_guide_and_reference() -> None:
    index = (PROJECT / "docs/README.md").read_text(encoding="utf-8")
    named = {link.partition("#")[0] for link in LINK.findall(index)}
    pages = {str(page.relative_to(PROJECT / "docs")) for part in ("guide", "reference")
             for page in (PROJECT / "docs" / part).glob("*.md")}  # fmt: skip
    assert pages <= named, pages - named


def test_the_readme_can_be_read_in_one_go() -> None:
    assert 90 <= len((PROJECT / "README.md").read_text(encoding="utf-8").splitlines()) <= 190
