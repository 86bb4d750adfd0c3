"""What is amiss with a recording, told to a reader: in their language, and by their organisation's clock.

The catalogue has sentences, in English and with times in UTC, that a program can read (`leg.missing`). Those
that are known here are told in words of the pages; another one is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from babel.numbers import format_decimal

from ari_recorder.media.jobs import NO_AUDIO
from ari_recorder.policies.leg import missing, writing
from ari_recorder.policies.leg.giving_up import GIVEN_UP
from ari_recorder.policies.leg.happening import MISSED_ANSWER
from ari_recorder.policies.leg.recovery import TAKEN_FOR_PAUSED
from ari_recorder.web.language import N_
from ari_recorder.web.words import Words


@dataclass(frozen=True)
class Fault:
    """A sentence, and the code of its language where that is not the page's."""

    text: str
    language: str = ""


_CLOCK, _LENGTH, _WHY = r"(?P<at>\d\d:\d\d:\d\d) UTC", r"(?P<length>\d+\.\d) s", r"(?P<why>.+)\."
_AT = "00:00:00 UTC"


def _timed(sentence: str) -> str:
    """A pattern of a sentence in which there is one time."""
    return re.escape(sentence.format(time())).replace(re.escape(_AT), _CLOCK)


SENTENCES = (
    (rf"The first {_LENGTH} are missing: {_WHY}", N_("The first %(length)s s are missing: %(why)s.")),
    (rf"The last {_LENGTH} are missing: {_WHY}", N_("The last %(length)s s are missing: %(why)s.")),
    (
        rf"{_LENGTH} are missing from {_CLOCK} on: {_WHY}",
        N_("%(length)s s are missing from %(at)s on: %(why)s."),
    ),
    (
        rf"segment (?P<segment>\d+): the recorded user's audio file is missing, {_LENGTH} are lost",
        N_("Segment %(segment)s: the recorded user's audio file is missing, %(length)s s are lost."),
    ),
    (
        rf"segment (?P<segment>\d+): the counterpart's audio file is missing, {_LENGTH} are lost",
        N_("Segment %(segment)s: the counterpart's audio file is missing, %(length)s s are lost."),
    ),
    (
        r"segment (?P<segment>\d+): the recorded user's audio file is missing",
        N_("Segment %(segment)s: the recorded user's audio file is missing."),
    ),
    (
        r"segment (?P<segment>\d+): the counterpart's audio file is missing",
        N_("Segment %(segment)s: the counterpart's audio file is missing."),
    ),
    (r"all of it was cut out", N_("All of it was cut out.")),
    (r"it has no segments", N_("Nothing was written of it.")),
    (rf"Nothing of it could be recorded: {_WHY}", N_("Nothing of it could be recorded: %(why)s.")),
    (
        re.escape(MISSED_ANSWER),
        N_("The recorder was away when the call was answered: its beginning may be missing."),
    ),
    (_timed(GIVEN_UP), N_("A fault in the recorder: recording was given up at %(at)s; its log has more.")),
    (
        _timed(TAKEN_FOR_PAUSED),
        N_("Taken for paused from %(at)s on: it ended then while the recorder was away."),
    ),
)
CAUSES = (
    (re.escape(missing.SLOW), N_("Asterisk began late")),
    (re.escape(missing.BRIEF), N_("it was paused, or over, at once")),
    (re.escape(missing.EARLY), N_("Asterisk ended the file early")),
    (re.escape(writing.ENDED), N_("Asterisk ended the file by itself")),
    (re.escape(writing.UNHEARD), N_("word of the answer did not come")),
    (
        rf"the recorder was stopped or busy, and heard of it {_LENGTH} late",
        N_("the recorder was stopped or busy, and heard of it %(length)s s late"),
    ),
    (
        rf"the file ended while the recorder was away, until {_CLOCK}",
        N_("the file ended while the recorder was away, until %(at)s"),
    ),
)


def faults(sentences: Iterable[str], began: datetime, words: Words) -> list[Fault]:
    """Those of a recording or a call that ``began`` then, in order."""
    found: list[Fault] = []
    for sentence in sentences:
        parts = [sentence]
        if sentence.startswith(NO_AUDIO):
            found.append(Fault(words.language.gettext(N_("There is no audio at all."))))
            parts = sentence.removeprefix(NO_AUDIO).split("; ")
        found += [_told(part, began, words) for part in parts]
    return found


def _told(sentence: str, began: datetime, words: Words) -> Fault:
    told = _translated(SENTENCES, sentence, began, words)
    if told is not None:
        return Fault(told)
    return Fault(sentence, "" if words.language.code == "en" else "en")


def _translated(
    known: tuple[tuple[str, str], ...], sentence: str, began: datetime, words: Words
) -> str | None:
    for pattern, text in known:
        found = re.fullmatch(pattern, sentence)
        if found is None:
            continue
        values = found.groupdict()
        if "length" in values:
            length = float(values["length"])
            values["length"] = format_decimal(length, "0.0", locale=words.language.locale)
        if "at" in values:
            values["at"] = words.moment(_during(began, time.fromisoformat(values["at"])))
        if "why" in values:
            values["why"] = _translated(CAUSES, values["why"], began, words) or values["why"]
        return words.language.gettext(text, **values)
    return None


def _during(began: datetime, at: time) -> datetime:
    """The moment with that time of the day, in UTC, that a recording of less than a day can be about."""
    first = began.astimezone(UTC) - timedelta(minutes=5)
    found = datetime.combine(first.date(), at, UTC)
    return found if found >= first.replace(microsecond=0) else found + timedelta(days=1)
