"""Binding: loopback unless told otherwise, and not elsewhere with a password that everybody knows."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from ari_recorder.config import Web
from ari_recorder.errors import SettingsError
from ari_recorder.policies.proxies import Networks
from ari_recorder.store import passwords
from ari_recorder.store.models import User
from ari_recorder.web import WebContext, check_exposure, start
from ari_recorder.web.loopback import is_loopback
from ari_recorder.web.seals import Purpose, Seals, load_key
from ari_recorder.web.server import check_encryption
from lab.directory import add_user, change_user

from .world import NOON, World

REACHABLE = ("0.0.0.0", "192.0.2.1", "::", "", "recorder.example", "2001:db8::1")  # noqa: S104
LOOPBACK = ("127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost")


def test_what_is_reached_from_this_machine_alone() -> None:
    assert all(is_loopback(host) for host in LOOPBACK)
    assert not any(is_loopback(host) for host in REACHABLE)
    assert is_loopback(Web().host), "the default"


@pytest.mark.parametrize("host", REACHABLE)
async def test_a_default_password_is_refused_where_others_reach(world: World, host: str) -> None:
    await check_exposure(Web(host=host), world.store)
    world.change(User, world.ids["anna"], password_is_default=True)
    with pytest.raises(SettingsError, match=r"anna\. Give them passwords of their own"):
        await check_exposure(Web(host=host), world.store)
    await check_exposure(Web(), world.store)


async def test_a_default_password_is_refused_behind_a_proxy(world: World, context: WebContext) -> None:
    behind = Web(port=0, trusted_proxies=Networks.of(["127.0.0.1"]))
    await check_exposure(behind, world.store)
    world.change(User, world.ids["anna"], password_is_default=True)
    with pytest.raises(SettingsError, match=r"names a proxy, through which others can come.*anna\."):
        await start(replace(context, settings=behind))


@pytest.mark.parametrize("host", REACHABLE)
async def test_where_others_reach_it_is_encrypted_or_does_not_start(context: WebContext, host: str) -> None:
    with pytest.raises(SettingsError) as refused:
        await start(replace(context, settings=Web(host=host, port=0)))
    for way_out in ("web.tls_certificate", "web.trusted_proxies", "127.0.0.1", "web.unencrypted"):
        assert way_out in str(refused.value)
    check_encryption(Web(host=host, unencrypted=True))
    check_encryption(Web(host=host, trusted_proxies=Networks.of(["192.0.2.9"])))
    check_encryption(Web(host=host, tls_certificate=Path("x")))
    check_encryption(Web())


def test_passwords_that_everybody_knows() -> None:
    for password in ("admin", "Password", "demo-anna", "DEMO-x", "kalle", "105"):
        assert passwords.is_default_password(password, "kalle", "105"), password
    assert not passwords.is_default_password("of my own", "kalle", None)


async def test_a_default_password_is_known_when_it_is_set(world: World) -> None:
    world.store.write_now(lambda: add_user(name="K", number="105", login="kalle", password="demo-105"))
    exposed = Web(host="0.0.0.0")  # noqa: S104
    with pytest.raises(SettingsError, match="kalle"):
        await check_exposure(exposed, world.store)
    world.store.write_now(lambda: change_user("kalle", password="of my own"))
    await check_exposure(exposed, world.store)


async def test_starting_somewhere_careless_is_refused(world: World, context: WebContext) -> None:
    world.change(User, world.ids["anna"], password_is_default=True)
    with pytest.raises(SettingsError, match="default password"):
        await start(replace(context, settings=Web(host="0.0.0.0", port=0, unencrypted=True)))  # noqa: S104


async def test_start_serve_close(context: WebContext) -> None:
    server = await start(context)
    async with aiohttp.ClientSession() as client:
        async with client.get(f"{server.url}healthz") as answer:
            assert answer.status == 200
        with pytest.raises(SettingsError, match=r"set web\.port to another"):
            await start(replace(context, settings=Web(port=server.port)))
        await server.close()
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(f"{server.url}healthz")


def test_the_session_key_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "session.key"
    sealed = Seals(load_key(path)).seal(Purpose.FORM, "x", NOON)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert Seals(load_key(path)).open(Purpose.FORM, sealed, str, NOON) == "x"


def test_what_is_sealed_opens_for_its_purpose_in_its_time_and_unchanged(tmp_path: Path) -> None:
    seals, hour = Seals(load_key(tmp_path / "key")), timedelta(hours=1)
    sealed = seals.seal(Purpose.FORM, "x", NOON)
    assert seals.open(Purpose.FORM, sealed, str, NOON + hour, hour) == "x"
    assert seals.open(Purpose.FORM, sealed, str, NOON + hour * 1.1, hour) is None
    assert seals.open(Purpose.DEVICE, sealed, str, NOON) is None, "of another purpose"
    assert seals.open(Purpose.FORM, sealed, int, NOON) is None, "of another kind"
    assert Seals(load_key(tmp_path / "other")).open(Purpose.FORM, sealed, str, NOON) is None
    for at in range(0, len(sealed), 7):
        changed = sealed[:at] + ("B" if sealed[at] == "A" else "A") + sealed[at + 1 :]
        assert seals.open(Purpose.FORM, changed, str, NOON) is None, at
    for nonsense in ("", "x", None, 1, "\u00e9"):
        assert seals.open(Purpose.FORM, nonsense, str, NOON) is None


def test_a_session_key_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("nonsense")
    with pytest.raises(SettingsError, match="does not hold a key"):
        load_key(tmp_path / "key")
    with pytest.raises(SettingsError, match="cannot be read or made"):
        load_key(tmp_path / "key" / "below")
