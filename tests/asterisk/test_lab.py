"""The lab itself: each ability of its phones, on real calls through the real PBX."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import socket
from collections.abc import AsyncGenerator, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import soundfile as sf

from ari_recorder.handlers.channels import kept_commands
from lab import Lab, LabError, LabTimeout, tones
from lab.ari import Ari, Json
from lab.call import HEARD_HZ
from lab.cases import OUTSIDE, connect, over
from tests.asterisk.station import until

pytestmark = [pytest.mark.asterisk, pytest.mark.usefixtures("unrecorded")]


async def pbx_events(lab: Lab, user: str) -> AsyncGenerator[Json]:
    """What the PBX tells a Stasis application about a user's endpoint."""
    async with Ari(lab.pbx.http_url, lab.pbx.ari_user, lab.pbx.ari_password) as ari:
        async for event in ari.events("lab_test", (f"endpoint:PJSIP/{user}",)):
            yield event


# ---- registration and simple calls


async def test_every_user_registers_with_digest_authentication(lab: Lab) -> None:
    contacts = lab.pbx.rx("pjsip show contacts")
    for number in ("101", "102", "103", "104", "105", "106"):
        assert f"{number}/sip:{number}@127.0.0.1" in contacts
        assert f"InAuth:  {number}/{number}" in lab.pbx.rx(f"pjsip show endpoint {number}")


@pytest.fixture
def softphone(lab: Lab) -> Iterator[socket.socket]:
    """Where a SIP client of one's own sends from, and is rung."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.connect(("127.0.0.1", lab.pbx.sip_port))
        yield udp


async def test_a_wrong_password_is_refused(lab: Lab, softphone: socket.socket) -> None:
    assert await asyncio.to_thread(register, lab, softphone, "101", "demo-101") == "200 OK"
    assert await asyncio.to_thread(register, lab, softphone, "101", "wrong") == "401 Unauthorized"


async def test_a_softphone_of_ones_own_rings_beside_the_phone_on_the_desk(
    lab: Lab, softphone: socket.socket
) -> None:
    contact = f"Contact: <sip:101@127.0.0.1:{softphone.getsockname()[1]}>\r\nExpires: "
    assert (
        await asyncio.to_thread(register, lab, softphone, "101", "demo-101", f"{contact}60\r\n") == "200 OK"
    )
    call = await lab.phones["106"].call("101")
    on_the_desk = await lab.phones["101"].incoming()
    invite = (await asyncio.to_thread(softphone.recv, 8192)).decode()
    assert invite.startswith("INVITE sip:101@127.0.0.1:")
    assert await asyncio.to_thread(register, lab, softphone, "101", "demo-101", f"{contact}0\r\n") == "200 OK"
    await over(call, on_the_desk)


def register(lab: Lab, softphone: socket.socket, user: str, password: str, contact: str = "") -> str:
    """The PBX's final answer to a REGISTER (without a contact it changes nothing)."""
    challenge = send_register(lab, softphone, user, contact)
    realm, nonce, opaque = (
        re.findall(f'{name}="(.*?)"', challenge)[0] for name in ("realm", "nonce", "opaque")
    )
    uri = f"sip:127.0.0.1:{lab.pbx.sip_port}"
    ha1, ha2 = md5(f"{user}:{realm}:{password}"), md5(f"REGISTER:{uri}")
    answer = send_register(
        lab,
        softphone,
        user,
        f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'algorithm=MD5, qop=auth, nc=00000001, cnonce="c", opaque="{opaque}", '
        f'response="{md5(f"{ha1}:{nonce}:00000001:c:auth:{ha2}")}"\r\n{contact}',
    )
    return answer.splitlines()[0].removeprefix("SIP/2.0 ")


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def send_register(lab: Lab, softphone: socket.socket, user: str, more: str) -> str:
    """The answer to it; requests of the PBX that arrive meanwhile are passed over."""
    port, branch = softphone.getsockname()[1], secrets.token_hex(8)
    softphone.send(
        f"REGISTER sip:127.0.0.1:{lab.pbx.sip_port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:{user}@127.0.0.1>;tag={branch}\r\nTo: <sip:{user}@127.0.0.1>\r\n"
        f"Call-ID: {branch}\r\nCSeq: 1 REGISTER\r\n{more}Content-Length: 0\r\n\r\n".encode()
    )
    while not (answer := softphone.recv(8192).decode()).startswith("SIP/2.0"):
        pass
    return answer


