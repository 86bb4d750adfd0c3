"""One phone's side of one call: what a person at the phone can do, and what has happened."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from lab.ari import Json
from lab.errors import LabError, LabTimeout
from lab.tones import Samples, has_tone, loudest, tone_found

if TYPE_CHECKING:
    from lab.phones import Phone

TONE = "tone"
"""As something to play: the phone's own tone."""
OFFER = "PJSIP_MEDIA_OFFER(audio)"
WAV_HEADER_BYTES = 44
HEARD_FORMAT = "wav16"
HEARD_HZ = 16000
ANSWER_S = 10.0
END_S = 10.0
KEEP_S = 5.0
POLL_S = 0.05
SILENCE = 0.01
RECORD_KEY_CSEQ = 2_000_000_000
"""Above every number that the phone has used in the dialog."""


class PhoneCall:
    """A call of a lab phone. Times are aware UTC datetimes from Asterisk's events; None: not yet.

    ``number`` is the other party's number as the phone knows it. ``digits`` are the DTMF digits that have
    arrived at this phone. ``cause`` is the Q.850 cause it ended with. ``heard`` is the WAV file (16 kHz) of
    what this phone heard since ``kept_at``, once the call has ended, if `keep` asked for it; it goes with the
    lab.
    """

    def __init__(self, phone: Phone, channel_id: str, number: str, play: str | Path | None = None) -> None:
        self.phone = phone
        self.id = channel_id
        self.number = number
        self.ringing_at: datetime | None = None
        self.answered_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.cause: int | None = None
        self.cause_text = ""
        self.digits = ""
        self.kept_at: datetime | None = None
        self.heard: Path | None = None
        self._ari = phone.phones.ari
        self._changed = asyncio.Condition()
        self._play_at_answer = play
        self._in_stasis = False
        self._playing = ""
        self._tone_on = False
        self._recording = ""
        self._snooping = False
        self._refused = ""
        self._recorded = False

    def __repr__(self) -> str:
        state = "ended" if self.ended_at else "up" if self.answered_at else "ringing"
        return f"<PhoneCall {self.phone.number} with {self.number}, {state}, {self.id}>"

    # ---- what happens

    async def ringing(self, timeout_s: float = ANSWER_S) -> None:
        """Return when the other party rings. Raises `LabTimeout`."""
        await self.until(lambda: self.ringing_at is not None, timeout_s, "ring")

    async def answered(self, timeout_s: float = ANSWER_S) -> None:
        """Return when the call is answered and ready to be acted on. Raises `LabTimeout`, also if it ends."""
        await self.until(lambda: self._is_up() or self.ended_at is not None, timeout_s, "be answered")
        if not self._is_up():
            raise LabTimeout(f"{self!r} was not answered: {self.cause} {self.cause_text}")

    async def ended(self, timeout_s: float = END_S) -> None:
        """Return when the call is over and what was heard is in its file. Raises `LabTimeout`."""
        await self.until(lambda: self.ended_at is not None, timeout_s, "end")
        if self._recording:
            await self.until(lambda: self._recorded, timeout_s, "have its recording closed")
            self.heard = self.heard or self._kept_file().rename(self._kept_file().with_suffix(".wav"))

    async def until(self, true: Callable[[], bool], timeout_s: float, what: str = "be as asked") -> None:
        """Return when ``true()``, which is looked at after each event. Raises `LabTimeout`."""
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(true)
        except TimeoutError:
            raise LabTimeout(f"{self!r} did not {what} within {timeout_s} s.") from None

    async def heard_digits(self, digits: str, timeout_s: float = 5.0) -> None:
        """Return when these DTMF digits have arrived at this phone. Raises `LabTimeout`."""
        await self.until(lambda: digits in self.digits, timeout_s, f"hear {digits}, but '{self.digits}'")

    def heard_so_far(self) -> Samples:
        """The samples (16 kHz) kept up to now; while the call goes on about the latest second is missing."""
        path = self.heard or self._kept_file()
        data = path.read_bytes()[WAV_HEADER_BYTES:] if path.exists() else b""
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2") / 32768

    async def hears(self, hz: float, timeout_s: float = 15.0, seconds: float = 0.4) -> None:
        """Return when the latest that was kept is all this tone; `keep` must be on. Raises `LabTimeout`."""
        await self._hear(lambda samples: has_tone(samples, HEARD_HZ, hz), timeout_s, seconds, f"{hz} Hz")

    async def has_heard(self, hz: float, since: int, timeout_s: float = 15.0) -> None:
        """Return when the tone is in what was kept from the sample ``since`` on. Raises `LabTimeout`.

        What is kept comes in pieces of a second: the latest that there is may be from before all that is
        played now.
        """
        await self._hear(
            lambda samples: bool(tone_found(samples[since:], HEARD_HZ, hz)), timeout_s, None, f"{hz} Hz"
        )

    async def hears_nothing(self, timeout_s: float = 15.0, seconds: float = 0.4) -> None:
        """Return when the latest that was kept is silence; `keep` must be on. Raises `LabTimeout`."""
        await self._hear(lambda samples: bool(abs(samples).max() < SILENCE), timeout_s, seconds, "nothing")

    # ---- what a person does

    async def answer(self, play: str | Path | None = None) -> None:
        """Answer a ringing call, and `play` at once if asked to."""
        self._play_at_answer = play
        await self._act("answer")
        await self.answered()

    async def reject(self, busy: bool = False) -> None:
        """Turn a ringing call away: declined, or busy here (486)."""
        await self._ari.delete(f"/channels/{self.id}", reason="busy" if busy else "rejected")

    async def hangup(self) -> None:
        """Hang up; `ended` tells when it is over. Harmless if it is already."""
        await self._ari.delete(f"/channels/{self.id}")

    async def play(self, what: str | Path = TONE) -> None:
        """Play the phone's tone for as long as the call lasts, or once an audio file Asterisk can read."""
        await self.stop_playing()
        if what == TONE:
            await self._act("moh", mohClass=self.phone.tone_class)
            self._tone_on = True
            return
        self._playing = await self.phone.phones.play_file(self.id, Path(what))

    async def stop_playing(self) -> None:
        """Be silent. Harmless if nothing is played."""
        if self._tone_on:
            await self._ari.delete(f"/channels/{self.id}/moh")
            self._tone_on = False
        if self._playing:
            await self.phone.phones.stop_file(self.id, self._playing)
            self._playing = ""

    async def dtmf(self, digits: str, length_ms: int = 100, between_ms: int = 60) -> None:
        """Send digits (RFC 4733). Returns before they have been sent; `play` goes on."""
        await self._act("dtmf", dtmf=digits, duration=length_ms, between=between_ms)

    async def hold(self) -> None:
        """Put the other party on hold with a re-INVITE, and be silent."""
        if self._tone_on:
            await self._ari.delete(f"/channels/{self.id}/moh")
        await self._control_file("pause")
        await self._act("hold")

    async def unhold(self) -> None:
        """Take the other party back, and play on what was played."""
        await self._ari.delete(f"/channels/{self.id}/hold")
        await self._control_file("unpause")
        if self._tone_on:
            await self._act("moh", mohClass=self.phone.tone_class)

    async def transfer(self, number: str) -> None:
        """Send the other party to a number: REFER (RFC 3515). Returns at once; see `transferred`."""
        await self._refer(f"sip:{number}@{self.phone.phones.pbx_address}")

    async def forward(self, number: str) -> None:
        """Send a ringing call to another number: 302 (RFC 3261, 21.3.3)."""
        await self._refer(f"sip:{number}@{self.phone.phones.pbx_address}")

    async def reinvite(self, codec: str) -> None:
        """Renew the session with a re-INVITE that offers only this codec: ``alaw``, ``ulaw``, ``g722``."""
        await self._set(OFFER, f"!all,{codec}")
        await self._set("PJSIP_SEND_SESSION_REFRESH()", "invite")

    async def attended_transfer(self, consultation: PhoneCall) -> None:
        """Connect the other party with that of ``consultation``: REFER with Replaces (RFC 3891).

        Returns at once; both calls end when it has succeeded, see `transferred`.
        """
        replaces = quote(await consultation.replaces(), safe="")
        await self._refer(f"sip:{consultation.number}@{self.phone.phones.pbx_address}?Replaces={replaces}")

    async def replaces(self) -> str:
        """What asks the PBX to put another in the place of this phone (RFC 3891)."""
        call_id, local, remote = [await self.sip(name) for name in ("call-id", "local_tag", "remote_tag")]
        # section 3: the tags are as the one who is asked sees them, so its to-tag is our remote one
        return f"{call_id};to-tag={remote};from-tag={local}"

    async def transferred(self, timeout_s: float = ANSWER_S) -> None:
        """Return when the transfer has succeeded and this call has ended. Raises `LabError` if refused."""
        await self.until(
            lambda: bool(self._refused) or self.ended_at is not None, timeout_s, "be transferred"
        )
        if self._refused:
            raise LabError(f"{self!r}: the PBX refused the transfer: {self._refused}")

    async def record_key(self, on: bool) -> str:
        """Press the phone's record key: INFO with ``Record: on`` or ``off``, as desk phones send it.

        Returns the PBX's status line. Afterwards the other party has to hang up: the phone's own requests
        are numbered below this one.
        """
        call_id, local, remote = [await self.sip(name) for name in ("call-id", "local_tag", "remote_tag")]
        host, _, port = self.phone.phones.pbx_address.partition(":")
        request = (
            f"INFO sip:{self.number}@{host}:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:5;rport;branch=z9hG4bK-record-{on}-{local}",
            "Max-Forwards: 70",
            f"From: <sip:{self.phone.number}@{host}>;tag={local}",
            f"To: <sip:{self.number}@{host}>;tag={remote}",
            f"Call-ID: {call_id}",
            f"CSeq: {RECORD_KEY_CSEQ + (not on)} INFO",
            f"Record: {'on' if on else 'off'}",
            "Content-Length: 0",
        )
        return await asyncio.to_thread(_ask_udp, host, int(port), "\r\n".join((*request, "", "")))

    async def keep(self) -> None:
        """Keep what this phone hears from now on, see `heard`."""
        name = f"heard-{self.id}"
        self._recording = name
        await self._act("snoop", spy="in", app=self.phone.phones.app, snoopId=name)
        # until the snoop's own StasisStart has come, record answers 409
        await self.until(lambda: self._snooping, KEEP_S, "be snooped")
        await self._ari.post(f"/channels/{name}/record", name=name, format=HEARD_FORMAT, ifExists="fail")

    async def source(self) -> int:
        """The source of the audio that this phone is sent: the SSRC (RFC 3550, 8) of the latest packet."""
        answer = await self._ari.get(f"/channels/{self.id}/rtp_statistics")
        return int(answer["remote_ssrc"])

    async def sip(self, item: str) -> str:
        """A PJSIP fact of the channel: ``call-id``, ``local_tag``, ``remote_uri``, ..."""
        answer = await self._ari.get(f"/channels/{self.id}/variable", variable=f"CHANNEL(pjsip,{item})")
        return str(answer["value"])

    # ---- what Asterisk tells

    async def event(self, event: Json) -> None:
        """Take in an event of this call's channel, or of the snoop and recording of what it hears."""
        at = datetime.fromisoformat(event["timestamp"])
        match event["type"]:
            case "ChannelStateChange" if _state(event) == (self.id, "Ringing"):
                self.ringing_at = self.ringing_at or at
            case "ChannelStateChange" if _state(event) == (self.id, "Up"):
                self.answered_at = self.answered_at or at
            case "StasisStart" if event["channel"]["id"] == self.id:
                self._in_stasis = True
                self._refused = event["args"][1] if event["args"][0] == "refused" else ""
            case "StasisStart":
                self._snooping = True
            case "ChannelDtmfReceived":
                self.digits += event["digit"]
            case "RecordingStarted":
                self.kept_at = at
            case "RecordingFinished" | "RecordingFailed":
                self._recorded = True
            case "ChannelDestroyed" if event["channel"]["id"] == self.id:
                self.ended_at, self.cause, self.cause_text = at, event["cause"], event["cause_txt"]
        if self._play_at_answer is not None and self._is_up():
            self.phone.phones.begin(self.play(self._play_at_answer))
            self._play_at_answer = None
        await self._tell()

    async def gone(self) -> None:
        """The channel does not exist any more; if its end has not been told, it will not be."""
        self.ended_at = self.ended_at or datetime.now(UTC)
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _hear(
        self, true: Callable[[Samples], bool], timeout_s: float, seconds: float | None, what: str
    ) -> None:
        """Wait for what is true of the latest ``seconds``, or of all that was kept.

        A file that grows tells nobody, so it is looked at again and again; heard only when it has grown.
        """
        enough = round(seconds * HEARD_HZ) if seconds else 0
        known, samples = 0, self.heard_so_far()
        at_first = len(samples)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    samples = self.heard_so_far()
                    if len(samples) > known:
                        known = len(samples)
                        if known >= enough and true(samples[-enough:]):
                            return
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise LabTimeout(
                f"{self!r} did not hear {what} in {timeout_s} s. It kept {len(samples) / HEARD_HZ:.2f} s, "
                f"{(len(samples) - at_first) / HEARD_HZ:.2f} s of them meanwhile; "
                f"the latest is {loudest(samples[-HEARD_HZ:], HEARD_HZ)}."
            ) from None

    def _kept_file(self) -> Path:
        return self.phone.phones.asterisk.spool / f"{self._recording}.{HEARD_FORMAT}"

    def _is_up(self) -> bool:
        return self._in_stasis and self.answered_at is not None

    async def _act(self, operation: str, **query: Any) -> None:
        await self._ari.post(f"/channels/{self.id}/{operation}", **query)

    async def _refer(self, uri: str) -> None:
        """The dialplan refers, waits for the last NOTIFY and hangs up, as a phone does."""
        self._refused = ""
        await self._set("REFER_TO", uri)
        await self._act("continue", context="refer", extension="s", priority=1)

    async def _control_file(self, operation: str) -> None:
        if self._playing:
            path = f"/playbacks/{self._playing}/control"
            await self._ari.request("POST", path, missing_ok=True, operation=operation)

    async def _set(self, variable: str, value: str) -> None:
        await self._act("variable", variable=variable, value=value)


def _state(event: Json) -> tuple[str, str]:
    return event["channel"]["id"], event["channel"]["state"]


def _ask_udp(host: str, port: int, request: str) -> str:
    """Send a SIP request; the status line of the answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(KEEP_S)
        udp.sendto(request.encode(), (host, port))
        return udp.recv(65535).decode().partition("\r\n")[0]
