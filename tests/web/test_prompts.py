"""Prompts: heard, replaced and put back by administrators, by API and page; by nobody else."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import wave
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from ari_recorder import prompts as shipped
from ari_recorder.errors import Refusal
from ari_recorder.media.prompts import FILE_MAX_BYTES
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.store.models import Prompt
from ari_recorder.web.language import language
from ari_recorder.web.prompts_page import BEFORE_MAX
from ari_recorder.web.words import PROMPT_HINTS, PROMPTS, REFUSALS

from ..media.test_prompts import made
from .test_calls import send as send_json
from .test_hostile import SCRIPT, Attributes
from .world import Answer, Browser, NewBrowser, World

START = "/api/v1/prompts/sv/start"
PAGE = "/prompts/sv/start"
READS = ("/api/v1/prompts", START + "/audio", "/api/v1/prompts/-/beep/audio", "/prompts")
WRITES = (
    ("PUT", START),
    ("DELETE", START),
    ("POST", PAGE),
    ("POST", PAGE + "/reset"),
    ("POST", PAGE + "/undo"),
)
ADDRESSES = [f"{language or '-'}/{kind}" for kind, language in shipped.every_prompt()]


@pytest.fixture(scope="module")
def mp3() -> bytes:
    return made("mp3", "libmp3lame", 44_100, "stereo")


async def put(browser: Browser, data: Any, path: str = START, **options: Any) -> Answer:
    headers = {"X-Form-Token": await browser.form_token("/")} | options.pop("headers", {})
    return await browser.request("PUT", path, data=data, headers=headers, **options)


async def delete(browser: Browser, path: str = START) -> Answer:
    return await browser.request("DELETE", path, headers={"X-Form-Token": await browser.form_token("/")})


async def send(browser: Browser, *parts: tuple[str, Any, str | None], path: str = PAGE) -> Answer:
    """Send a form of the page: name, value, and a file's name."""
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value, file_name in parts:
        form.add_field(name, value, filename=file_name)
    return await browser.request("POST", path, data=form)


async def send_file(browser: Browser, content: bytes, text: str = "Hej!", path: str = PAGE) -> Answer:
    token = await browser.form_token("/prompts")
    return await send(
        browser, ("form_token", token, None), ("file", content, "hej.mp3"), ("text", text, None), path=path
    )


async def own(browser: Browser) -> list[tuple[str, str]]:
    listed = (await browser.get("/api/v1/prompts")).json()["prompts"]
    return [(each["language"], each["kind"]) for each in listed if each["own"]]


def count(world: World) -> int:
    return int(world.store.read_now(lambda: Prompt.select().count()))


async def test_the_shipped_ones(open_browser: NewBrowser) -> None:
    browser = await open_browser("admin-acme")
    listed = (await browser.get("/api/v1/prompts")).json()["prompts"]
    assert [f"{each['language']}/{each['kind']}" for each in listed] == ADDRESSES
    for each in listed:
        audio = await browser.get(each["audio"])
        assert (audio.status, audio.headers["Content-Type"]) == (200, "audio/wav")
        assert audio.sha256 == each["sha256"]
        assert not each["own"]
    assert listed[6]["text"] == "Samtalet spelas in."


