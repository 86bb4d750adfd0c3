"""What each process does without: a start costs a second of a processor for what is imported for nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODING = {"av", "numpy", "soundfile"}
PAGES = {"ari_recorder.web.routes", "webauthn"}
DELIVERY = {"asyncssh", "ari_recorder.delivery.process"}


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("ari_recorder.app", CODING | PAGES | DELIVERY),
        ("ari_recorder.cli", CODING | PAGES | DELIVERY | {"aiohttp"}),
        ("ari_recorder.delivery.process", CODING | PAGES),
        ("ari_recorder.web.opening", CODING | PAGES | DELIVERY),
        ("ari_recorder.web.routes", CODING | DELIVERY),
    ],
)
def test_it_does_without(module: str, without: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not without & set(said.stdout.split())
