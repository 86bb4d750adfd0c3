"""People at the lab's phones who answer when they are called, and talk for as long as the call lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import soundfile as sf

from lab.ari import Ari
from lab.call import PhoneCall
from lab.errors import LabError
from lab.lab import Lab
from lab.people import USERS, User
from lab.phones import Phone

AFTER_S = 1.5
BETWEEN_S = 10.0
"""To let the other speak."""


class Answering:
    """``async with``: every lab phone answers and says its line (``said``, by number), again and again.

    Where somebody else has registered as that user, in the browser or with a phone of their own, the call is
    left to them.
    """

    def __init__(self, lab: Lab, said: Mapping[str, Path]) -> None:
        self._lab = lab
        self._said = said
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Answering:
        for user in USERS:
            self._begin(self._wait(self._lab.phones[user.number], user))
        for number in self._said.keys() - {user.number for user in USERS}:
            self._begin(self._wait(self._lab.outside(number), None))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (tasks := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wait(self, phone: Phone, user: User | None) -> None:
        while True:
            call = await phone.ringing.get()
            if user is None or not await self._is_elsewhere(user):
                self._begin(self._talk(call))

    async def _talk(self, call: PhoneCall) -> None:
        sound = self._said[call.phone.number]
        try:
            await asyncio.sleep(AFTER_S)
            await call.answer()
            while call.ended_at is None:
                await call.play(sound)
                await asyncio.sleep(sf.info(sound).duration + BETWEEN_S)
        except LabError:
            return  # it has ended meanwhile

    async def _is_elsewhere(self, user: User) -> bool:
        """Whether more than the lab's own phone is registered as that user."""
        pbx = self._lab.pbx
        async with Ari(pbx.http_url, pbx.ari_user, pbx.ari_password) as ari:
            contacts = [
                (await ari.get("/asterisk/variable", variable=f"PJSIP_DIAL_CONTACTS({account})"))["value"]
                for account in (user.number, user.browser_account)
            ]
        return sum(len(one.split("&")) for one in contacts if one) > 1
