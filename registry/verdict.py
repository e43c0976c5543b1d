"""The verdict of the gate: every test with its figure, its limit and a sentence that says what it is about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Test:
    """One question and its answer.

    `detail` is a sentence that names figure, limit, population, number of rows and dates. `figure` is None where the
    question could not be put to numbers; `limit` is written as a condition on it ('> 0.000', '0.48 to 0.52').

    Raises ValueError for a figure that is not finite: a verdict is kept as JSON for ever.
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name

    name: str
    passed: bool
    detail: str
    figure: float | None = None
    limit: str | None = None

    def __post_init__(self) -> None:
        if self.figure is not None and not math.isfinite(self.figure):
            raise ValueError(f"the figure of {self.name} is {self.figure}")


@dataclass(frozen=True)
class Verdict:
    """The outcome of all tests; `passed` where there are tests and none failed.

    `about` says what it was found on, plain values: champion, challenger, rows, data and code versions, attempt.
    """

    tests: tuple[Test, ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(tests: Iterable[Test], about: Mapping[str, Any] | None = None) -> Verdict:
        """The verdict over `tests`."""
        return Verdict(tuple(tests), dict(about or {}))

    @staticmethod
    def from_json(value: dict[str, Any]) -> Verdict:
        """The verdict that `to_json` wrote."""
        return Verdict.of((Test(**test) for test in value["tests"]), value.get("about"))

    @property
    def passed(self) -> bool:
        """Whether there are tests and every one passed."""
        return bool(self.tests) and not self.failures

    @property
    def failures(self) -> list[Test]:
        """The tests that failed."""
        return [test for test in self.tests if not test.passed]

    def summary(self) -> str:
        """'passed 9 of 9 tests' or 'failed 2 of 9 tests: bias, enough_rows'."""
        if self.passed:
            return f"passed {len(self.tests)} of {len(self.tests)} tests"
        names = ", ".join(test.name for test in self.failures)
        return f"failed {len(self.failures)} of {len(self.tests)} tests: {names}"

    def to_json(self) -> dict[str, Any]:
        """Plain values: passed, tests [name, passed, detail, figure, limit], about."""
        return {
            "passed": self.passed,
            "tests": [asdict(test) for test in self.tests],
            "about": dict(self.about),
        }

    def to_text(self) -> str:
        """One line a test, for a terminal."""
        return "\n".join(f"{'pass' if test.passed else 'FAIL'}  {test.name}: {test.detail}" for test in self.tests)

    def to_markdown(self) -> str:
        """A table for MLflow's pages and reports."""
        rows = [
            f"| {'pass' if test.passed else '**FAIL**'} | {test.name.replace('_', ' ')} | {_cell(test.figure)} "
            f"| {_cell(test.limit)} | {_cell(test.detail)} |"
            for test in self.tests
        ]
        return "\n".join(["| | test | figure | limit | what was seen |", "|---|---|---:|---|---|", *rows])


def _cell(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.replace("|", "\\|").replace("\n", " ")
    return f"{value:,.0f}" if value == int(value) else f"{value:.4f}"
