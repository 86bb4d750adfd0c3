from __future__ import annotations

import asyncio
import base64
import time
from contextlib import suppress

import pytest
from prometheus_client import REGISTRY

from ari_recorder.ari import (
    ApplicationReplaced,
    Ari,
    ChannelDtmfReceived,
    Connected,
    Disconnected,
    EventSocket,
    Item,
    StasisEnd,
)
from ari_recorder.ari import socket as module

HEAD = {"application": "ari_recorder", "timestamp": "2026-11-22T09:11:48.123+0000"}


def counter(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"ari_recorder_{name}", labels) or 0.0


async def take(socket: EventSocket) -> Item:
    async with asyncio.timeout(5):
        return await anext(socket)


@pytest.fixture
def dtmf(channel_json):
    """A digit whose ``duration_ms`` is its number."""

    def make(number: int) -> dict[str, object]:
        digit = {"type": "ChannelDtmfReceived", "digit": "1", "duration_ms": number}
        return {**digit, **HEAD, "channel": channel_json}

    return make


async def test_connected_comes_first_then_the_events_in_order(fake, open_socket, dtmf):
    socket = open_socket()
    assert await take(socket) == Connected()
    await fake.send(*(dtmf(number) for number in range(50)))
    events = [await take(socket) for _ in range(50)]
    assert all(isinstance(event, ChannelDtmfReceived) for event in events)
    assert [event.duration_ms for event in events] == list(range(50))


async def test_the_password_is_in_a_header_and_not_in_the_address(fake, open_socket):
    await take(open_socket(app="a b/c", username="üser"))
    (request,) = fake.socket_requests
    assert request.raw_path == "/ari/events?app=a%20b%2Fc&subscribeAll=false"
    sent = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
    assert sent == "üser:correct hörse"


async def test_a_lost_socket_is_connected_again_for_ever(fake, open_socket, dtmf):
    socket = open_socket()
    for number in range(5):
        assert await take(socket) == Connected()
        await fake.send(dtmf(number))
        assert (await take(socket)).duration_ms == number
        await fake.sockets[-1].close(code=1011)
        lost = await take(socket)
        assert isinstance(lost, Disconnected)
        assert "closed the event socket" in lost.reason
    assert await take(socket) == Connected()


async def test_asterisk_is_away_and_returns(fake, open_socket):
    socket = open_socket()
    assert await take(socket) == Connected()
    await fake.stop()
    reasons = [(await take(socket)).reason for _ in range(4)]
    assert "no connection to Asterisk" in reasons[-1]
    assert fake.url.replace("http", "ws") in reasons[-1]
    await fake.start()
    while isinstance(item := await take(socket), Disconnected):
        pass
    assert item == Connected()


async def test_attempts_become_rarer(fake, open_socket, monkeypatch):
    asked_s: list[float] = []
    sleep = asyncio.sleep

    async def note(delay_s: float) -> None:
        asked_s.append(delay_s)
        await sleep(0)

    socket = open_socket(retry_min_s=0.1, retry_max_s=1.0)
    await fake.stop()
    with monkeypatch.context() as patched:
        patched.setattr(module.asyncio, "sleep", note)
        while len(asked_s) < 8:
            await take(socket)
    doubled = [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert all(most / 2 <= delay <= most for most, delay in zip(doubled, asked_s, strict=False))


@pytest.mark.parametrize(("held", "delays_s"), [(True, (0.005, 0.01)), (False, (0.02, 0.04))])
async def test_the_delay_begins_anew_only_after_a_connection_that_held(
    fake, open_socket, monkeypatch, held, delays_s
):
    """A connection that is lost at once must not be tried again in a tight loop."""
    socket = open_socket(retry_min_s=0.01, retry_max_s=0.04)
    asked_s: list[float] = []
    socket._backoff.next_s()
    socket._backoff.next_s()
    monkeypatch.setattr(socket, "_steady_s", 0.0 if held else 3600.0)
    next_s = socket._backoff.next_s
    monkeypatch.setattr(socket._backoff, "next_s", lambda: asked_s.append(next_s()) or asked_s[-1])
    assert await take(socket) == Connected()
    await fake.sockets[-1].close()
    assert isinstance(await take(socket), Disconnected)
    assert delays_s[0] <= asked_s[0] <= delays_s[1]


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "user or password is wrong"),
        (403, "ari.conf"),
        (404, "enabled=yes"),
        (503, "sessionlimit"),
        (500, "Asterisk's log"),
    ],
)
async def test_a_refusal_is_reported_with_a_remedy_and_tried_again(fake, open_socket, status, remedy):
    fake.socket_status = status
    socket = open_socket()
    reason = (await take(socket)).reason
    assert str(status) in reason
    assert remedy in reason
    fake.socket_status = 101
    assert await take(socket) == Connected()


