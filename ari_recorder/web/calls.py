"""The API of calls in progress: what goes on, commands, notes, and the live feed (rows S2, C2, C3, T3).

A call is here one recorded user's part of it: a call of two recorded users is two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from uuid import UUID

import msgspec
from aiohttp import WSMsgType, web

from ari_recorder.errors import NotAllowed
from ari_recorder.live import Answer, Change, Follower, Refused
from ari_recorder.policies.rights import Right, Scope
from ari_recorder.policies.table import Event, Reason, State, commands
from ari_recorder.store.annotations import annotate as write_annotations
from ari_recorder.store.annotations import find, read
from ari_recorder.store.audit import Action, Subject
from ari_recorder.store.rows import LegRow
from ari_recorder.web import annotating, auditing, problems, shapes
from ari_recorder.web.client import client
from ari_recorder.web.context import ACTOR, CONTEXT, asker_id, scope
from ari_recorder.web.editing import Guard, guard
from ari_recorder.web.gate import scope_now
from ari_recorder.web.language import N_
from ari_recorder.web.places import CLOSING_S, FEEDS
from ari_recorder.web.routing import operation, path_id
from ari_recorder.web.session import in_use
from ari_recorder.web.shapes import time, time_or_none
from ari_recorder.web.thread import aside
from ari_recorder.web.watch import until_not_allowed

_CALLS = "/api/v1/calls"

ANSWERED_WITHIN_S = 10.0
"""How long a command may take before the answer is that it is still being carried out."""
HEARTBEAT_S = 20.0
READ_WITHIN_S = 10.0
"""How long a follower may leave unread what is sent, before the feed ends."""

REASONS: dict[Reason, str] = {
    Reason.NOT_IN_THIS_MODE: N_("The recording mode of this user does not have this command."),
    Reason.NOT_ANSWERED: N_("The call has not been answered yet."),
    Reason.NOT_RECORDING: N_("Nothing is being recorded: give start first."),
    Reason.RECORDING_FAILED: N_("The recording of this call has failed and was given up."),
    Reason.CALL_ENDED: N_("The call is over."),
    Reason.ALREADY: N_("It is so already."),
    Reason.LATE: N_("It is too late for that."),
}


@operation("GET", _CALLS + "/live", need=Right.CALLS_READ)
async def live_calls(request: web.Request) -> shapes.Calls:
    """The calls that go on, the oldest first; of each, one recorded user's leg."""
    asker, legs = scope(request), _going_on(request)
    return await aside(lambda: shapes.Calls([shown(asker, leg) for leg in legs]))


@operation(
    "POST",
    _CALLS + "/{id}/{command:start|stop|pause|resume}",
    need=Right.CALLS_COMMAND,
    problems=(409, 502, 504),
)
async def give_command(request: web.Request) -> shapes.Commanded:
    """Start, stop, pause or resume the recording of one leg; answered when it has been carried out.

    `id` is the leg's in `/calls/live`. The same command twice is harmless. 409 when the mode or the state
    does not allow it, with the `reason` and the `commands` that are possible.
    """
    answer = await give(request, path_id(request), Event(request.match_info["command"]))
    return shapes.Commanded(shown(scope(request), answer.leg), answer.reason is Reason.ALREADY)


async def give(request: web.Request, leg: UUID, command: Event) -> Answer:
    """Give a command. Raises `Refused` where nothing came of it, `NotFound` and `NotAllowed`.

    What came of it is written to the audit log afterwards: no pause waits for that.
    """
    try:
        answer = await _carried_out(request, leg, command)
    except problems.Refused as refused:
        outcome = str(refused.members.get("reason", refused.status))
        await _note(request, leg, {"command": command, "outcome": "refused", "reason": outcome})
        raise
    done = "already" if answer.reason is Reason.ALREADY else "done"
    await _note(request, leg, {"command": command, "outcome": done})
    return answer


async def _note(request: web.Request, leg: UUID, detail: Mapping[str, str]) -> None:
    await auditing.note(request, Action.COMMAND, Subject("call", str(leg)), detail)


async def _carried_out(request: web.Request, leg: UUID, command: Event) -> Answer:
    context, asker = request.app[CONTEXT], scope(request)
    followed = context.live.find(leg)
    if followed is None or not sees(asker, followed.row):
        await context.store.read(find, asker, leg)
        raise _refused(Reason.CALL_ENDED, None)
    if not commands_it(asker, followed.row):
        raise NotAllowed(N_("Only the recorded user can do this in their own call."))
    waiting = followed.command(command)
    await asyncio.wait([waiting], timeout=ANSWERED_WITHIN_S)
    if waiting.cancelled():
        raise problems.Refused(503, N_("The recorder is stopping: try again."), {"Retry-After": "5"})
    if not waiting.done():
        raise problems.Refused(504, N_("Asterisk has not confirmed it yet; the live feed tells when it has."))
    answer = waiting.result()
    if answer.reason not in (None, Reason.ALREADY):
        raise _refused(answer.reason, answer.leg)
    if answer.problem:
        raise problems.Refused(502, answer.problem)
    return answer


@operation("GET", _CALLS + "/{id}", need=Right.RECORDINGS_ANNOTATE)
async def call_annotations(request: web.Request) -> shapes.Annotations:
    """Note, mark and tags of a call, during it and afterwards: of one recorded user's leg."""
    leg = path_id(request)
    found = await request.app[CONTEXT].store.read(read, scope(request), leg)
    return _annotations(leg, found)


