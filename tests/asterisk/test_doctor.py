"""The doctor on a real Asterisk: what is wrong is said, with what to do about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from ari_recorder.config import Settings
from ari_recorder.config import Store as StoreSettings
from ari_recorder.doctor.examining import LIMIT_S, examine
from ari_recorder.doctor.report import Check, Verdict
from lab import Lab

from .right import add_users, settings_for, with_pbx

pytestmark = [pytest.mark.asterisk, pytest.mark.usefixtures("unrecorded")]


@pytest.fixture
def settings(running_lab: Lab, tmp_path: Path) -> Settings:
    return settings_for(running_lab, tmp_path)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def not_good(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks if check.verdict is not Verdict.GOOD}


async def the_bad(settings: Settings) -> Check:
    """The only thing that the doctor finds wrong."""
    (found,) = [check for check in await examine(settings) if check.verdict is Verdict.BAD]
    return found


async def test_all_is_well(settings: Settings) -> None:
    checks = await examine(settings)
    assert set(not_good(checks)) <= {"version"}
    names = {check.name for check in checks}
    assert {"catalogue", "users", "folder", "ARI", "modules", "latency", "clock", "connections"} <= names
    assert {"permission", "event socket", "websocket_write_timeout", "recording folder", "spool"} <= names
    assert {"endpoints", "endpoint settings", "native bridging", "space"} <= names


async def test_nothing_is_left_behind(settings: Settings, running_lab: Lab, tmp_path: Path) -> None:
    before = listing(tmp_path)
    await examine(settings)
    assert listing(tmp_path) == before, "a folder was made"
    assert not [name for name in listing(running_lab.pbx.spool) if "doctor" in name]
    assert "doctor" not in running_lab.pbx.rx("ari show apps")


async def test_a_missing_catalogue_is_not_made(settings: Settings, tmp_path: Path) -> None:
    absent = msgspec.structs.replace(settings, store=StoreSettings(url=f"sqlite:///{tmp_path}/no/c.db"))
    check = not_good(await examine(absent))["catalogue"]
    assert "ari-recorder user add" in check.remedy
    assert not (tmp_path / "no").exists()


async def test_a_wrong_password(settings: Settings) -> None:
    check = await the_bad(with_pbx(settings, password="wrong"))
    assert (check.where, check.name) == ("pbx.main", "ARI")
    assert "pbx.main.password" in check.remedy
    assert "ari.conf" in check.remedy


async def test_nobody_listens(settings: Settings, running_lab: Lab) -> None:
    check = await the_bad(with_pbx(settings, url=f"http://127.0.0.1:{running_lab.pbx.ports.http + 2}"))
    assert check.name == "ARI"
    assert check.found.endswith(": Connection refused")
    assert "Is Asterisk running" in check.remedy
    assert "http.conf" in check.remedy


async def test_an_address_with_ari_in_it(settings: Settings) -> None:
    check = await the_bad(with_pbx(settings, url=settings.pbx["main"].url + "/ari"))
    assert "without /ari" in check.remedy


async def test_it_never_hangs(settings: Settings) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://nobody@127.0.0.1:{port}/nothing"
        dumb = msgspec.structs.replace(
            with_pbx(settings, url=f"http://127.0.0.1:{port}"), store=StoreSettings(url=url)
        )
        began_s = time.monotonic()
        checks = await examine(dumb)
        assert time.monotonic() - began_s < LIMIT_S
    found = {(check.where, check.verdict) for check in checks}
    assert {("store", Verdict.BAD), ("pbx.main", Verdict.BAD)} <= found
    assert all("no answer" in check.found for check in not_good(checks).values())


async def test_the_recording_folder_is_missing(settings: Settings, running_lab: Lab) -> None:
    spool = running_lab.pbx.spool
    away = spool.rename(spool.with_name("away"))
    try:
        check = await the_bad(settings)
    finally:
        away.rename(spool)
    assert check.name == "recording folder"
    assert running_lab.pbx.inside(spool) in check.found
    assert f"install -d -o asterisk -g asterisk -m 2770 {running_lab.pbx.inside(spool)}" in check.remedy


async def test_the_spool_is_another_folder(settings: Settings, running_lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    check = await the_bad(with_pbx(settings, spool=tmp_path / "elsewhere"))
    assert check.name == "spool"
    assert (
        f"Set pbx.main.spool to where this machine sees {running_lab.pbx.inside(running_lab.pbx.spool)}"
        in (check.remedy)
    )
    assert listing(tmp_path / "elsewhere") == []


async def test_the_spool_does_not_exist_here(settings: Settings, tmp_path: Path) -> None:
    check = await the_bad(with_pbx(settings, spool=tmp_path / "nowhere"))
    assert check.name == "spool"
    assert "No such file or directory" in check.found
    assert "pbx.main.spool" in check.remedy


async def test_a_recording_folder_that_is_open_to_all(settings: Settings, running_lab: Lab) -> None:
    spool = running_lab.pbx.spool
    spool.chmod(0o2775)
    try:
        check = not_good(await examine(settings))["folder's mode"]
    finally:
        spool.chmod(0o2770)
    assert check.verdict is Verdict.WARNING
    assert f"chmod 2770 {spool}" in check.remedy


async def test_an_unknown_endpoint(settings: Settings) -> None:
    add_users(settings.store.url, "PJSIP/999")
    check = await the_bad(settings)
    assert check.name == "endpoints"
    assert "not recorded: PJSIP/999" in check.found
    assert "ari-recorder user set" in check.remedy


async def test_an_endpoint_on_an_unknown_asterisk(settings: Settings) -> None:
    other = msgspec.structs.replace(settings, pbx={"other": settings.pbx["main"]})
    check = await the_bad(other)
    assert check.name == "users"
    assert "[pbx.main]" in check.remedy


async def test_a_module_that_does_not_run(settings: Settings, running_lab: Lab) -> None:
    running_lab.pbx.rx("module unload format_wav.so")
    try:
        check = await the_bad(settings)
    finally:
        running_lab.pbx.rx("module load format_wav.so")
    assert check.name == "modules"
    assert "module load format_wav.so" in check.remedy


@contextmanager
def appended(running_lab: Lab, name: str, text: str, module: str) -> Iterator[None]:
    """The lab's configuration with ``text`` at its end, reloaded."""
    path = running_lab.pbx.folder / "etc" / name
    before = path.read_text()
    try:
        path.write_text(f"{before}\n{text}\n")
        running_lab.pbx.rx(f"module reload {module}")
        yield
    finally:
        path.write_text(before)
        running_lab.pbx.rx(f"module reload {module}")


