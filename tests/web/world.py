"""People, recordings with real audio, a clock set by hand, and a client that signs in."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import io
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import numpy as np
from aiohttp.test_utils import TestClient
from argon2 import PasswordHasher

from ari_recorder.store import models
from ari_recorder.store.database import Store
from ari_recorder.store.places import columns as kept_as
from ari_recorder.store.safe import Safe
from ari_recorder.store.vault import key_for

PASSWORD = "correct horse battery"
AUDIO_S = 6
RATE_HZ = 16_000
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
ABSENT = UUID("3f2a0000-0000-4000-8000-00000000abcd")
"""An id that nothing has: always the same, since the processes of a run have to give tests the same names."""
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@functools.cache
def hashed(password: str) -> str:
    """A hash with its cost turned down, which is written in it, so that verifying is quick too."""
    return QUICK.hash(password)


@functools.cache
def opus() -> bytes:
    """Six seconds of Opus in Ogg: left speaks in the first half, right in the second."""
    file = io.BytesIO()
    t = np.arange(AUDIO_S * RATE_HZ) / RATE_HZ
    swell = np.abs(np.sin(2 * np.pi * 0.9 * t)) * 9000
    left = np.sin(2 * np.pi * 440 * t) * swell * (t < AUDIO_S / 2)
    right = np.sin(2 * np.pi * 660 * t) * swell * (t >= AUDIO_S / 2)
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE_HZ, layout="stereo")
        interleaved = np.stack((left, right), axis=1).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def peaks(buckets: int = 300) -> bytes:
    """The waveform of that, left and right in turn."""
    swell = np.abs(np.sin(np.linspace(0, 0.9 * AUDIO_S * 2 * np.pi, buckets))) * 70
    first = np.arange(buckets) < buckets / 2
    return np.stack((swell * first, swell * ~first), axis=1).astype(np.uint8).tobytes()


@dataclass
class World:
    """People and recordings, made straight in the tables."""

    store: Store
    safe: Safe
    folder: Path
    calls: int = 0
    ids: dict[str, UUID] = field(default_factory=dict)

    def organisation(self, name: str, **columns: Any) -> UUID:
        return self._create(models.Organisation, name=name, **columns)

    def user(self, login: str, organisation: UUID, password: str = PASSWORD, **columns: Any) -> UUID:
        values = {"name": login.title(), "mode": "always", "role": "user", **columns}
        made = self._create(
            models.User, organisation=organisation, login=login, password_hash=hashed(password), **values
        )
        self.ids[login] = made
        return made

    def recording(
        self, user: UUID, *, stored: bool = True, audio: bytes | None = None, **columns: Any
    ) -> UUID:
        """A recording of ``user``, with its file in the vault when ``stored``; each a minute older."""
        self.calls += 1
        began = columns.pop("started_at", NOON - timedelta(minutes=self.calls))
        made = models.new_id()
        if stored:
            columns = self._store(user, made, began, opus() if audio is None else audio) | columns
        return self.store.write_now(self._make, user, made, began, columns)

    def counterpart(self, recording: UUID, number: str, name: str, from_s: float, to_s: float | None) -> None:
        """Somebody took part in a recording's call; seconds from the recording's start."""
        self.store.write_now(self._meet, recording, number, name, from_s, to_s)

    def _meet(self, recording: UUID, number: str, name: str, from_s: float, to_s: float | None) -> None:
        row = models.Recording.get_by_id(recording)
        models.Counterpart.create(
            leg=row.leg_id, number=number, name=name, joined_at=row.started_at + timedelta(seconds=from_s),
            left_at=None if to_s is None else row.started_at + timedelta(seconds=to_s),
        )  # fmt: skip

    def change(self, model: Any, row: UUID, **columns: Any) -> None:
        self.store.write_now(lambda: model.update(**columns).where(model.id == row).execute())

    def delete_user(self, user: UUID) -> None:
        self.store.write_now(lambda: models.User.delete().where(models.User.id == user).execute())

    def _create(self, model: Any, **columns: Any) -> UUID:
        return UUID(str(self.store.write_now(lambda: model.create(**columns).id)))

    def _make(self, user: UUID, recording: UUID, began: datetime, columns: dict[str, Any]) -> UUID:
        owner = models.User.get_by_id(user)
        call = models.Call.create(
            organisation=owner.organisation, pbx="main", linkedid=f"{self.calls}.0", started_at=began
        )
        leg = models.Leg.create(
            call=call, organisation=owner.organisation, user=user, pbx="main", channel=f"{self.calls}.1",
            channel_name="PJSIP/101-1", direction="inbound", created_at=began, mode=owner.mode, state="ended",
            since=began,
        )  # fmt: skip
        values = {
            "mode": owner.mode, "kept": True, "direction": "inbound", "counterpart_number": "0812345678",
            "counterpart_name": "", "answered_at": began, "ordinal": 1, "state": "open",
        }  # fmt: skip
        row = models.Recording.create(
            id=recording, organisation=owner.organisation_id, user=user, leg=leg, started_at=began,
            **(values | columns),
        )  # fmt: skip
        models.Segment.create(
            recording=row, ordinal=1, name=f"segment-{self.calls}", format="wav16", began_at=began,
            ended_at=began + timedelta(seconds=AUDIO_S), offset_ms=0, duration_ms=AUDIO_S * 1000,
        )  # fmt: skip
        return recording

    def _store(self, user: UUID, recording: UUID, began: datetime, audio: bytes) -> dict[str, Any]:
        organisation = self.store.read_now(models.User.get_by_id, user).organisation_id
        source = self.folder / "source"
        source.write_bytes(audio)
        key = key_for(organisation, began, recording, ".ogg")
        kept = kept_as(self.safe.keep(organisation, recording, key, source))
        ended = began + timedelta(seconds=AUDIO_S)
        return {
            **kept, "state": "stored",
            "media_type": "audio/ogg", "sample_rate_hz": RATE_HZ, "duration_ms": AUDIO_S * 1000,
            "peaks": peaks(), "left_dbfs": -23.4, "right_dbfs": -25.0, "ended_at": ended, "stored_at": ended,
        }  # fmt: skip


@dataclass
class Clock:
    """A clock that is set by hand."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


