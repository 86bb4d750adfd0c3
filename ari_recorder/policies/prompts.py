"""Which prompts there are (rows C5-C7)."""

from __future__ import annotations

from enum import StrEnum


class PromptKind(StrEnum):
    """What a prompt is for."""

    START = "start"
    """Recording has begun, or what was provisional is kept now."""
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    FAILURE_CONTINUE = "failure_continue"
    """The call cannot be recorded, and goes on."""
    FAILURE_END = "failure_end"
    """The call cannot be recorded, and ends."""
    BEEP = "beep"
    """Played in place of start, stop, pause and resume, if so set."""
    ERROR = "error"
    """A command by keys was refused: a short tone to the user alone."""
    WARNING = "warning"
    """Repeated while recording, if so set."""


TONES = frozenset({PromptKind.BEEP, PromptKind.ERROR, PromptKind.WARNING})
"""Prompts without words: the same in every language."""
