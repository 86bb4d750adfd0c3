"""The time line of a recording, as its page draws and lists it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ari_recorder.policies.timeline import Gap, Part, gaps, position_ms, stretch_ms
from ari_recorder.store.catalogue import Held, Played, RecordingRow, SegmentSpan
from ari_recorder.web.language import N_
from ari_recorder.web.words import Words, clock

BARS = 240
"""Of the waveform that is drawn before, and without, the player's own."""
LANE = 100
"""Height of one side of it."""
LABEL_SHARE, SIGN_SHARE = 7.0, 2.5
"""So much of the line, in percent, does a label need, and a sign."""
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_TICKS_MAX = 6


@dataclass(frozen=True)
class Moment:
    """Something that happened: ``what`` and ``more`` in words, ``position_ms`` where it is in the audio.

    ``kind`` is ``call``, ``part``, ``party``, ``prompt``, ``pause``, ``hold`` or ``missing``; ``said`` is
    what a prompt says, or who came. ``at`` is None of a prompt that was not played.
    """

    kind: str
    at: datetime | None
    what: str
    more: str = ""
    said: str = ""
    position_ms: int | None = None
    length_ms: int | None = None


@dataclass(frozen=True)
class Sign:
    """One on the line: at ``x`` percent, with a label if there is room."""

    kind: str
    x: str
    label: str
    title: str
    position_ms: int


@dataclass(frozen=True)
class Stretch:
    """Somebody on the line, or how long somebody was on hold."""

    x: str
    width: str
    name: str


@dataclass(frozen=True)
class Line:
    """All of it: ``moments`` in the order of time, and what of them is drawn."""

    moments: tuple[Moment, ...]
    signs: tuple[Sign, ...]
    talkers: tuple[Stretch, ...]
    held: tuple[Stretch, ...]
    ticks: tuple[tuple[str, str], ...]
    paused_ms: int
    parts: tuple[Part, ...]

    @property
    def clock(self) -> list[list[int]]:
        """For the player: where each part is in the audio, and when it began, in ms (since 1970)."""
        return [[part.offset_ms, round(part.began_at.timestamp() * 1000)] for part in self.parts]


def line(
    row: RecordingRow,
    spans: Sequence[SegmentSpan],
    played: Sequence[Played],
    words: Words,
    held: Sequence[Held] = (),
) -> Line:
    """The time line of ``row``; nothing is drawn while there is no audio."""
    parts = tuple(
        Part(span.began_at, span.ended_at, span.offset_ms, span.duration_ms)
        for span in spans
        if span.ended_at is not None and span.offset_ms is not None and span.duration_ms is not None
    )
    found = gaps(parts, row.ended_at, row.mode, row.problems)
    holds = tuple(_holds(row, parts, held, words))
    moments = tuple(_in_order(_moments(row, parts, found, played, words, holds)))
    duration_ms = row.duration_ms or 0
    return Line(
        moments,
        tuple(_signs(moments, duration_ms)) if duration_ms else (),
        tuple(_talkers(row, parts, duration_ms, words)) if duration_ms and len(row.counterparts) > 1 else (),
        tuple(_on_hold(parts, held, duration_ms, words)) if duration_ms else (),
        tuple(_ticks(duration_ms)),
        sum(gap.length_ms for gap in found if not gap.missing),
        parts,
    )


def bars(peaks: bytes) -> tuple[str, str]:
    """The waveform of left and right as SVG paths, `BARS` wide and `LANE` high each."""
    loudest = max(peaks, default=0)
    scale = (LANE / 2 - 4) / max(13, loudest)
    left, right = (_path(peaks[side::2], scale) for side in (0, 1))
    return left, right


