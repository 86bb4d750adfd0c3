"""The program's own log: one line for each event, on standard error.

A line names things by their ids (calls, channels, endpoints, recordings), never by people's names or what was
said. An exception is written as a plain traceback, without the values of variables: those hold phone numbers.
Nothing in a line acts on who reads it: control characters are written as Python writes them.
"""

from __future__ import annotations

import io
import logging
import re
import sys
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from ari_recorder.config import Log
from ari_recorder.policies.text import escaped, escaped_lines, json_escaped

_PERSONAL = frozenset(
    ("name", "number", "caller", "counterpart", "counterpart_name", "counterpart_number", "note", "password")
)
"""Keys that no line may carry."""
_NO_TEXT = frozenset(("exc_info", "stack_info", "_record", "_from_structlog"))
"""Keys that structlog and its bridge to `logging` need as they are."""
_ROW = re.compile(
    r"^DETAIL: .*?(?:\n(?=CONTEXT:|Traceback |The above exception|During handling)|\n(?=\n)|\Z)", re.M | re.S
)
"""What PostgreSQL adds to an error: the row that it is about, or the values."""


def without(text: str, *personal: str) -> str:
    """A text for the log without what of it is personal: numbers, names, what a dialplan has given."""
    for value in sorted(filter(None, personal), key=len, reverse=True):
        text = text.replace(value, "…")
    return text


def configure(settings: Log) -> None:
    """Write every line from ``settings.level`` on to standard error, also those of the libraries."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_personal,
        _escaped,
    ]
    renderer = _renderer(settings.format)
    structlog.configure(
        processors=[*common, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )
    _take_over_libraries(max(level, logging.WARNING), common, renderer)


def _to_stderr(*_: Any) -> structlog.WriteLogger:
    """Standard error as it is now, which a test or a supervisor may have replaced."""
    return structlog.WriteLogger(sys.stderr)


def _without_personal(_logger: Any, _method: str, event: EventDict) -> EventDict:
    for key in _PERSONAL & event.keys():
        event[key] = "…"
    return event


def _without_rows(_logger: Any, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _ROW.sub("DETAIL: …\n", value)
    return event


def _escaped(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What callers and phones chose may be in any value, also inside a list."""
    return {key: value if key in _NO_TEXT else _plain(value) for key, value in event.items()}


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return escaped(_ROW.sub("DETAIL: …\n", value if isinstance(value, str) else str(value)))


def _renderer(shape: Literal["text", "json"]) -> list[Processor]:
    if shape == "json":
        lines = structlog.processors.JSONRenderer(ensure_ascii=False)
        return [structlog.processors.format_exc_info, _without_rows, lines, _json_escaped]
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_traceback)]


def _json_escaped(_logger: Any, _method: str, line: Any) -> str:
    return json_escaped(line)


def _traceback(file: TextIO, found: ExcInfo) -> None:
    """An exception's message may have in it what came from outside."""
    whole = io.StringIO()
    structlog.dev.plain_traceback(whole, found)
    file.write(escaped_lines(_ROW.sub("DETAIL: …\n", whole.getvalue())))


def _take_over_libraries(level: int, common: list[Processor], renderer: list[Processor]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=[remove, *renderer], foreign_pre_chain=common)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
