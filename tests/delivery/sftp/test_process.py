"""The service as it runs: in the process of deliveries, started by who starts the recorder."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import msgspec

from ari_recorder.config import Settings
from ari_recorder.delivery.apart import delivery
from ari_recorder.policies.delivery import open_days

from ...web.world import until
from ..office import Office

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_it_is_served_by_the_process_of_deliveries(office: Office) -> None:
    now = datetime.now(UTC)
    day = open_days(now, STOCKHOLM)[-1]
    office.clock.at = now
    office.account("acme", "acme")
    office.recording(at=datetime.combine(day, time(12), STOCKHOLM))
    port = _free_port()
    sftp = msgspec.structs.replace(office.settings.sftp, port=port)
    settings = msgspec.structs.replace(
        Settings(),
        sftp=sftp,
        web=office.settings.web,
        store=msgspec.structs.replace(Settings().store, url=f"sqlite:///{office.folder}/catalogue.db"),
        vault=msgspec.structs.replace(
            Settings().vault, path=office.folder / "vault", key_file=office.folder / "master.key"
        ),
    )
    apart = delivery(settings)
    running = asyncio.create_task(apart.run())
    try:
        await until(lambda: _answers(port), 60)
        command = office.command_at(str(port))
        fetched = office.folder / "fetched"
        fetched.mkdir()
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            input=f"get -r {day}\n".encode(),
            capture_output=True,
            cwd=fetched,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert len(list((fetched / str(day)).iterdir())) == 2
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
