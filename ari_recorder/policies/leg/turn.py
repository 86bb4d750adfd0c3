"""One step of a leg: what is changed, and what is asked for, in the order in which it is to be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from ari_recorder.policies import machine
from ari_recorder.policies.leg.effects import Release, Save
from ari_recorder.policies.leg.state import Files, Leg, Recording, Segment
from ari_recorder.policies.machine import Effect


class Turn(machine.Turn[Leg]):
    """A leg in the middle of one `receive`. ``leg`` is a copy, to be changed."""

    def __init__(self, leg: Leg, now: datetime) -> None:
        super().__init__(leg, now)
        self.leg = self._machine
        self._last: list[Effect] = []
        self._changed = False

    def keep(self, **changes: Any) -> None:
        """Change what has to be on disk; what is only noted is of use while the recorder runs."""
        self.note(**changes)
        self._changed = True

    def let_go(self, snoop: str) -> None:
        """Hang up a snoop; `recovery.look` asks again until it is known to be gone."""
        self.note(leaving=self.leg.leaving | {snoop})
        self.ask(Release(snoop))

    def tell(self, effect: Effect) -> None:
        """What others are told comes after what is asked of Asterisk."""
        self._last.append(effect)

    def finish(self) -> tuple[Leg, list[Effect]]:
        """The leg afterwards, and the effects: what is asked of Asterisk first, then the books."""
        if self._changed:
            self.leg.version += 1
            self._effects.append(Save(self.leg.version))
        self._effects += self._last
        return super().finish()

    # Changes of parts

    def change_files(self, files: Files, **changes: Any) -> Files:
        """The files afterwards."""
        changed = self.note_files(files, **changes)
        self.keep(files=self.leg.files)
        return changed

    def note_files(self, files: Files, **changes: Any) -> Files:
        """The same, for what the files tell, too: it is written down with the next that is kept."""
        changed = replace(files, **changes)
        self.note(files=tuple(changed if one.number == files.number else one for one in self.leg.files))
        return changed

    def change_recording(self, recording: Recording, **changes: Any) -> Recording:
        """The recording afterwards."""
        changed = replace(recording, **changes)
        self.keep(
            recordings=tuple(
                changed if one.ordinal == recording.ordinal else one for one in self.leg.recordings
            )
        )
        return changed

    def change_segments(self, number: int, **changes: Any) -> None:
        """Change the last segment that lies in the files of that number."""
        for recording in reversed(self.leg.recordings):
            last = next((one for one in reversed(recording.segments) if one.files == number), None)
            if last is not None:
                changed = replace(last, **changes)
                segments = tuple(changed if one is last else one for one in recording.segments)
                self.change_recording(recording, segments=segments)
                return

    def add_segment(self, segment: Segment) -> None:
        """Add a segment to the recording that is open."""
        recording = self.leg.recording
        assert recording is not None, f"leg {self.leg.id} has no recording to add to"
        ordinal = max((one.ordinal for one in recording.segments), default=0) + 1
        segment = replace(segment, ordinal=ordinal)
        self.change_recording(recording, segments=(*recording.segments, segment))
