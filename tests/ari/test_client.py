from __future__ import annotations

import asyncio
import inspect
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from ari_recorder.ari import Ari
from ari_recorder.ari._operations import OPERATIONS
from ari_recorder.errors import (
    AriConflict,
    AriError,
    AriNotFound,
    AriRefused,
    AriUnauthorized,
    AriUnreachable,
)

from ..web.proxy import make_certificate

RECORDING = {"name": "r1", "format": "wav", "state": "queued", "target_uri": "channel:s1"}
PLAYBACK = {"id": "p1", "media_uri": "sound:beep", "target_uri": "channel:c1", "state": "queued"}
BRIDGE = {"id": "b1", "bridge_type": "mixing", "channels": ["c1"]}
APPLICATION = {
    "name": "ari_recorder",
    **{name: [] for name in ("channel_ids", "bridge_ids", "endpoint_ids", "device_names")},
    "events_allowed": [{"type": "StasisStart"}],
    "events_disallowed": [],
}
ENDPOINT = {"technology": "PJSIP", "resource": "101", "state": "online", "channel_ids": ["c1"]}
MODULE = {
    "name": "res_ari.so",
    "description": "ARI",
    "use_count": 8,
    "status": "Running",
    "support_level": "core",
}
PING = {"timestamp": "2026-11-22T12:00:00.123+0000", "ping": "pong", "asterisk_id": "00:00"}
INFO = {
    "build": {"os": "Linux", "kernel": "6", "options": "", "machine": "x", "date": "d", "user": "u"},
    "system": {"version": "22.10.1", "entity_id": "00:11"},
    "config": {"name": "", "default_language": "en", "setid": {"user": "", "group": ""}},
    "status": {
        "startup_time": "2026-11-22T09:11:48.123+0000",
        "last_reload_time": "2026-11-22T10:11:48.123+0100",
    },
}
RECORD_QUERY = {
    "name": "r1",
    "format": "wav",
    "ifExists": "fail",
    "beep": "false",
    "terminateOn": "none",
    "maxSilenceSeconds": "0",
    "maxDurationSeconds": "0",
}
SUBSCRIPTION = "/applications/ari_recorder/subscription"
CHANNEL = "the channel_json fixture"

