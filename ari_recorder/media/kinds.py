"""What kinds of audio files there are, by their media types and by what their names end with."""

from __future__ import annotations

from ari_recorder.media.jobs import AudioFormat

MEDIA_TYPES: dict[AudioFormat, str] = {"opus": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav"}
_FORMATS: dict[str, AudioFormat] = {
    **{media_type: form for form, media_type in MEDIA_TYPES.items()},
    "audio/opus": "opus",
    "audio/x-flac": "flac",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
}
OTHER_ENDING = ".bin"
WAV_HEADER_BYTES = 44
"""What Asterisk writes before the first sample."""


def format_of(media_type: str | None) -> AudioFormat | None:
    """The format that a media type is of; None if that is something else."""
    return _FORMATS.get((media_type or "").partition(";")[0].strip().lower())


def media_types_of(form: str) -> list[str]:
    """The media types of that format."""
    return [media_type for media_type, of in _FORMATS.items() if of == form]


def ending_of(media_type: str | None, form: AudioFormat | None = None) -> str:
    """What names of such files end with; of those that are made into another ``form``, with that."""
    found = form or format_of(media_type)
    return f".{found}" if found else OTHER_ENDING
