"""The unit and the guides: a user of its own, in the recording folder's group, and what it may write."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from ari_recorder.config import load
from ari_recorder.doctor.modes import WANTED

PROJECT = Path(__file__).parents[1]
GUIDE = PROJECT / "docs/guide"
HARDENED = {
    "CapabilityBoundingSet": "",
    "LockPersonality": "yes",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHome": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectSystem": "strict",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
}


@pytest.fixture(scope="module")
def unit() -> dict[str, list[str]]:
    found = defaultdict(list)
    for line in (GUIDE / "ari-recorder.service").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found[key].append(value)
    return found


def test_it_is_hardened(unit: dict[str, list[str]]) -> None:
    assert {key: unit[key][-1] for key in HARDENED} == HARDENED


def test_its_user_is_not_asterisks_but_in_its_group(unit: dict[str, list[str]]) -> None:
    assert unit["User"] == ["ari_recorder"]
    assert unit["SupplementaryGroups"] == ["asterisk"]
    for page in ("existing-pbx.md", "service.md"):
        assert "useradd --system --user-group --groups asterisk" in (GUIDE / page).read_text(encoding="utf-8")
    for page in GUIDE.iterdir():
        assert not re.search(r"^User=asterisk", page.read_text(encoding="utf-8"), re.M)


def test_it_is_tried_until_it_starts(unit: dict[str, list[str]]) -> None:
    """A start without its database ends at once: five within ten seconds, and systemd tries no more."""
    assert (unit["Restart"], unit["StartLimitIntervalSec"]) == (["always"], ["0"])


def test_it_may_write_where_the_settings_have_it_write(unit: dict[str, list[str]]) -> None:
    settings = load(None, {})
    (state,), (writable,) = unit["StateDirectory"], unit["ReadWritePaths"]
    assert settings.pbx["main"].spool == Path(writable)
    store = Path(settings.store.url.removeprefix("sqlite:///"))
    for path in (store, settings.vault.path, settings.media.work, settings.web.key_file, settings.audit_key):
        assert path.is_relative_to(Path("/var/lib") / state)


def test_encoding_may_yield_and_prompts_be_given_to_asterisk(unit: dict[str, list[str]]) -> None:
    assert unit["SystemCallFilter"] == ["@system-service", "~@privileged", "@chown"]


@pytest.mark.parametrize(
    "page",
    ["docs/guide/existing-pbx.md", "docs/guide/freepbx.md", "docs/guide/service.md", "docs/guide/docker.md"],
)
def test_the_recording_folder_is_its_groups_alone(page: str) -> None:
    made = re.findall(
        r"install -d .*/var/spool/asterisk/recording\b.*", (PROJECT / page).read_text(encoding="utf-8")
    )
    assert made
    assert all(f"-m {WANTED:o} " in line for line in made)
