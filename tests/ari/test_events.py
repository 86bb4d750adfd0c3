from __future__ import annotations

import json
from datetime import datetime, timedelta

import msgspec
import pytest
from prometheus_client import REGISTRY

from ari_recorder.ari import EVENT_TYPES, ApplicationReplaced, ChannelCreated, ChannelUserevent, decode
from ari_recorder.ari import events as module
from ari_recorder.errors import EventError

HEAD = {"application": "ari_recorder", "timestamp": "2026-11-22T09:11:48.123+0000", "asterisk_id": "00:11"}
RECORDING = {"name": "r1", "format": "wav", "state": "done", "target_uri": "channel:s1", "duration": 31}
PLAYBACK = {"id": "p1", "media_uri": "sound:beep", "target_uri": "channel:c1", "state": "done"}
OWN_FIELDS = {
    "ChannelCallerId": {"caller_presentation": 0, "caller_presentation_txt": "Presentation Allowed"},
    "ChannelDestroyed": {"cause": 16, "cause_txt": "Normal Clearing"},
    "ChannelDtmfReceived": {"digit": "*", "duration_ms": 120},
    "ChannelUserevent": {"eventname": "RecorderCommand", "userevent": {"command": "pause"}},
    "Dial": {"dialstatus": "ANSWER"},
    "StasisStart": {"args": []},
    **{f"Recording{what}": {"recording": RECORDING} for what in ("Started", "Finished", "Failed")},
    **{f"Playback{what}": {"playback": PLAYBACK} for what in ("Started", "Finished")},
}


@pytest.fixture
def sample(channel_json):
    """The least that Asterisk sends for an event of a type."""

    def make(kind: str) -> dict[str, object]:
        fields = msgspec.structs.fields(getattr(module, kind))
        channels = {field.name: channel_json for field in fields if field.name in ("channel", "peer")}
        return {"type": kind, **HEAD, **channels, **OWN_FIELDS.get(kind, {})}

    return make


def counter(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize("kind", EVENT_TYPES)
@pytest.mark.parametrize("form", [str, str.encode], ids=["text", "bytes"])
def test_every_type_is_decoded(sample, kind, form):
    before = counter("ari_recorder_events_total", type=kind)
    event = decode(form(json.dumps(sample(kind))))
    assert type(event).__name__ == kind
    assert event.application == "ari_recorder"
    assert event.timestamp.utcoffset() == timedelta(0)
    assert event.timestamp == datetime.fromisoformat("2026-11-22T09:11:48.123+00:00")
    assert counter("ari_recorder_events_total", type=kind) == before + 1


def test_unknown_fields_are_ignored_and_values_survive(sample, channel_json):
    raw = sample("ChannelCreated") | {"tomorrow": {}, "channel": channel_json | {"channelvars": {"X": "1"}}}
    event = decode(json.dumps(raw))
    assert isinstance(event, ChannelCreated)
    assert event.channel.channelvars == {"X": "1"}
    assert event.channel.connected.number == "+46701234567"


def test_a_user_event_without_channel(sample):
    raw = sample("ChannelUserevent")
    del raw["channel"]
    event = decode(json.dumps(raw))
    assert isinstance(event, ChannelUserevent)
    assert (event.channel, event.userevent) == (None, {"command": "pause"})


def test_events_cannot_be_changed(sample):
    event = decode(json.dumps(sample("StasisEnd")))
    with pytest.raises(AttributeError):
        event.application = "other"


@pytest.mark.parametrize("kind", ["ChannelVarset", "RESTResponse", "channelcreated", ""])
def test_unknown_types_are_counted_and_dropped(kind):
    before = counter("ari_recorder_unknown_events_total")
    assert decode(json.dumps({"type": kind})) is None
    assert counter("ari_recorder_unknown_events_total") == before + 1


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_a_missing_field_is_an_error_with_the_raw_event(sample, kind):
    needed = [field.name for field in msgspec.structs.fields(getattr(module, kind)) if field.required]
    for name in needed:
        raw = json.dumps({key: value for key, value in sample(kind).items() if key != name})
        before = counter("ari_recorder_event_errors_total")
        with pytest.raises(EventError) as caught:
            decode(raw)
        assert name in str(caught.value)
        assert raw[:2000] in str(caught.value)
        assert counter("ari_recorder_event_errors_total") == before + 1
    assert "application" in needed


def test_the_time_of_replacement_may_be_missing():
    event = decode('{"type": "ApplicationReplaced", "application": "a"}')
    assert event == ApplicationReplaced(application="a")


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"{}", b'{"type": 1}', b"\xff\xfe", b'{"type": "Dial", "peer": "\xff"}'],
)
def test_what_is_no_event_is_an_error(raw):
    with pytest.raises(EventError, match="cannot be understood"):
        decode(raw)


@pytest.mark.parametrize("filler", ["x", "å", "😀"])
def test_a_long_raw_event_is_shortened(filler):
    raw = json.dumps({"type": "StasisEnd", "filler": filler * 9000}, ensure_ascii=False)
    for form in (raw, raw.encode()):
        with pytest.raises(EventError) as caught:
            decode(form)
        shown = str(caught.value).partition("Raw: ")[2]
        assert shown == raw[:2000] + "…"
