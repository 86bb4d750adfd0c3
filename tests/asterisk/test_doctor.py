"""The doctor and ``ari-recorder run`` on a real Asterisk: what is wrong is said, with what to do about it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ari_recorder.ari import Ari
from ari_recorder.config import Media as MediaSettings
from ari_recorder.config import Pbx, Settings, Vault, Web
from ari_recorder.config import Store as StoreSettings
from ari_recorder.doctor import LIMIT_S, Check, Verdict, examine
from ari_recorder.policies.table import Mode
from ari_recorder.store import people
from ari_recorder.store.database import Store
from lab import Lab

pytestmark = pytest.mark.asterisk

PROGRAM = [sys.executable, "-m", "ari_recorder"]
POLL_S = 0.02
STARTED_S = 40
STOPPED_S = 20


def eventually(condition: Callable[[], Any], within_s: float, otherwise: str) -> Any:
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, otherwise
        time.sleep(POLL_S)
    return value


def users(url: str, *endpoints: str) -> None:
    store = Store(url)
    try:
        for name in endpoints:
            number = name.rpartition("/")[2]
            store.write_now(
                people.add_user, name=number, number=number, mode=Mode.ALWAYS, endpoints=[("main", name)]
            )
    finally:
        store.close()


@pytest.fixture
def settings(running_lab: Lab, tmp_path: Path) -> Settings:
    """Settings that are right for the lab, with one recorded user."""
    pbx = running_lab.pbx
    found = Settings(
        pbx={
            "main": Pbx(url=pbx.http_url, username=pbx.ari_user, password=pbx.ari_password, spool=pbx.spool)
        },
        store=StoreSettings(url=f"sqlite:///{tmp_path}/catalogue.db"),
        vault=Vault(path=tmp_path / "vault"),
        media=MediaSettings(work=tmp_path / "work"),
        web=Web(port=0, key_file=tmp_path / "session.key"),
    )
    users(found.store.url, "PJSIP/101")
    return found


def with_pbx(settings: Settings, **changes: Any) -> Settings:
    return msgspec.structs.replace(
        settings, pbx={"main": msgspec.structs.replace(settings.pbx["main"], **changes)}
    )


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def not_good(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks if check.verdict is not Verdict.GOOD}


async def the_bad(settings: Settings) -> Check:
    """The only thing that the doctor finds wrong."""
    (found,) = [check for check in await examine(settings) if check.verdict is Verdict.BAD]
    return found


# The doctor


async def test_all_is_well(settings: Settings) -> None:
    checks = await examine(settings)
    assert set(not_good(checks)) <= {"version"}
    names = {check.name for check in checks}
    assert {"catalogue", "users", "folder", "ARI", "modules", "latency", "clock", "connections"} <= names
    assert {"permission", "event socket", "websocket_write_timeout", "recording folder", "spool"} <= names
    assert {"endpoints", "endpoint settings", "space"} <= names


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
    assert "Is Asterisk running" in check.remedy
    assert "http.conf" in check.remedy


async def test_an_address_with_ari_in_it(settings: Settings) -> None:
    check = await the_bad(with_pbx(settings, url=settings.pbx["main"].url + "/ari"))
    assert "without /ari" in check.remedy


@pytest.mark.parametrize("url", ["127.0.0.1:8088", "ftp://127.0.0.1", "http://"])
async def test_no_address_at_all(settings: Settings, url: str) -> None:
    assert "http://HOST:8088" in (await the_bad(with_pbx(settings, url=url))).remedy


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


async def test_an_unknown_endpoint(settings: Settings) -> None:
    users(settings.store.url, "PJSIP/999")
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
    users(settings.store.url, "PJSIP/199")
    endpoint = "[199]\ntype = endpoint\ncontext = users\nallow = alaw\ndirect_media = yes\ndtmf_mode = none"
    with appended(running_lab, "pjsip.conf", endpoint, "res_pjsip.so"):
        checks = [check for check in await examine(settings) if check.name == "endpoint settings"]
    remedies = " ".join(check.remedy for check in checks if "PJSIP/199" in check.found)
    assert "direct_media = no" in remedies
    assert "dtmf_mode = rfc4733" in remedies


# The command


def environment(settings: Settings) -> dict[str, str]:
    pbx = settings.pbx["main"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ARI_RECORDER_")}
    return plain | {
        "ARI_RECORDER_PBX__MAIN__URL": pbx.url,
        "ARI_RECORDER_PBX__MAIN__USERNAME": pbx.username,
        "ARI_RECORDER_PBX__MAIN__PASSWORD": pbx.password,
        "ARI_RECORDER_PBX__MAIN__SPOOL": str(pbx.spool),
        "ARI_RECORDER_STORE__URL": settings.store.url,
        "ARI_RECORDER_VAULT__PATH": str(settings.vault.path),
        "ARI_RECORDER_MEDIA__WORK": str(settings.media.work),
        "ARI_RECORDER_WEB__KEY_FILE": str(settings.web.key_file),
        "ARI_RECORDER_WEB__PORT": "0",
        "ARI_RECORDER_LOG__FORMAT": "json",
    }


def ask(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=STARTED_S,
        check=False,
    )


def test_the_doctor_command_when_all_is_well(settings: Settings) -> None:
    said = ask(settings, "doctor")
    assert (said.returncode, said.stderr) == (0, "")
    assert "✔ pbx.main: spool:" in said.stdout
    assert "0 to put right" in said.stdout


def test_the_doctor_command_when_something_is_wrong(settings: Settings) -> None:
    wrong = with_pbx(settings, password="wrong")
    said = ask(wrong, "doctor")
    assert (said.returncode, said.stderr) == (1, "")
    assert "✘ pbx.main: ARI:" in said.stdout
    assert "    → Set pbx.main.username and pbx.main.password" in said.stdout
    answer = json.loads(ask(wrong, "doctor", "--json").stdout)
    assert not answer["ok"]
    assert [check["name"] for check in answer["checks"] if check["verdict"] == "bad"] == ["ARI"]


def test_the_doctor_command_with_settings_that_cannot_be_read(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[web]\nprot = 1\n")
    said = ask(settings, "--config", str(tmp_path / "settings.toml"), "doctor")
    assert (said.returncode, said.stderr) == (1, "")
    assert "prot" in said.stdout
    assert "docs/reference/settings.md" in said.stdout


@contextmanager
def running(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``ari-recorder run``, until the block is left."""
    with log.open("wb") as written:
        process = subprocess.Popen([*PROGRAM, "run"], env=environment(settings), stderr=written)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def pages(log: Path) -> str:
    found = [line["pages"] for line in lines(log) if "pages" in line]
    return str(found[0]) if found else ""