async def test_a_wrong_password_is_tried_again_slowly(fake, open_socket, monkeypatch):
    fake.socket_status = 401
    socket = open_socket(retry_min_s=0.001, retry_max_s=3600.0)
    slow_s: list[float] = []
    longest_s = socket._backoff.longest_s
    monkeypatch.setattr(socket._backoff, "longest_s", lambda: slow_s.append(longest_s()) or slow_s[-1])
    await take(socket)
    assert 1800.0 <= slow_s[0] <= 3600.0


async def test_it_connects_only_where_that_is_permitted(fake, open_socket):
    answers = ["another has it", "another has it", ""]

    async def permit() -> str:
        return answers.pop(0)

    socket = open_socket(permit=permit)
    for _ in range(2):
        lost = await take(socket)
        assert lost.reason.endswith("another has it")
        assert fake.socket_requests == []
    assert await take(socket) == Connected()
    assert answers == []


async def test_what_is_not_permitted_is_asked_for_again_and_told_once(fake, open_socket, monkeypatch, capsys):
    asked = 0

    async def permit() -> str:
        nonlocal asked
        asked += 1
        return "another has it"

    monkeypatch.setattr(module, "PERMIT_AGAIN_S", 0.01)
    socket = open_socket(permit=permit, retry_min_s=3600.0, retry_max_s=3600.0)
    for _ in range(3):
        await take(socket)
    assert asked >= 3
    assert capsys.readouterr().out.count("another has it") == 1


async def test_a_wrong_password_found_while_asking_for_permission_has_the_same_remedy(fake, open_socket):
    async with Ari(url=fake.url, username="recorder", password="wrong", app="x", timeout_s=2.0) as stranger:

        async def permit() -> str:
            return await stranger.variable("ARI_RECORDER_x")

        lost = await take(open_socket(permit=permit))
    assert "401" in lost.reason
    assert "ari.conf" in lost.reason


async def test_no_answer_while_asking_for_permission_is_told_and_tried_again(fake, open_socket):
    async with Ari(url="http://127.0.0.1:9", username="u", password="p", app="x", timeout_s=2.0) as away:
        asked = 0

        async def permit() -> str:
            nonlocal asked
            asked += 1
            return await away.variable("ARI_RECORDER_x") if asked == 1 else ""

        socket = open_socket(permit=permit)
        told = "no connection to Asterisk: cannot connect to 127.0.0.1:9: Connection refused"
        assert (await take(socket)).reason.endswith(told)
        assert await take(socket) == Connected()


async def test_a_dropped_connection_is_told_and_made_again_if_that_is_permitted(fake, open_socket):
    answers = ["", "another has it", ""]

    async def permit() -> str:
        return answers.pop(0)

    socket = open_socket(permit=permit)
    await socket.drop()
    assert await take(socket) == Connected()
    await socket.drop()
    reasons = [(await take(socket)).reason for _ in range(2)]
    assert reasons[1].endswith("another has it")
    assert await take(socket) == Connected()


