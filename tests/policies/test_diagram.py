"""The drawn modes, and the document that shows them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ari_recorder.policies.table import TABLE, Mode, State, Step
from tests.policies import diagram

DESIGN = Path(__file__).parents[2] / "docs" / "design.md"


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "tests.policies.diagram", *arguments]
    root = DESIGN.parents[1]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def test_the_design_document_shows_the_table_as_it_is() -> None:
    text = DESIGN.read_text(encoding="utf-8")
    assert diagram.replaced(text) == text, f"run: python -m tests.policies.diagram {DESIGN.name}"


@pytest.mark.parametrize("mode", Mode)
def test_every_step_of_the_table_is_an_arrow(mode: Mode) -> None:
    drawn = diagram.diagram(mode).splitlines()
    for state, row in TABLE[mode].items():
        for event, entry in row.items():
            if isinstance(entry, Step):
                assert sum(line.startswith(f"    {state} --> {entry.to}: {event}") for line in drawn) >= 1
    assert {line.split()[0] for line in drawn[1:]} - {"[*]"} == set(TABLE[mode])


def test_giving_up_is_drawn() -> None:
    assert f"{State.RECORDING} --> {State.FAILED}: segment_lost (6 in a row)" in diagram.diagram(Mode.ALWAYS)


def test_the_module_prints_or_rewrites(tmp_path: Path) -> None:
    assert run().strip() == diagram.diagrams()
    document = tmp_path / "design.md"
    document.write_text(f"before\n{diagram.BEGIN}\nold\n{diagram.END}\nafter\n")
    run(str(document))
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert diagram.diagrams() in text


def test_a_document_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="markers"):
        diagram.replaced("nothing here")
