"""A build's quality verdict: every test with its figure and its limit, and what to do about those that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from contracts.errors import RefusedError


class Outcome(StrEnum):
    """How a test ended; only `failed` keeps a build from becoming current."""

    FAILED = "failed"
    WATCH = "watch"
    PASSED = "passed"
    NOT_JUDGED = "not_judged"


@dataclass(frozen=True)
class Test:
    """One gate held against one column, population or date; `figure` and `limit` are None where nothing is counted."""

    name: str
    outcome: Outcome
    column: str | None = None
    population: str | None = None
    figure: float | None = None
    limit: float | None = None
    detail: str = ""

    __test__ = False  # pytest: this is no test of ours

    @property
    def passed(self) -> bool:
        """Whether the build may become current for all that this test says."""
        return self.outcome is not Outcome.FAILED

    @property
    def subject(self) -> str:
        """What the test is about, for people."""
        return self.column or self.population or "build"

    def as_mapping(self) -> dict[str, Any]:
        """As plain values: name, column or population, figure, limit, passed, outcome, detail."""
        about = {"column": self.column} if self.population is None else {"population": self.population}
        return {
            "name": self.name,
            **about,
            "figure": self.figure,
            "limit": self.limit,
            "passed": self.passed,
            "outcome": self.outcome.value,
            "detail": self.detail,
        }

    def __str__(self) -> str:
        is_counted = self.figure is not None and self.limit is not None
        figures = f" = {self.figure:.4g}, limit {self.limit:.4g}" if is_counted else ""
        return f"{self.name} of {self.subject}{figures}" + (f": {self.detail}" if self.detail else "")


@dataclass(frozen=True)
class Finding:
    """Something a person should know about a column; the values stay as they are."""

    column: str
    kind: str
    detail: str


@dataclass(frozen=True)
class Verdict:
    """The tests of a build in the order in which they ran; `accepted` is the reason why it passes in spite of them."""

    tests: tuple[Test, ...]
    accepted: str | None = None

    @property
    def failures(self) -> list[Test]:
        """The tests that failed."""
        return [test for test in self.tests if not test.passed]

    @property
    def passed(self) -> bool:
        """Whether the build may become current: no test failed, or somebody said why it may all the same."""
        return not self.failures or self.accepted is not None

    @property
    def findings(self) -> list[Finding]:
        """What a person should know: every test on watch, and every failure that was accepted."""
        told = (test for test in self.tests if test.outcome in (Outcome.WATCH, Outcome.FAILED))
        return [Finding(test.subject, test.name, test.detail) for test in told]

    def refuse(self, build_id: int | None = None) -> None:
        """Nothing where the build passed.

        Raises RefusedError, naming every failed test with its column, figure and limit, and what to do about it.
        """
        if self.passed:
            return
        told = "; ".join(map(str, self.failures[:MOST_TOLD]))
        more = f"; and {len(self.failures) - MOST_TOLD} more" if len(self.failures) > MOST_TOLD else ""
        number = f" {build_id}" if build_id is not None else ""
        look = f" `tipoff features quality --build {build_id}` shows all of it." if build_id is not None else ""
        raise RefusedError(
            f"The quality gates refuse build{number}: {told}{more}.",
            remedy="Look at the builder and its source; nothing was written and the earlier build stays current."
            f"{look} Where the change is meant: `tipoff features backfill --accept-quality REASON`.",
        )

    def as_json(self) -> dict[str, Any]:
        """As plain values, short: a row a test under `keys`."""
        rows = [[_short(getattr(test, key)) for key in KEYS] for test in self.tests]
        return {"passed": self.passed, "accepted": self.accepted, "keys": list(KEYS), "tests": rows}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Verdict:
        """The verdict that `as_json` wrote."""
        tests = (dict(zip(stored["keys"], row, strict=True)) for row in stored["tests"])
        return cls(
            tuple(Test(**{**test, "outcome": Outcome(test["outcome"])}) for test in tests), stored.get("accepted")
        )


KEYS = ("name", "outcome", "column", "population", "figure", "limit", "detail")
MOST_TOLD = 8
"""Failures that an error names; the verdict keeps all."""


@dataclass
class Bench:
    """Collects tests: each method adds one. It is about a column or a population; about neither: the whole build."""

    tests: list[Test] = field(default_factory=list)

    def at_most(
        self,
        name: str,
        figure: float,
        limit: float,
        *,
        detail: str,
        otherwise: Outcome = Outcome.FAILED,
        column: str | None = None,
        population: str | None = None,
    ) -> None:
        """The figure must not exceed the limit; `detail` explains it where it does, and `otherwise` says what then."""
        outcome = otherwise if figure > limit else Outcome.PASSED
        said = "" if outcome is Outcome.PASSED else detail
        self.tests.append(Test(name, outcome, column, population, float(figure), float(limit), said))

    def at_least(
        self,
        name: str,
        figure: float,
        limit: float,
        *,
        detail: str,
        otherwise: Outcome = Outcome.FAILED,
        column: str | None = None,
        population: str | None = None,
    ) -> None:
        """The figure must reach the limit."""
        outcome = otherwise if figure < limit else Outcome.PASSED
        said = "" if outcome is Outcome.PASSED else detail
        self.tests.append(Test(name, outcome, column, population, float(figure), float(limit), said))

    def watch(self, name: str, column: str, detail: str) -> None:
        """Nothing is held against a limit; somebody should know."""
        self.tests.append(Test(name, Outcome.WATCH, column, detail=detail))

    def not_judged(self, name: str, n: int, least: int, what: str = "rows") -> None:
        """There was too little to judge."""
        self.skip(name, f"{n:,} {what} < {least:,}")

    def skip(self, name: str, why: str) -> None:
        """The test does not apply."""
        self.tests.append(Test(name, Outcome.NOT_JUDGED, detail=f"not judged: {why}"))


def first_failures(tests: Sequence[Test]) -> list[Test]:
    """Sorted for people: failed, watch, passed, not judged; as they ran within each."""
    return sorted(tests, key=lambda test: list(Outcome).index(test.outcome))


def _short(value: Any) -> Any:
    """Floats to five digits: nobody reads more, and every build keeps them."""
    return float(f"{value:.5g}") if isinstance(value, float) else value
