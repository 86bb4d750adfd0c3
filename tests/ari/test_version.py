from __future__ import annotations

import pytest

from ari_recorder.ari import supported, warnings


@pytest.mark.parametrize(
    "version",
    [
        *("20.6", "20.6.0", "20.11.1", "20.21.0", "22.5.0", "22.10.1~dfsg+~cs6.15.60671435-1", "22.11.0"),
        *(
            "23.0.0",
            "23.5.0",
            "24.0.0",
            "certified/20.7-cert5",
            "certified-22.8-cert1",
            "20.6.0-rc2",
            "100.0.0",
        ),
    ],
)
def test_supported(version):
    assert supported(version) is None


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("20.5.2", "before 20.6"),
        ("22.4.1", "before 22.5"),
        ("22.0.0", "before 22.5"),
        ("21.12.0", "no longer maintained"),
        ("18.26.4", "no longer maintained"),
        ("16.28.0~dfsg-0+deb11u4", "no longer maintained"),
        ("1.8.32.3", "no longer maintained"),
        ("certified/18.9-cert13", "no longer maintained"),
        ("GIT-master-0a1b2c3", "does not tell its version"),
        ("", "does not tell its version"),
    ],
)
def test_not_supported(version, reason):
    said = supported(version)
    assert said is not None
    assert reason in said
    assert version in said


@pytest.mark.parametrize(
    ("version", "words"),
    [
        *[(version, ["whisper"]) for version in ("20.21.0", "20.22.0", "22.11.0", "23.5.0", "23.6.1")],
        *[(version, ["both directions"]) for version in ("20.12.0", "20.14.1", "22.4.0")],
        *[
            (version, [])
            for version in ("20.20.0", "20.11.0", "20.15.0", "22.5.0", "22.10.1", "23.4.0", "master")
        ],
    ],
)
def test_warnings(version, words):
    said = warnings(version)
    assert len(said) == len(words)
    assert all(word in line for word, line in zip(words, said, strict=True))
