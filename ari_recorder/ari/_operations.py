"""The one table of every operation asked of Asterisk; a test checks it against the Swagger documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

Value = str | int | bool | Sequence[str]
"""A query parameter; several values become one comma-separated one, as ARI's ``allowMultiple`` wants."""


class Operation(NamedTuple):
    """Method and path of an operation, and the parameters it may be given."""

    method: str
    path: str
    query: frozenset[str] = frozenset()
    body: bool = False


def _operation(method: str, path: str, *query: str, body: bool = False) -> Operation:
    return Operation(method, path, frozenset(query), body)


OPERATIONS: Mapping[str, Operation] = {
    "info": _operation("GET", "/asterisk/info"),
    "ping": _operation("GET", "/asterisk/ping"),
    "modules": _operation("GET", "/asterisk/modules"),
    "module": _operation("GET", "/asterisk/modules/{moduleName}"),
    "variable": _operation("GET", "/asterisk/variable", "variable"),
    "set_variable": _operation("POST", "/asterisk/variable", "variable", "value"),
    "unset_variable": _operation("POST", "/asterisk/variable", "variable"),
    "channels": _operation("GET", "/channels"),
    "channel": _operation("GET", "/channels/{channelId}"),
    "channel_variable": _operation("GET", "/channels/{channelId}/variable", "variable"),
    "set_channel_variable": _operation("POST", "/channels/{channelId}/variable", "variable", "value"),
    "create_channel": _operation(
        "POST", "/channels/create", "endpoint", "app", "appArgs", "channelId", "originator"
    ),
    "dial": _operation("POST", "/channels/{channelId}/dial", "caller", "timeout"),
    "answer": _operation("POST", "/channels/{channelId}/answer"),
    "snoop": _operation("POST", "/channels/{channelId}/snoop/{snoopId}", "app", "appArgs", "spy", "whisper"),
    "record": _operation(
        "POST",
        "/channels/{channelId}/record",
        *("name", "format", "ifExists", "beep", "terminateOn", "maxSilenceSeconds", "maxDurationSeconds"),
    ),
    "play": _operation("POST", "/channels/{channelId}/play/{playbackId}", "media", "lang"),
    "continue_in_dialplan": _operation("POST", "/channels/{channelId}/continue"),
    "hangup": _operation("DELETE", "/channels/{channelId}", "reason_code"),
    "create_bridge": _operation("POST", "/bridges/{bridgeId}", "type"),
    "add_to_bridge": _operation("POST", "/bridges/{bridgeId}/addChannel", "channel"),
    "bridges": _operation("GET", "/bridges"),
    "bridge": _operation("GET", "/bridges/{bridgeId}"),
    "destroy_bridge": _operation("DELETE", "/bridges/{bridgeId}"),
    "live_recording": _operation("GET", "/recordings/live/{recordingName}"),
    "stop_recording": _operation("POST", "/recordings/live/{recordingName}/stop"),
    "stored_recordings": _operation("GET", "/recordings/stored"),
    "delete_stored_recording": _operation("DELETE", "/recordings/stored/{recordingName}"),
    "stop_playback": _operation("DELETE", "/playbacks/{playbackId}"),
    "endpoints": _operation("GET", "/endpoints"),
    "endpoint": _operation("GET", "/endpoints/{tech}/{resource}"),
    "application": _operation("GET", "/applications/{applicationName}"),
    "subscribe": _operation("POST", "/applications/{applicationName}/subscription", "eventSource"),
    "unsubscribe": _operation("DELETE", "/applications/{applicationName}/subscription", "eventSource"),
    "set_event_filter": _operation("PUT", "/applications/{applicationName}/eventFilter", body=True),
}
"""By the name of the method of `ari_recorder.ari.client.Ari` that asks for it."""


def quoted(value: Value) -> str:
    """Encode one query value: sequences joined by commas, booleans as ARI writes them (``true``)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value) if isinstance(value, str | int) else ",".join(value)
    return quote(text, safe=":/,")


def address(name: str, path: Mapping[str, str], query: Mapping[str, Value]) -> tuple[str, str]:
    """Method and encoded path with query, without the base address, of the operation ``name``."""
    operation = OPERATIONS[name]
    unknown = query.keys() - operation.query
    assert not unknown, f"{name} has no parameter {sorted(unknown)}"
    encoded = operation.path.format_map({key: quote(value, safe="") for key, value in path.items()})
    pairs = "&".join(f"{key}={quoted(value)}" for key, value in query.items())
    return operation.method, f"{encoded}?{pairs}" if pairs else encoded
