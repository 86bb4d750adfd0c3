"""The command ``ari-recorder``.

An error that is foreseen (`ARIRecorderError`, a wrong option, a file that cannot be used) is one line on
standard error and an exit code; anything else is a fault in this program and shows its traceback.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Sequence

import typer

from ari_recorder.cli.root import command
from ari_recorder.errors import ARIRecorderError
from ari_recorder.policies.text import escaped

PROGRAM = "ari-recorder"
UNUSABLE = 74  # EX_IOERR of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``arguments`` (the command line's, if none); returns the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 lacks what names have
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        code = command().main(words, prog_name=PROGRAM, standalone_mode=False)
    except ARIRecorderError as error:
        return _say(str(error), error.exit_code)
    except typer.TyperException as error:
        return _say(_wrongly_written(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # | head
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.filename is None:
            raise
        remedy = " Run this as the user that runs the recorder, or give that user the file."
        hint = remedy if isinstance(error, PermissionError) else ""
        return _say(f"{error.filename} cannot be used: {error.strerror}.{hint}", UNUSABLE)
    return code if isinstance(code, int) else 0


def _wrongly_written(error: typer.TyperException) -> str:
    """What is wrong with the command line, and the help of the command that was meant."""
    context = getattr(error, "ctx", None)
    said = error.format_message().replace("Value error, ", "")
    said = re.sub(r"Input (should be [^,]*).*", r"it \1", said)  # without how it was looked at
    return f"{said.rstrip('.')}. Try: {context.command_path if context else PROGRAM} --help"


def _say(message: str, code: int) -> int:
    print(f"{PROGRAM}: {escaped(' '.join(message.split()))}", file=sys.stderr)
    return code
