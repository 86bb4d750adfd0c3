"""When webhooks are tried again, stopped, and what may be said of them: tables and readable scenarios."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ari_recorder.policies.proxies import Networks
from ari_recorder.policies.unfit import Unfit
from ari_recorder.policies.webhooks import fields, sending
from ari_recorder.policies.webhooks.events import CHOSEN, EventType, Happened, cloud_event
from ari_recorder.policies.webhooks.sending import Attempt, Health, Stopped, after, judge

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ORGANISATION = UUID("0197f6a0-0c1d-7000-8000-0a0b0c0d0e0f")
RECORDING = UUID("0197f6a0-2a10-7000-8000-0a0b0c0d0e0f")
REFUSED = Attempt(NOW, 500, 12)
TAKEN = Attempt(NOW, 204, 12)


def happened(event: EventType = EventType.READY, place: int = 7) -> Happened:
    return Happened(event, ORGANISATION, RECORDING, place, NOW, {"mode": "always"})


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_whatever_is_a_success_is_taken(status: int) -> None:
    assert judge(replace(TAKEN, status=status), 1).taken


@pytest.mark.parametrize("status", [0, 100, 199, 300, 301, 307, 400, 401, 404, 422, 429, 500, 503, 599])
def test_everything_else_is_sent_again(status: int) -> None:
    verdict = judge(replace(REFUSED, status=status), 1)
    assert not verdict.taken
    assert verdict.again_at == NOW + timedelta(seconds=5)


def test_the_pauses_grow_to_a_day_and_end_after_three() -> None:
    waits = [
        verdict.again_at - NOW
        for tries in range(1, sending.ATTEMPTS_MAX)
        if (verdict := judge(REFUSED, tries)).again_at is not None
    ]
    assert waits == sorted(waits)
    assert waits[:3] == [timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2)]
    assert waits[-1] == timedelta(days=1)
    assert timedelta(days=3) < sum(waits, timedelta()) < timedelta(days=4)
    assert judge(REFUSED, sending.ATTEMPTS_MAX).again_at is None


def test_gone_is_gone() -> None:
    gone = replace(REFUSED, status=410)
    assert judge(gone, 1).again_at is None
    assert after(Health(), gone)[1] is Stopped.GONE


@pytest.mark.parametrize(
    ("status", "asked_s", "wait_s"),
    [
        (429, 60.0, 60),
        (503, 60.0, 60),
        (429, 1.0, 5),
        (429, 1e9, 86_400),
        (429, -5.0, 5),
        (429, None, 5),
        (500, 60.0, 5),
    ],
)
def test_what_it_asks_for_is_kept_to_within_reason(status: int, asked_s: float | None, wait_s: int) -> None:
    verdict = judge(replace(REFUSED, status=status, retry_after_s=asked_s), 1)
    assert verdict.again_at == NOW + timedelta(seconds=wait_s)


def test_a_hook_that_fails_again_and_again_is_given_one_at_a_time_with_pauses() -> None:
    health = Health()
    for failures in range(1, 20):
        health, stopped = after(health, REFUSED)
        assert (health.failures, stopped) == (failures, None)
        if failures < sending.WEAK_AFTER:
            assert health.at_once(NOW) == sending.AT_ONCE
        else:
            assert health.at_once(NOW) == 0
            assert health.rests_until is not None
            assert health.at_once(health.rests_until) == 1
            assert health.rests_until - NOW <= timedelta(seconds=sending.WEAK_PAUSE_MAX_S)
    assert after(health, TAKEN) == (Health(), None)


def test_a_hook_that_takes_nothing_for_three_days_is_stopped() -> None:
    health, _ = after(Health(), REFUSED)
    almost = replace(REFUSED, at=NOW + sending.FAILING_MAX - timedelta(seconds=1))
    assert after(health, almost)[1] is None
    assert after(health, replace(REFUSED, at=NOW + sending.FAILING_MAX))[1] is Stopped.FAILING


def test_an_event_is_a_cloud_event_and_its_id_follows_from_what_it_is() -> None:
    event = happened()
    told = json.loads(cloud_event(event, {}, "https://recorder.example/"))
    assert {name: told[name] for name in ("specversion", "type", "datacontenttype")} == {
        "specversion": "1.0",
        "type": "recording.ready",
        "datacontenttype": "application/json",
    }
    assert told["id"] == str(event.id) == str(happened().id)
    assert told["time"] == "2026-03-02T08:00:00.000Z"
    assert told["source"] == f"urn:uuid:{ORGANISATION}"
    assert told["subject"] == f"recordings/{RECORDING}"
    assert told["data"]["mode"] == "always"
    assert told["data"]["links"]["audio"] == f"https://recorder.example/api/v1/recordings/{RECORDING}/audio"
    ids = {happened(kind, place).id for kind in CHOSEN for place in range(5)}
    assert len(ids) == 5 * len(CHOSEN)
    assert {one.version for one in ids} == {8}


def test_the_sequence_sorts_as_text() -> None:
    places = [0, 2, 3, 10, 999, 1_000_000, 1_000_002]
    told = [json.loads(cloud_event(happened(place=place), {}, ""))["sequence"] for place in places]
    assert told == sorted(told)


def test_of_what_is_gone_there_are_no_links() -> None:
    for event in (EventType.DISPOSED, EventType.MISSED, EventType.HEAD, EventType.STAMP, EventType.PING):
        assert "links" not in json.loads(cloud_event(happened(event), {}, ""))["data"]


GOOD_URLS = (
    "https://crm.example/recordings?a=b",
    "https://crm.example:8443",
    "https://8.8.8.8/x",
    "HTTPS://a.b/",
)
BAD_URLS = (
    "",
    "crm.example",
    "ftp://crm.example",
    "javascript:alert(1)",
    "https://",
    "https:///x",
    "https://:443/",
    "https://a b/",
    "https://crm.example:99999/",
    "https://crm.example:0/",
    "https://crm.example\\@10.0.0.1/",
    "https://user:secret@crm.example/",
    "https://user@crm.example/",
    "http://crm.example/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://169.254.169.254/latest/meta-data",
    "https://2130706433/",
    "https://127.1/",
    "https://0x7f000001/",
    "https://crm.example/\u202e",
    "https://crm.example/\r\nHost: x",
    "https://[fe80::1%25eth0]/",
    "https://crm.example/" + "x" * 2000,
    None,
    7,
)


@pytest.mark.parametrize("url", GOOD_URLS)
def test_an_address_outside_is_taken(url: str) -> None:
    assert fields.url(f" {url} ", unencrypted=False, allowed=Networks()) == url


@pytest.mark.parametrize("url", BAD_URLS)
def test_another_is_refused_at_its_field(url: object) -> None:
    with pytest.raises(Unfit) as refused:
        fields.url(url, unencrypted=False, allowed=Networks())
    assert refused.value.field == "url"


def test_what_the_settings_allow_is_taken() -> None:
    allowed = Networks.of(["10.0.0.0/24"])
    assert fields.url("http://10.0.0.5:8080/", unencrypted=True, allowed=allowed)
    with pytest.raises(Unfit):
        fields.url("http://10.0.1.5:8080/", unencrypted=True, allowed=allowed)


@pytest.mark.parametrize("events", [[], ["recording.begun"], ["ping"], [7], [""]])
def test_what_is_no_event_is_refused(events: list[object]) -> None:
    with pytest.raises(Unfit) as refused:
        fields.events(events)
    assert refused.value.field == "events"


def test_events_are_kept_once_and_in_their_order() -> None:
    assert fields.events(["call.missed", "recording.ready", "call.missed"]) == (
        EventType.READY,
        EventType.MISSED,
    )