@operation("PATCH", _CALLS + "/{id}", need=Right.RECORDINGS_ANNOTATE, reads=shapes.Annotating, guarded=True)
async def annotate_call(request: web.Request) -> shapes.Annotations:
    """Set note, mark and tags of a call, during it and afterwards: of one recorded user's leg.

    All recordings of that leg have them. Only what is given is changed.
    """
    leg = path_id(request)
    changes = annotating.check_changes(await annotating.read_object(request))
    return _annotations(leg, await write_down(request, leg, changes))


async def write_down(request: web.Request, leg: UUID, changes: Mapping[str, str]) -> dict[str, str]:
    """Save what has been checked, and tell who follows; returns note, mark and tags as they are then."""
    context = request.app[CONTEXT]
    unchanged: Guard[dict[str, str]] = guard(request, lambda row: _annotations(leg, row))
    now = await context.store.write(
        write_annotations, scope(request), request[ACTOR], leg, changes, context.now(), unchanged
    )
    annotating.tell(request, leg, now)
    return now


def _annotations(leg: UUID, row: Mapping[str, str]) -> shapes.Annotations:
    return shapes.Annotations(id=str(leg), **row)


@operation(
    "GET",
    "/api/v1/live",
    need=Right.CALLS_READ,
    status=101,
    answer=shapes.LiveMessage,
    problems=(426,),
)
async def live_feed(request: web.Request) -> web.WebSocketResponse:
    """A websocket: a snapshot of the calls that go on, then every change of one.

    A call is one recorded user's leg here, too. The feed ends when who follows has signed out, or has other
    rights than when it began, or reads too slowly: connect again.
    """
    if request.headers.get("Origin", "").rpartition("://")[2] not in ("", client(request).host):
        raise problems.NotOwnPage(N_("The live feed is for this service's own pages and for programs."))
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=1024, compress=False)
    if not socket.can_prepare(request):
        raise problems.Refused(426, N_("This address is a websocket."), {"Upgrade": "websocket"})
    async with in_use(request):
        return await _feed(request, socket)


async def _feed(request: web.Request, socket: web.WebSocketResponse) -> web.WebSocketResponse:
    with (
        request.app[FEEDS].take(asker_id(request), socket),
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


def sees(asker: Scope, leg: LegRow) -> bool:
    """Whether a call is shown to ``asker``."""
    return asker.sees_call_of(leg.organisation, leg.user)


def commands_it(asker: Scope, leg: LegRow) -> bool:
    """Whether ``asker`` may give commands in a call."""
    return asker.commands_call_of(leg.organisation, leg.user)


def shown(asker: Scope, leg: LegRow) -> shapes.Call:
    """A call as it is shown to ``asker``."""
    recorded = leg.recording and leg.policy.state is not State.RINGING
    return shapes.Call(
        id=str(leg.id),
        own=commands_it(asker, leg),
        annotatable=asker.annotates_call_of(leg.organisation, leg.user),
        call=str(leg.call),
        pbx=leg.pbx,
        user=shapes.RecordedUser(str(leg.user), leg.user_number, leg.user_name),
        counterpart=shapes.Party(leg.counterpart.number, leg.counterpart.name),
        direction=leg.direction,  # type: ignore[arg-type]
        internal=leg.internal,
        mode=leg.policy.mode,
        state=leg.policy.state,
        since=time(leg.policy.since),
        commands=list(commands(leg.policy)),
        began_at=time(leg.created_at),
        answered_at=time_or_none(leg.answered_at),
        ended_at=time_or_none(leg.ended_at),
        recording=str(leg.recording) if recorded else None,
        **leg.annotations,
    )


def snapshot(request: web.Request) -> list[shapes.Call]:
    """The calls that go on and that who asks sees, oldest first."""
    asker = scope(request)
    return [shown(asker, leg) for leg in _going_on(request)]


def _going_on(request: web.Request) -> list[LegRow]:
    """Those that who asks sees, oldest first; on the loop alone, which changes them."""
    asker, legs = scope(request), request.app[CONTEXT].live.legs()
    return [leg for leg in legs if leg.policy.state is not State.ENDED and sees(asker, leg)]


def _refused(reason: Reason, leg: LegRow | None) -> problems.Refused:
    members: dict[str, object] = {"reason": reason}
    if leg is not None:
        members["commands"] = list(commands(leg.policy))
    return problems.Refused(409, REASONS[reason], members=members)


async def _send(request: web.Request, socket: web.WebSocketResponse, follower: Follower) -> None:
    asker, at = scope(request), time(request.app[CONTEXT].now())
    await _tell(socket, shapes.LiveSnapshot(at, snapshot(request)))
    async for change in follower:
        await _tell(socket, _change(asker, change))


async def _tell(socket: web.WebSocketResponse, message: shapes.LiveMessage) -> None:
    """Raises `TimeoutError` when what was told before is not read."""
    async with asyncio.timeout(READ_WITHIN_S):
        await socket.send_str(msgspec.json.encode(message).decode())


async def _take_leave(request: web.Request, socket: web.WebSocketResponse) -> None:
    """Close the feed. Who has not read what was sent is cut off: closing would wait for them."""
    if request.transport is not None and request.transport.get_write_buffer_size():
        request.transport.abort()
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSING_S):
            await socket.close()


def _change(asker: Scope, change: Change) -> shapes.LiveMessage:
    if not isinstance(change, Refused):
        return shapes.LiveCall(shown(asker, change.leg))
    return shapes.LiveRefused(
        id=str(change.leg.id),
        command=change.command,
        source=change.source,
        reason=change.reason,
        detail=REASONS[change.reason],
        at=time(change.at),
    )


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

    async def still() -> bool:
        return await scope_now(request) == scope(request)

    await until_not_allowed(request, still)
