"""The recorder's image records a call on a real Asterisk, as its own user, with nothing but its defaults."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Lab
from lab.cases import length_s, talk
from lab.evidence import Evidence, Expected
from lab.recorder import LabRecorder

pytestmark = pytest.mark.image

PROJECT = Path(__file__).parents[2]
BUILDAH = PROJECT / "scripts/buildah"
IMAGE = "localhost/ari_recorder:recorder"
UID = 2000
FOLDERS = ("/var/lib/ari_recorder", "/var/spool/asterisk/recording")
GIVEN = ("PBX__MAIN__URL", "PBX__MAIN__USERNAME", "PBX__MAIN__PASSWORD", "WEB__PORT", "WEB__HEALTH_PORT")
"""The settings that the lab decides; for all others the image has its own."""


def buildah(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BUILDAH, *words], capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def container() -> Iterator[str]:
    """One of the image. buildah 1.28 hides a volume given to `run` behind an empty one of the image's own."""
    made = buildah("from", "--pull-never", IMAGE)
    if made.returncode:
        pytest.skip(f"There is no image to try; make image makes it. {made.stderr}")
    name = made.stdout.strip()
    buildah("config", *(f"--volume={folder}-" for folder in FOLDERS), name)
    before = os.umask(0o022)  # the lab's Asterisk is root, and the image's user reads its files
    yield name
    os.umask(before)
    buildah("rm", name)


def inside(container: str, recorder: LabRecorder) -> list[str]:
    """The command ``ari-recorder`` in the container, on the lab's recording folder."""
    given = ["--env=ARI_RECORDER_WEB__HOST=127.0.0.1"]  # the container has this machine's network
    given += [f"--env=ARI_RECORDER_{name}={recorder.environment[f'ARI_RECORDER_{name}']}" for name in GIVEN]
    for here, there in zip((recorder.folder, recorder.lab.pbx.spool), FOLDERS, strict=True):
        os.chown(here, UID, UID)
        given.append(f"--volume={here}:{there}")
    return [str(BUILDAH), "run", "--isolation=chroot", *given, container, "--", "ari-recorder"]


def add_user(recorder: LabRecorder) -> None:
    user = ("user", "add", "101", "--name", "Anna", "--mode", "always", "--endpoint", "PJSIP/101")
    subprocess.run([*recorder.program, *user], check=True)


async def test_a_call_is_recorded_by_the_image(container: str, tmp_path: Path) -> None:
    async with Lab(PROJECT / ".lab", f"image-{os.getpid()}") as lab:
        recorder = LabRecorder(lab, tmp_path)
        recorder.program = inside(container, recorder)
        add_user(recorder)
        recorder.start()
        evidence = Evidence(recorder)
        try:
            calling, _ = await talk(lab, "101", "106")
            await evidence.settled()
            (row,) = evidence.recordings()
            assert evidence.faults(row, Expected("101", "106", length_s(calling), "outbound")) == []
            check_folders(recorder)
            check_health(recorder)
            assert ended_by_sigterm(recorder)
        finally:
            evidence.close()
            recorder.stop()
    assert "Traceback" not in recorder.log.read_text()


def check_folders(recorder: LabRecorder) -> None:
    made = [path for path in recorder.folder.rglob("*") if path != recorder.log]
    assert {path.stat().st_uid for path in made} == {UID}
    assert not list(recorder.lab.pbx.spool.glob("*.wav"))


def check_health(recorder: LabRecorder) -> None:
    """How the image asks for its health is right, and does not always say yes."""
    (check,) = re.findall(
        r"HEALTHCHECK.* CMD \\\n +(.*)", (PROJECT / "docker/Dockerfile").read_text(encoding="utf-8")
    )
    pid = python_below(recorder)
    enter = ["nsenter", f"--target={pid}", "--mount", "--root", f"--setuid={UID}", f"--setgid={UID}"]
    own = dict(one.split("=", 1) for one in Path(f"/proc/{pid}/environ").read_text().split("\0") if one)
    for changed, well in (({}, True), ({"ARI_RECORDER_WEB__HEALTH_PORT": "9"}, False)):
        words = [*enter, "sh", "-c", check]
        done = subprocess.run(words, env=own | changed, capture_output=True, check=False)
        assert (done.returncode == 0) is well, done.stderr


def ended_by_sigterm(recorder: LabRecorder) -> bool:
    """Whether the program itself ends in good order (buildah would kill it without a word)."""
    assert recorder.process is not None
    os.kill(python_below(recorder), signal.SIGTERM)
    return recorder.process.wait(20) == 0


def python_below(recorder: LabRecorder) -> int:
    """The process in the container: the first Python below buildah."""
    assert recorder.process is not None
    pid = recorder.process.pid
    while "/python" not in Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0]:
        (pid,) = (
            int(n)
            for found in Path(f"/proc/{pid}/task").glob("*/children")
            for n in found.read_text().split()
        )
    return pid
