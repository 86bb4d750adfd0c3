"""What it costs to make a recording: stitched, coded, encrypted, kept, read back; beside FFmpeg coding alone.

    python -m bench encode

An hour of two people's speech in turns. CPU time is of this process and of those it waited for; the peer is
Debian's ``ffmpeg``, which joins the same two files and codes them with the same libopus and options.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ari_recorder import config
from ari_recorder.media.jobs import Segment, StitchJob
from ari_recorder.media.stitch import stitch
from ari_recorder.safes import safe
from ari_recorder.store import models
from ari_recorder.store.database import Store
from bench.results import Result
from bench.talk import talk, write_wav

HOURS = 1.0
BEGAN_AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
PACKAGES = Path(__file__).parents[1] / "scripts" / "packages"


async def run() -> Result:
    """Measure."""
    return await asyncio.to_thread(_run)


def _run() -> Result:
    subprocess.run([PACKAGES, "ffmpeg"], check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side, samples in zip(("in", "out"), talk(folder, HOURS * 3600), strict=True):
            write_wav(folder / f"{side}.wav", samples)
        keep, size_bytes = _ours(folder)
        ours_s = _cpu_s(keep)
        peer_s = _cpu_s(lambda: _ffmpeg(folder))
        peer_bytes = (folder / "peer.ogg").stat().st_size
        minutes = HOURS * 60
        return Result(
            "An hour of two people's speech, kept",
            {
                "audio_hours_per_cpu_hour": round(HOURS * 3600 / ours_s),
                "mb_per_minute": round(size_bytes() / minutes / 1e6, 3),
                "hours_in_30_mb": round(30e6 / size_bytes() * HOURS, 2),
                "peer": "ffmpeg",
                "peer_audio_hours_per_cpu_hour": round(HOURS * 3600 / peer_s),
                "peer_mb_per_minute": round(peer_bytes / minutes / 1e6, 3),
            },
        )


def _ours(folder: Path) -> tuple[Callable[[], None], Callable[[], int]]:
    """What makes and keeps it, and how large it is then."""
    store = Store(f"sqlite:///{folder}/catalogue.db")
    vault = config.Vault(path=folder / "vault", key_file=folder / "master.key")
    kept = safe(vault, store, lambda: BEGAN_AT)
    kept.probe()
    organisation = store.write_now(lambda: models.Organisation.create(name="Acme").id)
    recording = models.new_id()
    ends_at = BEGAN_AT + timedelta(hours=HOURS)
    segment = Segment(folder / "in.wav", folder / "out.wav", BEGAN_AT, ends_at)
    job = StitchJob(str(recording), (segment,), folder / "made.ogg", "opus")

    def keep() -> None:
        stitch(job)
        kept.keep(organisation, recording, "made.ogg", job.target)

    return keep, lambda: (folder / "vault" / "made.ogg.aead").stat().st_size


def _ffmpeg(folder: Path) -> None:
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-threads", "1"]
    command += ["-i", str(folder / "in.wav"), "-i", str(folder / "out.wav")]
    command += ["-filter_complex", "join=inputs=2:channel_layout=stereo"]
    command += ["-c:a", "libopus", "-b:a", "32k", "-application", "voip"]
    command += ["-mapping_family", "255", "-compression_level", "5", str(folder / "peer.ogg")]
    subprocess.run(command, check=True)


def _cpu_s(work: Callable[[], None]) -> float:
    """Seconds of processor time that it takes."""
    before_s = _spent_s()
    work()
    return _spent_s() - before_s


def _spent_s() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
