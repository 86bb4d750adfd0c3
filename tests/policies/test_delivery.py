"""The window of a day, names of files, paths of clients."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_recorder.policies import delivery
from ari_recorder.policies.delivery import Named

STOCKHOLM, APIA, NEW_YORK = (
    ZoneInfo("Europe/Stockholm"),
    ZoneInfo("Pacific/Apia"),
    ZoneInfo("America/New_York"),
)
LORD_HOWE, CAIRO = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Africa/Cairo")
SECOND = timedelta(seconds=1)


def at(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("day", "zone", "opens", "closes"),
    [
        ("2026-11-21", STOCKHOLM, "2026-11-22T05:00Z", "2026-11-25T05:00Z"),
        # 06:00 of that day's own clock, whichever side of a change it is on
        ("2026-03-28", STOCKHOLM, "2026-03-29T04:00Z", "2026-04-01T04:00Z"),
        ("2026-03-27", STOCKHOLM, "2026-03-28T05:00Z", "2026-03-31T04:00Z"),
        ("2026-10-24", STOCKHOLM, "2026-10-25T05:00Z", "2026-10-28T05:00Z"),
        ("2026-10-23", STOCKHOLM, "2026-10-24T04:00Z", "2026-10-27T05:00Z"),
        ("2026-03-07", NEW_YORK, "2026-03-08T10:00Z", "2026-03-11T10:00Z"),
        ("2026-04-04", LORD_HOWE, "2026-04-04T19:30Z", "2026-04-07T19:30Z"),
        ("2026-11-21", APIA, "2026-11-21T17:00Z", "2026-11-24T17:00Z"),
        # Samoa had no 30 December 2011: the day after the 29th was the 31st, and it stayed three days
        ("2011-12-29", APIA, "2011-12-30T16:00Z", "2012-01-02T16:00Z"),
        ("2011-12-28", APIA, "2011-12-29T16:00Z", "2012-01-01T16:00Z"),
        ("2011-12-31", APIA, "2011-12-31T16:00Z", "2012-01-03T16:00Z"),
    ],
)
def test_a_day_is_there_from_six_on_for_three_days(day: str, zone: ZoneInfo, opens: str, closes: str) -> None:
    found = delivery.window(date.fromisoformat(day), zone)
    assert found.opens_at == datetime.fromisoformat(opens)
    assert found.closes_at == datetime.fromisoformat(closes)
    assert not found.has(found.opens_at - SECOND)
    assert found.has(found.opens_at)
    assert found.has(found.closes_at - SECOND)
    assert not found.has(found.closes_at)


def test_yesterday_is_not_there_a_minute_to_six_and_is_at_six() -> None:
    before = delivery.open_days(at("2026-11-22T05:59:59", STOCKHOLM), STOCKHOLM)
    assert [str(day) for day in before] == ["2026-11-18", "2026-11-19", "2026-11-20"]
    after = delivery.open_days(at("2026-11-22T06:00:00", STOCKHOLM), STOCKHOLM)
    assert [str(day) for day in after] == ["2026-11-19", "2026-11-20", "2026-11-21"]


def test_the_day_that_there_never_was_is_no_folder() -> None:
    found = delivery.open_days(at("2011-12-31T06:00", APIA), APIA)
    assert [str(day) for day in found] == ["2011-12-27", "2011-12-28", "2011-12-29"]
    later = delivery.open_days(at("2012-01-01T06:00", APIA), APIA)
    assert [str(day) for day in later] == ["2011-12-28", "2011-12-29", "2011-12-31"]
    assert delivery.span(date(2011, 12, 30), APIA)[0] == delivery.span(date(2011, 12, 30), APIA)[1]


def test_days_join_and_are_as_long_as_their_clock_says() -> None:
    hours = {}
    for zone, day in ((STOCKHOLM, "2026-03-29"), (STOCKHOLM, "2026-10-25"), (CAIRO, "2026-04-24")):
        begins, ends = delivery.span(date.fromisoformat(day), zone)
        assert delivery.span(date.fromisoformat(day) + timedelta(days=1), zone)[0] == ends
        hours[day] = (ends - begins) / timedelta(hours=1)
    assert hours == {"2026-03-29": 23, "2026-10-25": 25, "2026-04-24": 23}


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"})),
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)),
)
def test_there_are_always_three_days_and_each_moment_is_of_one(name: str, when: datetime) -> None:
    zone, now = ZoneInfo(name), when.replace(tzinfo=UTC)
    assert len(delivery.open_days(now, zone)) == 3
    today = now.astimezone(zone).date()
    days = [today + timedelta(days=by) for by in (-2, -1, 0, 1, 2)]
    assert sum(begins <= now < ends for begins, ends in (delivery.span(day, zone) for day in days)) == 1


# Names


def named(began: str = "2026-11-21T14:12:05+00:00", recording: UUID | None = None, **more: str) -> Named:
    values = {"owner": "101", "other": "0812345678", "direction": "inbound", **more}
    return Named(recording or uuid4(), datetime.fromisoformat(began), **values)


def names(*recordings: Named, zone: ZoneInfo = STOCKHOLM) -> list[str]:
    return delivery.file_names(recordings, zone, [".opus"] * len(recordings))


def test_a_name_says_when_whose_and_with_whom() -> None:
    one = named(recording=UUID("0197f6a0-1c2d-7e3f-8a4b-5c6d7e8f9a0b"))
    assert names(one) == ["15-12-05_101_0812345678_in_7e8f9a0b.opus"]


def test_two_in_one_minute_and_two_in_one_second_are_told_apart() -> None:
    found = names(named(), named(), named("2026-11-21T14:12:06+00:00"))
    assert len(set(found)) == 3
    assert found[2] == sorted(found)[2]


def test_ids_that_end_alike_are_written_out() -> None:
    first, second = UUID(int=7 << 64 | 0xABCDEF12), UUID(int=9 << 64 | 0xABCDEF12)
    found = names(named(recording=first), named(recording=second), named())
    assert first.hex in found[0]
    assert second.hex in found[1]
    assert len(found[2]) < len(found[0])


def test_the_hour_that_is_there_twice_comes_in_its_order() -> None:
    times = ["2026-10-25T00:59:59+00:00", "2026-10-25T01:00:00+00:00", "2026-10-25T02:00:00+00:00"]
    found = names(*(named(one) for one in times))
    assert [name.partition("_")[0] for name in found] == ["02-59-59", "02b-00-00", "03-00-00"]
    assert found == sorted(found)


HOSTILE = [
    "../../etc/passwd", "..", ".", "", "/", "\\\\server\\share", "C:\\x", "CON", "nul.txt", "a\0b", "a\nb",
    "\u202egpj.exe", "\u2066x\u2069", "=cmd|'/c calc'!A0", "-rf", "~root", "$(id)", "`id`", "%00", "a" * 5000,
    "Ж" * 500, "😀" * 200, "e\u0301" * 100, "\ud800", " ", "*44#", "+46701234567", "a/b/c", "\x1b[31m",
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_are_harmless(hostile: str) -> None:
    (found,) = names(named(owner=hostile, other=hostile))
    assert len(found.encode()) < 255
    assert found[0].isdigit()
    assert found.endswith(".opus")
    for character in found:
        assert character.isalnum() or character in "+-._", repr(character)
    assert unicodedata.normalize("NFC", found) == found
    assert ".." not in found.replace("..", "..") or "/" not in found
    assert delivery.parts_of(found.encode()) == (found,)


@given(st.text(), st.text())
def test_any_name_is_one_file_of_its_folder(owner: str, other: str) -> None:
    (found,) = names(named(owner=owner, other=other))
    assert delivery.parts_of(b"/2026-11-21/" + found.encode()) == ("2026-11-21", found)
    assert len(found.encode()) < 255


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=30))
def test_no_two_are_alike_on_any_file_system(made: list[tuple[int, int]]) -> None:
    recordings = [
        named(recording=UUID(int=(n << 96) | end), owner="Anna" if n % 2 else "ANNA")
        for n, (end, _) in enumerate(made)
    ]
    found = [name.casefold() for name in names(*recordings)]
    assert len(set(found)) == len(found)


# Paths


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (b"/", ()),
        (b"", ()),
        (b".", ()),
        (b"..", ()),
        (b"/../../..", ()),
        (b"/2026-11-21/../../etc/passwd", ("etc", "passwd")),
        (b"//2026-11-21//x", ("2026-11-21", "x")),
        (b"2026-11-21/./x/", ("2026-11-21", "x")),
        (b"\xff\xfe", None),
        (b"x" * 5000, None),
        (b"a\0b", ("a\0b",)),
    ],
)
def test_a_path_is_read_as_names_and_never_leads_above(path: bytes, parts: tuple[str, ...] | None) -> None:
    assert delivery.parts_of(path) == parts


def test_it_is_waited_longer_each_time_and_at_most_an_hour() -> None:
    waits = [delivery.retry_after(n).total_seconds() for n in (0, 1, 2, 3, 4, 5, 100)]
    assert waits == [60, 60, 300, 900, 1800, 3600, 3600]