async def test_a_call_is_answered_and_each_side_hears_the_others_tone(lab: Lab) -> None:
    call, other = await connect(lab, "101", "106")
    await call.keep()
    await other.keep()
    await asyncio.gather(call.hears(tones.frequency_hz("106")), other.hears(tones.frequency_hz("101")))
    await over(call, other)
    assert call.heard
    assert call.answered_at
    assert call.ended_at
    assert call.answered_at < call.ended_at
    samples, rate_hz = tones.read(call.heard)
    assert not tones.has_tone(samples, rate_hz, tones.frequency_hz("101"), at_least_dbfs=-40)


async def test_stop_playing_is_silence(lab: Lab) -> None:
    call, other = await connect(lab, "101", "106")
    await call.keep()
    await call.hears(tones.frequency_hz("106"))
    await other.stop_playing()
    await call.hears_nothing()
    await over(call, other)


async def test_a_file_is_played(lab: Lab, tmp_path: Path) -> None:
    sf.write(tmp_path / "speech.wav", tones.sine(930, 2, 8000), 8000, subtype="PCM_16")
    call, other = await connect(lab, "101", "106", play=None)
    await call.keep()
    await other.play(tmp_path / "speech.wav")
    await call.hears(930)
    await other.dtmf("7")
    await call.heard_digits("7")
    await other.stop_playing()
    await call.hears_nothing()
    await other.play()
    await call.hears(tones.frequency_hz("106"))
    await over(call, other)


async def test_a_tone_of_before_is_not_taken_for_the_one_behind(lab: Lab, tmp_path: Path) -> None:
    """Whoever waits for a tone behind another must not be content with what was kept before both."""
    sf.write(tmp_path / "between.wav", tones.sine(930, 30, 8000), 8000, subtype="PCM_16")
    call, other = await connect(lab, "101", "106")
    await call.keep()
    tone_hz = tones.frequency_hz("106")
    for _ in range(4):
        await call.hears(tone_hz)
        since = len(call.heard_so_far())
        await other.play(tmp_path / "between.wav")
        await call.has_heard(930, since)
        await other.play()
        await call.hears(tone_hz)
        behind_s = max(tones.tone_found(call.heard_so_far()[since:], HEARD_HZ, 930))
        assert (len(call.heard_so_far()) - since) / HEARD_HZ - behind_s > 0.1
    await over(call, other)


async def test_wide_band(lab: Lab) -> None:
    call, other = await connect(lab, "103", "106")
    channels = lab.pbx.rx("pjsip show channelstats")
    assert "g722" in channels
    await other.keep()
    await other.hears(tones.frequency_hz("103"))
    await over(call, other)


@pytest.mark.parametrize(("busy", "cause"), [(True, 17), (False, 21)])
async def test_a_call_is_rejected(lab: Lab, busy: bool, cause: int) -> None:
    call = await lab.phones["101"].call("106")
    other = await lab.phones["106"].incoming()
    await call.ringing()
    await other.reject(busy=busy)
    await call.ended()
    assert call.cause == cause
    with pytest.raises(LabTimeout):
        await call.answered()


async def test_a_call_is_given_up_while_it_rings(lab: Lab) -> None:
    call = await lab.phones["101"].call("106")
    other = await lab.phones["106"].incoming()
    await over(call, other)
    assert other.answered_at is None


# ---- during a call


async def test_dtmf_arrives_at_the_pbx_and_the_other_phone_as_rfc_4733(lab: Lab) -> None:
    lab.pbx.rx("rtp set debug on")
    call, other = await connect(lab, "101", "106")
    await call.dtmf("1#5")
    await other.heard_digits("1#5")
    await over(call, other)
    lab.pbx.rx("rtp set debug off")
    assert "Got  RTP RFC2833 from" in lab.pbx.log.read_text()


async def test_a_recorder_code_is_swallowed_and_told_as_a_user_event(lab: Lab) -> None:
    call, other = await connect(lab, "101", "106")
    events = pbx_events(lab, "101")
    async with asyncio.timeout(10):
        async for event in events:
            if event["type"] == "Connected":
                await call.dtmf("*48")
            if event["type"] == "ChannelUserevent":
                break
    await events.aclose()
    assert (event["eventname"], event["userevent"]["command"]) == ("RecorderCommand", "pause")
    assert other.digits == ""
    await over(call, other)


