"""What is the same for everybody is sent compressed, to who can read that, and nothing else is."""

from __future__ import annotations

import gzip

import pytest

from ari_recorder.web import page
from ari_recorder.web.page import STATIC, static_address

from .world import NewBrowser, World

STYLE = "style.css"


async def test_static_text_is_compressed_for_who_can_read_it(open_browser: NewBrowser) -> None:
    client = (await open_browser()).client
    for accepted, packed in (("gzip, br", True), ("br", False), ("", False)):
        answer = await client.get(
            static_address(STYLE),
            headers={"Accept-Encoding": accepted},
            skip_auto_headers=["Accept-Encoding"],
        )
        assert answer.status == 200
        assert (answer.headers.get("Content-Encoding") == "gzip", answer.headers["Vary"]) == (
            packed,
            "Accept-Encoding",
        )
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.content_type == "text/css"
        assert await answer.read() == (STATIC / STYLE).read_bytes()
        if packed:
            assert int(answer.headers["Content-Length"]) == len(gzip.compress((STATIC / STYLE).read_bytes()))


@pytest.mark.parametrize("login", [None, "anna"])
async def test_the_long_page_of_the_api_is_compressed_but_for_what_has_a_secret(
    open_browser: NewBrowser, login: str | None
) -> None:
    client = (await open_browser(login)).client
    plain = await client.get("/api", headers={"Accept-Encoding": "identity"})
    packed = await client.get("/api", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert (await packed.text()).count("<h2") == (await plain.text()).count("<h2") > 3
    assert len(await plain.text()) > 5 * int(packed.headers["Content-Length"])
    assert ('action="/sign-out"' in await packed.text()) == (login is not None)
    assert 'name="form_token"' not in (await packed.text()).partition("<main")[2]


def test_the_top_of_a_page_that_is_packed_takes_the_same_room_whatever_it_says() -> None:
    rest = b"<main>A secret" * 1000
    taken = {top: page.packed(top, rest) for top in (b"A secret" * 9, b"9 other!" * 9)}
    assert len({len(one) for one in taken.values()}) == 1
    for top, one in taken.items():
        assert gzip.decompress(one) == top + rest
        assert top in one


@pytest.mark.parametrize(
    "path", ["/", "/account", "/api/v1/recordings", "/?q=x", "/nothing", "/static/style.css"]
)
async def test_what_has_a_secret_or_somebodys_words_never_is(
    open_browser: NewBrowser, world: World, path: str
) -> None:
    world.recording(world.ids["anna"], note="A word " * 100)
    browser = await open_browser("anna")
    answer = await browser.get(path, headers={"Accept-Encoding": "gzip, deflate"})
    assert "Content-Encoding" not in answer.headers
