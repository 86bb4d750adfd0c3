"""What goes on in Asterisk's lists is taken up, and what belongs to nobody is let go."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from ari_recorder.ari import Bridge, Channel
from ari_recorder.errors import AriNotFound
from ari_recorder.handlers.bridge import Bridges
from ari_recorder.handlers.context import Heard
from ari_recorder.policies import bridging
from ari_recorder.policies.bridging import Bridging

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WISH = Bridging("PJSIP/102", 20)
CALL = bridging.begin("app", "1.1", NOW, WISH)


def channel(channel_id: str, state: str, app_data: str, app_name: str = "Stasis") -> Channel:
    nobody = {"name": "", "number": ""}
    dialplan = {"context": "x", "exten": "1", "priority": 1, "app_name": app_name, "app_data": app_data}
    fields = {
        "id": channel_id, "name": "PJSIP/101-1", "state": state, "caller": nobody, "connected": nobody,
        "dialplan": dialplan, "creationtime": NOW.isoformat(),
    }  # fmt: skip
    return msgspec.convert(fields, Channel)


def caller(app_data: str = "app,bridge,PJSIP/102,20", state: str = "Up") -> Channel:
    return channel("1.1", state, app_data)


def called(state: str = "Up") -> Channel:
    return channel(CALL.called, state, f"app,{bridging.arguments(WISH, '1.1')}")


@dataclass
class Asterisk:
    """Its lists, and what it was asked for."""

    there: dict[str, Channel]
    bridged: dict[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    app: str = "app"

    async def bridges(self) -> list[Bridge]:
        return [Bridge(id=name, channels=joined) for name, joined in self.bridged.items()]

    async def bridge(self, bridge_id: str) -> Bridge:
        if bridge_id not in self.bridged:
            raise AriNotFound("bridge", bridge_id, 404, "gone")
        return Bridge(id=bridge_id, channels=self.bridged[bridge_id])

    async def channel(self, channel_id: str) -> Channel:
        if channel_id not in self.there:
            raise AriNotFound("channel", channel_id, 404, "gone")
        return self.there[channel_id]

    async def channel_variable(self, channel_id: str, variable: str) -> str:
        raise AriNotFound("variable", channel_id, 404, "not set")

    def __getattr__(self, operation: str) -> Any:
        async def ask(*arguments: Any, **more: Any) -> None:
            self.asked.append((operation, *arguments))

        return ask


async def compared(*there: Channel, bridges: dict[str, list[str]], wanted: int = 1) -> list[tuple[Any, ...]]:
    """What an Asterisk that has these is asked for at first, by a recorder that has just been started."""
    asterisk = Asterisk({one.id: one for one in there}, bridges)
    later = NOW + timedelta(seconds=1)
    context: Any = SimpleNamespace(ari=asterisk, app="app", pbx="main", now=lambda: later, heard=Heard())
    handler = Bridges(context)
    await handler.compare(asterisk.there, NOW)
    async with asyncio.timeout(5):
        while len(asterisk.asked) < wanted:
            await asyncio.sleep(0.001)  # polling: a first look is due at once
    await handler.stop()
    return asterisk.asked


BOTH = {CALL.bridge: ["1.1", CALL.called]}


@pytest.mark.parametrize("app_data", ["app,bridge,PJSIP/102,20", "switchboard"])
async def test_a_call_is_taken_up_also_of_a_caller_who_was_moved_here(app_data: str) -> None:
    assert await compared(caller(app_data), called(), bridges=BOTH) == [("answer", "1.1")]


async def test_a_caller_without_anything_is_called_for() -> None:
    assert ("create_bridge", CALL.bridge) in await compared(caller(state="Ring"), bridges={})


async def test_what_belongs_to_no_caller_is_ended() -> None:
    others = {"somebody-else's": [], "app-bridge-x": [], "app-bridge-bridge-" + "0" * 32: []}
    asked = await compared(called("Ringing"), bridges={CALL.bridge: [CALL.called], **others}, wanted=2)
    assert asked == [("hangup", CALL.called, 16), ("destroy_bridge", CALL.bridge)]


async def test_a_called_side_of_a_caller_who_wants_another_now_is_ended() -> None:
    asked = await compared(
        caller("app,bridge,PJSIP/103,20", "Ring"), called("Ringing"), bridges=BOTH, wanted=3
    )
    assert ("hangup", CALL.called, 16) in asked
    assert ("destroy_bridge", CALL.bridge) in asked


async def test_a_caller_who_has_gone_on_in_the_dialplan_is_left_alone() -> None:
    asked = await compared(
        channel("1.1", "Up", "PJSIP/102", "Dial"),
        called("Ringing"),
        bridges={CALL.bridge: [CALL.called]},
        wanted=2,
    )
    assert asked == [("hangup", CALL.called, 16), ("destroy_bridge", CALL.bridge)]