async def test_the_reader_empties_the_socket_while_nobody_takes_events(fake, open_socket, dtmf, eventually):
    socket = open_socket(pbx="idle")
    assert await take(socket) == Connected()
    await fake.send(*(dtmf(number) for number in range(5000)))
    await eventually(lambda: counter("event_queue_length", pbx="idle") == 5000)
    assert [(await take(socket)).duration_ms for _ in range(5000)] == list(range(5000))
    assert counter("event_queue_length", pbx="idle") == 0


async def test_a_full_queue_drops_the_socket_until_half_is_taken(fake, ari, open_socket, dtmf, eventually):
    socket = open_socket(capacity=10, pbx="full", retry_min_s=0.0, retry_max_s=0.0)
    assert await take(socket) == Connected()
    with suppress(ConnectionError):
        await fake.send(*(dtmf(number) for number in range(200)))
    await eventually(lambda: counter("event_queue_overflows_total", pbx="full") == 1)
    await eventually(lambda: fake.sockets[0].closed)
    await eventually(lambda: counter("event_queue_length", pbx="full") == 11)  # the loss is told, too
    for number in range(5):
        assert (await take(socket)).duration_ms == number
    for _ in range(20):  # round trips in which it could have connected
        await ari.hangup("c1")
    assert len(fake.socket_requests) == 1, "6 of 11 still wait"
    assert (await take(socket)).duration_ms == 5
    await eventually(lambda: len(fake.sockets) == 2)
    assert [(await take(socket)).duration_ms for _ in range(4)] == [6, 7, 8, 9]
    lost = await take(socket)
    assert isinstance(lost, Disconnected)
    assert "10 events wait" in lost.reason
    assert await take(socket) == Connected()
    await fake.send(dtmf(999))
    assert (await take(socket)).duration_ms == 999


async def test_the_queue_is_bounded_whatever_happens(fake, ari, open_socket, eventually):
    """Connections that are lost again and again while nobody takes anything must not fill the memory."""
    socket = open_socket(capacity=6, retry_min_s=0.0, retry_max_s=0.0, pbx="bounded")
    assert await take(socket) == Connected()
    fake.socket_status = 500
    await fake.sockets[-1].close()
    await eventually(lambda: counter("event_queue_length", pbx="bounded") >= 6)
    attempts = len(fake.socket_requests)
    for _ in range(20):  # round trips in which it could have tried again
        await ari.hangup("c1")
    assert len(fake.socket_requests) == attempts
    assert counter("event_queue_length", pbx="bounded") <= 8


async def test_bad_and_unknown_events_are_skipped(fake, open_socket, dtmf):
    errors = counter("event_errors_total")
    unknown = counter("unknown_events_total")
    socket = open_socket()
    await take(socket)
    await fake.send("no json", {"type": "StasisEnd"}, {"type": "Tomorrow"}, dtmf(7))
    assert (await take(socket)).duration_ms == 7
    assert counter("event_errors_total") == errors + 2
    assert counter("unknown_events_total") == unknown + 1


async def test_another_program_takes_the_application(fake, open_socket, monkeypatch):
    socket = open_socket(retry_min_s=0.001, retry_max_s=3600.0)
    await take(socket)
    slow_s: list[float] = []
    longest_s = socket._backoff.longest_s
    monkeypatch.setattr(socket._backoff, "longest_s", lambda: slow_s.append(longest_s()) or slow_s[-1])
    await fake.send({"type": "ApplicationReplaced", "application": "ari_recorder"})
    assert isinstance(await take(socket), ApplicationReplaced)
    lost = await take(socket)
    assert isinstance(lost, Disconnected)
    assert "run one recorder for each name" in lost.reason
    assert slow_s
    assert slow_s[0] >= 1800.0