async def test_replaced_heard_and_put_back(open_browser: NewBrowser, mp3: bytes) -> None:
    browser = await open_browser("admin-acme")
    answer = await put(browser, mp3, params={"text": "Hej på dig!", "file_name": "C:\\x\\hej.mp3"})
    assert answer.status == 200
    body = answer.json()
    assert (body["kind"], body["language"], body["own"]) == ("start", "sv", True)
    assert (body["text"], body["file_name"]) == ("Hej på dig!", "hej.mp3")
    assert body["changed_at"] == "2026-11-22T12:00:00.000Z"
    assert await own(browser) == [("sv", "start")]
    audio = await browser.get(START + "/audio")
    assert audio.sha256 == body["sha256"]
    with wave.open(io.BytesIO(audio.body)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        assert body["duration_ms"] == round(file.getnframes() / 16)

    answer = await delete(browser)
    assert (answer.status, answer.json()["own"], answer.json()["text"]) == (200, False, "Samtalet spelas in.")
    assert (await delete(browser)).status == 200
    assert (await browser.get(START + "/audio")).body == shipped.audio(PromptKind.START, "sv")


async def test_a_tone(open_browser: NewBrowser, mp3: bytes) -> None:
    browser = await open_browser("admin-acme")
    assert (await put(browser, mp3, "/api/v1/prompts/-/beep")).json()["language"] == "-"
    assert await own(browser) == [("-", "beep")]
    assert (await delete(browser, "/api/v1/prompts/-/beep")).json()["own"] is False


async def test_a_part_of_the_audio(open_browser: NewBrowser) -> None:
    browser, whole = await open_browser("admin-acme"), shipped.audio(PromptKind.START, "sv")
    part = await browser.get(START + "/audio", headers={"Range": "bytes=40-99"})
    assert (part.status, part.body) == (206, whole[40:100])
    assert part.headers["Content-Range"] == f"bytes 40-99/{len(whole)}"
    behind = await browser.get(START + "/audio", headers={"Range": f"bytes={len(whole)}-"})
    assert (behind.status, behind.headers["Content-Range"]) == (416, f"bytes */{len(whole)}")
    etag = part.headers["ETag"]
    assert etag == f'"{hashlib.sha256(whole).hexdigest()}"'
    assert (await browser.get(START + "/audio", headers={"If-None-Match": etag})).status == 304


@pytest.mark.parametrize("asker", ["anna", "bo", None])
async def test_only_administrators(
    open_browser: NewBrowser, world: World, mp3: bytes, asker: str | None
) -> None:
    browser = await open_browser(asker)
    token = await browser.form_token("/" if asker else "/sign-in")
    for path in READS:
        status = (await browser.get(path)).status
        assert status == (403 if asker else 401 if path.startswith("/api/") else 303), path
    for method, path in WRITES:
        answer = await browser.request(method, path, data=mp3, headers={"X-Form-Token": token})
        assert answer.status == (403 if asker else 401 if path.startswith("/api/") else 303), (method, path)
        form = aiohttp.FormData({"form_token": token, "text": "x"})
        form.add_field("file", mp3, filename="x.mp3")
        assert (await browser.request(method, path, data=form)).status in (303, 401, 403)
    assert count(world) == 0


async def test_a_supervisor_is_no_administrator(open_browser: NewBrowser, world: World) -> None:
    organisation = world.organisation("Third")
    world.user("sue", organisation, role="supervisor")
    browser = await open_browser("sue")
    assert [(await browser.get(path)).status for path in READS] == [403] * len(READS)


async def test_a_page_says_why_not_and_an_answer_is_a_problem(open_browser: NewBrowser) -> None:
    browser = await open_browser("anna")
    assert "Your role does not include this" in (await browser.get("/prompts")).text
    problem = await browser.get("/api/v1/prompts")
    assert problem.headers["Content-Type"].startswith("application/problem+json")
    assert "prompts:read" in problem.json()["detail"]
    assert 'href="/prompts"' not in (await browser.get("/")).text
    assert 'href="/prompts"' in (await (await open_browser("admin-acme")).get("/administration")).text


async def test_another_organisation_s_are_not_seen(open_browser: NewBrowser, mp3: bytes) -> None:
    acme, other = await open_browser("admin-acme"), await open_browser("admin-other")
    await put(acme, mp3)
    assert await own(other) == []
    assert (await other.get(START + "/audio")).body == shipped.audio(PromptKind.START, "sv")
    assert (await delete(other)).status == 200
    assert await own(acme) == [("sv", "start")]


async def test_without_the_form_s_token_nothing_is_changed(
    open_browser: NewBrowser, world: World, mp3: bytes
) -> None:
    browser = await open_browser("admin-acme")
    token = await browser.form_token("/")
    binary = {"Content-Type": "audio/mpeg"}
    for method, path in WRITES[:2]:
        for headers in (
            {},
            {"X-Form-Token": "x" * 32},
            {"X-Form-Token": token, "Sec-Fetch-Site": "cross-site"},
        ):
            answer = await browser.request(method, path, data=mp3, headers=binary | headers)
            assert answer.status == 403, (method, headers)
    assert (await browser.post(PAGE + "/reset", {"form_token": "x"})).status == 403
    file = ("file", mp3, "hej.mp3")
    assert (await send(browser, file)).status == 403
    assert (await send(browser, ("form_token", "x" * 32, None), file)).status == 403
    assert (await send(browser, file, ("form_token", token, None))).status == 403, "read before the token"
    assert (await send(browser, ("text", "Hej", None))).status == 403
    assert count(world) == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Refusal.NOT_AUDIO),
        (b"hello", Refusal.NOT_AUDIO),
        (made(seconds=31), Refusal.TOO_LONG),
        (made(amplitude=0), Refusal.SILENT),
    ],
    ids=["empty", "text", "long", "silent"],
)
async def test_a_file_that_cannot_be_used(
    open_browser: NewBrowser, world: World, data: bytes, reason: Refusal
) -> None:
    answer = await put(await open_browser("admin-acme"), data)
    assert (answer.status, answer.json()["detail"]) == (422, str(reason))
    assert count(world) == 0


