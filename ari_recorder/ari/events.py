"""Asterisk's events as frozen typed objects, decoded once, at the socket.

Only the events this package acts on are declared; `EVENT_TYPES` is what Asterisk is asked to send. Names
and fields are those of Asterisk's ``events.json``; a test holds the two together.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args

import msgspec

from ari_recorder.ari import metrics
from ari_recorder.ari.resources import Channel, Endpoint, LiveRecording, Playback
from ari_recorder.errors import EventError

RAW_MAX_CHARS = 2000
"""How much of a raw event an `EventError` carries."""


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    application: str
    """The Stasis application it was sent to."""
    timestamp: datetime
    """When Asterisk made it; aware."""
    asterisk_id: str = ""
    """The sending Asterisk's entity id."""


class ChannelCreated(_Event, frozen=True, kw_only=True):
    """A channel has come into being."""

    channel: Channel


class ChannelStateChange(_Event, frozen=True, kw_only=True):
    """A channel's state changed, for example to ``Up``."""

    channel: Channel


class ChannelConnectedLine(_Event, frozen=True, kw_only=True):
    """Who a channel talks to has changed."""

    channel: Channel


class ChannelCallerId(_Event, frozen=True, kw_only=True):
    """A channel's own caller id has changed."""

    channel: Channel
    caller_presentation: int
    caller_presentation_txt: str


class ChannelDestroyed(_Event, frozen=True, kw_only=True):
    """A channel is gone. ``cause`` is a Q.850 cause, ``cause_txt`` its words."""

    channel: Channel
    cause: int
    cause_txt: str
    tech_cause: int | None = None


class ChannelHangupRequest(_Event, frozen=True, kw_only=True):
    """Somebody asked to hang the channel up; ``soft`` if the dialplan may go on."""

    channel: Channel
    cause: int | None = None
    soft: bool = False
    tech_cause: int | None = None


class ChannelHold(_Event, frozen=True, kw_only=True):
    """The channel put its counterpart on hold."""

    channel: Channel
    musicclass: str = ""


class ChannelUnhold(_Event, frozen=True, kw_only=True):
    """The channel took its counterpart off hold."""

    channel: Channel


class ChannelDtmfReceived(_Event, frozen=True, kw_only=True):
    """A digit from the channel's own party, sent when the key was let go."""

    channel: Channel
    digit: str
    """``0``–``9``, ``A``–``D``, ``*``, ``#``."""
    duration_ms: int


class ChannelUserevent(_Event, frozen=True, kw_only=True):
    """``UserEvent()`` in the dialplan or a feature; ``userevent`` has its keys and values."""

    eventname: str
    userevent: dict[str, Any]
    channel: Channel | None = None
    endpoint: Endpoint | None = None


class Dial(_Event, frozen=True, kw_only=True):
    """A dial began (``dialstatus`` empty), progressed or ended."""

    peer: Channel
    dialstatus: str
    caller: Channel | None = None
    dialstring: str = ""
    forward: str = ""
    forwarded: Channel | None = None


class StasisStart(_Event, frozen=True, kw_only=True):
    """A channel has entered the application, with the arguments of ``Stasis()`` or ``appArgs``."""

    channel: Channel
    args: list[str]
    replace_channel: Channel | None = None


class StasisEnd(_Event, frozen=True, kw_only=True):
    """A channel has left the application."""

    channel: Channel


class RecordingStarted(_Event, frozen=True, kw_only=True):
    """A recording has begun."""

    recording: LiveRecording


class RecordingFinished(_Event, frozen=True, kw_only=True):
    """A recording has ended. This proves nothing about its file."""

    recording: LiveRecording


class RecordingFailed(_Event, frozen=True, kw_only=True):
    """A recording could not go on; ``recording.cause`` says why."""

    recording: LiveRecording


class PlaybackStarted(_Event, frozen=True, kw_only=True):
    """Media has begun to play."""

    playback: Playback


class PlaybackFinished(_Event, frozen=True, kw_only=True):
    """Media has played, or failed to: see ``playback.state``."""

    playback: Playback


class ApplicationReplaced(_Event, frozen=True, kw_only=True):
    """Another websocket took over the application's name; no more events come on this one.

    Older releases leave its ``timestamp`` out, against their own documents (``res/stasis/app.c``).
    """

    timestamp: datetime | None = None  # type: ignore[assignment]


Event = (
    ChannelCreated
    | ChannelStateChange
    | ChannelConnectedLine
    | ChannelCallerId
    | ChannelDestroyed
    | ChannelHangupRequest
    | ChannelHold
    | ChannelUnhold
    | ChannelDtmfReceived
    | ChannelUserevent
    | Dial
    | StasisStart
    | StasisEnd
    | RecordingStarted
    | RecordingFinished
    | RecordingFailed
    | PlaybackStarted
    | PlaybackFinished
    | ApplicationReplaced
)
"""Every event this package knows."""

EVENT_TYPES: tuple[str, ...] = tuple(kind.__name__ for kind in get_args(Event))
"""Their names: what to give to `Ari.set_event_filter`."""


class _Head(msgspec.Struct):
    type: str


_HEAD: msgspec.json.Decoder[_Head] = msgspec.json.Decoder(_Head)
_DECODERS: dict[str, msgspec.json.Decoder[Event]] = {
    kind.__name__: msgspec.json.Decoder(kind) for kind in get_args(Event)
}


def decode(raw: bytes | str) -> Event | None:
    """Make a typed event of Asterisk's JSON; None (and counted) if its type is not one of `EVENT_TYPES`.

    Raises `EventError`, with the raw event in it, if it is no event or a promised field is missing.
    """
    try:
        decoder = _DECODERS.get(_HEAD.decode(raw).type)
        event = decoder.decode(raw) if decoder else None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        metrics.EVENT_ERRORS.inc()
        raise EventError(f"Event cannot be understood: {error}. Raw: {_shortened(raw)}") from error
    if event is None:
        metrics.UNKNOWN_EVENTS.inc()
    else:
        metrics.EVENTS.labels(type(event).__name__).inc()
    return event


def _shortened(raw: bytes | str) -> str:
    text = raw if isinstance(raw, str) else raw[: RAW_MAX_CHARS * 4].decode("utf-8", "replace")
    return text if len(text) <= RAW_MAX_CHARS else text[:RAW_MAX_CHARS] + "…"
