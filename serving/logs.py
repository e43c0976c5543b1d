"""The service's log: one JSON object a line on stderr, each with the id of the request it belongs to."""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that this task or thread works for."""

PLAIN_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_ENCODE = json.JSONEncoder(default=str).encode
log = logging.getLogger("tipoff.serving")


class JsonLines(logging.Formatter):
    """at (UTC, ISO 8601), level, logger, message, request_id, what `extra={"told": {...}}` adds, and a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        told: dict[str, Any] = {
            "at": f"{_second(int(record.created))}.{int(record.msecs):03}+00:00",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": REQUEST_ID.get(),
            **getattr(record, "told", {}),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return _ENCODE(told)


@lru_cache(maxsize=4)
def _second(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def configure_logs() -> None:
    """What the service says goes to stderr as JSON lines, and nowhere twice."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    ours = logging.getLogger("tipoff")
    ours.handlers = [handler]
    ours.setLevel(logging.INFO)
    ours.propagate = False
    # what no line tells need not be found out for each: https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # the documented way not to look for the caller


def request_id_of(headers: list[tuple[bytes, bytes]]) -> str:
    """The caller's X-Request-ID where it is plain (letters, digits, . _ : -; at most 128), else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and PLAIN_ID.fullmatch(value):
            return value.decode()
    return secrets.token_hex(16)