async def _megabytes(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(1_000_000)


async def test_more_than_10_mb_is_refused_however_it_is_sent(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("admin-acme")
    told = await put(browser, bytes(FILE_MAX_BYTES + 1))
    assert (told.status, told.json()["detail"]) == (413, str(Refusal.TOO_LARGE))
    assert (await put(browser, _megabytes(12))).status == 413, "of a length not told"
    packed = gzip.compress(bytes(50_000_000))
    assert (await put(browser, packed, headers={"Content-Encoding": "gzip"})).status == 413
    form = await send_file(browser, bytes(FILE_MAX_BYTES + 1))
    assert form.status == 413
    assert "larger than 10 MB" in form.text
    assert count(world) == 0


async def test_10_mb_are_taken(open_browser: NewBrowser) -> None:
    """Half a second of sound; the rest is padding, as FLAC has it."""
    browser = await open_browser("admin-acme")
    sound = made("flac", "flac", 48_000, seconds=0.5)
    padding = (b"\x01" + (5_200_000).to_bytes(3, "big") + bytes(5_200_000)) * 2
    content = sound[:42] + padding + sound[42:]
    assert 0.99 * FILE_MAX_BYTES < len(content) <= FILE_MAX_BYTES
    assert (await put(browser, content)).json()["duration_ms"] == 500
    assert (await send_file(browser, content)).status == 303


async def test_the_other_routes_keep_their_limit(open_browser: NewBrowser) -> None:
    browser = await open_browser("admin-acme")
    token = await browser.form_token("/")
    for path in ("/sign-out", PAGE + "/reset"):
        assert (await browser.post(path, {"form_token": token, "x": "x" * 70_000})).status == 413
    assert (await send(browser, ("form_token", token, None), ("text", "x" * 70_000, None))).status == 413


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/api/v1/prompts/de/start", {}, 404),
        ("/api/v1/prompts/sv/hello", {}, 404),
        ("/api/v1/prompts/-/start", {}, 404),
        ("/api/v1/prompts/sv/beep", {}, 404),
        ("/api/v1/prompts/SV/START", {}, 404),
        (START, {"volume": "11"}, 400),
        (START, {"text": "x" * 501}, 400),
        (START, {"text": "a\nb"}, 400),
        (START, {"text": "a\0b"}, 400),
    ],
)
async def test_an_address_that_is_wrong(
    open_browser: NewBrowser, world: World, mp3: bytes, path: str, query: dict[str, str], status: int
) -> None:
    answer = await put(await open_browser("admin-acme"), mp3, path, params=query)
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert count(world) == 0


