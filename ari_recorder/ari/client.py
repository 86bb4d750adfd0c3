"""Asterisk's REST interface: one typed method per operation.

Parameters have the names of Asterisk's Swagger documents, in snake case. Every method raises an
`AriError`: `AriNotFound` (404), `AriConflict` (409, 412), `AriUnauthorized` (401, 403), `AriUnreachable` (no
answer in time, or the connection was refused or lost: then it is unknown whether Asterisk did it),
`AriRefused` (anything else).
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Self

from ari_recorder.ari._operations import Value
from ari_recorder.ari._transport import Transport
from ari_recorder.ari.resources import (
    Application,
    AsteriskInfo,
    AsteriskPing,
    Bridge,
    Channel,
    Endpoint,
    LiveRecording,
    Module,
    Playback,
    StoredRecording,
    Variable,
)

Direction = Literal["none", "both", "out", "in"]
"""Of a snoop: ``in`` is what the channel's party says, ``out`` what it hears."""


class Ari:
    """One Asterisk's REST interface, over at most ``connections`` kept-alive connections.

    What begins and ends recordings has as many of its own: it never waits behind anything else. ``url`` is
    the base address without ``/ari``. A request may take ``timeout_s`` seconds, waiting for a free connection
    included. ``pbx`` names this Asterisk in metrics. Use it with ``async with``, or `close` it.
    """

    def __init__(
        self,
        *,
        url: str,
        username: str,
        password: str,
        app: str,
        timeout_s: float = 5.0,
        connections: int = 16,
        pbx: str = "main",
    ) -> None:
        self.app = app
        self.pbx = pbx
        self._http, self._at_once = (
            Transport(
                url=url,
                username=username,
                password=password,
                timeout_s=timeout_s,
                connections=connections,
                pbx=pbx,
            )
            for _ in range(2)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; later requests raise `AriUnreachable`."""
        await self._http.close()
        await self._at_once.close()

    # Asterisk itself

    async def info(self) -> AsteriskInfo:
        """What Asterisk says of itself: version, settings, since when it runs."""
        return await self._http.ask("info", AsteriskInfo, "Asterisk")

    async def ping(self) -> AsteriskPing:
        """Asterisk's clock, by which its events are timed."""
        return await self._http.ask("ping", AsteriskPing, "Asterisk")

    async def modules(self) -> list[Module]:
        """Every module Asterisk has loaded."""
        return await self._http.ask("modules", list[Module], "Asterisk")

    async def module(self, module_name: str) -> Module:
        """One module, such as ``res_ari_recordings.so``."""
        return await self._http.ask("module", Module, module_name, {"moduleName": module_name})

    async def variable(self, variable: str) -> str:
        """The value of a global variable, empty if it has none."""
        return (await self._http.ask("variable", Variable, variable, {}, {"variable": variable})).value

    async def set_variable(self, variable: str, value: str) -> None:
        """Set a global variable."""
        query = {"variable": variable, "value": value}
        await self._http.ask("set_variable", None, variable, {}, query)

    async def unset_variable(self, variable: str) -> None:
        """Remove a global variable, if there is such a one."""
        await self._http.ask("unset_variable", None, variable, {}, {"variable": variable})

    # Channels

    async def channels(self) -> list[Channel]:
        """Every channel there is."""
        return await self._http.ask("channels", list[Channel], "Asterisk")

    async def channel(self, channel_id: str) -> Channel:
        """One channel."""
        return await self._http.ask("channel", Channel, channel_id, {"channelId": channel_id})

    async def channel_variable(self, channel_id: str, variable: str) -> str:
        """The value of a channel variable or dialplan function; `AriNotFound` if it has none."""
        target = f"{variable} of {channel_id}"
        path = {"channelId": channel_id}
        query = {"variable": variable}
        return (await self._http.ask("channel_variable", Variable, target, path, query)).value

    async def set_channel_variable(self, channel_id: str, variable: str, value: str) -> None:
        """Set a channel variable, or a dialplan function such as ``TIMEOUT(absolute)``."""
        query = {"variable": variable, "value": value}
        target = f"{variable} of {channel_id}"
        await self._http.ask("set_channel_variable", None, target, {"channelId": channel_id}, query)

    async def create_channel(
        self, channel_id: str, *, endpoint: str, originator: str, app_args: str = ""
    ) -> Channel:
        """Make a channel ``channel_id`` to ``endpoint`` (``PJSIP/102``), which enters this application.

        It calls nobody before `dial`, and belongs to the call of the channel ``originator``. `AriRefused`
        (500) if the endpoint does not exist or cannot be reached, `AriConflict` if the id is taken.
        """
        query: dict[str, Value] = {"endpoint": endpoint, "app": self.app, "appArgs": app_args}
        query |= {"channelId": channel_id, "originator": originator}
        return await self._http.ask("create_channel", Channel, endpoint, {}, query)

    async def dial(self, channel_id: str, *, caller: str, timeout_s: int) -> None:
        """Call what a created channel leads to, and hang up (cause 19) if nobody answers in time."""
        query: dict[str, Value] = {"caller": caller, "timeout": timeout_s}
        await self._http.ask("dial", None, channel_id, {"channelId": channel_id}, query)

    async def answer(self, channel_id: str) -> None:
        """Answer a channel in the application; one that is up stays so."""
        await self._http.ask("answer", None, channel_id, {"channelId": channel_id})

    async def snoop(
        self,
        channel_id: str,
        *,
        snoop_id: str,
        spy: Direction,
        whisper: Direction = "none",
        app_args: str = "",
    ) -> Channel:
        """Listen or whisper to a channel: a new channel ``snoop_id``, which enters this application.

        It cannot be recorded or played to before its `StasisStart` (`AriConflict`), which comes before or
        after this returns. A ``snoop_id`` that exists already is refused (`AriRefused`, 500).
        """
        path = {"channelId": channel_id, "snoopId": snoop_id}
        query = {"app": self.app, "appArgs": app_args, "spy": spy, "whisper": whisper}
        return await self._http.ask("snoop", Channel, channel_id, path, query)

    async def record(self, channel_id: str, *, name: str, format: str) -> LiveRecording:
        """Record a channel in the application into Asterisk's recording folder as ``name``.``format``.

        Without beep, end key or limit. `AriConflict` if the name is taken, `AriRefused` (422) if the
        format is unknown, (500) if the recording folder does not exist.
        """
        query: dict[str, Value] = {"name": name, "format": format, "ifExists": "fail", "beep": False}
        query |= {"terminateOn": "none", "maxSilenceSeconds": 0, "maxDurationSeconds": 0}
        target = f"{channel_id} as {name}.{format}"
        return await self._at_once.ask("record", LiveRecording, target, {"channelId": channel_id}, query)

    async def play(
        self, channel_id: str, *, playback_id: str, media: Sequence[str], lang: str = ""
    ) -> Playback:
        """Play media, such as ``["sound:beep"]``, one after the other to a channel in the application."""
        path = {"channelId": channel_id, "playbackId": playback_id}
        query: dict[str, Value] = {"media": [media] if isinstance(media, str) else media}
        query |= {"lang": lang} if lang else {}
        return await self._http.ask("play", Playback, channel_id, path, query)

    async def stop_playback(self, playback_id: str) -> None:
        """Stop a playback; `AriNotFound` if it is over."""
        await self._http.ask("stop_playback", None, playback_id, {"playbackId": playback_id})

    async def continue_in_dialplan(self, channel_id: str) -> None:
        """Let a channel leave the application and go on at the next step of the dialplan."""
        await self._http.ask("continue_in_dialplan", None, channel_id, {"channelId": channel_id})

    async def hangup(self, channel_id: str, cause: int | None = None) -> None:
        """Hang a channel up, with a Q.850 ``cause`` that its party is told.

        For a snoop Asterisk answers at the target's next frame: do not wait for it.
        """
        query: dict[str, Value] = {} if cause is None else {"reason_code": cause}
        await self._http.ask("hangup", None, channel_id, {"channelId": channel_id}, query)

    # Bridges

    async def create_bridge(self, bridge_id: str, *, type: str = "mixing,dtmf_events") -> Bridge:
        """Make a bridge; `AriConflict` if it is there already."""
        return await self._http.ask(
            "create_bridge", Bridge, bridge_id, {"bridgeId": bridge_id}, {"type": type}
        )

    async def bridges(self) -> list[Bridge]:
        """Every bridge there is."""
        return await self._http.ask("bridges", list[Bridge], "Asterisk")

    async def bridge(self, bridge_id: str) -> Bridge:
        """One bridge."""
        return await self._http.ask("bridge", Bridge, bridge_id, {"bridgeId": bridge_id})

    async def add_to_bridge(self, bridge_id: str, channel_ids: Sequence[str]) -> None:
        """Put channels in the application into a bridge."""
        path, query = {"bridgeId": bridge_id}, {"channel": channel_ids}
        await self._http.ask("add_to_bridge", None, bridge_id, path, query)

    async def destroy_bridge(self, bridge_id: str) -> None:
        """Destroy a bridge; the channels in it stay in the application."""
        await self._http.ask("destroy_bridge", None, bridge_id, {"bridgeId": bridge_id})

    # Recordings

    async def live_recording(self, recording_name: str) -> LiveRecording:
        """A recording being made; `AriNotFound` if it is over."""
        path = {"recordingName": recording_name}
        return await self._http.ask("live_recording", LiveRecording, recording_name, path)

    async def stop_recording(self, recording_name: str) -> None:
        """End a recording and keep its file; `AriNotFound` if it is over."""
        await self._at_once.ask("stop_recording", None, recording_name, {"recordingName": recording_name})

    async def stored_recordings(self) -> list[StoredRecording]:
        """The files in Asterisk's recording folder, those that still grow included."""
        return await self._http.ask("stored_recordings", list[StoredRecording], "Asterisk")

    async def delete_stored_recording(self, recording_name: str) -> None:
        """Delete a file from Asterisk's recording folder."""
        path = {"recordingName": recording_name}
        await self._http.ask("delete_stored_recording", None, recording_name, path)

    # Endpoints and this application

    async def endpoints(self) -> list[Endpoint]:
        """Every endpoint Asterisk has in memory."""
        return await self._http.ask("endpoints", list[Endpoint], "Asterisk")

    async def endpoint(self, tech: str, resource: str) -> Endpoint:
        """One endpoint: ``endpoint("PJSIP", "101")``."""
        path = {"tech": tech, "resource": resource}
        return await self._http.ask("endpoint", Endpoint, f"{tech}/{resource}", path)

    async def application(self) -> Application:
        """This application's subscriptions; `AriNotFound` before its event socket was first connected."""
        return await self._http.ask("application", Application, self.app, self._app_path)

    async def subscribe(self, event_sources: Sequence[str]) -> Application:
        """Subscribe to sources such as ``endpoint:PJSIP/101`` or ``channel:ID``, 128 at most.

        If one does not exist, Asterisk refuses them all (`AriRefused`, 422). For many endpoints see
        `subscribe_endpoints`.
        """
        query, sources = {"eventSource": event_sources}, _several(event_sources)
        return await self._http.ask("subscribe", Application, sources, self._app_path, query)

    async def unsubscribe(self, event_sources: Sequence[str]) -> Application:
        """Take subscriptions back; `AriRefused` (422) if there was none."""
        query, sources = {"eventSource": event_sources}, _several(event_sources)
        return await self._http.ask("unsubscribe", Application, sources, self._app_path, query)

    async def set_event_filter(self, event_types: Sequence[str]) -> Application:
        """Have Asterisk send only these types, such as `EVENT_TYPES`; none at all means every type."""
        body = {"allowed": [{"type": kind} for kind in event_types]}
        return await self._http.ask("set_event_filter", Application, self.app, self._app_path, body=body)

    @property
    def _app_path(self) -> dict[str, str]:
        return {"applicationName": self.app}


def _several(event_sources: Sequence[str]) -> str:
    more = len(event_sources) - 3
    return ", ".join(event_sources[:3]) + (f" and {more} more" if more > 0 else "")
