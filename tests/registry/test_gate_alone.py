"""Rows that only the challenger predicts are held to a plain guess: being better elsewhere excuses nothing there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from contracts.settings import GateSettings
from registry.evidence import Alone, Evidence
from registry.gate import decide
from registry.gate_alone import NAME, judge_alone
from registry.verdict import Test, Verdict

Make = Callable[..., Evidence]


def alone(off: float = 0.0, n_dates: int = 40, a_day: int = 3, noise: float = 3.0, seed: int = 3) -> Alone:
    """First games: results about a level that both know, the guess with an error of 3, the challenger's of `noise`."""
    rng = np.random.default_rng(seed)
    n = n_dates * a_day
    level = rng.uniform(2, 12, n)
    return Alone(
        dates=np.repeat(np.datetime64("2024-01-01", "D") + np.arange(n_dates), a_day),
        actual=np.maximum(0, level + rng.normal(0, 5, n)),
        challenger=level + off + rng.normal(0, noise, n),
        guess=level + rng.normal(0, 3, n),
        told="the first average that says something",
    )


def judged(evidence: Make, rows: Alone, settings: GateSettings) -> tuple[Verdict, Test]:
    verdict = decide(evidence(alone=rows), settings)
    return verdict, next(test for test in verdict.tests if test.name == NAME)


def test_a_challenger_that_is_sound_there_passes(evidence: Make, settings: GateSettings) -> None:
    verdict, test = judged(evidence, alone(), settings)
    assert verdict.passed, verdict.to_text()
    assert test.limit == "<= 1"
    assert "120 rows of played and early on 40 dates 2024-01-01 to 2024-02-09, build 4" in test.detail
    assert "plain guess (the first average that says something)" in test.detail


def test_one_that_goes_astray_there_is_refused_though_it_is_better_on_all_rows_that_both_predict(
    evidence: Make, settings: GateSettings
) -> None:
    """The old fault: first games of a season predicted 12 points too high, where the champion said nothing."""
    verdict, test = judged(evidence, alone(off=12.0), settings)
    assert [one.name for one in verdict.failures] == [NAME]
    assert test.figure is not None
    assert test.figure > 6
    assert "mean prediction 19." in test.detail


def test_no_worse_than_the_tolerance_is_let_pass_and_worse_by_chance_too(evidence: Make) -> None:
    within, strict = GateSettings(alone_tolerance=20.0), GateSettings(alone_tolerance=0.0)
    assert judged(evidence, alone(off=12.0), within)[1].passed
    by_chance = alone(n_dates=20, noise=4.5)
    test = judged(evidence, by_chance, strict)[1]
    assert test.figure is not None
    assert test.figure > 0
    assert test.passed


def test_sound_challengers_are_hardly_ever_refused_and_astray_ones_hardly_ever_pass(
    evidence: Make, settings: GateSettings
) -> None:
    """200 seasons' first games of each; settings as shipped, 60 rows on 20 dates: about the fewest that are judged."""
    made = evidence()
    fast = settings.model_copy(update={"resamples": 200})

    def refused(off: float) -> int:
        few = (alone(off=off, n_dates=20, seed=seed) for seed in range(200))
        return sum(not _test(replace(made, alone=rows), fast).passed for rows in few)

    assert refused(0.0) <= 2
    assert refused(8.0) >= 190


def _test(evidence: Evidence, settings: GateSettings) -> Test:
    return next(judge_alone(evidence, settings))


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(alone(off=12.0, n_dates=16), id="48 rows on 16 dates"),
        pytest.param(alone(off=12.0, n_dates=0), id="no rows"),
        pytest.param(replace(alone(off=12.0), guess=np.full(120, np.nan)), id="nothing to guess by"),
    ],
)
def test_too_few_rows_are_said_not_to_be_judged(evidence: Make, settings: GateSettings, rows: Alone) -> None:
    test = judged(evidence, rows, settings)[1]
    assert test.passed
    assert test.figure is None
    assert test.detail.startswith("Not judged")


def test_the_first_champion_is_held_to_it_too(evidence: Make, settings: GateSettings) -> None:
    verdict = decide(evidence(champion=None, slices=(), alone=alone(off=12.0)), settings)
    assert NAME in [test.name for test in verdict.failures]
