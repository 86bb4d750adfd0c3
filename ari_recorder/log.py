"""The program's own log: one line for each event, on standard error.

A line names things by their ids (calls, channels, endpoints, recordings), never by people's names or what was
said. An exception is written as a plain traceback, without the values of variables: those hold phone numbers.
"""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Callable
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

from ari_recorder.config import Log

_PERSONAL = frozenset(
    ("name", "number", "caller", "counterpart", "counterpart_name", "counterpart_number", "note", "password")
)
"""Keys that no line may carry."""
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


def _plain_traceback(out: TextIO, exception: Any) -> None:
    written = io.StringIO()
    plain: Callable[..., None] = structlog.dev.plain_traceback
    plain(written, exception)
    out.write(_ROW.sub("DETAIL: …\n", written.getvalue()))


def _renderer(shape: Literal["text", "json"]) -> list[Processor]:
    if shape == "json":
        json = structlog.processors.JSONRenderer(ensure_ascii=False)
        return [structlog.processors.format_exc_info, _without_rows, json]
    console = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_plain_traceback)
    return [_without_rows, console]


def _take_over_libraries(level: int, common: list[Processor], renderer: list[Processor]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=[remove, *renderer], foreign_pre_chain=common)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
