"""Every error a user can meet, by what a caller would do about it.

TipoffError (exit 1)            something failed while running
├── UsageError (exit 2)         the command, a file or a setting is wrong: change it and try again
├── UnavailableError (exit 1)   a thing that must be there is not: a database, a port, a Production version
└── RefusedError (exit 3)       a rule said no: the gate, stale rows, a quality gate
"""

from __future__ import annotations


class TipoffError(Exception):
    """What happened with the offending value, what is allowed, and the command that mends it.

    `message` states the first two, `remedy` the third; the command line prints both and exits with `exit_code`.
    """

    exit_code = 1
    code = "failed"

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message


class UsageError(TipoffError):
    """The command, a file or a setting is wrong."""

    exit_code = 2
    code = "usage"


class UnavailableError(TipoffError):
    """A thing that must be there is not."""

    exit_code = 1
    code = "unavailable"


class RefusedError(TipoffError):
    """A rule said no."""

    exit_code = 3
    code = "refused"
