"""For monitoring: alive, ready part by part, counters. No sign-in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer

from ari_recorder.web import Part, WebContext, create_app, health

from .world import NewBrowser


async def test_alive(open_browser: NewBrowser) -> None:
    answer = await (await open_browser()).get("/healthz")
    assert (answer.status, answer.json()) == (200, {"alive": True})


async def test_ready_when_every_part_is(open_browser: NewBrowser, parts: dict[str, Part]) -> None:
    browser = await open_browser()
    ready = await browser.get("/readyz")
    assert (ready.status, ready.json()["ready"]) == (200, True)
    assert list(ready.json()["parts"]) == ["pbx main", "store", "vault"]
    parts["pbx main"] = Part(False, "connection refused")
    not_ready = await browser.get("/readyz")
    assert (not_ready.status, not_ready.json()["ready"]) == (503, False)
    assert not_ready.json()["parts"]["pbx main"] == {"ok": False, "detail": "connection refused"}
    parts.clear()
    assert (await browser.get("/readyz")).status == 503, "nothing known is not ready"


async def test_a_probe_that_fails_or_hangs_is_not_ready(
    context: WebContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails() -> Mapping[str, Part]:
        raise RuntimeError("a secret of ours")

    async def hangs() -> Mapping[str, Part]:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(health, "PROBE_TIMEOUT_S", 0.05)
    for probe in (fails, hangs):
        app = create_app(replace(context, readiness=probe))
        async with TestClient(TestServer(app)) as client, client.get("/readyz") as answer:
            assert answer.status == 503
            assert "secret" not in await answer.text()


async def test_metrics(open_browser: NewBrowser) -> None:
    answer = await (await open_browser()).get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "process_cpu_seconds_total" in answer.text
