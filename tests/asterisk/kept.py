"""What is left of a call with pauses in it, held against Asterisk's own times.

What is missing of a recording can be lost in three places, and each is told apart. A machine with other work
lets a recording begin late, by the times of Asterisk's own events: a quarter of a second at most if nothing
is told, and mostly not later than a bare program would. What Asterisk has written between these times
the recorder has to keep, all but a hundredth. A phone that stands still is silent, and was not heard by
the other either.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.leg.missing import SLOW, TOLD_FROM
from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import catalogue
from ari_recorder.store.catalogue import RecordingRow, SegmentSpan
from lab.call import HEARD_HZ, PhoneCall
from lab.commanded import SECRET_HZ
from lab.tones import HOLD_HZ, WINDOW_S, Samples, frequency_hz, has_tone, tone_found, tone_s
from tests.asterisk.outage import NEXT, TALK_S, Scene, Talk, Way

SHARE = 0.99
"""So much of what Asterisk could write is kept."""
FRAMES_S = 0.04
"""For the two ends of each stretch or segment: a frame each."""
ROUNDED_S = 0.05
"""What a sentence tells is rounded to 0.1 s."""
UNTOLD_S = TOLD_FROM.total_seconds()
BUSY = "the recorder was stopped or busy"
BUSY_S = 1.0
"""What is later is no busy machine's doing."""
HEARD_SHARE = 0.95
"""So much of a tone is found by pieces of 40 ms, where nothing is missing of it."""
EDGES_S = 0.2
"""For the pieces at the ends of each tone."""
MISSING = re.compile(r"(\d+\.\d) s are missing|user's audio file .*, (\d+\.\d) s are lost")
NOTHING = re.compile(r"recorded user's audio file has (\d+\.\d) s of nothing in it")
SHORT = re.compile(r"(\d+\.\d) s of the recorded user's audio for (\d+\.\d) s of call")


def assert_kept(
    talk: Talk,
    row: RecordingRow,
    *,
    missing_s: float = 0.0,
    told_over_s: float = 0.0,
    cut_off: bool = False,
) -> None:
    """What was wanted is kept or told to be missing, at most ``missing_s``; nothing of a pause is in it.

    ``told_over_s``: how much more may be told than is missing. ``cut_off``: Asterisk died, and of the end as
    much may be missing as need not be told.
    """
    wanted_s = sum((to - since).total_seconds() for since, to in talk.wanted)
    kept_s = (row.duration_ms or 0) / 1000
    told_s = sum(_told_s(problem) for problem in row.problems)
    kept_s -= sum(float(length) for problem in row.problems for length in NOTHING.findall(problem))
    spans = talk.scene.station.store.read_now(catalogue.timeline, COMMAND_LINE, row.id)
    late_s = list(_late_s(talk, spans))
    talk.scene.late_s += late_s
    told_late_s = sum(_told_s(problem) for problem in row.problems if for_want_of_time(problem))
    told = (
        f"{talk.way}: {kept_s:.2f} s kept and {told_s:.1f} s told to be missing of {wanted_s:.2f} s, "
        f"begun late by {[round(one, 3) for one in late_s]}"
    )
    print(told, row.problems)
    untold_s = sum(one for one in late_s if one <= UNTOLD_S) + (UNTOLD_S if cut_off else 0)
    ends = max(len(talk.wanted), len(spans))
    slack_s = FRAMES_S * ends + (1 - SHARE) * wanted_s + ROUNDED_S * len(row.problems)
    assert -slack_s - told_over_s <= wanted_s - kept_s - told_s <= slack_s + untold_s, told
    assert told_s <= missing_s + told_late_s, f"{told}: {row.problems}"
    assert_heard(talk, row, kept_s)


async def assert_next_is_whole(scene: Scene) -> None:
    """Afterwards a call is recorded as ever, everything is settled, and nothing that is there is damaged."""
    known = {row.id for row in scene.station.evidence.recordings()}
    talk = await scene.connect(*NEXT, Way.KEYS)
    await asyncio.sleep(TALK_S)
    await talk.over()
    await scene.station.evidence.settled()
    (row,) = [row for row in scene.station.evidence.recordings() if row.id not in known]
    assert (row.user_number, row.state) == (NEXT[0], RecordingState.STORED)
    assert [problem for problem in row.problems if not for_want_of_time(problem)] == []
    assert_kept(talk, row)


def _late_s(talk: Talk, spans: Sequence[SegmentSpan]) -> Iterator[float]:
    """How late each stretch began by Asterisk's times, as far as that may be for want of a processor."""
    for since, to in talk.wanted:
        began = [one.began_at for one in spans if one.began_at < to and (one.ended_at or to) > since]
        late_s = (min(began, default=to) - since).total_seconds()
        if late_s <= BUSY_S:
            yield max(0.0, late_s)


def for_want_of_time(problem: str) -> bool:
    """Whether a sentence tells of what a busy machine may have done: Asterisk loses frames on it, too."""
    late = _told_s(problem) <= BUSY_S and any(cause in problem for cause in (SLOW, BUSY))
    return late or (SHORT.search(problem) is not None and _told_s(problem) <= UNTOLD_S)


def _told_s(problem: str) -> float:
    """How much a sentence says that is missing."""
    missing = sum(float(length or lost) for length, lost in MISSING.findall(problem))
    missing += sum(map(float, NOTHING.findall(problem)))
    return missing + sum(float(due) - float(found) for found, due in SHORT.findall(problem))


def assert_heard(talk: Talk, row: RecordingRow, kept_s: float) -> None:
    """Each party on their side, as long as it is, and what was played in the pause nowhere."""
    samples, rate_hz = talk.scene.station.evidence.audio(row)
    assert_no_secret(samples, rate_hz, f"{talk.way}, {talk.wanted}")
    parties = ((talk.calling, talk.called), (talk.called, talk.calling))
    for side, (speaker, listener) in zip(samples.T, parties, strict=True):
        number = speaker.phone.number
        heard_s = tone_s(side, rate_hz, frequency_hz(number))
        silent_s = _silent_s(speaker, listener)
        assert heard_s >= HEARD_SHARE * kept_s - EDGES_S - silent_s, (
            f"{talk.way}: {number} is heard for {heard_s:.2f} s of {kept_s:.2f}, "
            f"and was silent for {silent_s:.2f} s of the call"
        )


def assert_no_secret(samples: Samples, rate_hz: int, where: str) -> None:
    """What was played in a pause is on neither side, were it for a frame."""
    found_s = {hz: [tone_found(side, rate_hz, hz) for side in samples.T] for hz in SECRET_HZ}
    assert all(one == [[], []] for one in found_s.values()), f"{where}: a secret is in it: {found_s}"


def _silent_s(speaker: PhoneCall, listener: PhoneCall) -> float:
    """For how long in the whole call its other party heard nothing that a phone played."""
    heard, size = listener.heard_so_far(), round(WINDOW_S * HEARD_HZ)
    played = (frequency_hz(speaker.phone.number), *SECRET_HZ, HOLD_HZ)
    pieces = [heard[at : at + size] for at in range(0, len(heard) - size + 1, size)]
    return WINDOW_S * sum(not any(has_tone(one, HEARD_HZ, hz) for hz in played) for one in pieces)
