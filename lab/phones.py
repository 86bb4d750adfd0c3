"""The phones: a second Asterisk, driven through its ARI, with one SIP account per user and a trunk."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import zlib
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from lab.ari import Ari, Json
from lab.asterisk import LabAsterisk
from lab.call import OFFER, TONE, PhoneCall
from lab.errors import LabError, LabTimeout
from lab.people import USERS
from lab.tones import frequency_hz

APP = "phones"
RING_S = 60


class Phone:
    """One phone: a user's, registered at the PBX, or any outside number, behind the trunk."""

    def __init__(self, phones: Phones, number: str, account: str) -> None:
        self.phones = phones
        self.number = number
        self.account = account
        self.tone_hz = frequency_hz(number)
        self.tone_class = f"tone-{self.tone_hz}"
        self.ringing: asyncio.Queue[PhoneCall] = asyncio.Queue()

    async def call(
        self,
        number: str,
        play: str | Path | None = None,
        codec: str = "",
        *,
        instead_of: PhoneCall | None = None,
        withheld: bool = False,
    ) -> PhoneCall:
        """Call a number; returns at once. ``play`` (`PhoneCall.play`) begins when it is answered.

        ``codec`` is offered alone; without, the phone's own. ``instead_of`` another phone, which rings with
        it or has it, this one takes a call: INVITE with Replaces (RFC 3891). ``withheld``: the caller
        does not want to be shown (RFC 3325).
        """
        call = self.phones.new_call(self, number, play)
        variables = {OFFER: f"!all,{codec}"} if codec else {}
        if instead_of is not None:
            variables["PJSIP_HEADER(add,Replaces)"] = await instead_of.replaces()
        if withheld:
            variables["PJSIP_HEADER(add,Privacy)"] = "id"
            who = f"<sip:{self.number}@{self.phones.pbx_address}>"
            variables["PJSIP_HEADER(add,P-Asserted-Identity)"] = who
        await self.phones.ari.post(
            f"/channels/{call.id}",
            {"variables": variables},
            endpoint=f"PJSIP/{number}@{self.account}",
            callerId=self.number,
            timeout=RING_S,
            app=self.phones.app,
            appArgs="outgoing",
        )
        await self.phones.subscribe(call)
        return call

    async def incoming(self, timeout_s: float = 5.0) -> PhoneCall:
        """The next call that rings at this phone, or has rung and not been asked for. Raises `LabTimeout`."""
        try:
            return await asyncio.wait_for(self.ringing.get(), timeout_s)
        except TimeoutError:
            raise LabTimeout(f"No call came to {self.number} in {timeout_s} s.") from None

    async def auto_answer(self, after_s: float = 0.0, play: str | None = TONE) -> None:
        """From now on answer by itself and play the phone's tone (None: be silent).

        The phones' dialplan does it, at little cost; `incoming` does not see these calls.
        """
        self.phones.auto_answering.add(self)
        await self.phones.set_global(f"AUTO_PLAY_{self.number}", self.tone_class if play == TONE else "")
        await self.phones.set_global(f"AUTO_ANSWER_{self.number}", str(after_s))

    async def manual_answer(self) -> None:
        """From now on ring and wait to be answered, as at the start."""
        self.phones.auto_answering.discard(self)
        await self.phones.set_global(f"AUTO_ANSWER_{self.number}", "")