def _path(side: bytes, scale: float) -> str:
    drawn, middle = [], LANE // 2
    for bar in range(BARS if side else 0):
        first = bar * len(side) // BARS
        last = max(first + 1, (bar + 1) * len(side) // BARS)
        half = max(1, round(max(side[first:last]) * scale))
        drawn.append(f"M{bar}.5 {middle - half}v{2 * half}")
    return "".join(drawn)


def _moments(
    row: RecordingRow,
    parts: Sequence[Part],
    found: Sequence[Gap],
    played: Sequence[Played],
    words: Words,
    holds: Sequence[Moment],
) -> Iterator[Moment]:
    say = words.language.gettext
    yield Moment("call", row.answered_at, say(N_("The call was answered")))
    yield Moment("part", row.started_at, say(N_("Recording began")), position_ms=0 if parts else None)
    for one in row.counterparts:
        number, name = one.number if one.name else "", words.party(one.name, one.number)
        joined = max(one.joined_at, row.started_at)
        place = position_ms(parts, joined)
        yield Moment("party", joined, say(N_("Connected to")), number, name, place)
    for gap in found:
        what = say(N_("Missing")) if gap.missing else say(N_("Paused"))
        until = say(N_("until %(time)s"), time=words.moment(gap.ended_at))
        kind = "missing" if gap.missing else "pause"
        yield Moment(kind, gap.began_at, what, until, "", gap.position_ms, gap.length_ms)
    yield from holds
    for prompt in played:
        place = position_ms(parts, prompt.began_at) if prompt.began_at else None
        yield Moment("prompt", prompt.began_at, words.prompt(prompt), words.heard(prompt), prompt.text, place)
    if row.ended_at is not None:
        end = parts[-1].end_ms if parts else None
        yield Moment("part", row.ended_at, say(N_("Recording ended")), position_ms=end)


def _holds(row: RecordingRow, parts: Sequence[Part], held: Sequence[Held], words: Words) -> Iterator[Moment]:
    """The other was on hold: what the user said meanwhile is in the audio."""
    say = words.language.gettext
    for one in held:
        began_at = max(one.began_at, row.started_at)
        ended_at = one.ended_at or row.ended_at
        until = say(N_("until %(time)s"), time=words.moment(ended_at)) if ended_at else ""
        length_ms = None if ended_at is None else (ended_at - began_at) // timedelta(milliseconds=1)
        place = position_ms(parts, began_at)
        yield Moment("hold", began_at, say(N_("On hold")), until, "", place, length_ms)


def _on_hold(
    parts: Sequence[Part], held: Sequence[Held], duration_ms: int, words: Words
) -> Iterator[Stretch]:
    for one in held:
        found = stretch_ms(parts, one.began_at, one.ended_at, duration_ms)
        if found:
            x, end = (100 * place / duration_ms for place in found)
            yield Stretch(_percent(x), _percent(min(end, 100) - x), words.language.gettext(N_("On hold")))


def _in_order(moments: Iterator[Moment]) -> list[Moment]:
    known = list(moments)
    timed = sorted((one for one in known if one.at is not None), key=lambda one: one.at or datetime.max)
    return timed + [one for one in known if one.at is None]


def _signs(moments: Sequence[Moment], duration_ms: int) -> Iterator[Sign]:
    """Pauses and what is missing, with their lengths; a prompt where none of these is."""
    taken: list[float] = []
    for one in sorted(moments, key=lambda one: one.kind == "prompt"):
        if one.kind not in ("pause", "missing", "prompt") or one.position_ms is None:
            continue
        x = min(100.0, 100 * one.position_ms / duration_ms)
        room = min((abs(x - other) for other in taken), default=100.0)
        if one.kind == "prompt" and room < SIGN_SHARE:
            continue
        taken.append(x)
        length = clock(one.length_ms) if one.length_ms is not None else ""
        label = length if room >= LABEL_SHARE and x < 100 - LABEL_SHARE else ""
        yield Sign(one.kind, _percent(x), label, f"{one.what} {length}".strip(), one.position_ms)


def _talkers(row: RecordingRow, parts: Sequence[Part], duration_ms: int, words: Words) -> Iterator[Stretch]:
    for one in row.counterparts:
        found = stretch_ms(parts, one.joined_at, one.left_at, duration_ms)
        if found:
            x, end = (100 * place / duration_ms for place in found)
            yield Stretch(_percent(x), _percent(min(end, 100) - x), words.party(one.name, one.number))


def _ticks(duration_ms: int) -> Iterator[tuple[str, str]]:
    step_s = next((step for step in _STEPS_S if duration_ms / 1000 / step <= _TICKS_MAX), None)
    if not duration_ms or step_s is None:
        return
    for at_s in range(0, duration_ms // 1000 + 1, step_s):
        x = 100 * at_s * 1000 / duration_ms
        if x <= 97:
            yield _percent(x), clock(at_s * 1000)


def _percent(x: float) -> str:
    return f"{x:.2f}%"
