"""The command ``ari-recorder``.

An error that is foreseen (`ARIRecorderError`, a wrong option) is one line on standard error and an exit code;
anything else is a fault in this program and shows its traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from ari_recorder.cli.root import app
from ari_recorder.errors import ARIRecorderError

PROGRAM = "ari-recorder"
OWNER_ONLY = 0o077
"""Recordings, the catalogue and its keys are nobody else's to read."""
INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of ``arguments`` (the command line's, if none); returns the exit code."""
    os.umask(OWNER_ONLY)
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        code = app(words, prog_name=PROGRAM, standalone_mode=False)
    except ARIRecorderError as error:
        return _say(str(error), error.exit_code)
    except typer.TyperException as error:
        return _say(f"{error.format_message()} Try: {PROGRAM} --help", error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # | head
        sys.stderr.close()
        return 0
    return code if isinstance(code, int) else 0


def _say(message: str, code: int) -> int:
    print(f"{PROGRAM}: {' '.join(message.split())}", file=sys.stderr)
    return code