class Phones:
    """All phones, and the one event socket that tells what happens to them; bound to the running loop."""

    def __init__(self, asterisk: LabAsterisk, pbx_address: str) -> None:
        self.app = APP
        self.asterisk = asterisk
        self.pbx_address = pbx_address
        self.ari = Ari(asterisk.http_url, asterisk.ari_user, asterisk.ari_password)
        self._outside: dict[str, Phone] = {}
        self._users = {user.number: Phone(self, user.number, user.number) for user in USERS}
        self._calls: dict[str, PhoneCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ids = count(1)
        self._name = secrets.token_hex(6)  # what earlier phones have recorded is still there, under theirs
        self.auto_answering: set[Phone] = set()

    def __getitem__(self, number: str) -> Phone:
        """The phone of a user; raises KeyError if there is no such user."""
        return self._users[number]

    def __contains__(self, number: str) -> bool:
        """Whether there is a user of this number."""
        return number in self._users

    def outside(self, number: str) -> Phone:
        """The phone of an outside number, as the trunk has it: national, ``0812345678``."""
        if number not in self._outside:
            self._outside[number] = Phone(self, number, "trunk")
        return self._outside[number]

    def new_call(self, phone: Phone, number: str, play: str | Path | None = None) -> PhoneCall:
        """A call that is about to be made, known by its channel id before the channel exists."""
        call = PhoneCall(phone, f"phone-{phone.number}-{next(self._ids)}-{self._name}", number, play)
        self._calls[call.id] = call
        return call

    def calls(self) -> Iterable[PhoneCall]:
        """The calls that are not over."""
        return [call for call in self._calls.values() if call.ended_at is None]

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the reading of events; a call that has just ended is no error."""

        async def forgiving() -> None:
            with suppress(LabError):
                await work

        task = asyncio.create_task(forgiving())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def connect(self) -> None:
        """Open the event socket; returns when it is open."""
        await self.ari.__aenter__()
        connected = asyncio.Event()
        reader = asyncio.create_task(self._read(connected))
        self._tasks.add(reader)
        waiting = asyncio.create_task(connected.wait())
        await asyncio.wait({reader, waiting}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        if not connected.is_set():
            reason = reader.exception() if reader.done() else None
            raise LabError("The phones' event socket could not be opened.") from reason

    async def disconnect(self) -> None:
        """Hang up every call of the phones, let none answer by itself, and close the socket."""
        try:
            for phone in list(self.auto_answering):
                await phone.manual_answer()
            for channel in await self.ari.get("/channels"):
                await self.ari.delete(f"/channels/{channel['id']}")
        finally:
            for task in (tasks := list(self._tasks)):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.ari.__aexit__()

    async def subscribe(self, call: PhoneCall) -> None:
        """Be told what happens to a channel also while it is not in the application, and of its end."""
        try:
            await self.ari.post(f"/applications/{self.app}/subscription", eventSource=f"channel:{call.id}")
        except LabError:
            await call.gone()

    async def set_global(self, name: str, value: str) -> None:
        """Set a global variable of the phones' dialplan."""
        await self.ari.post("/asterisk/variable", variable=name, value=value)

    async def play_file(self, channel_id: str, path: Path) -> str:
        """Play a file to a channel through a bridge of its own, so that DTMF and hold work meanwhile.

        Returns the id of the bridge and of the playback.
        """
        sound = await asyncio.to_thread(self._bring, path)
        bridge = f"play-{channel_id}-{next(self._ids)}"
        await self.ari.post(f"/bridges/{bridge}", type="mixing")
        await self.ari.post(f"/bridges/{bridge}/addChannel", channel=channel_id)
        await self.ari.post(f"/bridges/{bridge}/play", media=f"sound:{sound}", playbackId=bridge)
        return bridge

    def _bring(self, path: Path) -> str:
        """Copy a file to where the chrooted Asterisk can read it; its name there, without the suffix."""
        sounds = self.asterisk.folder / "sounds"
        sounds.mkdir(exist_ok=True)
        name = f"{zlib.crc32(str(path.resolve()).encode()):08x}-{path.stat().st_mtime_ns}"
        if not (copy := sounds / f"{name}{path.suffix}").exists():
            half = sounds / f"{name}-{next(self._ids)}{path.suffix}"
            shutil.copy(path, half)
            half.rename(copy)  # another call may be about to play it
        return self.asterisk.inside(sounds / name)

    async def stop_file(self, channel_id: str, bridge: str) -> None:
        """End what `play_file` began."""
        await self.ari.request(
            "POST", f"/bridges/{bridge}/removeChannel", missing_ok=True, channel=channel_id
        )
        await self.ari.delete(f"/bridges/{bridge}")

    async def _read(self, connected: asyncio.Event) -> None:
        async for event in self.ari.events(self.app):
            if event["type"] == "Connected":
                connected.set()
            else:
                await self._take(event)

    async def _take(self, event: Json) -> None:
        if event["type"] == "StasisStart" and event["args"][:1] == ["incoming"]:
            self.begin(self._ring(self._incoming(event)))
        subject = event.get("channel") or {}
        recording = event.get("recording") or {}
        call_id = subject.get("id") or recording.get("name", "")
        if call := self._calls.get(call_id.removeprefix("heard-")):
            await call.event(event)

    def _incoming(self, event: Json) -> PhoneCall:
        channel, number = event["channel"], event["args"][1]
        caller = channel["caller"]["number"]
        call = PhoneCall(self._users.get(number) or self.outside(number), channel["id"], caller)
        self._calls[call.id] = call
        return call

    async def _ring(self, call: PhoneCall) -> None:
        await self.subscribe(call)
        call.phone.ringing.put_nowait(call)
        await self.ari.post(f"/channels/{call.id}/ring")