Call = Callable[[Ari], Any]
CASES: dict[str, tuple[Call, str, dict[str, str], Any]] = {
    "info": (lambda ari: ari.info(), "/asterisk/info", {}, INFO),
    "ping": (lambda ari: ari.ping(), "/asterisk/ping", {}, PING),
    "modules": (lambda ari: ari.modules(), "/asterisk/modules", {}, [MODULE]),
    "module": (lambda ari: ari.module("res_ari.so"), "/asterisk/modules/res_ari.so", {}, MODULE),
    "variable": (
        lambda ari: ari.variable("ARI_RECORDER_app"),
        "/asterisk/variable",
        {"variable": "ARI_RECORDER_app"},
        {"value": "host/1/2/3"},
    ),
    "set_variable": (
        lambda ari: ari.set_variable("ARI_RECORDER_app", "hösst/1&2"),
        "/asterisk/variable",
        {"variable": "ARI_RECORDER_app", "value": "hösst/1&2"},
        b"",
    ),
    "unset_variable": (
        lambda ari: ari.unset_variable("ARI_RECORDER_app"),
        "/asterisk/variable",
        {"variable": "ARI_RECORDER_app"},
        b"",
    ),
    "channels": (lambda ari: ari.channels(), "/channels", {}, [CHANNEL]),
    "channel": (lambda ari: ari.channel("c1"), "/channels/c1", {}, CHANNEL),
    "channel_variable": (
        lambda ari: ari.channel_variable("c1", "CHANNEL(language)"),
        "/channels/c1/variable",
        {"variable": "CHANNEL(language)"},
        {"value": "sv"},
    ),
    "set_channel_variable": (
        lambda ari: ari.set_channel_variable("c1", "CONNECTEDLINE(name,i)", "Åsa & Bo"),
        "/channels/c1/variable",
        {"variable": "CONNECTEDLINE(name,i)", "value": "Åsa & Bo"},
        b"",
    ),
    "create_channel": (
        lambda ari: ari.create_channel("b1-out", endpoint="PJSIP/1@t", originator="c1", app_args="bridged"),
        "/channels/create",
        {
            "endpoint": "PJSIP/1@t",
            "app": "ari_recorder",
            "appArgs": "bridged",
            "channelId": "b1-out",
            "originator": "c1",
        },
        CHANNEL,
    ),
    "dial": (
        lambda ari: ari.dial("b1-out", caller="c1", timeout_s=25),
        "/channels/b1-out/dial",
        {"caller": "c1", "timeout": "25"},
        b"",
    ),
    "answer": (lambda ari: ari.answer("c1"), "/channels/c1/answer", {}, b""),
    "snoop": (
        lambda ari: ari.snoop("c1", snoop_id="s1", spy="in", app_args="in,c1+&="),
        "/channels/c1/snoop/s1",
        {"app": "ari_recorder", "appArgs": "in,c1+&=", "spy": "in", "whisper": "none"},
        CHANNEL,
    ),
    "record": (
        lambda ari: ari.record("s1", name="r1", format="wav"),
        "/channels/s1/record",
        RECORD_QUERY,
        RECORDING,
    ),
    "play": (
        lambda ari: ari.play("c1", playback_id="p1", media=["sound:beep", "sound:hi"], lang="sv"),
        "/channels/c1/play/p1",
        {"media": "sound:beep,sound:hi", "lang": "sv"},
        PLAYBACK,
    ),
    "stop_playback": (lambda ari: ari.stop_playback("p1"), "/playbacks/p1", {}, b""),
    "continue_in_dialplan": (lambda ari: ari.continue_in_dialplan("c1"), "/channels/c1/continue", {}, b""),
    "hangup": (lambda ari: ari.hangup("c1", 17), "/channels/c1", {"reason_code": "17"}, b""),
    "create_bridge": (
        lambda ari: ari.create_bridge("b1"),
        "/bridges/b1",
        {"type": "mixing,dtmf_events"},
        BRIDGE,
    ),
    "bridges": (lambda ari: ari.bridges(), "/bridges", {}, [BRIDGE]),
    "bridge": (lambda ari: ari.bridge("b1"), "/bridges/b1", {}, BRIDGE),
    "add_to_bridge": (
        lambda ari: ari.add_to_bridge("b1", ["c1", "c2"]),
        "/bridges/b1/addChannel",
        {"channel": "c1,c2"},
        b"",
    ),
    "destroy_bridge": (lambda ari: ari.destroy_bridge("b1"), "/bridges/b1", {}, b""),
    "live_recording": (lambda ari: ari.live_recording("r1"), "/recordings/live/r1", {}, RECORDING),
    "stop_recording": (lambda ari: ari.stop_recording("r1"), "/recordings/live/r1/stop", {}, b""),
    "stored_recordings": (
        lambda ari: ari.stored_recordings(),
        "/recordings/stored",
        {},
        [{"name": "r1", "format": "wav"}],
    ),
    "delete_stored_recording": (
        lambda ari: ari.delete_stored_recording("r1"),
        "/recordings/stored/r1",
        {},
        b"",
    ),
    "endpoints": (lambda ari: ari.endpoints(), "/endpoints", {}, [ENDPOINT]),
    "endpoint": (lambda ari: ari.endpoint("PJSIP", "101"), "/endpoints/PJSIP/101", {}, ENDPOINT),
    "application": (lambda ari: ari.application(), "/applications/ari_recorder", {}, APPLICATION),
    "subscribe": (
        lambda ari: ari.subscribe(["endpoint:PJSIP/101", "channel:c1"]),
        SUBSCRIPTION,
        {"eventSource": "endpoint:PJSIP/101,channel:c1"},
        APPLICATION,
    ),
    "unsubscribe": (
        lambda ari: ari.unsubscribe(["channel:c1"]),
        SUBSCRIPTION,
        {"eventSource": "channel:c1"},
        APPLICATION,
    ),
    "set_event_filter": (
        lambda ari: ari.set_event_filter(["StasisStart", "Dial"]),
        "/applications/ari_recorder/eventFilter",
        {},
        APPLICATION,
    ),
}


def test_every_method_has_an_operation_and_a_case():
    methods = {name for name, _ in inspect.getmembers(Ari, inspect.iscoroutinefunction) if name[0] != "_"}
    assert methods - {"close"} == set(OPERATIONS) == set(CASES)


@pytest.mark.parametrize("name", CASES)
async def test_what_is_sent_and_what_comes_back(fake, ari, channel_json, name):
    call, path, query, answer = CASES[name]
    answer = channel_json if answer is CHANNEL else [channel_json] if answer == [CHANNEL] else answer
    fake.answer = (204 if answer == b"" else 200, answer)
    result = await call(ari)
    (request,) = fake.requests
    assert (request.method, request.path, request.query) == (OPERATIONS[name].method, path, query)
    assert (result is None) == (answer == b"")
    allowed = {"allowed": [{"type": "StasisStart"}, {"type": "Dial"}]}
    assert request.body == (allowed if name == "set_event_filter" else None)


async def test_answers_are_typed(fake, ari, channel_json):
    fake.answer = (200, channel_json | {"a_field_of_tomorrow": 1})
    channel = await ari.channel("c1")
    assert (channel.endpoint, channel.caller.name, channel.dialplan.priority) == ("PJSIP/101", "Åsa", 3)
    assert channel.creationtime.isoformat() == "2026-11-22T09:11:48.123000+00:00"
    assert channel.channelvars == {}
    fake.answer = (200, INFO)
    status = (await ari.info()).status
    assert status.startup_time == status.last_reload_time, "one instant, written in two zones"