async def test_a_form_is_not_a_file(open_browser: NewBrowser, mp3: bytes) -> None:
    form = aiohttp.FormData()
    form.add_field("file", mp3, filename="x.mp3")
    answer = await put(await open_browser("admin-acme"), form)
    assert answer.status == 415
    assert "--data-binary" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\nno header\r\n\r\nx\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--\r\n",
        ),
        ("multipart/mixed; boundary=x", b"--x--\r\n"),
        ("application/x-www-form-urlencoded", b"form_token=x"),
        ("text/plain", b"x"),
    ],
)
async def test_what_is_no_form(open_browser: NewBrowser, content_type: str, body: bytes) -> None:
    browser = await open_browser("admin-acme")
    answer = await browser.request("POST", PAGE, data=body, headers={"Content-Type": content_type})
    assert answer.status in (400, 403)


async def test_the_page(open_browser: NewBrowser, mp3: bytes) -> None:
    browser = await open_browser("admin-acme")
    page = (await browser.get("/prompts")).text
    listed = re.findall(r'<audio [^>]*src="/api/v1/prompts/([^"]+)/audio"', page)
    assert sorted(listed) == sorted(ADDRESSES)
    assert listed[:2] == ["en/start", "sv/start"], "grouped by what they are for"
    assert "Samtalet spelas in." in page
    assert "Your own" not in page

    page = await follow(browser, await send_file(browser, mp3, "Hej på dig!"))
    assert page.count("your file is used from now on.") == page.count("Your own</span>") == 1
    assert "Hej på dig!" in page
    assert "hej.mp3" in page
    page = await follow(browser, await reset(browser))
    assert "the standard prompt is used again." in page
    assert "Your own" not in page


async def follow(browser: Browser, answer: Answer) -> str:
    """The page that a form leads to: at the prompt that it was of."""
    address = answer.headers["Location"]
    assert (answer.status, address.split("&")[0]) == (303, "/prompts?prompt=sv-start")
    assert address.endswith("#sv-start")
    return (await browser.get(address)).text


async def reset(browser: Browser) -> Answer:
    return await browser.post(PAGE + "/reset", {"form_token": await browser.form_token("/prompts")})


async def undo(browser: Browser, page: str) -> Answer:
    """Press "Undo" of what the page tells."""
    key = re.search(r'action="/prompts/sv/start/undo">.*?name="key" value="([^"]+)"', page, re.DOTALL)
    assert key
    return await browser.post(
        PAGE + "/undo", {"form_token": await browser.form_token("/prompts"), "key": key[1]}
    )


async def test_the_page_says_which_of_them_are_played(open_browser: NewBrowser) -> None:
    admin = await open_browser("admin-acme")
    said = "in external calls a voice, in internal ones nothing, in this language: English."
    assert said in (await admin.get("/prompts")).text
    changes = {"announce_external": "beep", "announce_internal": "announcement", "language": "sv"}
    assert (await send_json(admin, "PATCH", "/api/v1/preferences", json=changes)).status == 200
    said = "in external calls a beep, in internal ones a voice, in this language: Swedish."
    assert said in (await admin.get("/prompts")).text


async def test_what_was_replaced_or_put_back_is_undone(open_browser: NewBrowser, mp3: bytes) -> None:
    browser = await open_browser("admin-acme")
    replaced = await follow(browser, await send_file(browser, mp3, "Hej!"))
    audio = (await browser.get(START + "/audio")).sha256
    await follow(browser, await undo(browser, replaced))
    assert await own(browser) == []
    await follow(browser, await send_file(browser, mp3, "Hej!"))
    page = await follow(browser, await undo(browser, await follow(browser, await reset(browser))))
    assert "it is as it was before." in page
    assert (await browser.get(START + "/audio")).sha256 == audio
    assert "hej.mp3" in page
    assert await own(browser) == [("sv", "start")]


