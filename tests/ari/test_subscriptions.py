from __future__ import annotations

import random
import time

import pytest

from ari_recorder.ari import subscribe_endpoints
from ari_recorder.errors import AriNotFound, AriRefused

EMPTY = {name: [] for name in ("channel_ids", "bridge_ids", "endpoint_ids", "device_names")}


@pytest.fixture
def subscribed(fake):
    """What the fake Asterisk was subscribed to; it knows every endpoint that does not begin with ``no``."""
    sources: set[str] = set()

    async def subscribe(request):
        asked = request.query["eventSource"].split(",")
        if any("/no" in source for source in asked):
            return 422, {"message": "Event source does not exist"}
        sources.update(asked)
        return 200, {"name": "ari_recorder", **EMPTY}

    fake.answer = subscribe
    return sources


async def test_ten_thousand_endpoints_within_seconds(fake, ari, subscribed):
    known = [f"PJSIP/{number}" for number in range(100_000, 110_000)]
    unknown = [f"PJSIP/no{number}" for number in range(20)]
    asked = [*known, *unknown]
    random.Random(7).shuffle(asked)
    started_s = time.monotonic()
    assert await subscribe_endpoints(ari, asked) == set(unknown)
    assert time.monotonic() - started_s < 5
    assert subscribed == {f"endpoint:{name}" for name in known}
    assert max(len(request.query["eventSource"].split(",")) for request in fake.requests) == 100


async def test_without_unknown_ones_there_is_one_request_for_each_hundred(fake, ari, subscribed):
    assert await subscribe_endpoints(ari, (f"PJSIP/{number}" for number in range(250))) == set()
    assert len(fake.requests) == 3


@pytest.mark.parametrize("place", range(7))
async def test_one_unknown_endpoint_does_not_break_the_others(ari, subscribed, place):
    asked = [f"PJSIP/{number}" for number in range(6)]
    asked.insert(place, "PJSIP/nobody")
    assert await subscribe_endpoints(ari, asked) == {"PJSIP/nobody"}
    assert subscribed == {f"endpoint:PJSIP/{number}" for number in range(6)}


async def test_all_unknown(ari, subscribed):
    asked = {f"PJSIP/no{number}" for number in range(130)}
    assert await subscribe_endpoints(ari, asked) == asked
    assert subscribed == set()


async def test_long_names_fit_asterisks_longest_line(fake, ari, subscribed):
    names = [f"PJSIP/{'å' * 60}{number}" for number in range(40)]
    assert await subscribe_endpoints(ari, names) == set()
    assert subscribed == {f"endpoint:{name}" for name in names}
    assert max(request.line_bytes for request in fake.requests) < 4096


async def test_the_same_endpoint_twice_is_asked_for_once(fake, ari, subscribed):
    await subscribe_endpoints(ari, ["PJSIP/1", "PJSIP/1"])
    assert fake.requests[0].query == {"eventSource": "endpoint:PJSIP/1"}


async def test_what_cannot_be_an_endpoint_is_not_asked_for(fake, ari, subscribed):
    """``PJSIP`` alone would subscribe to every endpoint, and a comma would make two of one."""
    impossible = ["PJSIP", "PJSIP/", "/101", "", "PJSIP/1,PJSIP"]
    assert await subscribe_endpoints(ari, [*impossible, "PJSIP/1"]) == set(impossible)
    assert subscribed == {"endpoint:PJSIP/1"}


async def test_nothing_to_subscribe_to(fake, ari):
    assert await subscribe_endpoints(ari, []) == set()
    assert fake.requests == []


@pytest.mark.parametrize(("status", "kind"), [(404, AriNotFound), (500, AriRefused)])
async def test_other_refusals_are_not_bisected(fake, ari, status, kind):
    fake.answer = (status, {"message": "no"})
    with pytest.raises(kind):
        await subscribe_endpoints(ari, ["PJSIP/1", "PJSIP/2"])
    assert len(fake.requests) == 1
