"""The audio of prompts: an organisation's own, else the one that ships."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from ari_recorder.policies.prompts import TONES, PromptKind

SHIPPED = Path(__file__).parents[1] / "prompts"


@dataclass(frozen=True)
class PromptAudio:
    """A prompt's audio: mono WAV, 16 bits, 16 kHz; ``language`` is empty for a tone."""

    kind: PromptKind
    language: str
    text: str
    sha256: str
    wav: bytes
    duration_ms: int


def find(organisation: UUID, kind: PromptKind, language: str) -> PromptAudio:
    """The prompt as it is to be played."""
    folder = "tones" if kind in TONES else language
    wav = (SHIPPED / folder / f"{kind}.wav").read_bytes()
    return PromptAudio(
        kind,
        "" if kind in TONES else language,
        str(kind),
        hashlib.sha256(wav).hexdigest(),
        wav,
        (len(wav) - 44) // 32,
    )
