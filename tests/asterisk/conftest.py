"""A real PBX and real phones for every test in this folder.

The two Asterisks run once for all tests; the phones' socket is opened in each test's own loop, and every call
is hung up after it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ari_recorder.policies.table import Mode
from ari_recorder.store import people
from lab import Lab
from lab.evidence import Evidence
from lab.recorder import LabRecorder
from tests.asterisk.station import Begin, Station

PROJECT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Calls run in real time, and a shared machine stalls: what fails here may be tried twice more.

    Each such try is told at the end of the run.
    """
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.flaky(reruns=2))


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


@pytest.fixture(scope="module")
def shared_station(running_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """One recorder for all tests of a file: to start one takes longer than most calls."""
    recorder = LabRecorder(running_lab, tmp_path_factory.mktemp("shared") / "recorder")
    recorder.add_users()
    station = Station(running_lab, recorder, Evidence(recorder))
    station.store.write_now(people.change_user, "103", mode=Mode.ALWAYS)
    recorder.start()
    yield station
    recorder.stop()
    station.evidence.close()


@pytest.fixture
def station(lab: Lab, shared_station: Station) -> Station:
    """The shared recorder, on the connected lab. 101, 102 and 103 are recorded, the last with wide band."""
    shared_station.begin()
    return shared_station


@pytest.fixture
def begin(lab: Lab, tmp_path: Path) -> Iterator[Begin]:
    """Start a recorder with an empty catalogue and further settings."""
    stations: list[Station] = []

    def start(**settings: str) -> Station:
        environment = {f"ARI_RECORDER_{key.upper()}": value for key, value in settings.items()}
        recorder = LabRecorder(lab, tmp_path / "recorder", environment)
        recorder.add_users()
        stations.append(Station(lab, recorder, Evidence(recorder)))
        recorder.start()
        return stations[-1]

    yield start
    for station in stations:
        station.recorder.stop()
        station.evidence.close()
        for left in lab.pbx.spool.glob("*.wav*"):  # of a test that failed
            left.unlink()
