"""The prompts that ship: all are there, as they have to be, and made from the texts that are there."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ari_recorder import prompts
from ari_recorder.policies.preferences import LANGUAGES
from ari_recorder.policies.prompts import TONES, PromptKind

ROOT = Path(__file__).parents[1]
EVERY = prompts.every_prompt()


def samples(wav: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768


def dbfs(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(sound**2)))


def test_each_kind_in_each_language_and_each_tone_once() -> None:
    expected = {(kind, language) for kind in set(PromptKind) - TONES for language in LANGUAGES}
    assert set(EVERY) == expected | {(kind, "") for kind in TONES}
    files = {path.relative_to(prompts.FOLDER).as_posix() for path in prompts.FOLDER.rglob("*.wav")}
    assert files == {prompts.path(*each).relative_to(prompts.FOLDER).as_posix() for each in EVERY}


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_it_can_be_heard_and_is_short(kind: PromptKind, language: str) -> None:
    sound = samples(prompts.audio(kind, language))
    assert 0.15 < len(sound) / 16_000 < 6
    assert abs(sound[0]) < 0.001
    assert abs(sound[-1]) < 0.001
    if language:
        assert dbfs(sound) == pytest.approx(-16, abs=1)
        assert np.abs(sound[:3200]).max() > 0.02, "silence at the beginning"
    else:
        assert dbfs(sound) == pytest.approx(-26.5, abs=1.5)
        assert len(sound) / 16_000 <= 0.4
    assert np.abs(sound).max() < 0.9


def test_the_audio_is_made_of_the_texts() -> None:
    made = json.loads((prompts.FOLDER / "made.json").read_text(encoding="utf-8"))
    for kind, language in EVERY:
        name = prompts.path(kind, language).relative_to(prompts.FOLDER).as_posix()
        entry = {
            "text": prompts.text(kind, language),
            "sha256": hashlib.sha256(prompts.audio(kind, language)).hexdigest(),
        }
        assert made.pop(name) == entry, f"{name} is not what the text says: run scripts/prompts"
    assert made == {}


def test_the_texts_are_all_there_and_no_others() -> None:
    assert set(prompts._texts()) == set(LANGUAGES)
    for texts in prompts._texts().values():
        assert set(texts) == set(PromptKind) - TONES
        assert all(text.endswith(".") for text in texts.values())
    assert len({text for texts in prompts._texts().values() for text in texts.values()}) == 12


def test_the_script_makes_them(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "prompts", tmp_path], check=True, timeout=60)
    for kind, language in EVERY:
        again = tmp_path / prompts.path(kind, language).relative_to(prompts.FOLDER)
        ours, theirs = samples(prompts.audio(kind, language)), samples(again.read_bytes())
        # another version of espeak-ng speaks a little otherwise
        assert len(theirs) == pytest.approx(len(ours), rel=0.3)
        assert dbfs(theirs) == pytest.approx(dbfs(ours), abs=0.5)


def test_the_wheel_has_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for each in EVERY:
        assert f"ari_recorder/{prompts.path(*each).relative_to(ROOT / 'ari_recorder').as_posix()}" in names
    assert "ari_recorder/prompts/texts.toml" in names