async def test_hold_plays_the_hold_tone_and_unhold_ends_it(lab: Lab) -> None:
    call, other = await connect(lab, "101", "106")
    await other.keep()
    await other.hears(tones.frequency_hz("101"))
    await call.hold()
    await other.hears(tones.HOLD_HZ)
    assert not tones.has_tone(other.heard_so_far()[-6400:], 16000, tones.frequency_hz("101"))
    await call.unhold()
    await other.hears(tones.frequency_hz("101"))
    await over(call, other)


async def test_a_blind_transfer_connects_the_others(lab: Lab) -> None:
    call, other = await connect(lab, "101", "106")
    await other.keep()
    await lab.bridged()
    await call.transfer("102")
    third = await lab.phones["102"].incoming()
    await third.answer(play="tone")
    await call.transferred()
    await other.hears(tones.frequency_hz("102"))
    await over(other, third)


async def test_the_called_one_transfers_an_outside_caller(lab: Lab) -> None:
    call = await lab.outside(OUTSIDE).call("0850000101", play="tone")
    mine = await lab.phones["101"].incoming()
    await mine.answer()
    await lab.bridged()
    await mine.transfer("106")
    third = await lab.phones["106"].incoming()
    await third.answer()
    await third.keep()
    await mine.transferred()
    await third.hears(tones.frequency_hz(OUTSIDE))
    await over(third, call)


async def test_an_attended_transfer_connects_the_others(lab: Lab) -> None:
    call, other = await connect(lab, "101", "106")
    await other.keep()
    await call.hold()
    consultation, third = await connect(lab, "101", "102")
    await lab.bridged(2)
    await call.attended_transfer(consultation)
    await call.transferred()
    await consultation.ended()
    await other.hears(tones.frequency_hz("102"))
    assert other.ended_at is None
    assert third.ended_at is None
    await over(other, third)


async def test_a_transfer_that_is_refused_leaves_the_call(lab: Lab) -> None:
    call, other = await connect(lab, "101", "106")
    await lab.bridged()
    await call.transfer("nobody")
    with pytest.raises(LabError, match="refused"):
        await call.transferred()
    await call.dtmf("3")
    await other.heard_digits("3")
    await over(call, other)


# ---- trunk and services


async def test_a_call_to_the_outside(lab: Lab) -> None:
    for dialled in (OUTSIDE, "+46812345678"):
        call = await lab.phones["101"].call(dialled)
        other = await lab.outside(OUTSIDE).incoming()
        assert other.number == "0850000101"
        await other.answer()
        await over(call, other)


async def test_a_call_from_the_outside(lab: Lab) -> None:
    call = await lab.outside(OUTSIDE).call("0850000101", play="tone")
    other = await lab.phones["101"].incoming()
    assert other.number == OUTSIDE
    await other.answer(play="tone")
    await other.keep()
    await other.hears(tones.frequency_hz(OUTSIDE))
    await over(call, other)


async def test_the_called_one_transfers_after_asking(lab: Lab) -> None:
    call = await lab.outside(OUTSIDE).call("0850000101", play="tone")
    mine = await lab.phones["101"].incoming()
    await mine.answer()
    await mine.hold()
    consultation, third = await connect(lab, "101", "102")
    await third.keep()
    await lab.bridged(2)
    await mine.attended_transfer(consultation)
    await mine.transferred()
    await consultation.ended()
    await third.hears(tones.frequency_hz(OUTSIDE))
    await over(third, call)


async def test_a_file_waits_while_on_hold(lab: Lab, tmp_path: Path) -> None:
    sf.write(tmp_path / "speech.wav", tones.sine(930, 3, 8000), 8000, subtype="PCM_16")
    call, other = await connect(lab, "101", "106", play=None)
    await call.keep()
    await other.play(tmp_path / "speech.wav")
    await call.hears(930)
    await other.hold()
    await call.hears(tones.HOLD_HZ)
    await other.unhold()
    await call.hears(930)
    await over(call, other)


async def test_forty_calls_at_once(lab: Lab) -> None:
    await lab.phones["106"].auto_answer()
    calls = [await lab.outside(OUTSIDE).call("0850000106", play="tone") for _ in range(40)]
    await asyncio.gather(*(call.answered() for call in calls))
    assert "80 active channels" in lab.pbx.rx("core show channels count")
    await asyncio.gather(*(over(call) for call in calls))