async def test_what_cannot_be_undone_any_more(open_browser: NewBrowser, world: World, mp3: bytes) -> None:
    browser = await open_browser("admin-acme")
    other = browser.another()
    await other.sign_in("admin-other")
    page = await follow(browser, await send_file(browser, mp3, "Hej!"))
    token = await browser.form_token("/prompts")
    for path, key in ((PAGE, "unknown"), (PAGE, ""), ("/prompts/en/start", _key(page))):
        answer = await browser.post(path + "/undo", {"form_token": token, "key": key})
        assert answer.status == 404, (path, key)
        assert "It cannot be undone any more" in answer.text
    assert (await undo(other, page)).status == 404
    assert count(world) == 1
    for _ in range(BEFORE_MAX):
        await reset(browser)
        await send_file(browser, mp3, "Hej!")
    assert (await undo(browser, page)).status == 404, "only so many are kept"


def _key(page: str) -> str:
    return page.split('name="key" value="')[1].split('"')[0]


async def test_the_microphone_is_for_this_page_alone(open_browser: NewBrowser) -> None:
    browser = await open_browser("admin-acme")
    for path, allowed in (("/prompts", True), ("/administration", False), (START + "/audio", False)):
        headers = (await browser.get(path)).headers
        assert ("microphone=(self)" in headers["Permissions-Policy"]) == allowed
        assert ("microphone=()" in headers["Permissions-Policy"]) != allowed
        assert ("media-src 'self' blob:" in headers["Content-Security-Policy"]) == allowed


async def test_the_page_takes_a_tone_without_text(open_browser: NewBrowser, mp3: bytes) -> None:
    browser = await open_browser("admin-acme")
    assert (await send_file(browser, mp3, "", "/prompts/-/warning")).status == 303
    assert await own(browser) == [("-", "warning")]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([("text", "Hej!", None), ("file", b"hello", "a.mp3")], "Filen kan inte läsas som ljud."),
        ([("text", "Hej!", None), ("file", b"", "")], "Välj en fil först."),
        ([("text", "Hej!", None)], "Välj en fil först."),
        ([("text", " ", None), ("file", b"x", "a.mp3")], "Skriv vad filen säger"),
        ([("text", "x" * 501, None), ("file", b"x", "a.mp3")], "Skriv vad filen säger"),
        ([("file", b"x", "a.mp3")], "Skriv vad filen säger"),
    ],
)
async def test_the_page_says_what_is_wrong_beside_the_form(
    open_browser: NewBrowser, world: World, parts: list[tuple[str, Any, str | None]], message: str
) -> None:
    browser = await open_browser("admin-acme")
    await browser.get("/?lang=sv")
    token = await browser.form_token("/prompts")
    answer = await send(browser, ("form_token", token, None), *parts)
    assert answer.status == 422
    row = answer.text.split('id="sv-start"')[1].split('<li class="prompt')[0]
    assert message in row
    assert 'role="alert"' in row
    assert "<details open>" in row
    assert re.sub(r"<template.*?</template>", "", answer.text, flags=re.DOTALL).count('role="alert"') == 1
    assert count(world) == 0


async def test_markup_in_what_was_sent_is_text(open_browser: NewBrowser, mp3: bytes) -> None:
    browser = await open_browser("admin-acme")
    token = await browser.form_token("/prompts")
    fields = (("form_token", token, None), ("text", SCRIPT, None))
    for content in (mp3, b"hello"):
        answer = await send(browser, *fields, ("file", content, SCRIPT))
        page = answer.text if answer.status == 422 else (await browser.get("/prompts")).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        assert "onerror" not in Attributes(page).names


def test_every_prompt_and_refusal_has_words() -> None:
    assert set(PROMPTS) == set(PROMPT_HINTS) == set(PromptKind)
    assert {reason: str(reason) for reason in Refusal} == REFUSALS
    assert language("sv").gettext(REFUSALS[Refusal.SILENT]).startswith("Filen är tyst")
