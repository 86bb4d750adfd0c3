"""The prompts that ship: synthesised speech in every language, and tones. Made by `scripts/prompts`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from ari_recorder.policies.preferences import LANGUAGES
from ari_recorder.policies.prompts import TONES, PromptKind

FOLDER = Path(__file__).parent
NO_LANGUAGE = ""
"""Of tones."""


def every_prompt() -> list[tuple[PromptKind, str]]:
    """Kind and language of each prompt: speech by language, then the tones."""
    spoken = [(kind, language) for language in LANGUAGES for kind in PromptKind if kind not in TONES]
    return spoken + [(kind, NO_LANGUAGE) for kind in PromptKind if kind in TONES]


def path(kind: PromptKind, language: str) -> Path:
    """The WAV file (mono, 16 bits, 16 kHz) of a prompt, whose language `NO_LANGUAGE` is for tones."""
    return FOLDER / (language or "tones") / f"{kind}.wav"


@cache
def audio(kind: PromptKind, language: str) -> bytes:
    """The content of that file."""
    return path(kind, language).read_bytes()


def text(kind: PromptKind, language: str) -> str:
    """What the prompt says; nothing if it is a tone."""
    return _texts()[language][kind] if language else ""


@cache
def _texts() -> dict[str, dict[str, str]]:
    return tomllib.loads((FOLDER / "texts.toml").read_text(encoding="utf-8"))
