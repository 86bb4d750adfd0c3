"""The API of calls in progress: what goes on, commands, notes, and the live feed (rows S2, C2, C3, T3).

A call is here one recorded user's part of it: a call of two recorded users is two.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from aiohttp import WSMsgType, web

from ari_recorder.errors import NotAllowed
from ari_recorder.live import Answer, Change, Follower, Refused
from ari_recorder.policies.annotations import Unfit, check
from ari_recorder.policies.rights import Scope
from ari_recorder.policies.table import Event, Reason, State, commands
from ari_recorder.store.annotations import annotate as write_annotations
from ari_recorder.store.annotations import find
from ari_recorder.store.rows import LegRow
from ari_recorder.web import problems
from ari_recorder.web.api import asked, recording_id, time
from ari_recorder.web.arrival import arriving
from ari_recorder.web.context import ACCOUNT, CONTEXT, scope
from ari_recorder.web.language import N_
from ari_recorder.web.places import CLOSING_S, FEEDS
from ari_recorder.web.session import in_use, who_asks
from ari_recorder.web.thread import json_aside

ANSWERED_WITHIN_S = 10.0
"""How long a command may take before the answer is that it is still being carried out."""
HEARTBEAT_S = 20.0
READ_WITHIN_S = 10.0
"""How long a follower may leave unread what is sent, before the feed ends."""
ASKED_AGAIN_S = 15.0
"""How often it is looked whether who follows the live feed still may."""

REASONS: dict[Reason, str] = {
    Reason.NOT_IN_THIS_MODE: N_("The recording mode of this user does not have this command."),
    Reason.NOT_ANSWERED: N_("The call has not been answered yet."),
    Reason.NOT_RECORDING: N_("Nothing is being recorded: give start first."),
    Reason.RECORDING_FAILED: N_("The recording of this call has failed and was given up."),
    Reason.CALL_ENDED: N_("The call is over."),
    Reason.ALREADY: N_("It is so already."),
    Reason.LATE: N_("It is too late for that."),
}


async def live(request: web.Request) -> web.Response:
    """``GET /api/v1/calls/live``: the calls that go on, oldest first."""
    asked(request)
    return await json_aside(lambda: {"calls": snapshot(request)})


async def command(request: web.Request) -> web.Response:
    """``POST /api/v1/calls/{id}/start`` and the other commands; answered when it has been carried out."""
    asked(request)
    answer = await give(request, recording_id(request), Event(request.match_info["command"]))
    return web.json_response(
        {"call": call_json(scope(request), answer.leg), "already": answer.reason is Reason.ALREADY}
    )


async def give(request: web.Request, leg: UUID, command: Event) -> Answer:
    """Give a command. Raises `Refused` where nothing came of it, `NotFound` and `NotAllowed`."""
    context, asker = request.app[CONTEXT], scope(request)
    followed = context.live.find(leg)
    if followed is None or not sees(asker, followed.row):
        await context.store.read(find, asker, leg)
        raise _refused(Reason.CALL_ENDED, None)
    if not commands_it(asker, followed.row):
        raise NotAllowed("Only the recorded user can do this in their own call.")
    waiting = followed.command(command)
    await asyncio.wait([waiting], timeout=ANSWERED_WITHIN_S)
    if waiting.cancelled():
        raise problems.Refused(503, "The recorder is stopping: try again.", {"Retry-After": "5"})
    if not waiting.done():
        raise problems.Refused(504, "Asterisk has not confirmed it yet; the live feed tells when it has.")
    answer = waiting.result()
    if answer.reason not in (None, Reason.ALREADY):
        raise _refused(answer.reason, answer.leg)
    if answer.problem:
        raise problems.Refused(502, answer.problem)
    return answer


async def annotate(request: web.Request) -> web.Response:
    """``PATCH /api/v1/calls/{id}``: note, mark and tags, during the call and afterwards."""
    asked(request)
    leg = recording_id(request)
    try:
        changes = check(await read_object(request))
    except Unfit as error:
        members = {"field": error.field, "problem": error.problem, "longest": error.longest}
        raise problems.Refused(400, str(error), members=members) from error
    except ValueError as error:
        raise problems.Refused(400, str(error)) from error
    return web.json_response({"id": str(leg), **await write_down(request, leg, changes)})


async def write_down(request: web.Request, leg: UUID, changes: Mapping[str, str]) -> dict[str, str]:
    """Save what has been checked, and tell who follows; returns note, mark and tags as they are then."""
    context = request.app[CONTEXT]
    now = await context.store.write(write_annotations, scope(request), leg, changes, context.now())
    followed = context.live.find(leg)
    if followed is not None:
        followed.annotated(now)
    return now


async def feed(request: web.Request) -> web.WebSocketResponse:
    """``GET /api/v1/live``: a websocket with a snapshot, then every change of what who asks may see."""
    asked(request)
    if request.headers.get("Origin", "").rpartition("://")[2] not in ("", request.host):
        raise problems.Refused(403, "The live feed is for this service's own pages and for programs.")
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=1024, compress=False)
    if not socket.can_prepare(request):
        raise problems.Refused(426, "This address is a websocket.", {"Upgrade": "websocket"})
    async with in_use(request):
        return await _feed(request, socket)


async def _feed(request: web.Request, socket: web.WebSocketResponse) -> web.WebSocketResponse:
    with (
        request.app[FEEDS].take(request[ACCOUNT].user.id, socket),
        request.app[CONTEXT].live.follow(partial(sees, scope(request))) as follower,
    ):
        await socket.prepare(request)
        tasks = [
            asyncio.create_task(work)
            for work in (_send(request, socket, follower), _receive(socket), _while_allowed(request))
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await _take_leave(request, socket)
    return socket


async def read_object(request: web.Request) -> dict[str, Any]:
    """The JSON object that was sent. Raises `Refused` (400) if it is none."""
    try:
        async with arriving(request.app[CONTEXT].settings.idle_s):
            found = json.loads(await request.text())
    except (ValueError, LookupError, RecursionError) as error:
        raise problems.Refused(400, "The body is not JSON in UTF-8.") from error
    if not isinstance(found, dict):
        raise problems.Refused(400, 'The body is not a JSON object: {"note": "…"}.')
    return found


def sees(asker: Scope, leg: LegRow) -> bool:
    """Whether a call is shown to ``asker``."""
    return asker.sees_call_of(leg.organisation, leg.user)


def commands_it(asker: Scope, leg: LegRow) -> bool:
    """Whether ``asker`` may give commands in a call."""
    return asker.commands_call_of(leg.organisation, leg.user)


def call_json(asker: Scope, leg: LegRow) -> dict[str, Any]:
    """A call as the live feed shows it to ``asker``."""
    return {
        "id": str(leg.id),
        "own": commands_it(asker, leg),
        "call": str(leg.call),
        "pbx": leg.pbx,
        "user": {"number": leg.user_number, "name": leg.user_name},
        "counterpart": {"number": leg.counterpart.number, "name": leg.counterpart.name},
        "direction": leg.direction,
        "internal": leg.internal,
        "mode": leg.policy.mode,
        "state": leg.policy.state,
        "since": time(leg.policy.since),
        "commands": list(commands(leg.policy)),
        "began_at": time(leg.created_at),
        "answered_at": time(leg.answered_at),
        "ended_at": time(leg.ended_at),
        "recording": str(leg.recording) if leg.recording and leg.policy.state is not State.RINGING else None,
        **leg.annotations,
    }


def snapshot(request: web.Request) -> list[dict[str, Any]]:
    """The calls that go on and that who asks sees, oldest first."""
    asker, legs = scope(request), request.app[CONTEXT].live.legs()
    going_on = (leg for leg in legs if leg.policy.state is not State.ENDED)
    return [call_json(asker, leg) for leg in going_on if sees(asker, leg)]


def _refused(reason: Reason, leg: LegRow | None) -> problems.Refused:
    members: dict[str, object] = {"reason": reason}
    if leg is not None:
        members["commands"] = list(commands(leg.policy))
    return problems.Refused(409, REASONS[reason], members=members)


async def _send(request: web.Request, socket: web.WebSocketResponse, follower: Follower) -> None:
    asker, at = scope(request), time(request.app[CONTEXT].now())
    await _tell(socket, {"type": "snapshot", "at": at, "calls": snapshot(request)})
    async for change in follower:
        await _tell(socket, _change_json(asker, change))


async def _tell(socket: web.WebSocketResponse, message: Mapping[str, Any]) -> None:
    """Raises `TimeoutError` when what was told before is not read."""
    async with asyncio.timeout(READ_WITHIN_S):
        await socket.send_json(message)


async def _take_leave(request: web.Request, socket: web.WebSocketResponse) -> None:
    """Close the feed. Who has not read what was sent is cut off: closing would wait for them."""
    if request.transport is not None and request.transport.get_write_buffer_size():
        request.transport.abort()
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSING_S):
            await socket.close()


def _change_json(asker: Scope, change: Change) -> dict[str, Any]:
    if not isinstance(change, Refused):
        return {"type": "call", "call": call_json(asker, change.leg)}
    return {
        "type": "refused",
        "id": str(change.leg.id),
        "command": change.command,
        "source": change.source,
        "reason": change.reason,
        "detail": REASONS[change.reason],
        "at": time(change.at),
    }


async def _receive(socket: web.WebSocketResponse) -> None:
    """Nothing is expected: read until it is closed."""
    while (await socket.receive()).type not in (
        WSMsgType.CLOSE,
        WSMsgType.CLOSING,
        WSMsgType.CLOSED,
        WSMsgType.ERROR,
    ):
        pass


async def _while_allowed(request: web.Request) -> None:
    """Until who follows is signed out, or has other rights: then the feed ends, and they may ask again."""
    before = request[ACCOUNT]
    while await who_asks(request) == before:  # noqa: ASYNC110 - other processes change it, too
        await asyncio.sleep(ASKED_AGAIN_S)
