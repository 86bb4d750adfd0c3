"""What only the doctor asks of Asterisk: its clock and its settings.

Apart from `ari_recorder.ari.Ari`, which has what recording needs, and in Asterisk's words as they come.
"""

from __future__ import annotations

from typing import Self, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from ari_recorder.ari.resources import AsteriskPing
from ari_recorder.config import Pbx
from ari_recorder.errors import AriRefused, AriUnreachable

T = TypeVar("T")


class _Setting(msgspec.Struct):
    attribute: str
    value: str


class _Variable(msgspec.Struct):
    value: str


class Inquiry:
    """Connections of their own to one Asterisk; `AriUnreachable` or `AriRefused` where it does not answer."""

    def __init__(self, pbx: Pbx, timeout_s: float) -> None:
        self._base = pbx.url.rstrip("/") + "/ari/asterisk"
        self._timeout_s = timeout_s
        self._session = aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(pbx.username, pbx.password, "utf-8")},
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            connector=aiohttp.TCPConnector(limit=pbx.connections),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def ping(self) -> AsteriskPing:
        """Asterisk's clock."""
        return _decoded("ping", await self._get("ping") or b"", AsteriskPing)

    async def settings(self, module: str, kind: str, name: str) -> dict[str, str] | None:
        """The settings of an object that ``module`` has read (``res_pjsip``, ``endpoint``, ``101``).

        None if Asterisk has no such object or does not tell: an older one does so for fewer modules.
        """
        path = "/".join(quote(part, safe="") for part in ("config", "dynamic", module, kind, name))
        answer = await self._get(path)
        if answer is None:
            return None
        return {one.attribute: one.value for one in _decoded(path, answer, list[_Setting])}

    async def variable(self, name: str) -> str:
        """A global variable, such as ``ASTSPOOLDIR``; empty if there is none."""
        answer = await self._get(f"variable?variable={quote(name, safe='')}")
        return "" if answer is None else _decoded(name, answer, _Variable).value

    async def _get(self, path: str) -> bytes | None:
        try:
            async with self._session.get(
                URL(f"{self._base}/{path}", encoded=True), allow_redirects=False
            ) as response:
                body = await response.read()
        except TimeoutError as error:
            raise AriUnreachable("ask", path, 0, f"no answer within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise AriUnreachable("ask", path, 0, str(error) or type(error).__name__) from error
        if response.status == 404:
            return None
        if response.status != 200:
            raise AriRefused("ask", path, response.status, body[:200].decode("utf-8", "replace"))
        return body


def _decoded(target: str, answer: bytes, wanted: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AriRefused("ask", target, 200, f"answer cannot be understood: {error}") from error
