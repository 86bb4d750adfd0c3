"""A real PBX and real phones for every test in this folder.

The two Asterisks run once for all tests of a process (`scripts/test` starts several); the phones' socket is
opened in each test's own loop, and every call is hung up after it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ari_recorder.policies.table import Mode
from lab import Lab, traces
from lab.directory import change_user
from tests.asterisk.station import Begin, Station, Stations, wait_until

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def running_lab() -> Iterator[Lab]:
    """The lab, started; its phones are not connected."""
    lab = Lab(PROJECT / ".lab", f"test-{os.getpid()}")
    lab.start()
    yield lab
    lab.stop()


@pytest.fixture
async def lab(running_lab: Lab) -> AsyncIterator[Lab]:
    """The lab with its phones connected; afterwards no call is left on the PBX."""
    await running_lab.connect()
    yield running_lab
    await running_lab.disconnect()
    await running_lab.idle()


@pytest.fixture(scope="session")
def stations(running_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stations]:
    """The recorder that the tests use one after the other."""
    stations = Stations(running_lab, tmp_path_factory.mktemp("stations"))
    yield stations
    stations.stop()


@pytest.fixture(scope="module")
def unrecorded(stations: Stations) -> None:
    """No recorder runs while the tests of a file do, unless they start one of their own."""
    stations.stop()


@pytest.fixture
def begin(lab: Lab, stations: Stations) -> Iterator[Begin]:
    """A recorder with an empty catalogue, with further settings; at most one at a time."""
    yield stations.begin
    print(stations.log_end())  # shown where the test has failed
    stations.test_ends()


@pytest.fixture
def station(begin: Begin, request: pytest.FixtureRequest) -> Iterator[Station]:
    """A recorder by which 101, 102 and 103 are recorded, the last with wide band."""
    station = begin()
    followed = station.recorder.log.read_text().count("following endpoints")
    station.store.write_now(change_user, "103", mode=Mode.ALWAYS)
    wait_until(lambda: station.recorder.log.read_text().count("following endpoints") > followed)
    yield station
    traces.keep(station.recorder.traces, request.node.name)
