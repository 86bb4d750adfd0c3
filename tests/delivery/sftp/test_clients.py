"""Another client than OpenSSH's, and that what is fetched is what the page gives."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from ari_recorder.config import Web
from ari_recorder.delivery.measuring import measure
from ari_recorder.delivery.reading import Reading, Threads
from ari_recorder.errors import VaultError
from ari_recorder.live import Live
from ari_recorder.store import passwords
from ari_recorder.web import WebContext, create_app

from ...web.world import QUICK, Browser, opus
from ..office import AT_NOON, DAY, SIX, Context, Office, later, said


@pytest.mark.parametrize("form", ["", "wav", "flac"])
async def test_what_is_fetched_is_byte_for_byte_what_the_page_gives(
    acme: Office, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_hasher", QUICK)
    made = acme.recording()
    acme.set("acme", form=form)
    await measure(Context(acme.world.store, acme.world.safe, acme.settings, acme.clock), Threads())
    done = await acme.sftp(f"get {DAY}/*.{form or 'opus'} it\n")
    assert done.code == 0, done.err
    acme.world.user("boss", acme.ids["acme"], role="administrator")
    web = msgspec.structs.replace(Web(port=0), key_file=acme.folder / "session.key")
    context = WebContext(
        acme.world.store, acme.world.safe, web, acme.folder / "session.key", {}, Live(), acme.clock
    )
    async with TestClient(TestServer(create_app(context))) as client:
        browser = Browser(client)
        assert (await browser.sign_in("boss")).status == 303
        wanted = f"&format={form}" if form else ""
        page = await browser.get(f"/api/v1/recordings/{made}/audio?download=1{wanted}")
    assert page.status == 200
    assert (acme.folder / "fetched" / "it").read_bytes() == page.body


async def test_lftp_mirrors_what_is_there_several_files_at_once(acme: Office) -> None:
    assert shutil.which("lftp"), "scripts/packages installs it"
    for n in range(6):
        acme.recording("anna" if n % 2 else "bo", AT_NOON.replace(minute=n))
    known = f"-o UserKnownHostsFile={acme.folder}/known -o StrictHostKeyChecking=no -o BatchMode=yes"
    connect = f"ssh -a -x -F none {known} -i {acme.key('acme')}"
    script = f'set sftp:connect-program "{connect}"; set net:max-retries 1; mirror --parallel=3 / got; quit'
    done = await said(["lftp", "-e", script, f"sftp://acme:@127.0.0.1:{acme.port}"], "", acme.folder / "lftp")
    assert done.code == 0, done.err
    found = {path.name: path.read_bytes() for path in Path(acme.folder, "lftp/got", DAY).iterdir()}  # noqa: ASYNC240
    assert sorted(found.pop(name) for name in [f"manifest-{DAY}.csv"])
    assert len(found) == 6
    assert set(found.values()) == {opus()}
    parts = f'set sftp:connect-program "{connect}"; pget -n 4 {DAY}/{min(found)} -o part; quit'
    done = await said(["lftp", "-e", parts, f"sftp://acme:@127.0.0.1:{acme.port}"], "", acme.folder / "lftp")
    assert done.code == 0, done.err
    assert Path(acme.folder, "lftp/part").read_bytes() == opus()  # noqa: ASYNC240
    later(acme, days=3)
    gone = await said(["lftp", "-e", f'set sftp:connect-program "{connect}"; ls {DAY}; quit',
                       f"sftp://acme:@127.0.0.1:{acme.port}"], "", acme.folder / "lftp")  # fmt: skip
    assert gone.code != 0
    assert acme.clock.at > SIX


# Reading out of order


def source(content: bytes, made: list[int], block: int = 1000) -> Any:
    def begin(offset: int) -> Any:
        made.append(offset)
        for at in range(offset, len(content), block):
            yield content[at : at + block]

    return begin


async def test_a_file_is_read_from_anywhere_in_any_order() -> None:
    content = bytes(range(256)) * 40
    for seeks in (True, False):
        made: list[int] = []
        file = Reading(len(content), source(content, made), seeks=seeks, threads=Threads().reading)
        for offset, length in (
            (0, 10),
            (5, 5000),
            (9000, 100),
            (8000, 50),
            (100, 3),
            (10_230, 500),
            (10_240, 1),
        ):
            assert await file.read(offset, length) == content[offset : offset + length]
        assert made[0] == 0
        file.close()


async def test_one_that_is_not_as_long_as_was_told_is_broken_off() -> None:
    for size in (9_000, 11_000):
        file = Reading(size, source(b"x" * 10_000, []), seeks=False, threads=Threads().reading)
        with pytest.raises(VaultError, match="should have"):
            await file.read(0, 20_000)


async def test_back_and_forth_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ari_recorder.delivery.reading.BEHIND_BYTES", 100)
    monkeypatch.setattr("ari_recorder.delivery.reading.BEGINNINGS_MAX", 3)
    file = Reading(100_000, source(b"x" * 100_000, []), seeks=False, threads=Threads().converting)

    async def back_and_forth() -> None:
        for _ in range(10):
            await file.read(90_000, 10)
            await file.read(0, 10)

    with pytest.raises(VaultError, match="open it again"):
        await back_and_forth()