async def test_a_login_that_may_only_look(settings: Settings, running_lab: Lab) -> None:
    login = "[viewer]\ntype = user\nread_only = yes\npassword = viewer"
    with appended(running_lab, "ari.conf", login, "res_ari.so"):
        check = await the_bad(with_pbx(settings, username="viewer", password="viewer"))
    assert check.name == "permission"
    assert "read_only = no for [viewer]" in check.remedy


async def test_a_short_write_timeout(settings: Settings, running_lab: Lab) -> None:
    with appended(running_lab, "ari.conf", "[general](+)\nwebsocket_write_timeout = 100", "res_ari.so"):
        check = not_good(await examine(settings))["websocket_write_timeout"]
    assert check.verdict is Verdict.WARNING
    assert "100 ms" in check.found
    assert "websocket_write_timeout = 5000" in check.remedy


async def test_an_endpoint_that_hides_audio_and_digits(settings: Settings, running_lab: Lab) -> None:
    add_users(settings.store.url, "PJSIP/199")
    endpoint = "[199]\ntype = endpoint\ncontext = users\nallow = alaw\ndirect_media = yes\ndtmf_mode = none"
    with appended(running_lab, "pjsip.conf", endpoint, "res_pjsip.so"):
        checks = [check for check in await examine(settings) if check.name == "endpoint settings"]
    remedies = " ".join(check.remedy for check in checks if "PJSIP/199" in check.found)
    assert "direct_media = no" in remedies
    assert "dtmf_mode = rfc4733" in remedies


async def test_endpoints_whose_audio_is_passed_on(settings: Settings, running_lab: Lab) -> None:
    """Without the feature map, and with one whose digits do not come in the audio, unless it is encrypted."""
    add_users(settings.store.url, "PJSIP/106", "PJSIP/197", "PJSIP/198")
    endpoint = "type = endpoint\ncontext = users\nallow = alaw\n"
    endpoints = (
        f"[197](ari_recorder_recorded)\n{endpoint}dtmf_mode = info\n"
        f"[198]\n{endpoint}direct_media = no\nmedia_encryption = sdes"
    )
    with appended(running_lab, "pjsip.conf", endpoints, "res_pjsip.so"):
        assert "native bridging" not in not_good(await examine(settings))
        running_lab.pbx.rx("module load bridge_native_rtp.so")
        try:
            check = not_good(await examine(settings))["native bridging"]
        finally:
            running_lab.pbx.rx("module unload bridge_native_rtp.so")
    assert check.verdict is Verdict.WARNING
    assert check.found.endswith(": PJSIP/106, PJSIP/197")
    assert "modules_native_ari_recorder.conf" in check.remedy