async def test_a_silent_peer_is_given_up(fake, open_socket):
    fake.answers_pings = False
    socket = open_socket(heartbeat_s=0.05)
    assert await take(socket) == Connected()
    lost = await take(socket)
    assert isinstance(lost, Disconnected)
    assert "ping timeout" in lost.reason


async def test_a_server_that_never_answers(open_socket):
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    socket = open_socket(url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", open_timeout_s=0.05)
    assert "no answer within 0.05 s" in (await take(socket)).reason
    await socket.close()
    server.close()
    await server.wait_closed()


async def test_an_event_that_is_too_long_closes_the_socket(fake, open_socket, monkeypatch):
    monkeypatch.setattr(module, "MESSAGE_MAX_BYTES", 1000)
    socket = open_socket()
    await take(socket)
    await fake.send("x" * 1001)
    lost = await take(socket)
    assert isinstance(lost, Disconnected)
    assert "1009" in lost.reason


async def test_close_ends_a_waiting_iteration(fake, open_socket, eventually):
    socket = open_socket(pbx="closing")
    seen = []

    async def consume() -> None:
        async for item in socket:
            seen.append(item)

    consumer = asyncio.create_task(consume())
    await eventually(lambda: seen)
    assert counter("event_socket_connected", pbx="closing") == 1
    await socket.close()
    async with asyncio.timeout(5):
        await consumer
    assert seen == [Connected()]
    assert counter("event_socket_connected", pbx="closing") == 0
    await eventually(lambda: fake.sockets[0].closed)


async def test_close_drops_what_waits_and_a_closed_socket_stays_closed(fake, open_socket, dtmf, eventually):
    socket = open_socket(pbx="dropping")
    await take(socket)
    await fake.send(dtmf(1), dtmf(2))
    await eventually(lambda: counter("event_queue_length", pbx="dropping") == 2)
    await socket.close()
    await socket.close()
    assert [item async for item in socket] == []
    assert [item async for item in socket] == []
    assert len(fake.sockets) == 1


async def test_close_before_the_first_step(fake, open_socket):
    async with open_socket() as socket:
        pass
    assert [item async for item in socket] == []
    assert fake.socket_requests == []


async def test_close_while_waiting_to_try_again(fake, open_socket):
    fake.socket_status = 401
    socket = open_socket(retry_max_s=3600.0)
    await take(socket)
    async with asyncio.timeout(5):
        await socket.close()
        assert [item async for item in socket] == []


async def test_a_fault_in_the_reader_reaches_who_iterates(fake, open_socket, dtmf, monkeypatch):
    def broken(_: bytes) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(module, "decode", broken)
    socket = open_socket()
    await take(socket)
    await fake.send(dtmf(1))
    with pytest.raises(RuntimeError, match="a bug"):
        await take(socket)


async def test_lag_waiting_and_connections_are_measured(fake, open_socket, dtmf):
    socket = open_socket(pbx="measured")
    await take(socket)
    sent = time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(time.time() - 30))
    await fake.send(dtmf(1) | {"timestamp": sent}, dtmf(2) | {"timestamp": "2999-01-01T00:00:00Z"})
    await take(socket)
    await take(socket)
    assert 29 < counter("event_lag_seconds_sum", pbx="measured") < 60
    assert counter("event_lag_seconds_count", pbx="measured") == 2
    assert counter("event_queue_wait_seconds_count", pbx="measured") == 3
    assert counter("event_socket_connects_total", pbx="measured") == 1
    await fake.sockets[-1].close()
    await take(socket)
    assert counter("event_socket_disconnects_total", pbx="measured") == 1


async def test_the_last_event_before_the_loss_is_kept(fake, open_socket, channel_json):
    socket = open_socket()
    await take(socket)
    await fake.send({"type": "StasisEnd", **HEAD, "channel": channel_json})
    await fake.sockets[-1].close()
    assert isinstance(await take(socket), StasisEnd)
    assert isinstance(await take(socket), Disconnected)