async def test_the_ring_group_rings_all_and_one_answers(lab: Lab) -> None:
    call = await lab.outside(OUTSIDE).call("0850000600")
    ringing = [await lab.phones[number].incoming() for number in ("101", "102", "106")]
    await ringing[1].answer()
    await ringing[0].ended()
    await ringing[2].ended()
    assert ringing[0].answered_at is None
    await over(call, ringing[1])


async def test_the_queue(lab: Lab) -> None:
    call = await lab.phones["101"].call("700")
    await call.answered()
    await call.keep()
    await call.hears(tones.HOLD_HZ)
    agents = [await lab.phones[number].incoming() for number in ("103", "104")]
    await agents[0].answer(play="tone")
    await agents[1].ended()
    await call.hears(tones.frequency_hz("103"))
    await over(call, agents[0])


async def test_the_conference(lab: Lab) -> None:
    first, second, third = [await lab.phones[n].call("800", play="tone") for n in ("101", "102", "103")]
    for call in (first, second, third):
        await call.answered()
    await first.keep()
    await asyncio.gather(first.hears(tones.frequency_hz("102")), first.hears(tones.frequency_hz("103")))
    for call in (first, second, third):
        await over(call)


async def test_voicemail_answers_and_keeps_a_message(lab: Lab) -> None:
    call = await lab.phones["106"].call("900", play="tone")
    await call.answered()
    box = lab.pbx.folder / "spool/voicemail/default/900"
    await until(lambda: any(one.stat().st_size > 8000 for one in box.glob("tmp/*.wav")))
    await over(call)
    await until(lambda: list(box.glob("INBOX/msg*.wav")) != [])


async def test_a_ringing_call_is_picked_up(lab: Lab) -> None:
    call = await lab.phones["101"].call("106")
    ringing = await lab.phones["106"].incoming()
    taker = await lab.phones["102"].call("*8")
    await taker.answered()
    await call.answered()
    await ringing.ended()
    await over(call, taker)


async def test_a_parked_call_is_fetched(lab: Lab) -> None:
    call, other = await connect(lab, "101", "106")
    await other.keep()
    await lab.bridged()
    await call.transfer("750")
    await call.transferred()
    await other.hears(tones.HOLD_HZ)
    fetcher = await lab.phones["102"].call("751", play="tone")
    await fetcher.answered()
    await other.hears(tones.frequency_hz("102"))
    await over(other, fetcher)


# ---- the recorder's dialplan


async def test_a_command_is_kept_with_its_time(lab: Lab) -> None:
    """Which is the event's own, however near to the next second it is, and wherever the PBX is."""
    for line in (
        "501,1,Set(LEFT=4000)",
        "501,2,Set(RECORDER_COMMANDS=)",
        "501,3,Gosub(ari-recorder,command,1(pause))",
        "501,4,Set(LEFT=$[${LEFT}-1])",
        "501,5,GotoIf($[${LEFT}>0]?2)",
        "501,6,Hangup()",
    ):
        lab.pbx.rx(f"dialplan add extension {line} into users replace")
    events = pbx_events(lab, "101")
    assert (await anext(events))["type"] == "Connected"
    call = await lab.phones["101"].call("501")
    apart_s = []
    async for event in events:
        if event["type"] == "ChannelUserevent":
            (given,) = kept_commands(event["channel"]["channelvars"]["RECORDER_COMMANDS"])
            apart_s.append((datetime.fromisoformat(event["timestamp"]) - given.at).total_seconds())
        if event["type"] == "ChannelDestroyed":
            break
    await call.ended()
    assert len(apart_s) == 4000
    assert -0.002 <= min(apart_s) <= max(apart_s) < 0.5


# ---- by themselves, and the lab


async def test_a_phone_answers_by_itself(lab: Lab) -> None:
    await lab.phones["106"].auto_answer()
    call = await lab.phones["101"].call("106")
    await call.answered()
    await call.keep()
    await call.hears(tones.frequency_hz("106"))
    await lab.phones["106"].manual_answer()
    await over(call)


async def test_a_killed_pbx_comes_back(lab: Lab) -> None:
    before = lab.pbx.cpu_s()
    lab.pbx.kill()
    lab.pbx.start()
    lab.pbx.wait_booted()
    await asyncio.to_thread(lab.wait_registered)
    assert lab.pbx.cpu_s() > 0 < before
    call, other = await connect(lab, "101", "106")
    await over(call, other)
