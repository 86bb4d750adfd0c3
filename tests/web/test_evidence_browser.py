"""Signed heads with their time stamps in a real browser: on a desk, on a phone in Swedish, and for axe."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, expect

from ari_recorder.policies.rights import COMMAND_LINE
from ari_recorder.store import audit_key, evidence, tree_heads
from ari_recorder.store.tree_heads import Head
from ari_recorder.web import Server

from ..authority import Authority, stamp
from .test_browser import listened
from .world import NOON, PASSWORD, World


@pytest.mark.parametrize(("width", "language", "by"), [(360, "sv", "av"), (1280, "en", "by")])
async def test_who_stamped_a_head_is_seen(
    chromium: Browser,
    server: Server,
    world: World,
    authority: Authority,
    tmp_path: Path,
    width: int,
    language: str,
    by: str,
) -> None:
    key = audit_key.made(tmp_path / "audit.key")
    world.store.write_now(tree_heads.publish, key.public, NOON)

    def sign() -> list[Head]:
        return tree_heads.sign(key, tree_heads.grown(), evidence.node_of, NOON)

    for _ in range(2):
        world.store.write_now(evidence.append, world.recording(world.ids["anna"]), (), NOON)
        world.store.write_now(sign)
    (_, (oldest, _)) = world.store.read_now(evidence.heads, COMMAND_LINE, 2)
    stamp(world.store, authority, oldest, NOON)
    context = await chromium.new_context(viewport={"width": width, "height": 844})
    page, complaints = await listened(context)
    await page.goto(f"{server.url}evidence?lang={language}")
    await page.get_by_label("Login" if language == "en" else "Användarnamn").fill("admin-acme")
    await page.get_by_label("Password" if language == "en" else "Lösenord").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in" if language == "en" else "Logga in").click()
    await expect(page.get_by_text(f"{by} {authority.name}")).to_have_count(1)
    await page.screenshot(path=tmp_path / f"evidence-{width}.png", full_page=True)
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    await page.evaluate(AXE_SCRIPT)
    found = await page.evaluate(
        "axe.run().then(done => done.violations.map(one => [one.id, one.nodes.length]))"
    )
    assert (found, complaints) == ([], [])
    await context.close()
