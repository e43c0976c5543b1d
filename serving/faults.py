"""What the service refuses, by what a caller would do about it; each has the HTTP status that tells it.

NoProductionError (503), NotReadyError (503)   nothing can answer yet: promote, or wait
NoGamesError (404)                             the date has no slate
UnknownSystemError (404)                       no version answers to that name
InvalidRequestError (422)                      the body is wrong, at `field`
"""

from __future__ import annotations

from contracts.errors import UnavailableError, UsageError


class NoProductionError(UnavailableError):
    """No version is in Production."""

    code = "no_production"
    status = 503


class NotReadyError(UnavailableError):
    """A version is in Production and may not answer: it does not load, or does not prove itself."""

    code = "not_ready"
    status = 503


class NoGamesError(UnavailableError):
    """The date has no expected player-games."""

    code = "no_games"
    status = 404


class UnknownSystemError(UsageError):
    """No registered version answers to the name."""

    code = "unknown_system"
    status = 404


class InvalidRequestError(UsageError):
    """The body is wrong; `field` says where (None: the body itself)."""

    code = "invalid"
    status = 422

    def __init__(self, message: str, *, field: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.field = field
