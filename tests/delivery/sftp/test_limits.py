"""Who comes too often, asks for too much, or does not read: the others are served meanwhile."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from structlog.testing import capture_logs

from ari_recorder.delivery.sftp import service
from ari_recorder.delivery.sftp.host_key import host_key
from ari_recorder.delivery.sftp.limits import Pace, Sessions
from ari_recorder.errors import SettingsError
from ari_recorder.store import models, passwords
from ari_recorder.store.deliveries import accounts

from ...web.world import PASSWORD, QUICK, opus, until
from ..office import BY, DAY, SIX, Office, Serve, audited, later

GOOD = "seventeen quiet lanterns drift"


@asynccontextmanager
async def signed_in(
    office: Office, login: str = "acme", **more: Any
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    keys = {"client_keys": [str(office.key(login))]} | more
    connection = await asyncssh.connect(
        "127.0.0.1", office.port, username=login, known_hosts=None, config=[], agent_path=None, **keys
    )
    try:
        yield connection
    finally:
        connection.abort()


async def test_a_client_that_opens_a_thousand_files(start: Serve, office: Office) -> None:
    office.account("acme", "acme")
    office.recording()
    await start(handles_max=20)
    async with signed_in(office) as connection:
        client = await connection.start_sftp_client()
        (name,) = [str(one) for one in await client.listdir(DAY) if str(one).endswith(".opus")]
        opened, refused = [], 0
        for _ in range(1000):
            try:
                opened.append(await client.open(f"{DAY}/{name}", "rb"))
            except asyncssh.SFTPFailure as error:
                refused += "close one first" in error.reason
        assert (len(opened), refused) == (20, 980)
        with pytest.raises(asyncssh.SFTPFailure):
            await client.listdir(DAY)
        other = await connection.start_sftp_client()
        with pytest.raises(asyncssh.SFTPFailure):  # another session of the same connection has no more
            await other.open(f"{DAY}/{name}", "rb")
        assert (await office.sftp(f"get {DAY}/{name}\n")).code == 0
        for one in opened:
            await one.close()
        assert await (await client.open(f"{DAY}/{name}", "rb")).read() == opus()


async def test_a_client_that_stalls_is_ended_and_others_are_served(start: Serve, office: Office) -> None:
    """It asks for everything and reads nothing; what waits for it is bounded, and it is cut off."""
    office.account("acme", "acme")
    made = office.recording(audio=os.urandom(6_000_000))
    await start(idle_s=1.5)
    async with signed_in(office) as connection:
        client = await connection.start_sftp_client()
        name = next(str(one) for one in await client.listdir(DAY) if str(one).endswith(".opus"))
        file = await client.open(f"{DAY}/{name}", "rb")
        assert connection._transport is not None
        connection._transport.pause_reading()  # type: ignore[attr-defined]
        reads = [asyncio.ensure_future(file.read(100_000, at * 100_000)) for at in range(60)]
        served = await office.sftp(f"get {DAY}/{name} other\n")
        assert served.code == 0, served.err
        assert office.service is not None
        found = office.service
        await until(lambda: not found._visits)
        assert found.sessions.count == 0
        for one in reads:
            one.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
    assert (office.folder / "fetched" / "other").stat().st_size == 6_000_000
    assert made


async def test_who_asks_for_nothing_is_ended(start: Serve, office: Office) -> None:
    office.account("acme", "acme")
    await start(idle_s=0.5)
    async with signed_in(office) as connection:
        await connection.wait_closed()
    assert office.service is not None
    found = office.service
    await until(lambda: found.sessions.count == 0)


async def test_sessions_of_an_account_and_in_total(start: Serve, office: Office) -> None:
    office.account("acme", "acme")
    office.account("other", "other")
    await start(sessions_per_account_max=2, sessions_max=3)
    assert office.service is not None
    found = office.service
    async with signed_in(office), signed_in(office):
        await until(lambda: found.sessions.count == 2)
        third = await office.sftp("ls\n")
        assert third.code == 255
        async with signed_in(office, "other") as theirs:
            assert await (await theirs.start_sftp_client()).listdir(".")
            refused = await office.sftp("ls\n", login="other")
            assert refused.code == 255
    await until(lambda: found.sessions.count == 0)
    assert (await office.sftp("ls\n")).code == 0


async def test_bytes_a_second(start: Serve, office: Office) -> None:
    office.account("acme", "acme")
    office.recording(audio=os.urandom(300_000))
    await start(bytes_per_s_max=100_000)
    began = asyncio.get_running_loop().time()
    done = await office.sftp(f"get {DAY}/*.opus it\n")
    assert done.code == 0, done.err
    assert asyncio.get_running_loop().time() - began >= 1.9
    assert (office.folder / "fetched" / "it").stat().st_size == 300_000


async def test_a_pace_gives_everybody_a_turn() -> None:
    at = 0.0
    pace, took = Pace(1000, lambda: at), []

    async def one(name: str) -> None:
        for _ in range(2):
            await pace.take(10)
            took.append(name)

    await asyncio.gather(one("a"), one("b"))
    assert sorted(took[:2]) == ["a", "b"]


def test_places_are_given_back() -> None:
    sessions = Sessions(2, 1)
    one, other, third = models.new_id(), models.new_id(), models.new_id()
    assert sessions.take(one) == ""
    assert "this account" in sessions.take(one)
    assert sessions.take(other) == ""
    assert "as many sessions" in sessions.take(third)
    sessions.give_back(one)
    assert sessions.take(third) == ""


# Wrong keys and passwords


async def test_who_has_wrong_keys_waits_longer_each_time_and_it_is_written_down(acme: Office) -> None:
    for _ in range(7):
        assert (await acme.sftp("ls\n", key="stranger")).code == 255
    good = await acme.sftp("ls\n")
    assert good.code == 255, "the address has to wait, whatever it has"
    later(acme, minutes=6)
    assert (await acme.sftp("ls\n")).code == 0
    lines = audited(acme, "sign_in_failed")
    assert [(line.subject_kind, line.subject, line.address) for line in lines] == [
        ("login", "acme", "127.0.0.1")
    ]
    assert {line.organisation for line in lines} == {acme.ids["acme"]}
    for login in ("nobody", "root", "a" * 500, "../x", "\u202e"):
        assert (await acme.sftp("ls\n", login=login, key="stranger")).code == 255
    unknown = audited(acme, "sign_in_failed")[1:]
    assert [line.organisation.int for line in unknown] == [0]


async def test_an_agent_with_some_other_keys_comes_in_and_one_with_very_many_does_not(acme: Office) -> None:
    some = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(8)]
    own = asyncssh.read_private_key(acme.key("acme"))
    async with signed_in(acme, client_keys=[*some, own]) as connection:
        assert await (await connection.start_sftp_client()).listdir(".")
    many = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(30)]
    with pytest.raises((asyncssh.Error, OSError)):
        async with signed_in(acme, client_keys=[*many, own]):
            pass


async def test_a_password_only_where_it_is_allowed(
    start: Serve, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_hasher", QUICK)
    office.account("acme", "acme", password=GOOD)
    await start(passwords=False)
    with pytest.raises(asyncssh.PermissionDenied):
        async with signed_in(office, client_keys=None, password=GOOD):
            pass
    later(office, hours=2)
    await start(passwords=True)
    async with signed_in(office, client_keys=None, password=GOOD) as connection:
        assert await (await connection.start_sftp_client()).listdir(".")
    for wrong in ("", PASSWORD, GOOD + "x", "x" * 100_000):
        with pytest.raises((asyncssh.Error, OSError)):
            async with signed_in(office, client_keys=None, password=wrong):
                pass
    (line,) = [one for one in audited(office, "sign_in") if one.actor == str(office.ids["acme"])]
    assert line.actor_kind == "sftp"


async def test_what_is_taken_away_ends_sessions_that_go_on(acme: Office) -> None:
    assert acme.service is not None
    found = acme.service
    row = acme.world.store.read_now(accounts.find, acme.ids["acme"])
    async with signed_in(acme) as connection:
        client = await connection.start_sftp_client()
        await client.listdir(".")
        acme.world.store.write_now(accounts.remove_key, acme.ids["acme"], row.keys[0].id, actor=BY, now=SIX)
        await asyncio.wait_for(connection.wait_closed(), 10)
    assert (await acme.sftp("ls\n")).code == 255
    acme.account("acme", "acme", key="second")
    async with signed_in(acme, client_keys=[str(acme.key("second"))]) as connection:
        await (await connection.start_sftp_client()).listdir(".")
        acme.set("acme", login="")
        await asyncio.wait_for(connection.wait_closed(), 10)
    assert not found._visits


async def test_strangers_who_say_nothing_keep_nobody_out(
    start: Serve, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "STRANGERS_EACH_MAX", 3)
    office.account("acme", "acme")
    await start()
    with capture_logs() as told:
        opened = [await asyncio.open_connection("127.0.0.1", office.port) for _ in range(6)]
        ended = [reader for reader, _ in opened[3:]]
        for reader in ended:
            with suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 5) == b""
    (line,) = [one for one in told if one["event"] == "an SFTP connection is sent away"]
    assert (line["address"], line["unwritten"]) == ("127.0.0.1", 0)
    assert line["why"] == "too many that have not come in yet are there already"
    for _, writer in opened:
        writer.close()
    assert office.service is not None
    found = office.service
    await until(lambda: not found._here)
    assert (await office.sftp("ls\n")).code == 0


async def test_noise_instead_of_ssh(acme: Office) -> None:
    for noise in (
        b"GET / HTTP/1.1\r\n\r\n",
        os.urandom(5000),
        b"SSH-2.0-x\r\n" + os.urandom(40_000),
        b"\0" * 100,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", acme.port)
        writer.write(noise)
        with suppress(OSError):
            await asyncio.wait_for(reader.read(-1), 10)
        writer.close()
    later(acme, hours=2)
    assert (await acme.sftp("ls\n")).code == 0


async def test_requests_that_are_none(acme: Office) -> None:
    """Of an account, over a channel of its own: the session ends, or answers with a refusal."""
    acme.recording()
    for packet in (
        b"",
        b"\xff" * 8,
        (2**31).to_bytes(4) + b"x" * 1000,
        b"\0\0\0\5\1\0\0\0\3\0\0\0\5\xc8\0\0\0\1",
    ):
        async with signed_in(acme) as connection:
            writer, reader, _ = await connection.open_session(subsystem="sftp", encoding=None)
            writer.write(packet)
            writer.write_eof()
            with suppress(asyncssh.Error):
                await asyncio.wait_for(reader.read(), 10)
    async with signed_in(acme) as connection:
        client = await connection.start_sftp_client()
        for path in ("x" * 10_000, "\0", "/" * 900, "a/b/c/d", "2026-11-21\0/x", "..", "../.."):
            with suppress(asyncssh.SFTPError):
                await client.stat(path)
        assert await client.listdir(DAY)


# The host key


def test_the_host_key_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "host.key"
    first = host_key(path)
    assert host_key(path).get_fingerprint() == first.get_fingerprint()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("nonsense")
    with pytest.raises(SettingsError, match=r"host\.key"):
        host_key(path)
    assert path.read_text() == "nonsense", "another key would look like an attack to every client"


async def test_a_port_that_is_taken_is_told(start: Serve, office: Office) -> None:
    await start()
    with pytest.raises(SettingsError, match=r"sftp\.port"):
        await start(port=office.port)


async def test_when_the_catalogue_is_away_nobody_gets_anything(
    acme: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ari_recorder.errors import StoreError

    acme.recording()
    async with signed_in(acme) as connection:
        client = await connection.start_sftp_client()
        await client.listdir(".")
        assert acme.service is not None

        async def away(*_: Any, **__: Any) -> Any:
            raise StoreError("away")

        with monkeypatch.context() as patch:
            patch.setattr(acme.world.store, "read", away)
            acme.service._listings[acme.ids["acme"]]._terms = None
            with pytest.raises(asyncssh.SFTPFailure, match="later"):
                await client.listdir(DAY)
            assert (await acme.sftp("ls\n")).code == 255
        later(acme, hours=2)
        assert await client.listdir(DAY)
