"""One step of a leg: what is changed, and what is asked for, in the order in which it is to be done."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ari_recorder.policies.leg.effects import Effect, Release, Request, Save, WakeAt
from ari_recorder.policies.leg.state import Alarm, Files, Leg, Recording, Segment


class Turn:
    """A leg in the middle of one `receive`, at ``now``. ``leg`` is a copy, to be changed."""

    def __init__(self, leg: Leg, now: datetime) -> None:
        self.leg = copy(leg)
        self.now = now
        self._effects: list[Effect] = []
        self._last: list[Effect] = []
        self._changed = False

    def keep(self, **changes: Any) -> None:
        """Change what has to be on disk."""
        self.note(**changes)
        self._changed = True

    def note(self, **changes: Any) -> None:
        """Change what is only of use while the recorder runs."""
        for name, value in changes.items():
            setattr(self.leg, name, value)

    def ask(self, request: Request) -> None:
        """Ask for something, unless it has been asked for and no answer has come yet."""
        if request not in self.leg.requests:
            self.ask_again(request)

    def ask_again(self, request: Request) -> None:
        """Ask for something, also if it was asked for: that may have been too early."""
        self.leg.requests |= {request}
        self._effects.append(request)

    def let_go(self, snoop: str) -> None:
        """Hang up a snoop; `recovery.look` asks again until it is known to be gone."""
        self.note(leaving=self.leg.leaving | {snoop})
        self.ask(Release(snoop))

    def tell(self, effect: Effect) -> None:
        """What others are told comes after what is asked of Asterisk."""
        self._last.append(effect)

    def alarm(self, alarm: Alarm, after_s: float) -> None:
        """Be woken for this after so many seconds."""
        self.leg.alarms = {**self.leg.alarms, alarm: self.now + timedelta(seconds=after_s)}

    def silence(self, *alarms: Alarm) -> None:
        """Not be woken for these."""
        if any(alarm in self.leg.alarms for alarm in alarms):
            self.leg.alarms = {one: at for one, at in self.leg.alarms.items() if one not in alarms}

    def finish(self) -> tuple[Leg, list[Effect]]:
        """The leg afterwards, and the effects: what is asked of Asterisk first, then the books."""
        leg = self.leg
        if self._changed:
            leg.version += 1
            self._effects.append(Save(leg.version))
        wake_at = min(leg.alarms.values(), default=None)
        if wake_at != leg.woken_at:
            leg.woken_at = wake_at
            self._last.append(WakeAt(wake_at))
        return leg, self._effects + self._last

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
