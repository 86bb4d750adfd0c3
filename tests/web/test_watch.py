"""Rights that change count at once for what is open: the live feed, and a download in the middle."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import aiohttp
import pytest

from ari_recorder.policies.rights import Right
from ari_recorder.store import models, tokens
from ari_recorder.store.access import access_changed
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.people import changed
from ari_recorder.store.scope import scope_of
from ari_recorder.web.watch import Watch

from .world import NOON, NewBrowser, World

NOBODY = Actor(ActorKind.NOBODY, "", "")
LARGE_BYTES = 60_000_000


def take_away(world: World, how: str) -> None:
    """Anna may not listen any more; or she is gone."""

    def write() -> None:
        columns: dict[str, Any] = {"may_listen": False} if how == "right" else {"removed_at": NOON}
        models.User.update(**columns).where(models.User.id == world.ids["anna"]).execute()
        changed() if how == "right" else access_changed()

    world.store.write_now(write)


@pytest.mark.parametrize("how", ["right", "user"])
async def test_a_feed_ends(open_browser: NewBrowser, world: World, how: str) -> None:
    browser = await open_browser("anna")
    async with browser.client.ws_connect("/api/v1/live") as feed:
        await feed.receive_json(timeout=5)
        take_away(world, how)
        assert (await feed.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_a_feed_goes_on_when_others_are_changed(open_browser: NewBrowser, world: World) -> None:
    browser = await open_browser("admin-acme")
    async with browser.client.ws_connect("/api/v1/live") as feed:
        await feed.receive_json(timeout=5)
        take_away(world, "right")
        with pytest.raises(TimeoutError):
            await feed.receive(timeout=2.5)
        assert not feed.closed


async def test_a_feed_by_a_token_ends_when_it_is_revoked(open_browser: NewBrowser, world: World) -> None:
    anna = world.ids["anna"]
    organisation = world.store.read_now(lambda: models.User.get_by_id(anna).organisation_id)
    made = world.store.write_now(tokens.add, NOBODY, organisation, anna, "p", [Right.CALLS_READ], None, NOON)
    headers = {"Authorization": f"Bearer {made.secret}"}
    browser = await open_browser()
    async with browser.client.ws_connect("/api/v1/live", headers=headers) as feed:
        await feed.receive_json(timeout=5)
        asker = world.store.read_now(scope_of, anna)
        world.store.write_now(tokens.revoke, asker, NOBODY, made.token.id, NOON)
        assert (await feed.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


@pytest.mark.parametrize("how", ["right", "user", "nothing"])
async def test_a_download_is_broken_off(open_browser: NewBrowser, world: World, how: str) -> None:
    recording = world.recording(world.ids["anna"], audio=os.urandom(LARGE_BYTES))
    browser = await open_browser("anna")
    async with browser.client.get(f"/api/v1/recordings/{recording}/audio") as answer:
        got = len(await answer.content.readexactly(1000))
        if how != "nothing":
            take_away(world, how)
            await asyncio.sleep(2.5)  # the reader waits; nothing is to be seen from here meanwhile
        try:
            async for block in answer.content.iter_any():
                got += len(block)
            whole = True
        except aiohttp.ClientPayloadError:
            whole = False
    assert (whole, got == LARGE_BYTES) == ((True, True) if how == "nothing" else (False, False))


async def test_a_change_between_the_look_and_the_wait_is_not_missed(world: World) -> None:
    watch = Watch(world.store)
    watch.count = 1
    async with asyncio.timeout(30):
        assert await watch.beyond(0, 60.0) == 1
    assert await watch.beyond(1, 0.01) == 1
