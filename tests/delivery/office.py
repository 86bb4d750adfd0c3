"""Recordings of several days, the real service on loopback, and OpenSSH's own client."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from ari_recorder.config import Settings, Sftp
from ari_recorder.delivery.sftp import Service, serve
from ari_recorder.store import models
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.database import Store
from ari_recorder.store.deliveries import accounts
from ari_recorder.store.safe import Safe

from ..store.build import safe_in
from ..web.world import Clock, World

BY = Actor(ActorKind.COMMAND_LINE, "test", "test")
DAY = "2026-11-21"
SIX = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
"""06:00 in Stockholm: the recordings of the day before are there."""
AT_NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Context:
    """What the service works with."""

    store: Store
    safe: Safe
    settings: Settings
    now: Clock


@dataclass(frozen=True)
class Said:
    """What a client came to."""

    code: int
    out: str
    err: str


@dataclass
class Office:
    """Acme and Other, their accounts, and the service that they come to."""

    world: World
    clock: Clock
    folder: Path
    settings: Settings
    service: Service | None = None
    ids: dict[str, UUID] = field(default_factory=dict)

    def key(self, name: str) -> Path:
        """A client's key, made when it is first wanted."""
        path = self.folder / f"{name}.key"
        if not path.exists():
            made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
            subprocess.run(made, check=True)
        return path

    def account(self, organisation: str, login: str, key: str = "", **values: Any) -> None:
        """An account of the organisation, opened by the key of that name."""
        of = self.ids[organisation]
        now = self.clock()
        self.world.store.write_now(accounts.change, of, {"login": login, **values}, actor=BY, now=now)
        text = self.key(key or login).with_suffix(".key.pub").read_text()
        self.world.store.write_now(accounts.add_key, of, "", text, actor=BY, now=now)

    def set(self, organisation: str, **values: Any) -> None:
        """Change how it is delivered."""
        of = self.ids[organisation]
        self.world.store.write_now(accounts.change, of, values, actor=BY, now=self.clock())

    def recording(self, user: str = "anna", at: datetime = AT_NOON, **more: Any) -> UUID:
        return self.world.recording(self.world.ids[user], started_at=at, **more)

    @property
    def port(self) -> int:
        assert self.service is not None
        return self.service.port

    def command(self, login: str = "acme", key: str = "", *options: str) -> list[str]:
        """OpenSSH's sftp, in batch mode."""
        return self.command_at(str(self.port), login, key, *options)

    def command_at(self, port: str, login: str = "acme", key: str = "", *options: str) -> list[str]:
        """The same, at another port."""
        known = self.folder / "known_hosts"
        given = ["-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={known}"]
        given += ["-o", "StrictHostKeyChecking=accept-new", "-o", "IdentitiesOnly=yes"]
        given += ["-i", str(self.key(key or login)), "-F", "none", *options]
        return ["sftp", "-b", "-", "-P", port, *given, f"{login}@127.0.0.1"]

    async def sftp(self, commands: str, login: str = "acme", key: str = "", *options: str) -> Said:
        """Run these commands by OpenSSH's client; it ends with the first that fails."""
        done = await said(self.command(login, key, *options), commands, self.folder / "fetched")
        lines = [line for line in done.out.splitlines() if not line.startswith("sftp>")]
        return Said(done.code, "\n".join(lines), done.err)


async def said(command: list[str], given: str, folder: Path) -> Said:
    """What a program says, run in that folder."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(given.encode()), 60)
    assert process.returncode is not None
    return Said(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
def office(empty_sqlite: Path, tmp_path: Path, keys: Path) -> Iterator[Office]:
    """Acme (Stockholm) with Anna, 101, and Bo, 102; Other (UTC) with Olle, 101; nothing recorded yet."""
    shutil.copy(empty_sqlite, tmp_path / "catalogue.db")
    store = Store(f"sqlite:///{tmp_path}/catalogue.db")
    world = World(store, safe_in(store, tmp_path), tmp_path)
    sftp = Sftp(host="127.0.0.1", port=0, host_key_file=tmp_path / "host.key", passwords=True)
    web = msgspec.structs.replace(Settings().web, key_file=tmp_path / "session.key")
    made = Office(world, Clock(SIX), tmp_path, Settings(sftp=sftp, web=web))
    made.ids["acme"] = world.organisation("Acme", timezone="Europe/Stockholm")
    made.ids["other"] = world.organisation("Other")
    world.user("anna", made.ids["acme"], number="101", name="Anna Andersson")
    world.user("bo", made.ids["acme"], number="102", name="Bo")
    world.user("olle", made.ids["other"], number="101", name="Olle")
    yield made
    store.close()


Serve = Callable[..., Any]


@pytest.fixture
async def start(office: Office) -> AsyncIterator[Serve]:
    """Starts the service, with other settings where they are given."""
    async with AsyncExitStack() as stack:

        async def begin(**differently: Any) -> Office:
            sftp = msgspec.structs.replace(office.settings.sftp, **differently)
            settings = msgspec.structs.replace(office.settings, sftp=sftp)
            context = Context(office.world.store, office.world.safe, settings, office.clock)
            office.service = await stack.enter_async_context(serve(context, sftp))
            return office

        yield begin


@pytest.fixture
async def acme(office: Office, start: Serve) -> Office:
    """With an account of Acme, by key, and the service running."""
    office.account("acme", "acme")
    await start()
    return office


def audited(office: Office, *actions: str) -> list[Any]:
    """Lines of the audit log with these actions, in their order."""
    lines = office.world.store.read_now(
        lambda: list(models.AuditLine.select().order_by(models.AuditLine.at, models.AuditLine.number))
    )
    return [line for line in lines if line.action in actions]


def later(office: Office, **by: float) -> None:
    """Put the clock on."""
    office.clock.at += timedelta(**by)
