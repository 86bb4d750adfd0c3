"""The dialplans that the guide shows are those that the lab runs, and its commands work as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from ari_recorder.store import audit, audit_export, audit_key, audit_log, audit_seals
from ari_recorder.store.audit import Action, Actor, ActorKind, Subject
from ari_recorder.store.database import Store

PROJECT = Path(__file__).parents[1]
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DIALPLAN = (PROJECT / "lab/overlay/pbx/extensions.conf").read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "snippets"), [("tap", 3), ("bridge", 1)])
def test_every_dialplan_shown_is_the_labs(page: str, snippets: int) -> None:
    text = (PROJECT / f"docs/guide/{page}.md").read_text(encoding="utf-8")
    shown = [found for found in re.findall(r"```ini\n(.*?)```", text, re.S) if "exten =>" in found]
    assert len(shown) == snippets
    for snippet in shown:
        assert snippet in DIALPLAN


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A folder with an export of the audit log, and the public key."""
    folder = tmp_path / "checked"
    folder.mkdir()
    store = Store(f"sqlite:///{tmp_path}/catalogue.db")
    key = audit_key.made(tmp_path / "audit.key")
    actor = Actor(ActorKind.USER, "1", "Åsa", UUID(int=1))
    for _ in range(3):
        store.write_now(audit.write, actor, Action.SIGN_IN, Subject("user", "1"), NOW)
        store.write_now(audit_seals.seal, key, [UUID(int=1)], NOW)
    parts = audit_log.export(store.read_now, UUID(int=1), 0, 3)
    (folder / "audit.jsonl").write_text("".join(audit_export.as_json_lines(parts)), encoding="utf-8")
    (folder / "audit.pub").write_text(key.public.pem)
    store.close()
    return folder


def _check_as_told(folder: Path) -> list[subprocess.CompletedProcess[str]]:
    """What the guide says, as it stands there: ari-recorder, ten lines of Python, openssl."""
    text = (PROJECT / "docs/guide/audit.md").read_text(encoding="utf-8")
    told = text.partition("## Check an export")[2]
    (folder / "check.py").write_text(re.findall(r"```python\n(.*?)```", told, re.S)[0])
    first, last = re.findall(r"```sh\n(.*?)```", told, re.S)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return [
        subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env={"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        for script in (first, f"{sys.executable} check.py audit.jsonl", last)
    ]


def test_an_export_is_checked_as_the_guide_says(exported: Path) -> None:
    done = _check_as_told(exported)
    assert [one.returncode for one in done] == [0, 0, 0], done
    assert re.search(r" 3 audit lines, 3 seals\b.*: 0 wrong", done[0].stdout)
    assert "Signature Verified Successfully" in done[2].stdout


def test_a_changed_export_is_found_as_the_guide_says(exported: Path) -> None:
    file = exported / "audit.jsonl"
    file.write_text(file.read_text().replace("Åsa", "Eva", 1))
    done = _check_as_told(exported)
    assert [one.returncode for one in done] == [1, 1, 0], done
    assert "line 1 was changed" in done[1].stderr
    file.write_text(re.sub('("type": "seal".*"number": )3', r"\g<1>4", file.read_text()))
    assert _check_as_told(exported)[2].returncode == 1
