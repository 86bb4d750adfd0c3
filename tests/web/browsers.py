"""Debian's Chromium, as tests start it."""

from __future__ import annotations

import shutil
from pathlib import Path

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
QUIET = Path(__file__).with_name("quiet-chromium")
"""The same at a low priority: calls may go on beside."""
