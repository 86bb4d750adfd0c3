"""The command ``ari-recorder`` as a process, on a real Asterisk."""

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

import pytest

from ari_recorder import __version__
from ari_recorder.ari import Ari
from ari_recorder.config import Settings
from lab import Lab

from .right import settings_for, with_pbx

pytestmark = [pytest.mark.asterisk, pytest.mark.usefixtures("unrecorded")]

PROGRAM = [sys.executable, "-m", "ari_recorder"]
POLL_S = 0.02
STARTED_S = 40
STOPPED_S = 20


@pytest.fixture
def settings(running_lab: Lab, tmp_path: Path) -> Settings:
    return settings_for(running_lab, tmp_path)


def eventually(condition: Callable[[], Any], within_s: float, otherwise: str) -> Any:
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, otherwise
        time.sleep(POLL_S)
    return value


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
        "ARI_RECORDER_VAULT__KEY_FILE": str(settings.vault.key_file),
        "ARI_RECORDER_MEDIA__WORK": str(settings.media.work),
        "ARI_RECORDER_WEB__KEY_FILE": str(settings.web.key_file),
        "ARI_RECORDER_WEB__PORT": "0",
        "ARI_RECORDER_WEB__HEALTH_PORT": "0",
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


SCRIPT = """
import sys
from pathlib import Path
with Path(sys.argv[0]).with_suffix(".ran").open("a") as file:
    print(__name__, file=file)
from ari_recorder.cli import main
if __name__ == "__main__":
    sys.exit(main())
"""
"""As an installed command is one; it writes down when it is run, by the command or by what that starts."""


@contextmanager
def running(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``ari-recorder run``, until the block is left."""
    script = log.with_name("ari-recorder")
    script.write_text(SCRIPT)
    with log.open("wb") as written:
        command = [sys.executable, str(script), "run"]
        process = subprocess.Popen(command, env=environment(settings), stderr=written)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def health(log: Path) -> str:
    found = [line["url"] for line in lines(log) if line["event"] == "health and counters are being served"]
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
            url = eventually(lambda: health(log), STARTED_S, "health is not served")
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
        url = eventually(lambda: health(log), STARTED_S, "health is not served")
        eventually(lambda: ready(url)[0], STARTED_S, "the recorder is not ready")
        assert ask(settings, "doctor").returncode == 0
        assert ready(url)[0]
        assert asyncio.run(_subscribed(settings)) == ["PJSIP/101"]
        process.send_signal(signal.SIGINT)
        assert process.wait(STOPPED_S) == 0
    assert not [line for line in lines(log) if line["level"] in ("warning", "error")]
    assert (tmp_path / "ari-recorder.ran").read_text() == "__main__\n"


@pytest.fixture
def with_a_terminal() -> Iterator[None]:
    """Also where the tests themselves were started by `nohup`, which what they start would have from them."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("with_a_terminal")
def test_a_terminal_that_is_closed_stops_it_in_order(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running(settings, log) as process:
        eventually(lambda: health(log), STARTED_S, "health is not served")
        process.send_signal(signal.SIGHUP)
        assert process.wait(STOPPED_S) == 0
    (begun,) = [line for line in lines(log) if line["event"] == "recording"]
    assert begun["version"] == __version__
    (told,) = [line for line in lines(log) if line["event"].startswith("stopping")]
    assert told["signal"] == "SIGHUP"


async def _subscribed(settings: Settings) -> list[str]:
    pbx = settings.pbx["main"]
    async with Ari(url=pbx.url, username=pbx.username, password=pbx.password, app=settings.app) as ari:
        return (await ari.application()).endpoint_ids
