"""Readings: what a monitor measured of one subject on one date, and what it was held against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """A value and its limit, in the monitor's unit; `n` rows, dates or events stand behind it.

    `subject` is what was measured: a feature, a version, a job; '' for all. `detail` states value and population in a
    sentence. A `value` of None was not measured: then `is_bad` is False, nothing follows from it, and `detail` says
    what is missing.
    """

    monitor: str
    subject: str
    value: float | None
    limit: float | None
    n: int
    is_bad: bool
    detail: str

    def __post_init__(self) -> None:
        if self.value is None and self.is_bad:
            raise ValueError(f"{self.monitor} {self.subject}: what was not measured is not bad")

    @property
    def is_measured(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


def not_measured(monitor: str, subject: str, why: str, *, n: int = 0, limit: float | None = None) -> Reading:
    """A reading without a value: `why` says what is missing."""
    return Reading(monitor, subject, None, limit, n, is_bad=False, detail=f"Not measured: {why}.")
