"""What Asterisk answers with: its resources as frozen typed objects.

Names and fields are those of Asterisk's Swagger documents (``rest-api/*.json``, also served under
``/ari/api-docs/``); a test holds the two together. Fields this package does not use are left out, and
unknown fields are ignored. A field that an older supported Asterisk may leave out has a default.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

RECORDING_STATES = frozenset({"queued", "recording", "paused", "done", "failed", "canceled"})
"""Every `LiveRecording.state`, from Asterisk's ``recordings.json``."""


class CallerID(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody is to the network; both empty when unknown."""

    name: str = ""
    number: str = ""


class DialplanCEP(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the dialplan a channel is: context, extension, priority, and the application it runs."""

    context: str
    exten: str
    priority: int
    app_name: str = ""
    app_data: str = ""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One leg of a call (``channels.json``)."""

    id: str
    """Asterisk's uniqueid, or the id it was created with."""
    name: str
    """``PJSIP/101-0000002a``."""
    state: str
    """``Down``, ``Ring``, ``Ringing``, ``Up``, ``Busy``, or another of Asterisk's channel states."""
    caller: CallerID
    connected: CallerID
    dialplan: DialplanCEP
    creationtime: datetime
    """Aware."""
    language: str = ""
    accountcode: str = ""
    protocol_id: str = ""
    """The channel driver's own id: for SIP the Call-ID."""
    caller_rdnis: str = ""
    """Who the call was redirected from; empty if it was not."""
    channelvars: dict[str, str] = {}
    """The variables that ``channelvars`` of `ari.conf` names."""

    @property
    def endpoint(self) -> str:
        """The endpoint as ``technology/resource``: ``PJSIP/101`` of ``PJSIP/101-0000002a``."""
        return self.name.rpartition("-")[0] or self.name


class Bridge(msgspec.Struct, frozen=True, kw_only=True):
    """Channels that are connected with one another (``bridges.json``)."""

    id: str
    channels: list[str]
    """Ids of the channels in it."""


class LiveRecording(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that is being made, or was just ended (``recordings.json``)."""

    name: str
    format: str
    state: str
    """One of `RECORDING_STATES`; ``done`` proves nothing about the file."""
    target_uri: str
    """What is recorded: ``channel:ID`` or ``bridge:ID``."""
    duration: int | None = None
    """Seconds, counted as samples of 8 kHz: wrong for other rates."""
    talking_duration: int | None = None
    """Seconds of speech, if Asterisk was asked to look for it."""
    silence_duration: int | None = None
    """Seconds of silence, if Asterisk was asked to look for it."""
    cause: str = ""
    """Why it failed; empty if it did not."""


class StoredRecording(msgspec.Struct, frozen=True, kw_only=True):
    """A file in Asterisk's recording folder, finished or still growing (``recordings.json``)."""

    name: str
    format: str


class Playback(msgspec.Struct, frozen=True, kw_only=True):
    """Media being played to a channel (``playbacks.json``)."""

    id: str
    media_uri: str
    target_uri: str
    state: str
    """``queued``, ``playing``, ``continuing``, ``done``, ``failed``."""
    language: str = ""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A telephone or trunk that Asterisk knows (``endpoints.json``)."""

    technology: str
    resource: str
    state: str = ""
    """``unknown``, ``offline``, ``online``; empty if the technology has no such thing."""
    channel_ids: list[str] = []


class EventType(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an application's event filter."""

    type: str


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """A Stasis application with its subscriptions and event filter (``applications.json``)."""

    name: str
    channel_ids: list[str]
    bridge_ids: list[str]
    endpoint_ids: list[str]
    """``PJSIP/101``, …"""
    device_names: list[str]
    events_allowed: list[EventType] = []
    events_disallowed: list[EventType] = []


class BuildInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How this Asterisk was built."""

    os: str = ""
    kernel: str = ""
    machine: str = ""
    date: str = ""
    options: str = ""
    user: str = ""


class SystemInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Which Asterisk this is."""

    version: str
    """``22.10.1~dfsg+~cs6.15.60671435-1``; see `ari_recorder.ari.version`."""
    entity_id: str


class ConfigInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Asterisk's main settings; a limit is None where none is set."""

    name: str
    default_language: str
    max_channels: int | None = None
    max_open_files: int | None = None
    max_load: float | None = None


class StatusInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Since when this Asterisk runs; both aware."""

    startup_time: datetime
    last_reload_time: datetime


class AsteriskInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What Asterisk says of itself (``asterisk.json``)."""

    system: SystemInfo
    config: ConfigInfo
    status: StatusInfo
    build: BuildInfo = BuildInfo()


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """A loaded or loadable part of Asterisk (``asterisk.json``)."""

    name: str
    description: str
    use_count: int
    status: str
    """``Running`` or ``Not Running``."""
    support_level: str


class AsteriskPing(msgspec.Struct, frozen=True, kw_only=True):
    """Asterisk's clock (``asterisk.json``); aware."""

    timestamp: datetime


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """The value of a channel variable or dialplan function (``asterisk.json``)."""

    value: str
