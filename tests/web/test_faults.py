"""What is amiss with a recording, in the reader's language and by their clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ari_recorder.errors import NoAudio
from ari_recorder.media import jobs
from ari_recorder.media.plan import make_plan
from ari_recorder.policies.leg.giving_up import GIVEN_UP
from ari_recorder.policies.leg.happening import MISSED_ANSWER
from ari_recorder.policies.leg.missing import find_missing
from ari_recorder.policies.leg.recovery import TAKEN_FOR_PAUSED
from ari_recorder.policies.leg.state import Counterpart, Recording, Segment
from ari_recorder.policies.leg.writing import ENDED
from ari_recorder.policies.timeline import Part, gaps
from ari_recorder.store import catalogue
from ari_recorder.store.catalogue import RecordingRow
from ari_recorder.store.scope import scope_of
from ari_recorder.web.faults import Fault, faults
from ari_recorder.web.language import language
from ari_recorder.web.words import Words

from .world import World

NIGHT = datetime(2026, 11, 22, 23, 59, 50, tzinfo=UTC)


@pytest.fixture
def row(world: World) -> RecordingRow:
    made = world.recording(world.ids["anna"], started_at=NIGHT)
    asker = scope_of(world.ids["anna"])
    assert asker
    return world.store.read_now(catalogue.recording, asker, made)


def told(row: RecordingRow, code: str, *problems: str) -> list[Fault]:
    return faults(problems, row.started_at, Words(language(code), ZoneInfo("Europe/Stockholm")))


@pytest.mark.parametrize(
    ("sentence", "swedish"),
    [
        (
            "The first 1.2 s are missing: Asterisk began late.",
            "De första 1,2 s saknas: Asterisk började sent.",
        ),
        (
            "5.0 s are missing from 00:00:04 UTC on: Asterisk ended the file early.",
            "5,0 s saknas från 01:00:04: Asterisk avslutade filen i förtid.",
        ),
        (
            "The last 3.0 s are missing: the recorder was stopped or busy, and heard of it 12.3 s late.",
            "De sista 3,0 s saknas: inspelningstjänsten stod still eller var upptagen och fick veta"
            " det 12,3 s för sent.",
        ),
        (
            "The last 3.0 s are missing: the file ended while the recorder was away, until 23:59:58 UTC.",
            "De sista 3,0 s saknas: filen tog slut medan inspelningstjänsten var borta, till 00:59:58.",
        ),
        (
            "segment 2: the counterpart's audio file is missing, 4.0 s are lost",
            "Segment 2: motpartens ljudfil saknas, 4,0 s är förlorade.",
        ),
        (
            "segment 1: the recorded user's audio file is missing, 12.4 s are lost",
            "Segment 1: den inspelade användarens ljudfil saknas, 12,4 s är förlorade.",
        ),
        ("Nothing of it could be recorded: Disk full!.", "Inget av det kunde spelas in: Disk full!."),
        (MISSED_ANSWER, "Inspelningstjänsten var borta när samtalet besvarades: början kan saknas."),
        (
            GIVEN_UP.format(NIGHT),
            "Ett fel i inspelningstjänsten: inspelningen gavs upp 00:59:50; dess logg säger mer.",
        ),
        (
            TAKEN_FOR_PAUSED.format(NIGHT),
            "Räknad som pausad från 00:59:50: den slutade då medan inspelningstjänsten var borta.",
        ),
    ],
)
def test_sentences_of_the_recorder(row: RecordingRow, sentence: str, swedish: str) -> None:
    assert told(row, "sv", sentence) == [Fault(swedish)]


def test_that_there_is_no_audio_is_told_with_what_is_wrong_with_each_file(
    row: RecordingRow, tmp_path: Path
) -> None:
    """As what makes a recording of the files says it."""
    nowhere = [tmp_path / name for name in ("in.wav", "out.wav")]
    segment = jobs.Segment(*nowhere, NIGHT, NIGHT + timedelta(seconds=4))
    with pytest.raises(NoAudio) as caught:
        make_plan(jobs.StitchJob("r1", (segment,), tmp_path / "made.ogg", "opus"))
    assert told(row, "sv", str(caught.value)) == [
        Fault("Det finns inget ljud alls."),
        Fault("Segment 1: den inspelade användarens ljudfil saknas, 4,0 s är förlorade."),
        Fault("Segment 1: motpartens ljudfil saknas, 4,0 s är förlorade."),
    ]


def test_another_one_is_shown_as_it_is_in_its_language(row: RecordingRow) -> None:
    sentence = "segment 2: the counterpart's audio file is empty"
    assert told(row, "sv", sentence) == [Fault(sentence, "en")]
    assert told(row, "en", sentence) == [Fault(sentence)]


def test_what_the_machine_finds_missing_is_known(row: RecordingRow) -> None:
    """Made by the machine itself, so that the words do not drift apart; and the hole is no pause."""

    def at(seconds: float) -> datetime:
        return NIGHT + timedelta(seconds=seconds)

    segments = (
        Segment(0, 1, NIGHT, at(2), ended_at=at(9), lost=True),
        Segment(1, 2, at(9), at(14), ended_at=at(20), until=at(23), cause=ENDED),
    )
    recording = Recording(1, NIGHT, True, Counterpart(), False, ended_at=at(23), segments=segments)
    found = find_missing(recording, "")
    assert [one.text for one in told(row, "en", *found)] == [
        "The first 2.0 s are missing: Asterisk began late.",
        "5.0 s are missing from 00:59:59 on: Asterisk ended the file by itself.",
        "The last 3.0 s are missing: Asterisk ended the file early.",
    ]
    assert all(one.language == "" for one in told(row, "sv", *found))
    parts = [Part(at(2), at(9), 0, 7000), Part(at(14), at(20), 7000, 6000)]
    assert [gap.missing for gap in gaps(parts, at(20), "on_demand", found)] == [True]
