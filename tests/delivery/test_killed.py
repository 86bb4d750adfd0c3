"""A program that disposes of recordings is killed again and again: none is half done, and all go in the
end.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ari_recorder.policies.ledger import RecordingState
from ari_recorder.store import disposal, models, retention, verify
from ari_recorder.store.database import Store
from ari_recorder.store.safe import Safe
from ari_recorder.store.verify import Kind, Report

from ..store.build import BY, add_user, finish, recorded_call, reopened, safe_in

RECORDINGS = 30
KILLED = 4
POLLED_S = 0.005
WITHIN_S = 120.0


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text(
        f'[store]\nurl = "{store_url}"\n'
        f'[vault]\npath = "{tmp_path}/vault"\nkey_file = "{tmp_path}/master.key"\n'
    )
    return file


def due(store: Store, folder: Path) -> None:
    """Recordings that are due, by a clock that is trusted."""
    user = add_user(store)
    now = datetime.now(UTC)
    safe = safe_in(store, folder)
    for number in range(RECORDINGS):
        recorded_call(store, user, at=now - timedelta(days=200, minutes=number))
        finish(store, safe, folder)
    store.write_now(lambda: models.Retained.create(user=user.id, days=180))
    store.write_now(retention.believe, now, actor=BY)


def program(settings: Path) -> list[str]:
    """It, beside this one."""
    return [sys.executable, "-m", "tests.delivery.disposes", str(settings)]


@pytest.mark.timeout(300)
def test_killed_again_and_again(store_url: str, settings: Path, tmp_path: Path) -> None:
    with reopened(store_url) as store:
        due(store, tmp_path)
    chance, waited = random.Random(1), 0
    for _ in range(KILLED):
        running = subprocess.Popen(program(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with reopened(store_url) as store:
            safe = safe_in(store, tmp_path)
            _until_changed(store, safe, chance.randint(1, 4), running)
            running.send_signal(signal.SIGKILL)
            running.wait()
            report = _checked(store, safe)
            assert report.damage == []
            assert {finding.kind for finding in report.open} <= {Kind.DISPOSING}
            waited += len(report.open)
    assert waited, "it was never killed while something was on its way"
    assert subprocess.run(program(settings), capture_output=True).returncode == 0
    with reopened(store_url) as store:
        report = _checked(store, safe_in(store, tmp_path), settled=True)
        assert report.damage == []
        assert (report.recordings, report.files, report.disposed) == (0, 0, RECORDINGS)
        assert store.read_now(disposal.left).count == 0


def _until_changed(store: Store, safe: Safe, times: int, running: subprocess.Popen[bytes]) -> None:
    """Until what there is to be seen of it has changed so often."""

    def seen() -> tuple[int, int, int]:
        tables = (models.Disposing, models.Disposal)
        counts = store.read_now(lambda: [table.select().count() for table in tables])
        return counts[0], counts[1], len(list(safe.vault.keys()))

    before = seen()
    deadline = time.monotonic() + WITHIN_S
    while times and running.poll() is None and time.monotonic() < deadline:
        now = seen()
        times -= now != before
        before = now
        time.sleep(POLLED_S)


def _checked(store: Store, safe: Safe, *, settled: bool = False) -> Report:
    report = verify.verify(store, safe, now=datetime.now(UTC), settled=settled)
    verify.verify_evidence(store, report, [])
    return report


@pytest.mark.timeout(300)
def test_two_programs_at_once(store_url: str, settings: Path, tmp_path: Path) -> None:
    with reopened(store_url) as store:
        due(store, tmp_path)
    both = [
        subprocess.Popen(program(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
    ]
    deadline = time.monotonic() + WITHIN_S
    for one in both:
        out, told = one.communicate(timeout=max(0.0, deadline - time.monotonic()))
        assert one.returncode == 0, (out, told.decode())
    assert subprocess.run(program(settings), capture_output=True).returncode == 0
    with reopened(store_url) as store:
        report = _checked(store, safe_in(store, tmp_path), settled=True)
        assert report.damage == []
        stored = models.Recording.state == RecordingState.STORED
        assert store.read_now(models.Recording.select().where(stored).count) == 0
        assert report.disposed == RECORDINGS
