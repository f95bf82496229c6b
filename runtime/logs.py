"""Structured logs: one JSON object a line on stderr, nothing secret, digests instead of payloads."""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict

Logger = structlog.stdlib.BoundLogger


def configure(service: str, level: str = "info") -> Logger:
    """Set up the process' logging once and give its logger."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
    return logger(service=service)


def warnings_of(command: str) -> Logger:
    """A logger for one command: warnings and errors, on stderr. The process' logging stays as it is."""
    bound: Logger = structlog.wrap_logger(
        structlog.BytesLogger(sys.stderr.buffer),
        processors=_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        service=command,
    )
    return bound


def _processors() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _line,
    ]


def _line(_: object, __: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=repr, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def logger(**values: Any) -> Logger:
    bound: Logger = structlog.get_logger(**values)
    return bound
