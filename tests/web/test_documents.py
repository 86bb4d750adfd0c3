"""The document of the addresses, the vendored player and the texts of the page are what they say."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from ari_recorder.web import WebContext, create_app, page

ROOT = Path(__file__).parents[2]
VENDORED = page.STATIC / "vendor" / "wavesurfer"


def test_every_route_is_documented_and_nothing_else(context: WebContext) -> None:
    routes = {
        (route.method, re.sub(r":[^}]*", "", resource.canonical))
        for resource in create_app(context).router.resources()
        for route in resource
        if route.method != "HEAD"  # goes with every GET
    }
    text = (ROOT / "docs" / "reference" / "http.md").read_text()
    documented = set(re.findall(r"^### `([A-Z]+) (/\S*)`$", text, re.MULTILINE))
    assert documented == routes


def test_every_documented_route_has_an_example() -> None:
    text = (ROOT / "docs" / "reference" / "http.md").read_text()
    for section in text.split("\n### ")[1:]:
        assert "```" in section, section.splitlines()[0]


def test_the_player_is_the_npm_packages_own(tmp_path: Path) -> None:
    """Fetched anew by the lock file, whose hash npm checks."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / name, tmp_path)
    command = ["npm", "ci", "--ignore-scripts", "--prefer-offline"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    package = tmp_path / "node_modules" / "wavesurfer.js"
    assert (VENDORED / "wavesurfer.min.js").read_bytes() == (package / "dist/wavesurfer.min.js").read_bytes()
    assert (VENDORED / "LICENSE").read_bytes() == (package / "LICENSE").read_bytes()


def test_the_lock_file_names_no_download_address() -> None:
    assert "resolved" not in (ROOT / "package-lock.json").read_text()


def test_the_templates_have_nothing_inline_and_nothing_from_elsewhere() -> None:
    for path in page.TEMPLATES.glob("*.html"):
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://|\|\s*safe", text), (
            path
        )
