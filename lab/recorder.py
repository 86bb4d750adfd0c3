"""The recorder as a process of its own, on the lab's PBX, as an engineer would run it."""

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
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ari_recorder.config import PREFIX
from ari_recorder.policies.table import Mode
from ari_recorder.store import people
from ari_recorder.store.database import Store
from ari_recorder.store.people import Acknowledgement
from lab.directory import add_user
from lab.errors import LabError
from lab.lab import Lab
from lab.people import USERS, User
from lab.traces import KEEP_VARIABLE

READY_S = 60.0
STOP_S = 20.0
POLL_S = 0.02
ALIVE_S = 0.5
PBX = "main"
ADMINISTRATOR = ("admin", "demo-admin")
"""Login and password of the demo's administrator."""
TOLD = "Told by the lab that calls are recorded, and agreed."
UNTOLD = "104"
"""Of one it is not known, which My Pages tell."""
T = TypeVar("T")


class LabRecorder:
    """`ari-recorder run` on a lab's PBX, with its catalogue, vault and log under ``folder``.

    The users of the lab are added with their modes. ``settings`` are further environment variables.
    """

    def __init__(self, lab: Lab, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.lab = lab
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "recorder.log"
        self.program = [sys.executable, "-m", "ari_recorder"]
        """What is started; it is given ``run``."""
        self.process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{lab.pbx.ports.http + 1}"
        self.health_url = f"http://127.0.0.1:{lab.pbx.ports.http + 2}"
        self.environment = self._environment() | dict(settings or {})

    @property
    def store_url(self) -> str:
        """The catalogue's address."""
        return self.environment["ARI_RECORDER_STORE__URL"]

    @property
    def traces(self) -> Path:
        """Where its traces are, if they are kept."""
        return self.folder / "traces"

    @property
    def key_file(self) -> Path:
        """The file of the master key."""
        return self.folder / "master.key"

    @property
    def vault(self) -> Path:
        """The vault's folder."""
        return Path(self.environment["ARI_RECORDER_VAULT__PATH"])

    def add_users(self, at: datetime | None = None) -> None:
        """Add the lab's users and an administrator to the catalogue, if it has none yet; as of ``at``."""
        store = Store(self.store_url)
        try:
            add_users(store, at)
        finally:
            store.close()

    def start(self) -> None:
        """Start it and wait until it follows the PBX. Raises `LabError` with its log's end."""
        self.launch()
        self._wait_ready()

    def launch(self) -> None:
        """Start it, and do not wait for anything."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.program, "run"],
                env=_clean_environment() | self.environment,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """``kill -9``."""
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it take no event any more (SIGSTOP), until it is killed or thawed."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def workers(self) -> list[int]:
        """The process ids of its stitching workers, and of whatever else it has started."""
        assert self.process is not None
        return begun_by(self.process.pid)

    def readiness(self) -> dict[str, dict[str, Any]]:
        """What ``/readyz`` says of each part: ``ok``, ``detail``. Raises `OSError` if it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.health_url}/readyz", timeout=10) as answer:  # noqa: S310
                told = json.load(answer)
        except urllib.error.HTTPError as refusal:
            told = json.load(refusal)
        parts: dict[str, dict[str, Any]] = told["parts"]
        return parts

    async def beside(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` gives; given up with a `LabError` when the recorder ends meanwhile."""
        working, ended = asyncio.create_task(work), asyncio.create_task(self._ended())
        try:
            await asyncio.wait({working, ended}, return_when=asyncio.FIRST_COMPLETED)
            return ended.result() if ended.done() else working.result()
        finally:
            working.cancel()
            ended.cancel()
            await asyncio.gather(working, ended, return_exceptions=True)

    def stop(self) -> None:
        """End it in good order. Harmless if it does not run."""
        self._signal(signal.SIGTERM)

    def cpu_s(self, children: bool = False) -> float:
        """CPU time it has used so far (s), with ``children`` that of its ended and running workers too."""
        assert self.process is not None
        own = _stat(self.process.pid)
        if not children:
            return own[0]
        running = [_stat(pid)[0] for pid in begun_by(self.process.pid)]
        return sum(own) + sum(running)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while not self._is_ready():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"The recorder did not start. The end of {self.log}:\n{self._log_end()}")
            time.sleep(POLL_S)

    async def _ended(self) -> NoReturn:
        while self.process is None or (code := self.process.poll()) is None:  # noqa: ASYNC110 - a process
            await asyncio.sleep(ALIVE_S)
        raise LabError(f"The recorder has ended ({code}). The end of {self.log}:\n{self._log_end()}")

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.health_url}/readyz", timeout=2) as answer:  # noqa: S310
                return bool(json.load(answer) and answer.status == 200)
        except (urllib.error.URLError, OSError, ValueError):
            return False

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-20:])

    def _environment(self) -> dict[str, str]:
        pbx = self.lab.pbx
        traces = {"ARI_RECORDER_LOG__TRACES": str(self.traces)} if KEEP_VARIABLE in os.environ else {}
        return traces | {
            f"ARI_RECORDER_PBX__{PBX.upper()}__URL": pbx.http_url,
            f"ARI_RECORDER_PBX__{PBX.upper()}__USERNAME": pbx.ari_user,
            f"ARI_RECORDER_PBX__{PBX.upper()}__PASSWORD": pbx.ari_password,
            f"ARI_RECORDER_PBX__{PBX.upper()}__SPOOL": str(pbx.spool),
            "ARI_RECORDER_STORE__URL": f"sqlite:///{self.folder}/catalogue.db",
            "ARI_RECORDER_VAULT__PATH": str(self.folder / "vault"),
            "ARI_RECORDER_VAULT__KEY_FILE": str(self.key_file),
            "ARI_RECORDER_MEDIA__WORK": str(self.folder / "work"),
            "ARI_RECORDER_WEB__KEY_FILE": str(self.folder / "session.key"),
            "ARI_RECORDER_WEB__PORT": str(pbx.ports.http + 1),
            "ARI_RECORDER_WEB__HEALTH_PORT": str(pbx.ports.http + 2),
        }


def _clean_environment() -> dict[str, str]:
    """Ours, without settings of a recorder that the person may have set for their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def _stat(pid: int) -> tuple[float, float]:
    """CPU time (s) of a process, and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    tick = os.sysconf("SC_CLK_TCK")
    return (int(fields[11]) + int(fields[12])) / tick, (int(fields[13]) + int(fields[14])) / tick


def begun_by(pid: int) -> list[int]:
    """The processes that a process has begun."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found += map(int, path.read_text().split())
    return found


def add_users(store: Store, at: datetime | None = None) -> None:
    """Add the lab's users and an administrator, if there are no users yet; as of ``at``."""
    if store.read_now(people.list_users):
        return
    for user in USERS:
        store.write_now(_add, user, at)
    login, password = ADMINISTRATOR
    store.write_now(
        add_user, name="Astrid", number=None, role="administrator", login=login, password=password,
        at=at,
    )  # fmt: skip


def _add(user: User, at: datetime | None) -> None:
    add_user(
        name=user.name,
        number=user.number,
        mode=Mode(user.mode),
        login=user.number,
        password=user.password,
        endpoints=[(PBX, name) for name in user.endpoints],
        acknowledgement=None if user.number == UNTOLD or user.mode == Mode.NEVER else Acknowledgement(TOLD),
        at=at,
    )