async def test_path_parts_are_encoded(fake, ari, channel_json):
    fake.answer = (200, channel_json)
    await ari.snoop("a/b c?d%e#ü", snoop_id="x&y", spy="none")
    assert fake.requests[0].path == "/channels/a%2Fb%20c%3Fd%25e%23%C3%BC/snoop/x%26y"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, AriRefused),
        (401, AriUnauthorized),
        (403, AriUnauthorized),
        (404, AriNotFound),
        (409, AriConflict),
        (412, AriConflict),
        (422, AriRefused),
        (500, AriRefused),
        (503, AriRefused),
        (599, AriRefused),
    ],
)
@pytest.mark.parametrize("key", ["message", "error"])
async def test_refusals_say_what_to_whom_and_why(fake, ari, status, kind, key):
    fake.answer = (status, {key: "Recording not found"})
    with pytest.raises(AriError) as caught:
        await ari.stop_recording("r1")
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.reason) == (status, "Recording not found")
    assert str(caught.value) == f"Asterisk: stop_recording r1: Recording not found ({status})"


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"", "Not Found"), (b"<html>", "Not Found"), (b"\xff", "\ufffd"), (b"{}", "Not Found"), (b"[]", "[]")],
)
async def test_a_refusal_that_is_no_json(fake, ari, body, reason):
    fake.answer = (404, body)
    with pytest.raises(AriNotFound) as caught:
        await ari.channel("c1")
    assert caught.value.reason == reason


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b'{"name": 1}', b"\xff\xfe"])
async def test_an_answer_that_cannot_be_understood(fake, ari, body):
    fake.answer = (200, body)
    with pytest.raises(AriRefused, match="live_recording r1: answer cannot be understood"):
        await ari.live_recording("r1")


async def test_the_wrong_password(fake):
    async with Ari(url=fake.url, username="recorder", password="wrong", app="a") as ari:
        with pytest.raises(AriUnauthorized, match="channels Asterisk: Authentication required"):
            await ari.channels()


async def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        async with Ari(url=url, username="u", password="p", app="a") as ari:
            told = rf"hangup c1: cannot connect to 127\.0\.0\.1:{free.getsockname()[1]}: Connection refused$"
            with pytest.raises(AriUnreachable, match=told) as caught:
                await ari.hangup("c1")
    assert caught.value.status == 0


async def test_a_certificate_that_is_not_trusted_is_told_in_words(tmp_path):
    made = make_certificate(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(made.certificate, made.key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    told = (
        rf"channels Asterisk: the certificate of 127\.0\.0\.1:{port} is not trusted: self-signed certificate$"
    )
    async with server, Ari(url=f"https://127.0.0.1:{port}", username="u", password="p", app="a") as ari:
        with pytest.raises(AriUnreachable, match=told):
            await ari.channels()


async def test_a_name_that_is_unknown():
    async with Ari(url="http://nowhere.invalid", username="u", password="p", app="a") as ari:
        with pytest.raises(AriUnreachable, match=r"nowhere\.invalid:80 \[Name or service not known"):
            await ari.channels()


async def test_no_answer_in_time(fake):
    async def never(_: object) -> tuple[int, Any]:
        await asyncio.Event().wait()
        return 200, {}

    fake.answer = never
    login = {"url": fake.url, "username": "recorder", "password": "correct hörse", "app": "a"}
    async with Ari(**login, timeout_s=0.1) as ari:
        started_s = time.monotonic()
        with pytest.raises(AriUnreachable, match=r"channel c1: no answer within 0\.1 s"):
            await ari.channel("c1")
        assert time.monotonic() - started_s < 1.5


async def test_the_connection_is_lost_during_the_request(fake, ari):
    async def lose(_: object) -> tuple[int, Any]:
        asyncio.create_task(fake.stop())  # noqa: RUF006 - the server's end is the point
        await asyncio.Event().wait()
        return 200, {}

    fake.answer = lose
    with pytest.raises(AriUnreachable, match=r"record s1 as r1\.wav: "):
        await ari.record("s1", name="r1", format="wav")


async def test_a_closed_client(fake, ari):
    await ari.close()
    with pytest.raises(AriUnreachable, match="channels Asterisk: this client is closed"):
        await ari.channels()
    assert fake.requests == []


async def test_connections_are_kept_and_bounded(fake):
    login = {"url": fake.url, "username": "recorder", "password": "correct hörse", "app": "a"}
    fake.answer = (200, [])
    async with Ari(**login, connections=4) as ari:
        await asyncio.gather(*(ari.channels() for _ in range(200)))
    assert len(fake.requests) == 200
    assert len({request.peer for request in fake.requests}) <= 4


async def test_outcomes_are_counted(fake, ari):
    def counted(outcome: str) -> float:
        labels = {"pbx": "main", "operation": "hangup", "outcome": outcome}
        return REGISTRY.get_sample_value("ari_recorder_ari_requests_total", labels) or 0.0

    before = {outcome: counted(outcome) for outcome in ("ok", "not_found", "cancelled")}
    fake.answer = (204, b"")
    await ari.hangup("c1")
    fake.answer = (404, {})
    with pytest.raises(AriNotFound):
        await ari.hangup("c1")
    task = asyncio.create_task(ari.hangup("c1"))
    asyncio.get_running_loop().call_soon(task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {outcome: counted(outcome) - before[outcome] for outcome in before} == dict.fromkeys(before, 1.0)
