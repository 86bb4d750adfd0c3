"""The dialplans that the guide shows are those that the lab runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
DIALPLAN = (PROJECT / "lab/overlay/pbx/extensions.conf").read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "snippets"), [("tap", 3), ("bridge", 1)])
def test_every_dialplan_shown_is_the_labs(page: str, snippets: int) -> None:
    text = (PROJECT / f"docs/guide/{page}.md").read_text(encoding="utf-8")
    shown = [found for found in re.findall(r"```ini\n(.*?)```", text, re.S) if "exten =>" in found]
    assert len(shown) == snippets
    for snippet in shown:
        assert snippet in DIALPLAN
