"""The page of one recording: time line, history, who listened, the rest of the call, bad addresses."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from uuid import UUID

import pytest

from ari_recorder.store import models
from ari_recorder.web import timeline
from ari_recorder.web.moments import read_moment

from .rich import BEGAN, rich
from .test_noting import form, note_of, save
from .world import NOON, Answer, NewBrowser, World


def moments(answer: Answer) -> list[str]:
    """The time line, a line each, as somebody reads it."""
    (line,) = re.findall(r'<ol class="moments">(.*?)</ol>', answer.text, re.DOTALL)
    items = re.findall(r"<li.*?</li>", line, re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", item)).split()) for item in items]


def section(answer: Answer, name: str) -> str:
    found = re.search(rf'<section[^>]*aria-labelledby="{name}-title".*?</section>', answer.text, re.DOTALL)
    return found[0] if found else ""


async def test_the_time_line_tells_everything_in_its_order(open_browser: NewBrowser, world: World) -> None:
    made = rich(world)
    page = await (await open_browser("anna")).get(f"/recordings/{made}")
    assert moments(page) == [
        "12:30:07 The call was answered",
        "12:30:07 Recording began Play from 0:00",
        "12:30:07 Connected to Växeln 0812345678 Play from 0:00",
        "12:30:07 Recording has started Heard by both This call is being recorded. Play from 0:00",
        "12:30:15 Connected to Eva Sandberg +46701234567 Play from 0:08",
        "12:30:21 Paused 0:32 until 12:30:53 Play from 0:14",
        "12:30:21 Recording is paused Heard by both Recording is paused. Play from 0:14",
        "12:30:53 Recording goes on Heard by both · Cut off Recording goes on. Play from 0:14",
        "12:31:17 Missing 0:05 until 12:31:22 Play from 0:38",
        "12:31:44 Recording ended Play from 1:00",
        "– Recording has stopped Heard by both · Not played Recording has stopped.",
    ]
    assert "Pauses are not in the audio: 0:32 in all." in page.text
    assert page.text.count('class="gap-pause"') == page.text.count('class="gap-missing"') == 1
    assert re.findall(r'<text x="9"[^>]*>([^<]+)', page.text) == ["0:32", "0:05"]
    assert re.findall(r'<svg x="([\d.]+%)" width="([\d.]+%)" height="24"><title>(\w+)', page.text) == [
        ("0.00%", "13.33%", "Växeln"), ("13.33%", "86.67%", "Eva"),
    ]  # fmt: skip
    assert f"data-clock='[[0, {round(BEGAN.timestamp() * 1000)}]" in page.text
    assert len(page.body) < 100_000


@pytest.mark.parametrize("path", ["/recordings/{}", "/prompts"])
async def test_a_time_that_runs_is_not_read_out_each_second(
    open_browser: NewBrowser, world: World, path: str
) -> None:
    """An ``<output>`` is a live region: it would be, into what is heard, or recorded."""
    page = await (await open_browser("admin-acme")).get(path.format(rich(world)))
    (clock,) = re.findall(r'<(\w+) class="(?:position|running-for)"', page.text)
    assert clock == "span"


async def test_the_other_on_hold_is_on_the_line(open_browser: NewBrowser, world: World) -> None:
    made = rich(world)
    leg = world.store.read_now(lambda: models.Recording.get_by_id(made).leg_id)
    began_at, ended_at = BEGAN + timedelta(seconds=9), BEGAN + timedelta(seconds=12)
    world._create(models.OnHold, leg=leg, began_at=began_at, ended_at=ended_at)
    world._create(models.OnHold, leg=leg, began_at=BEGAN - timedelta(hours=1), ended_at=BEGAN)
    browser = await open_browser("anna")
    page = await browser.get(f"/recordings/{made}")
    (line,) = [one for one in moments(page) if "hold" in one]
    assert line == "12:30:16 On hold 0:03 until 12:30:19 Play from 0:09"
    assert re.findall(r'<svg x="([\d.]+%)" width="([\d.]+%)" height="24"><title>On hold', page.text) == [
        ("15.00%", "5.00%")
    ]
    found = (await browser.get(f"/api/v1/recordings/{made}/timeline")).json()["on_hold"]
    assert [one["began_at"][:19] for one in found] == [f"{began_at:%Y-%m-%dT%H:%M:%S}"]


async def test_the_rest_of_the_call_is_only_what_one_may_see(open_browser: NewBrowser, world: World) -> None:
    made = rich(world)
    elsewhere = world.recording(world.ids["anna"], started_at=NOON)
    anna, admin = await open_browser("anna"), await open_browser("admin-acme")
    assert section(await anna.get(f"/recordings/{made}"), "others") == "", "the other one is Bo's"
    others = section(await admin.get(f"/recordings/{made}"), "others")
    assert "<bdi>Bo</bdi>" in others
    assert str(elsewhere) not in others


async def test_who_listened_is_for_those_who_may_read_the_audit_log(
    open_browser: NewBrowser, world: World
) -> None:
    made = rich(world)
    assert section(await (await open_browser("anna")).get(f"/recordings/{made}"), "heard") == ""
    admin = await open_browser("admin-acme")
    await admin.get(f"/api/v1/recordings/{made}/audio?download=1&format=wav")
    told = " ".join(re.sub(r"<[^>]+>", " ", section(await admin.get(f"/recordings/{made}"), "heard")).split())
    assert told.startswith(
        "Who listened admin-acme Downloaded 22 Nov 2026, 13:00:00 CET · from 0:00 to 1:00 · Format: wav"
    )
    assert "Anna Andersson Listened 22 Nov 2026, 12:32:07 CET · from 0:00 to 0:41" in told


async def test_the_history_says_who_and_what_and_an_earlier_text_comes_back(
    open_browser: NewBrowser, world: World
) -> None:
    made = rich(world)
    browser = await open_browser("anna")
    page = await browser.get(f"/recordings/{made}")
    history = page.text[page.text.index('<details class="history">') :]
    assert "History: 5 changes" in history
    assert "Maria" not in history
    (restore, *_) = re.findall(r'name="restore" value="(\d+)"', history)
    assert restore == "1", "of the mark; the newest are what is there now"
    answer = await save(browser, made, form(page), restore="0")
    assert (answer.status, note_of_recording(world, made)) == (
        303,
        "Wants an offer for 40 seats before Friday.",
    )
    stale = await save(browser, made, form(page), restore="2")
    assert stale.status == 412
    assert "Anna" in stale.text
    assert (await save(browser, made, form(page), restore="99")).status == 400


def note_of_recording(world: World, made: UUID) -> str:
    return str(world.store.read_now(lambda: models.Recording.get_by_id(made).note))


async def test_the_last_change_is_undone_and_that_again(open_browser: NewBrowser, world: World) -> None:
    made = world.recording(world.ids["anna"])
    browser = await open_browser("anna")
    hidden = form(await browser.get(f"/recordings/{made}"))
    assert (await save(browser, made, hidden, undo="1")).status == 400, "there is nothing to undo"
    await save(browser, made, hidden, note="One", mark="red")
    for expected, said in (("", "undone"), ("One", "undone")):
        hidden = form(await browser.get(f"/recordings/{made}"))
        answer = await save(browser, made, hidden, undo="1")
        assert answer.headers["Location"] == f"/recordings/{made}?said={said}#notes"
        assert note_of(world) == expected
    assert (await browser.get(f"/api/v1/recordings/{made}")).json()["mark"] == "red"


async def test_a_note_does_not_overwrite_the_mark_that_was_set_meanwhile(
    open_browser: NewBrowser, world: World
) -> None:
    made = world.recording(world.ids["anna"])
    anna, admin = await open_browser("anna"), await open_browser("admin-acme")
    hidden = form(await anna.get(f"/recordings/{made}"))
    assert (await save(admin, made, form(await admin.get(f"/recordings/{made}")), mark="red")).status == 303
    assert (await save(anna, made, hidden, note="Mine")).status == 303
    assert (await save(anna, made, hidden, mark="blue")).status == 412
    shown = (await admin.get(f"/api/v1/recordings/{made}")).json()
    assert (shown["note"], shown["mark"]) == ("Mine", "red")
    for version in ("", ".", "x", "é" * 3000):
        assert (await save(anna, made, {**hidden, "version": version}, note="Other")).status == 412


async def test_a_long_history_is_shown_from_its_end(open_browser: NewBrowser, world: World) -> None:
    made = world.recording(world.ids["anna"])
    browser = await open_browser("anna")
    for number in range(6):
        hidden = form(await browser.get(f"/recordings/{made}"))
        assert (await save(browser, made, hidden, note=f"{number}" * 3900)).status == 303
    page = await browser.get(f"/recordings/{made}")
    assert "History: 6 changes" in page.text
    assert "5 earlier changes" in page.text
    assert len(page.body) < 100_000
    every = await browser.get(f"/recordings/{made}?history=all")
    assert re.findall(r'name="restore" value="(\d+)"', every.text) == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("said", "start", "told"),
    [
        ("4", "4.0", ""), ("0:03", "3.0", ""), ("2.5", "2.5", ""), ("%20", "0.0", ""),
        ("banana", "0.0", "names no moment"), ("-4", "0.0", "names no moment"),
        ("4e3", "0.0", "names no moment"), ("٣", "0.0", "names no moment"),
        ("%3Cscript%3E", "0.0", "names no moment"),
        ("7", "0.0", "behind the end: the audio is 0:06 long"), ("999999", "0.0", "behind the end"),
    ],
)  # fmt: skip
async def test_a_link_to_a_moment(
    open_browser: NewBrowser, world: World, said: str, start: str, told: str
) -> None:
    made = world.recording(world.ids["anna"])
    page = await (await open_browser("anna")).get(f"/recordings/{made}?t={said}")
    assert page.status == 200
    assert f'data-start="{start}"' in page.text
    assert ("#t=" in page.text.split("<audio")[1].split("</audio>")[0]) == (start != "0.0")
    assert told in page.text
    assert ("names no moment" in page.text or "behind the end: the" in page.text) == bool(told)


def test_moments() -> None:
    asked = [
        "83",
        "1:23",
        "1:02:03",
        "0",
        "83.25",
        "",
        ":",
        "1:2",
        "1:234",
        "1.2345",
        "1e3",
        "x",
        "99:99:99:99",
    ]
    assert [read_moment(text) for text in asked] == [
        83, 83, 3723, 0, 83.25, None, None, None, None, None, None, None, None,
    ]  # fmt: skip


async def test_every_format_is_offered_and_played(open_browser: NewBrowser, world: World) -> None:
    made = world.recording(world.ids["anna"])
    page = await (await open_browser("anna")).get(f"/recordings/{made}")
    offered = re.findall(r'href="(/api/v1/recordings/[^"]+download=1[^"]*)"', page.text)
    assert [html.unescape(one).partition("download=1")[2] for one in offered] == [
        "",
        "&format=wav",
        "&format=flac",
    ]
    assert re.findall(r'<source src="[^"]*/audio([^"]*)" type="([^"]+)">', page.text) == [
        ("", "audio/ogg; codecs=opus"), ("?format=wav", "audio/wav"),
    ]  # fmt: skip


async def test_one_that_is_not_ready_is_awaited(open_browser: NewBrowser, world: World) -> None:
    going = world.recording(world.ids["anna"], stored=False)
    page = await (await open_browser("anna")).get(f"/recordings/{going}")
    assert f'data-awaited="/api/v1/recordings/{going}" data-state="open"' in page.text
    assert "Look again" in page.text
    world.change(models.Recording, going, state="empty")
    page = await (await open_browser("anna")).get(f"/recordings/{going}")
    assert "data-awaited" not in page.text


async def test_what_parties_call_themselves_does_nothing(open_browser: NewBrowser, world: World) -> None:
    made = world.recording(world.ids["anna"], counterpart_name="</script><b>\u202eeve", mode="always")
    world.counterpart(made, "1\x1b[2J", "'></svg><script>alert(1)</script>", -1, 2)
    world.counterpart(made, "2", "\u202egnp.exe", 2, None)
    page = await (await open_browser("anna")).get(f"/recordings/{made}")
    assert "<script>alert" not in page.text
    assert not {"\u202e", "\x1b"} & set(page.text)


def test_the_waveform_of_nothing_and_of_little() -> None:
    assert timeline.bars(b"") == ("", "")
    left, right = timeline.bars(bytes([200, 0]))
    assert left.count("M") == right.count("M") == timeline.BARS
    assert {part.split(" ")[1] for part in left.split("M")[1:]} == {"4v92"}, "as loud as it gets"
    assert {part.split(" ")[1] for part in right.split("M")[1:]} == {"49v2"}


async def test_signs_that_would_lie_on_one_another(open_browser: NewBrowser, world: World) -> None:
    """Ten pauses in ten seconds of a long call: each has its sign, and labels where there is room."""
    made = world.recording(world.ids["anna"], mode="on_demand", duration_ms=600_000)

    def fill() -> None:
        row = models.Recording.get_by_id(made)
        models.Segment.delete().where(models.Segment.recording == made).execute()
        for number in range(11):
            began = row.started_at + timedelta(seconds=2 * number)
            models.Segment.create(
                recording=made, ordinal=number, name=f"s{number}", format="wav", began_at=began,
                ended_at=began + timedelta(seconds=1), offset_ms=number * 1000, duration_ms=1000,
            )  # fmt: skip

    world.store.write_now(fill)
    world.change(models.Recording, made, ended_at=NOON - timedelta(minutes=1) + timedelta(seconds=21))
    page = await (await open_browser("anna")).get(f"/recordings/{made}")
    assert page.text.count('class="gap-pause"') == 10
    assert len(re.findall(r'<text x="9"', page.text)) == 1