class Browser:
    """A client with its own cookies that does not follow redirects, and knows how to sign in."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self.client = client

    def another(self) -> Browser:
        """Another browser on the same service."""
        return Browser(TestClient(self.client.server))

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def post(self, path: str, fields: Mapping[str, str], **options: Any) -> Answer:
        return await self.request("POST", path, data=dict(fields), **options)

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        options.setdefault("allow_redirects", False)
        async with self.client.request(method, path, **options) as response:
            return Answer(response.status, response.headers, await response.read(), response.cookies)

    async def form_token(self, path: str = "/sign-in") -> str:
        return token_in((await self.get(path)).text)

    def cookie(self, name: str) -> str:
        """What the browser keeps under that name; empty when it keeps nothing."""
        return next((cookie.value for cookie in self.client.session.cookie_jar if cookie.key == name), "")

    async def sign_in(self, login: str, password: str = PASSWORD, back: str = "/") -> Answer:
        fields = {"login": login, "password": password, "next": back, "form_token": await self.form_token()}
        return await self.post("/sign-in", fields)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: SimpleCookie = field(default_factory=SimpleCookie)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    def json(self) -> Any:
        return json.loads(self.body)


def token_in(text: str) -> str:
    """The token of a page's forms."""
    found = re.search(r'name="form_token" value="([^"]+)"', text)
    assert found, "no form"
    return found[1]


def only(table: Any) -> Any:
    """The one row of a table."""
    (row,) = table.select()
    return row


async def until(condition: Callable[[], Any], within_s: float = 10.0) -> None:
    """Wait for something to come true."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


NewBrowser = Callable[..., Awaitable[Browser]]
