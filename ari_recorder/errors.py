"""The one exception tree of the package.

::

    ARIRecorderError
    ├── SettingsError            a setting is unknown, missing or out of range
    │   ├── Invalid              a value of a user, group or organisation cannot be
    │   │   └── Conflict         … but for something that is so already
    │   └── PasswordRefused      a password is too short, too long, common, or about whose it is
    ├── AriError                 an operation asked of Asterisk did not succeed
    │   ├── AriUnreachable       no answer: refused, timed out, connection lost
    │   ├── AriUnauthorized      wrong user or password for ARI
    │   ├── AriNotFound          the channel, recording, endpoint … does not exist (any more)
    │   ├── AriConflict          it exists already, or its state does not allow the operation
    │   └── AriRefused           any other refusal; Asterisk's own reason is in the message
    ├── EventError               an event of a known type lacks a field that ARI promises
    ├── StoreError               the catalogue cannot be reached or is of a newer version
    │   └── NoCatalogue          there is none at its address, or one of an older version
    ├── SpoolError               Asterisk's recording folder does not answer, or cannot be read
    ├── VaultError               an audio file cannot be written, read or verified
    │   ├── VaultAway            it is not there, or not the one that the recordings are in
    │   ├── VaultLocked          it does not let a file be removed yet
    │   └── KeyMissing           a key that encrypts or opens recordings is not there
    ├── FileError                a file given to a command cannot be read or written
    ├── NoAnswer                 a folder neither gives nor refuses what is asked of it
    ├── MediaError               a segment's audio cannot be made into a recording
    │   ├── NoAudio              there is not one sample of it to be kept
    │   └── PromptRefused        a file cannot be made into a prompt
    ├── DeliveryError            something cannot be sent to where it is to go
    │   └── InsideAddress        its address is of the inside network, and that is not allowed
    ├── TimestampError           an authority gave no time stamp, or one that does not hold
    ├── NotAllowed               who asks may not do this
    └── NotFound                 no such thing, or none that who asks may see

Every message says what happened, to which thing, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path


class ARIRecorderError(Exception):
    """Root of every error this package raises on purpose."""

    exit_code = 1


class SettingsError(ARIRecorderError):
    """A setting is unknown, missing or out of range; names the file or variable and the key."""

    exit_code = 78  # EX_CONFIG of sysexits.h


class Invalid(SettingsError):
    """A value of a user, a group or an organisation cannot be: of which ``field``, and why.

    ``message`` is a sentence, with ``%(name)s`` where a value of ``values`` belongs.
    """

    def __init__(self, field: str, message: str, **values: object) -> None:
        told = message % values
        super().__init__(f"{field}: {told}" if field else told)
        self.field = field
        self.message = message
        self.values = values


class Conflict(Invalid):
    """It could be, but for something that is so already: a name is taken, say."""


class PasswordRefused(SettingsError):
    """A password is not taken, and why: one of `policies.passwords.Weakness`."""

    exit_code = 65  # EX_DATAERR

    def __init__(self, message: str, weakness: str, least: int) -> None:
        super().__init__(message)
        self.weakness = weakness
        self.least = least


class AriError(ARIRecorderError):
    """An operation asked of Asterisk did not succeed.

    ``operation`` is what was asked (``record``), ``target`` the channel, recording or endpoint
    it was asked for, ``status`` the HTTP status (0 when there was no answer), ``reason``
    Asterisk's own words.
    """

    exit_code = 69  # EX_UNAVAILABLE

    def __init__(self, operation: str, target: str, status: int, reason: str) -> None:
        super().__init__(f"Asterisk: {operation} {target}: {reason}" + (f" ({status})" if status else ""))
        self.operation = operation
        self.target = target
        self.status = status
        self.reason = reason


class AriUnreachable(AriError):
    """No answer: connection refused, timed out or lost."""


class AriUnauthorized(AriError):
    """The user or password for ARI is wrong."""

    exit_code = 77  # EX_NOPERM


class AriNotFound(AriError):
    """The channel, recording or endpoint does not exist (any more)."""


class AriConflict(AriError):
    """The resource exists already, or its state does not allow the operation."""


class AriRefused(AriError):
    """Any other refusal."""


class EventError(ARIRecorderError):
    """An event of a known type lacks a field that ARI promises; the raw event is in the message."""


class StoreError(ARIRecorderError):
    """The catalogue cannot be reached, or is of a version this program does not know."""

    exit_code = 69


class NoCatalogue(StoreError):
    """There is no catalogue at the address, or one of an older version; none is made or upgraded now."""

    exit_code = 66  # EX_NOINPUT

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(f"{found} {remedy}")
        self.found = found
        self.remedy = remedy


class SpoolError(ARIRecorderError):
    """Asterisk's recording folder does not answer, or cannot be read."""

    exit_code = 74  # EX_IOERR


