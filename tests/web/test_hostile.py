"""A caller chooses their name and number, a user their note: nothing of it may act on our pages."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
import yarl
from hypothesis import given
from hypothesis import strategies as st

from ari_recorder.store import models
from ari_recorder.web.filenames import content_disposition, suffix

from .world import NewBrowser, World

SCRIPT = "\"><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}'`"
HOSTILE = (
    "\r\nSet-Cookie: evil=1",
    "../../../../etc/passwd",
    "..\\..\\evil.exe",
    'a"; filename="b.exe',
    "\0\x1b[2J",
    "x" * 128,
    "+46 (8) 123",
    "\u202egpj.exe",
    "CON",
    "",
    "...",
    "-rf",
    "a/b:c*d?e|f<g>h;i",
)
SAVED = re.compile(r'attachment; filename="(2026-11-22_12-59-00_101_[\w+.-]{1,40}_in\.opus)"')


class Attributes(HTMLParser):
    """Collects the elements of a page and the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.names: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.names |= {name for name, _ in attrs}


async def test_markup_in_every_text_is_text(open_browser: NewBrowser, world: World) -> None:
    everywhere = dict.fromkeys(("note", "problems", "tag1", "tag2", "tag3", "counterpart_name"), SCRIPT)
    recording = world.recording(world.ids["anna"], counterpart_number=SCRIPT, mark=SCRIPT[:32], **everywhere)
    browser = await open_browser("anna")
    for path in ("/", f"/recordings/{recording}"):
        page = (await browser.get(path)).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        assert "onerror" not in Attributes(page).names
        assert Attributes(page).elements.count("img") == 1
        assert "{{ 7*7 }}" in page


ACTING = "\x1b[2J\x9b31m\u202egpj.exe\u2066\u200b\0end"


async def test_no_character_that_acts_is_in_a_page(open_browser: NewBrowser, world: World) -> None:
    """As an older version may have kept them: what comes in now has none."""
    everywhere = dict.fromkeys(("note", "tag1", "tag2", "tag3", "counterpart_name", "problems"), ACTING)
    recording = world.recording(world.ids["anna"], counterpart_number=ACTING, **everywhere)
    world.counterpart(recording, ACTING, ACTING, 0, 1)
    world.counterpart(recording, "5", ACTING, 1, None)
    world.change(models.User, world.ids["anna"], name=ACTING)
    browser = await open_browser("anna")
    for path in ("/", f"/recordings/{recording}", "/account", "/calls"):
        page = (await browser.get(path)).text
        assert [one for one in page if not (one.isprintable() or one in "\n\t")] == []
        assert "gpj.exe" in page


async def test_names_keep_to_themselves(open_browser: NewBrowser, world: World) -> None:
    """A name that runs from right to left does not turn around the number beside it."""
    recording = world.recording(
        world.ids["anna"], counterpart_name="אבג", counterpart_number="070", note="דה", tag1="וז"
    )
    browser = await open_browser("anna")
    page = (await browser.get("/")).text
    for text in ("אבג", "070", "דה"):
        assert re.search(rf"<bdi[^>]*>{text}</bdi>", page), text
    page = (await browser.get(f"/recordings/{recording}")).text
    for text in ("אבג", "070", "וז"):
        assert re.search(rf"<bdi[^>]*>{text}</bdi>", page), text
    assert '<p class="note-full" dir="auto">דה</p>' in page


async def test_markup_in_an_address_is_text(open_browser: NewBrowser) -> None:
    browser = await open_browser()
    for path in ("/sign-in?next=/%22%3E%3Cscript%3E", "/%3Cscript%3E", "/sign-in?lang=%3Cscript%3E"):
        assert "<script>" not in (await browser.get(path)).text


@pytest.mark.parametrize("number", HOSTILE)
async def test_a_download_of_a_call_from_anybody(open_browser: NewBrowser, world: World, number: str) -> None:
    recording = world.recording(world.ids["anna"], counterpart_number=number, counterpart_name=number)
    browser = await open_browser("anna")
    answer = await browser.get(f"/api/v1/recordings/{recording}/audio?download=1")
    assert answer.status == 200
    assert "evil" not in answer.headers.get("Set-Cookie", "")
    found = SAVED.fullmatch(answer.headers["Content-Disposition"])
    assert found, answer.headers["Content-Disposition"]
    assert ".." not in found[1]


@given(st.text())
def test_no_name_breaks_out_of_its_header(name: str) -> None:
    header = content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert re.fullmatch(r"""attachment; filename="[^"\\]*"(; filename\*=UTF-8''[\w.~%-]*)?""", header)


def test_a_name_outside_ascii_goes_along_encoded() -> None:
    assert content_disposition("år.ogg") == "attachment; filename=\"_r.ogg\"; filename*=UTF-8''%C3%A5r.ogg"
    assert suffix("audio/flac") == ".flac"
    assert suffix(None) == ".bin"


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/nothing", "/api/v1/recordings", "/healthz", "/static/mark.svg"]
)
async def test_every_answer_carries_the_security_headers(open_browser: NewBrowser, path: str) -> None:
    for login in (None, "anna"):
        answer = await (await open_browser(login)).get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "Server" not in answer.headers


@pytest.mark.parametrize("path", ["/static/style.css", "/static/list.js?v=1"])
async def test_what_is_a_part_of_pages_only_carries_what_holds_for_parts(
    open_browser: NewBrowser, path: str
) -> None:
    headers = (await (await open_browser()).get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not {"Server", "Content-Security-Policy", "Permissions-Policy"} & set(headers)


@pytest.mark.parametrize(
    "path",
    ["../routes.py", "%2e%2e/routes.py", "..%2froutes.py", "%00", "vendor", "/etc/passwd", "%2fetc/passwd"],
)
async def test_static_files_stay_in_their_folder(open_browser: NewBrowser, path: str) -> None:
    browser = await open_browser()
    url = yarl.URL(str(browser.client.make_url("/")) + "static/" + path, encoded=True)
    async with browser.client.session.get(url) as answer:
        assert answer.status == 404
