"""The folders that an account sees now, kept for some seconds: clients ask for the same over and over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from ari_recorder.delivery.folders import File, Folder, folder
from ari_recorder.policies import delivery
from ari_recorder.store.database import Store
from ari_recorder.store.deliveries import view
from ari_recorder.store.deliveries.view import Terms

FRESH_S = 5.0
"""A folder that was made so short ago is as it is now: of thousands of recordings one takes a second."""
KEPT_S = 30.0
"""How long names that were listed are looked up in the same folder."""
TERMS_S = 2.0
"""How long it may take until somebody who has nothing any more gets nothing any more."""


@dataclass
class _Kept:
    folder: Folder
    made_s: float


@dataclass(frozen=True)
class Manifest:
    """A day's manifest, as a file."""

    folder: Folder


@dataclass(frozen=True)
class Day:
    """A folder of which only its name is known, and since when it is there."""

    name: str
    opened_at: datetime


Found = File | Manifest


class Listing:
    """What one organisation sees; sessions of the same account share it. Raises `StoreError`."""

    def __init__(self, store: Store, organisation: UUID, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._folders: dict[date, _Kept] = {}
        self._terms: tuple[Terms | None, float] | None = None
        self._turn = asyncio.Lock()
        self.organisation = organisation
        self.sessions = 0

    async def terms(self) -> Terms | None:
        """What holds now; None when nothing is handed over any more."""
        if self._terms is None or _seconds() - self._terms[1] > TERMS_S:
            before = self._terms and self._terms[0]
            found = await self._store.read(view.terms, self.organisation)
            if found != before:
                self._folders.clear()
            self._terms = found, _seconds()
        return self._terms[0]

    async def opened(self) -> list[Day]:
        """The same, as they are listed; what is in them is not looked at."""
        days, terms = await self.days(), await self.terms()
        if terms is None:
            return []
        zone = ZoneInfo(terms.zone)
        return [Day(day.isoformat(), delivery.window(day, zone).opens_at) for day in days]

    async def days(self) -> list[date]:
        """The days whose folders are there now, the oldest first."""
        terms = await self.terms()
        if terms is None:
            return []
        days = delivery.open_days(self._now(), ZoneInfo(terms.zone))
        for gone in self._folders.keys() - set(days):
            del self._folders[gone]
        return days

    async def folder(self, name: str, within_s: float = FRESH_S) -> Folder | None:
        """The folder of that name, made no longer ago than that; None if there is none now."""
        terms, days = await self.terms(), await self.days()
        day = next((day for day in days if day.isoformat() == name), None)
        if day is None or terms is None:
            return None
        async with self._turn:  # several sessions that ask for it wait for one to be made
            kept = self._folders.get(day)
            if kept is None or _seconds() - kept.made_s > within_s:
                kept = _Kept(await folder(self._store, terms, day), _seconds())
                self._folders[day] = kept
        return kept.folder

    async def names(self, folder: Folder) -> list[str]:
        """What is in a folder, in order; a manifest that was taken out of the view is not."""
        return [*folder.files, *([folder.manifest_name] if await self._shows_manifest(folder) else [])]

    async def find(self, folder_name: str, name: str) -> Found | None:
        """A file by its name; one that is not known is looked for in the folder as it is now."""
        for within_s in (KEPT_S, FRESH_S):
            found = await self.folder(folder_name, within_s)
            if found is None:
                return None
            if name in found.files:
                return found.files[name]
            if name == found.manifest_name and await self._shows_manifest(found):
                return Manifest(found)
        return None

    def forget(self) -> None:
        """What is in the folders has changed."""
        self._folders.clear()

    async def _shows_manifest(self, of: Folder) -> bool:
        terms = await self.terms()
        if terms is None or not terms.acknowledges:
            return True
        day = of.day.isoformat()
        gone = await self._store.read(view.acknowledged_manifests, self.organisation, [day])
        return gone.get(day, "") != of.manifest_sha256


def _seconds() -> float:
    return asyncio.get_running_loop().time()