class VaultError(ARIRecorderError):
    """An audio file cannot be written, read back or verified."""

    exit_code = 74  # EX_IOERR


class VaultAway(VaultError):
    """The vault is not there at the moment: its disk is not mounted, or its store does not answer or refuses.

    Also if what is there is not the vault that the recordings are in.
    """


class VaultLocked(VaultError):
    """The vault does not let a file be removed yet: Object Lock holds it. It is tried again."""


class KeyMissing(VaultError):
    """A key that is needed to encrypt or open recordings is not there, or is another."""

    exit_code = 78  # EX_CONFIG


class FileError(ARIRecorderError):
    """A file that was given to a command cannot be read or written (``doing``), and why."""

    exit_code = 74

    def __init__(self, file: Path, doing: str, error: OSError) -> None:
        super().__init__(f"{file} cannot be {doing}: {error.strerror}.")


class NoAnswer(ARIRecorderError):
    """A folder neither gives nor refuses what is asked of it: a lost network share, a disk that hangs."""

    exit_code = 74


class MediaError(ARIRecorderError):
    """The audio of a recording's segments cannot be made into its file."""


class NoAudio(MediaError):
    """Not one sample is to be kept of any segment: there is nothing to make a file of.

    ``cut`` are the files that hold audio, all of which is to be cut out.
    """

    def __init__(self, reason: str, cut: Iterable[Path] = ()) -> None:
        super().__init__(reason)
        self.cut = frozenset(cut)


class Refusal(StrEnum):
    """Why a file cannot be a prompt: a sentence that says what is allowed."""

    NOT_AUDIO = (
        "The file cannot be read as sound. Use WAV, MP3, M4A, Ogg, FLAC or another common format for sound."
    )
    NO_AUDIO = "The file has no sound track. Use a recording of sound."
    SILENT = "The file is silent, empty or shorter than 0.1 seconds. Use one in which something can be heard."
    TOO_LONG = "The file is longer than 30 seconds. A prompt has at most 30."
    TOO_LARGE = "The file is larger than 10 MB. A prompt's file has at most 10 MB."


class PromptRefused(MediaError):
    """A file cannot be made into a prompt, and why; ``file`` is its name, where there is one."""

    exit_code = 65  # EX_DATAERR

    def __init__(self, reason: Refusal, file: str = "") -> None:
        super().__init__(f"{file}: {reason}" if file else str(reason))
        self.reason = reason


class DeliveryError(ARIRecorderError):
    """Something cannot be sent to where it is to go."""

    exit_code = 69


class InsideAddress(DeliveryError, OSError):
    """An ``address`` is of the inside network, or of this machine, and nothing is sent there.

    It is an `OSError`, too: what opens connections takes it for one that cannot be had.
    """

    def __init__(self, address: str) -> None:
        super().__init__(
            "It is an address of the inside network, where nothing is sent unless webhooks.allow_inside names"
            f" it: {address}"
        )
        self.address = address


class TimestampError(ARIRecorderError):
    """There is no time stamp of what was asked for, or what is there is none that holds."""

    exit_code = 69


class NotAllowed(ARIRecorderError):
    """Who asks may not do this."""


class NotFound(ARIRecorderError):
    """No such thing, or none that who asks may see."""