def ready(url: str) -> tuple[bool, str]:
    """Whether ``/readyz`` says so, and what it says of Asterisk."""
    try:
        with urllib.request.urlopen(f"{url}readyz", timeout=5) as answer:  # noqa: S310
            told = json.load(answer)
    except urllib.error.HTTPError as refused:
        told = json.load(refused)
    return told["ready"], told["parts"]["pbx.main"]["detail"]


def test_run_waits_for_asterisk_and_ends_at_sigterm(
    settings: Settings, running_lab: Lab, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    running_lab.pbx.stop()
    try:
        with running(settings, log) as process:
            url = eventually(lambda: pages(log), STARTED_S, "the pages are not served")
            eventually(
                lambda: "no connection to Asterisk" in ready(url)[1], STARTED_S, "the reason is not told"
            )
            assert not ready(url)[0]
            running_lab.pbx.start()
            running_lab.pbx.wait_booted()
            eventually(lambda: ready(url)[0], STARTED_S, "Asterisk is there, but the recorder is not ready")
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOPPED_S) == 0
    finally:
        if "res_ari" not in _modules(running_lab):
            running_lab.pbx.start()
            running_lab.pbx.wait_booted()
        running_lab.wait_registered()
    assert "Traceback" not in log.read_text()


def _modules(running_lab: Lab) -> str:
    try:
        return running_lab.pbx.rx("module show like res_ari.so")
    except Exception:
        return ""


def test_the_doctor_does_not_disturb_a_running_recorder(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running(settings, log) as process:
        url = eventually(lambda: pages(log), STARTED_S, "the pages are not served")
        eventually(lambda: ready(url)[0], STARTED_S, "the recorder is not ready")
        assert ask(settings, "doctor").returncode == 0
        assert ready(url)[0]
        assert asyncio.run(_subscribed(settings)) == ["PJSIP/101"]
        process.send_signal(signal.SIGINT)
        assert process.wait(STOPPED_S) == 0
    assert not [line for line in lines(log) if line["level"] in ("warning", "error")]


async def _subscribed(settings: Settings) -> list[str]:
    pbx = settings.pbx["main"]
    async with Ari(url=pbx.url, username=pbx.username, password=pbx.password, app=settings.app) as ari:
        return (await ari.application()).endpoint_ids
