"""What of a recording is certain is coded while its call goes on: at the hang-up only the rest is left.

It is the file that `stitch` would make, byte for byte. What was laid out is compared each time with what is
laid out now; where a cut or another rate has changed it, what was made is taken away, and `stitch` makes the
recording as if nothing had been done before.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from ari_recorder.errors import ARIRecorderError, NoAudio
from ari_recorder.media.blocks import is_plain, two_channels
from ari_recorder.media.jobs import StitchJob, StitchResult
from ari_recorder.media.plan import Plan, make_plan
from ari_recorder.media.stitch import Making, told

AT_A_TIME_S = 120
"""Seconds of audio that are coded at a time: whose call is over waits no longer than for these."""
MAKING_MAX = 300
"""Most recordings in the making; further ones are made when they are over."""


class Desk:
    """The recordings that are in the making, in one process."""

    def __init__(self) -> None:
        self._making: dict[str, Making] = {}

    def advance(self, job: StitchJob) -> bool:
        """Code what is certain of a recording that goes on, up to `AT_A_TIME_S`; whether there is more.

        Raises as `stitch` does, and has nothing of it then. Of WAV nothing is coded.
        """
        if job.format == "wav":
            return False
        try:
            plan = make_plan(job)
        except NoAudio:
            return False
        making = self._fitting(job, plan)
        if making is None:
            return False
        seconds = (plan.certain - making.samples) // plan.rate_hz
        with told(job), _dropped(self, job.recording_id):
            _code(making, plan, making.samples + min(seconds, AT_A_TIME_S) * plan.rate_hz)
        return seconds > AT_A_TIME_S

    def finish(self, job: StitchJob) -> StitchResult | None:
        """The finished file, if it was in the making as it has to be; None, and nothing is there, if not."""
        making = self._making.get(job.recording_id)
        if making is None:
            return None
        with suppress(ARIRecorderError), told(job), _dropped(self, job.recording_id):
            plan = make_plan(job)
            if not _fits(making, plan):
                self.forget(job.recording_id)
                return None
            _code(making, plan, plan.samples)
            result = making.finish(replace(job, target=job.ahead), plan)
            making.target.replace(job.target)
            del self._making[job.recording_id]
            return result
        return None

    def forget(self, recording: str) -> None:
        """Take away what was made of a recording."""
        making = self._making.pop(recording, None)
        if making is not None:
            making.drop()

    def _fitting(self, job: StitchJob, plan: Plan) -> Making | None:
        making = self._making.get(job.recording_id)
        if making is not None and not _fits(making, plan):
            self.forget(job.recording_id)
            making = None
        if making is None and is_plain(plan) and plan.certain and len(self._making) < MAKING_MAX:
            with told(job):
                making = self._making[job.recording_id] = Making(replace(job, target=job.ahead), plan)
        return making


class _dropped:
    """After an error nothing is left of what was made of that recording."""

    def __init__(self, desk: Desk, recording: str) -> None:
        self._desk = desk
        self._recording = recording

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._desk.forget(self._recording)


def _fits(making: Making, plan: Plan) -> bool:
    return is_plain(plan) and plan.begins_as(making.plan, making.samples) and plan.samples >= making.samples


def _code(making: Making, plan: Plan, until: int) -> None:
    """In blocks of a second, as `stitch` does: the bytes are the same then."""
    making.plan = plan
    while making.samples < until:
        making.add(two_channels(plan, making.samples, min(plan.rate_hz, until - making.samples)))
