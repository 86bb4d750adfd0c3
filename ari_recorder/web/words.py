"""How values are shown: times, lengths, sizes, and what the catalogue's words mean to a reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_skeleton, format_time
from babel.numbers import format_decimal, get_decimal_symbol

from ari_recorder.errors import Refusal
from ari_recorder.policies.ledger import RecordingState
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.rights import Role
from ari_recorder.policies.table import State
from ari_recorder.policies.usage import Month
from ari_recorder.store.catalogue import Played, RecordingRow
from ari_recorder.web.language import N_, Language

DIRECTIONS = {
    "inbound": N_("Incoming"),
    "outbound": N_("Outgoing"),
}
STATES = {
    RecordingState.OPEN: N_("In progress"),
    RecordingState.CLOSING: N_("Being prepared"),
    RecordingState.STORED: N_("Ready"),
    RecordingState.DISCARDING: N_("Being destroyed"),
    RecordingState.DISCARDED: N_("Destroyed"),
    RecordingState.EMPTY: N_("No audio"),
    RecordingState.DISPOSING: N_("Being removed"),
}
STATE_HINTS = {
    RecordingState.OPEN: N_("The call is going on. The recording can be played when it has ended."),
    RecordingState.CLOSING: N_("The call has ended. The recording is being prepared and will be here soon."),
    RecordingState.DISCARDING: N_("The audio is being destroyed, as the recording mode says."),
    RecordingState.DISCARDED: N_("The audio has been destroyed, as the recording mode says."),
    RecordingState.EMPTY: N_("No audio was written during this call, so there is nothing to play."),
    RecordingState.DISPOSING: N_("The recording has been removed."),
}
MODES = {
    "never": N_("Never"),
    "always": N_("Always"),
    "always_pause_resume": N_("Always, can be paused"),
    "on_demand": N_("On demand, from the answer on"),
    "on_demand_user_start": N_("On demand, from the user's start on"),
}
SIGNALS = {
    State.RINGING: N_("Ringing"),
    State.IDLE: N_("Not recording"),
    State.PROVISIONAL: N_("Recording, not kept yet"),
    State.PROVISIONAL_PAUSED: N_("Paused, not kept yet"),
    State.RECORDING: N_("Recording"),
    State.PAUSED: N_("Paused"),
    State.FAILED: N_("Recording failed"),
    State.ENDED: N_("Call over"),
}
"""The state of a call that goes on, as its indicator says it."""
SIGNAL_HINTS = {
    State.PROVISIONAL: N_("Destroyed when the call ends, unless the user keeps it."),
    State.PROVISIONAL_PAUSED: N_("Destroyed when the call ends, unless the user keeps it."),
    State.FAILED: N_("The recording broke off and was given up. The call goes on."),
}
COMMANDS = {
    "start": N_("Start recording"),
    "stop": N_("Stop recording"),
    "pause": N_("Pause"),
    "resume": N_("Resume"),
    "start_provisional": N_("Keep the recording"),
    "start_provisional_paused": N_("Keep the recording"),
}
"""What the button of a command says, where needed by the state that it is given in."""
MARKS = {
    "red": N_("Red"),
    "orange": N_("Orange"),
    "yellow": N_("Yellow"),
    "green": N_("Green"),
    "blue": N_("Blue"),
    "purple": N_("Purple"),
    "grey": N_("Grey"),
}
PROMPTS = {
    "start": N_("Recording has started"),
    "stop": N_("Recording has stopped"),
    "pause": N_("Recording is paused"),
    "resume": N_("Recording goes on"),
    "failure_continue": N_("Recording has failed, the call goes on"),
    "failure_end": N_("Recording has failed, the call ends"),
    "beep": N_("Beep"),
    "error": N_("Error tone"),
    "warning": N_("Warning tone"),
}
AUDIENCES = {
    "both": N_("Heard by both"),
    "user": N_("Heard by the user alone"),
    "counterpart": N_("Heard by the counterpart alone"),
}
OUTCOMES = {"cut": N_("Cut off"), "failed": N_("Not played"), "": N_("Being played")}
ROLES: dict[str, str] = {
    Role.USER: N_("User"),
    Role.SUPERVISOR: N_("Supervisor"),
    Role.ADMINISTRATOR: N_("Administrator"),
    Role.AUDITOR: N_("Auditor"),
    Role.OPERATOR: N_("Operator"),
}
PROMPT_HINTS = {
    PromptKind.START: N_("When recording begins, or what was recorded so far is kept from now on."),
    PromptKind.STOP: N_("When the user ends the recording, and the call goes on."),
    PromptKind.PAUSE: N_("When the user pauses the recording."),
    PromptKind.RESUME: N_("When the recording goes on after a pause."),
    PromptKind.FAILURE_CONTINUE: N_("When recording fails, and the call may go on without it."),
    PromptKind.FAILURE_END: N_("When recording fails, and the call may not go on without it."),
    PromptKind.BEEP: N_("Instead of the announcements, for those who have chosen it."),
    PromptKind.ERROR: N_("To the user alone, when a code that was pressed is not possible now."),
    PromptKind.WARNING: N_("Again and again while the call is recorded, for those who have chosen it."),
}
REFUSALS = {
    Refusal.NOT_AUDIO: N_(
        "The file cannot be read as sound. Use WAV, MP3, M4A, Ogg, FLAC or another common format for sound."
    ),
    Refusal.NO_AUDIO: N_("The file has no sound track. Use a recording of sound."),
    Refusal.SILENT: N_(
        "The file is silent, empty or shorter than 0.1 seconds. Use one in which something can be heard."
    ),
    Refusal.TOO_LONG: N_("The file is longer than 30 seconds. A prompt has at most 30."),
    Refusal.TOO_LARGE: N_("The file is larger than 10 MB. A prompt's file has at most 10 MB."),
}
"""The words of `Refusal`, to be translated."""
_SIZES = (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000))


@dataclass(frozen=True)
class Words:
    """Values in words for one reader: their language, their organisation's time zone, and what it calls the
    three fields of calls; empty for their number.
    """

    language: Language
    zone: tzinfo
    tag_names: tuple[str, ...] = ("", "", "")

    def tag(self, name: str) -> str:
        """What ``tag1``, ``tag2`` or ``tag3`` is called."""
        number = int(name.removeprefix("tag"))
        return self.tag_names[number - 1] or self.language.gettext(N_("Field %(n)s"), n=number)

    def date(self, at: datetime) -> str:
        """The day."""
        return format_date(at.astimezone(self.zone), "medium", locale=self.language.locale)

    def day(self, at: datetime, now: datetime) -> str:
        """A day as a heading: today, yesterday, or its weekday and date, with the year if it is another."""
        day, today = (one.astimezone(self.zone).date() for one in (at, now))
        near = {0: N_("Today"), 1: N_("Yesterday")}.get((today - day).days)
        if near:
            return self.language.gettext(near)
        form = "EEEE d MMMM" if day.year == today.year else "EEEE d MMMM y"
        shown = format_date(day, form, locale=self.language.locale)
        return shown[:1].upper() + shown[1:]

    def count(self, number: int) -> str:
        """A number of things, as it is written here."""
        return format_decimal(number, locale=self.language.locale)

    def day_of_year(self, at: datetime) -> str:
        """The day, without the year."""
        return format_skeleton("MMMd", at.astimezone(self.zone), locale=self.language.locale)

    def month(self, month: Month) -> str:
        """A month of a year."""
        return format_skeleton("yMMMM", date(month.year, month.month, 1), locale=self.language.locale)

    def time(self, at: datetime) -> str:
        """The time of the day, to the minute."""
        return format_time(at.astimezone(self.zone), "short", locale=self.language.locale)

    def moment(self, at: datetime) -> str:
        """The time of the day, to the second."""
        return format_time(at.astimezone(self.zone), "medium", locale=self.language.locale)

    def exactly(self, at: datetime) -> str:
        """Day and time to the second, with the zone."""
        zone = at.astimezone(self.zone).tzname() or ""
        shown = format_datetime(at, "medium", tzinfo=self.zone, locale=self.language.locale)
        return f"{shown} {zone}".strip()

    def duration(self, length_ms: int | None) -> str:
        """``m:ss``, or ``h:mm:ss`` from an hour on; a dash while it is not known."""
        return "–" if length_ms is None else clock(length_ms)

    def size(self, size_bytes: int) -> str:
        """In the largest unit that gives at least 1."""
        for unit, step in _SIZES:
            if size_bytes >= step:
                number = format_decimal(size_bytes / step, format="#,##0.#", locale=self.language.locale)
                return f"{number} {unit}"
        return self.language.ngettext("%(n)s byte", "%(n)s bytes", size_bytes)

    def level(self, dbfs: float) -> str:
        """Loudness in dB of full scale."""
        shown = format_decimal(dbfs, format="#,##0.0", locale=self.language.locale)
        return f"{shown} dBFS".replace("-", "−")

    def rate(self, rate_hz: int) -> str:
        """A sample rate in kHz."""
        return f"{format_decimal(rate_hz / 1000, format='0.#', locale=self.language.locale)} kHz"

    def direction(self, row: RecordingRow) -> str:
        """Incoming or outgoing."""
        return self._known(DIRECTIONS, row.direction)

    def state(self, row: RecordingRow) -> str:
        """Where the recording is on its way, in a word or two."""
        return self.language.gettext(STATES[row.state])

    def state_hint(self, row: RecordingRow) -> str:
        """The same, in a sentence; empty when it is ready."""
        hint = STATE_HINTS.get(row.state)
        return self.language.gettext(hint) if hint else ""

    def mode(self, row: RecordingRow) -> str:
        """The recording mode."""
        return self._known(MODES, row.mode)

    def mark(self, mark: str) -> str:
        """The colour's name."""
        return self._known(MARKS, mark)

    def role(self, role: str) -> str:
        """What a person is in their organisation."""
        return self._known(ROLES, role)

    def prompt(self, played: Played) -> str:
        """What a prompt was for."""
        what = self._known(PROMPTS, played.kind)
        beep = played.sound == "beep" and played.kind not in ("error", "warning")
        return self.language.gettext("%(what)s (beep)", what=what) if beep else what

    def heard(self, played: Played) -> str:
        """Who heard a prompt, or why nobody did."""
        whom = self._known(AUDIENCES, played.heard_by)
        if played.outcome in OUTCOMES:
            return f"{whom} · {self.language.gettext(OUTCOMES[played.outcome])}"
        return whom

    def counterpart(self, row: RecordingRow) -> str:
        """The counterpart's name, else their number, else that neither is known."""
        return self.party(row.counterpart_name, row.counterpart_number)

    def named(self, row: RecordingRow) -> str:
        """A recording in a list of others: when, with whom, and whose."""
        values = {"when": self.exactly(row.started_at), "whom": self.counterpart(row), "who": row.user_name}
        return self.language.gettext(N_("%(when)s, %(whom)s, recorded of %(who)s"), **values)

    def party(self, name: str, number: str) -> str:
        """Somebody's name, else their number, else that neither is known."""
        return name or number or self.language.gettext("Unknown number")

    def prompt_name(self, kind: PromptKind) -> str:
        """A prompt's name."""
        return self.language.gettext(PROMPTS[kind])

    def prompt_hint(self, kind: PromptKind) -> str:
        """When a prompt is played, in a sentence."""
        return self.language.gettext(PROMPT_HINTS[kind])

    def refusal(self, reason: Refusal) -> str:
        """Why a file cannot be a prompt, in a sentence or two."""
        return self.language.gettext(REFUSALS[reason])

    @property
    def separator(self) -> str:
        """What parts the cells of a file for spreadsheets in this language: no comma if that is decimal."""
        return ";" if get_decimal_symbol(self.language.locale) == "," else ","

    def tenths(self, value: float) -> str:
        """A number with one decimal, as a spreadsheet in this language reads it."""
        return f"{value:.1f}".replace(".", get_decimal_symbol(self.language.locale))

    def days(self, n: int) -> str:
        """So many days."""
        return self.language.ngettext("%(n)s day", "%(n)s days", n)

    def number(self, n: int) -> str:
        """A number, grouped by thousands."""
        return format_decimal(n, locale=self.language.locale)

    def seconds(self, length_ms: int) -> str:
        """A short length, to a tenth of a second."""
        return f"{format_decimal(length_ms / 1000, format='0.0', locale=self.language.locale)} s"

    def each(self, *words: Mapping[Any, str]) -> dict[str, str]:
        """All of these words, for a script of the page."""
        return {value: self.language.gettext(text) for known in words for value, text in known.items()}

    def _known(self, words: dict[str, str], value: str) -> str:
        return self.language.gettext(words[value]) if value in words else value


def clock(length_ms: int) -> str:
    """A length as ``m:ss`` or ``h:mm:ss``, rounded to the second."""
    minutes, seconds = divmod(round(length_ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def zone_named(name: str) -> tzinfo:
    """The time zone with that IANA name, UTC if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
