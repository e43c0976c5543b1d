"""The gate lets a better challenger pass and nothing else; every test says what it is about."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from contracts.metrics import mean_absolute_error
from contracts.settings import GateSettings
from registry.evidence import Contender, Evidence, Slice
from registry.gate import decide, level_of
from registry.gate_rows import sufficient_from
from registry.verdict import Test, Verdict

Make = Callable[..., Evidence]


def failed(verdict: Verdict) -> list[str]:
    return [test.name for test in verdict.failures]


def named(verdict: Verdict, name: str) -> Test:
    return next(test for test in verdict.tests if test.name == name)


def averaging(name: str, system: str, predictions: np.ndarray) -> Contender:
    """A baseline as a version, with intervals as wide as its errors about the level and the noise make them."""
    reach = 1.2816 * np.hypot(5, 3)
    return Contender(name, system, predictions, "mean", None, predictions - reach, predictions + reach)


def challenging(evidence: Evidence, predictions: np.ndarray, **changes: object) -> Evidence:
    return replace(evidence, challenger=replace(evidence.challenger, predictions=predictions, **changes))


def test_a_truly_better_challenger_passes(evidence: Make, settings: GateSettings) -> None:
    verdict = decide(evidence(), settings)
    assert verdict.passed, verdict.to_text()
    assert [test.name for test in verdict.tests] == [
        "build_current",
        "rows_unseen",
        "enough_rows",
        "enough_dates",
        "predictions_complete",
        "better_than_champion",
        "no_worse_on_rotation",
        "bias",
        "interval_coverage",
        "better_than_season_average",
        "better_than_last_10_average",
        "not_too_good",
    ]


def test_every_figure_names_its_population_rows_dates_and_build(evidence: Make, settings: GateSettings) -> None:
    for test in decide(evidence(), settings).tests:
        assert ("rotation" if test.name == "no_worse_on_rotation" else "played") in test.detail
        assert "dates 2024-01-01 to 2024-02-09" in test.detail
        assert "build 4" in test.detail
        assert test.limit


def test_an_equal_challenger_is_refused(evidence: Make, settings: GateSettings) -> None:
    equal = evidence(champion_noise=1.0, challenger_noise=1.0)
    assert failed(decide(equal, settings)) == ["better_than_champion"]


def test_the_champion_itself_is_refused(evidence: Make, settings: GateSettings) -> None:
    made = evidence()
    assert made.champion is not None
    verdict = decide(challenging(made, made.champion.predictions), settings)
    assert named(verdict, "better_than_champion").figure == 0.0
    assert "better_than_champion" in failed(verdict)


def test_better_by_less_than_the_margin_is_refused(evidence: Make) -> None:
    assert "better_than_champion" in failed(decide(evidence(), GateSettings(margin=2.0)))


def test_a_biased_mean_system_is_refused_though_better(evidence: Make, settings: GateSettings) -> None:
    made = evidence(champion_noise=6.0)
    biased = challenging(made, made.challenger.predictions - 1.5, estimates="mean")
    assert failed(decide(biased, settings)) == ["bias"]
    assert named(decide(biased, settings), "bias").figure == pytest.approx(-1.5, abs=0.25)


def test_a_median_system_is_held_to_the_share_of_results_above_it(evidence: Make, settings: GateSettings) -> None:
    made = evidence(champion_noise=6.0)
    low = challenging(made, made.challenger.predictions - 1.0)
    assert failed(decide(low, settings)) == ["bias"]
    assert named(decide(low, settings), "bias").figure == pytest.approx(0.58, abs=0.02)


def test_a_sound_median_on_few_rows_is_not_refused_by_chance_and_on_too_few_it_is_refused_anyway(
    evidence: Make, settings: GateSettings
) -> None:
    """46 % of 1,000 above it may be half of them: the interval reaches into the limits; of 24,000 it does not."""
    few, many = evidence(n_dates=17), evidence(n_dates=400)
    shift = 0.45
    on_few = named(decide(challenging(few, few.challenger.predictions + shift), settings), "bias")
    assert on_few.figure is not None
    assert on_few.figure < settings.min_share_above
    assert on_few.passed
    assert "95 % interval" in on_few.detail
    verdict = decide(challenging(few, few.challenger.predictions + shift), settings)
    assert "enough_dates" in failed(verdict), "leniency for few rows has its floor in enough_rows and enough_dates"
    on_many = named(decide(challenging(many, many.challenger.predictions + shift), settings), "bias")
    assert not on_many.passed


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_intervals_that_hold_too_few_or_too_many_results_are_refused(
    evidence: Make, settings: GateSettings, factor: float
) -> None:
    made = evidence()
    assert made.challenger.high is not None
    reach = factor * (made.challenger.high - made.challenger.predictions)
    point = made.challenger.predictions
    off = challenging(made, point, low=point - reach, high=point + reach)
    assert failed(decide(off, settings)) == ["interval_coverage"]


def test_a_challenger_without_intervals_is_refused(evidence: Make, settings: GateSettings) -> None:
    made = evidence()
    assert failed(decide(challenging(made, made.challenger.predictions, low=None), settings)) == ["interval_coverage"]


def test_a_better_whole_does_not_hide_a_worse_part(evidence: Make, settings: GateSettings) -> None:
    """Better by 0.5 over all rows, worse by more than a point on the stars."""
    made = evidence()
    rng = np.random.default_rng(5)
    star = made.actual > 18
    dates, actual = made.dates[star], made.actual[star]
    ours, theirs = actual + rng.normal(0, 6, star.sum()), actual + rng.normal(0, 4, star.sum())
    hidden = replace(made, slices=(*made.slices, Slice("star", dates, actual, challenger=ours, champion=theirs)))
    verdict = decide(hidden, settings)
    assert failed(verdict) == ["no_worse_on_star"]
    assert named(verdict, "no_worse_on_star").limit == "<= 0.1"
    assert named(verdict, "no_worse_on_star").figure == pytest.approx(1.6, abs=0.4)


def test_a_part_worse_by_chance_or_within_its_tolerance_or_too_small_is_not_refused(
    evidence: Make, settings: GateSettings
) -> None:
    made = evidence()
    dates, actual = made.dates, made.actual
    theirs = actual + np.tile([4.0, -4.0], len(actual) // 2)
    slightly = actual + np.sign(theirs - actual) * 4.04
    few = slice(0, 199)
    parts = (
        Slice("role", dates, actual, challenger=slightly, champion=theirs),
        Slice("star", dates[few], actual[few], challenger=theirs[few] * 3, champion=theirs[few]),
        Slice("none", dates[:0], actual[:0], challenger=actual[:0], champion=actual[:0]),
    )
    verdict = decide(replace(made, slices=parts), settings)
    assert verdict.passed, verdict.to_text()
    assert named(verdict, "no_worse_on_star").detail.startswith("Not judged: 199 rows of star")
    assert named(verdict, "no_worse_on_none").detail.startswith("Not judged: 0 rows of none")


def test_the_level_is_spent_over_the_attempts_and_never_more_than_all_of_it(evidence: Make) -> None:
    settings = GateSettings()
    levels = [level_of(attempt, settings) for attempt in range(1, 10_001)]
    assert levels[0] == settings.level / 2 == 0.04
    assert levels[:26] == sorted(levels[:26], reverse=True)
    assert sum(levels) < settings.level
    bounds = [named(decide(evidence(attempt=k), settings), "better_than_champion") for k in (1, 5, 26)]
    figures = [bound.figure for bound in bounds if bound.figure is not None]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] > figures[1] > figures[2]
    assert "attempt 26 at this champion" in bounds[2].detail


def test_what_passes_as_a_first_attempt_may_fail_as_the_twenty_sixth(evidence: Make, settings: GateSettings) -> None:
    close = evidence(champion_noise=1.6, challenger_noise=1.0)
    assert decide(close, settings).passed
    assert failed(decide(replace(close, attempt=26), settings)) == ["better_than_champion"]


def test_too_few_rows_say_from_which_date_they_would_suffice(evidence: Make, settings: GateSettings) -> None:
    """Twenty dates of 60 rows are asked for; the champion has seen all but five of the known ones."""
    made = evidence(n_dates=5)
    few = replace(made, challenger=replace(made.challenger, train_to=date(2023, 12, 31)))
    verdict = decide(few, settings)
    assert {"enough_rows", "enough_dates"} <= set(failed(verdict))
    assert sufficient_from(few, settings) == date(2023, 12, 17)
    for name in ("enough_rows", "enough_dates"):
        assert "The rows from 2023-12-17 on would suffice" in named(verdict, name).detail
        assert "version 2 (xgboost) is trained to 2023-12-31" in named(verdict, name).detail
        assert "train up to 2023-12-16 or earlier" in named(verdict, name).detail
    assert sufficient_from(replace(few, known_dates=few.dates), settings) is None
    none = decide(replace(few, known_dates=few.dates), settings)
    assert "All rows of the build together would not suffice" in named(none, "enough_rows").detail


def test_a_challenger_far_under_the_line_is_refused_as_a_leak(evidence: Make, settings: GateSettings) -> None:
    made = evidence()
    leaky = challenging(made, 0.2 * made.challenger.predictions + 0.8 * made.actual)
    assert failed(decide(leaky, settings)) == ["not_too_good"]


def test_too_few_lined_rows_are_said_not_to_be_judged(evidence: Make, settings: GateSettings) -> None:
    made = evidence()
    line = np.full(made.n_rows, np.nan)
    line[:299] = made.actual[:299] + 9
    test = named(decide(replace(made, line=line), settings), "not_too_good")
    assert test.passed
    assert test.figure is None
    assert test.detail.startswith("Not judged: 299 of 2,400 rows")


def test_a_missing_prediction_refuses_the_challenger(evidence: Make, settings: GateSettings) -> None:
    made = evidence()
    predictions = made.challenger.predictions.copy()
    predictions[7] = np.nan
    verdict = decide(challenging(made, predictions), settings)
    assert failed(verdict) == ["predictions_complete"]
    assert "no prediction for 1 of 2,400 rows" in named(verdict, "predictions_complete").detail


def test_rows_the_champion_leaves_out_are_left_out_of_the_pairs_and_counted(
    evidence: Make, settings: GateSettings
) -> None:
    made = evidence()
    assert made.champion is not None
    predictions = made.champion.predictions.copy()
    predictions[:60] = np.nan
    partial = replace(made, champion=replace(made.champion, predictions=predictions))
    test = named(decide(partial, settings), "better_than_champion")
    assert test.passed
    assert "gave no prediction for 60 rows" in test.detail
    assert "2,340 rows of played on 39 dates" in test.detail
    predictions[:1500] = np.nan
    partial = replace(made, champion=replace(made.champion, predictions=predictions))
    assert failed(decide(partial, settings)) == ["better_than_champion"]


def test_thirteen_rows_are_refused(evidence: Make, settings: GateSettings) -> None:
    made = evidence()
    few = replace(
        made,
        dates=made.dates[::180][:13],
        actual=made.actual[:13],
        line=made.line[:13],
        challenger=replace(
            made.challenger, predictions=made.actual[:13] + 0.01, low=made.actual[:13], high=made.actual[:13] + 1
        ),
        champion=replace(made.champion, predictions=made.actual[:13] + 9),
        baselines={"season_average": made.actual[:13] + 9},
    )
    assert {"enough_rows", "enough_dates", "better_than_champion"} <= set(failed(decide(few, settings)))


def test_no_rows_are_refused_and_nothing_raises(evidence: Make, settings: GateSettings) -> None:
    assert {"enough_rows", "enough_dates"} <= set(failed(decide(evidence(n_dates=0), settings)))


def test_one_date_is_refused_however_many_rows(evidence: Make, settings: GateSettings) -> None:
    made = evidence()
    one = replace(made, dates=np.full(made.n_rows, np.datetime64("2024-01-01", "D")))
    assert failed(decide(one, settings)) == ["enough_dates", "better_than_champion"]


def test_rows_that_a_contender_has_seen_are_refused_and_the_first_unseen_date_named(
    evidence: Make, settings: GateSettings
) -> None:
    made = evidence()
    seen = replace(made, challenger=replace(made.challenger, train_to=date(2024, 1, 10)))
    verdict = decide(seen, settings)
    assert failed(verdict) == ["rows_unseen"]
    assert "has seen 600" in named(verdict, "rows_unseen").detail
    assert "Rows after 2024-01-10" in named(verdict, "rows_unseen").detail


def test_a_stale_build_is_refused(evidence: Make, settings: GateSettings) -> None:
    assert failed(decide(evidence(stale="the builders' code changed"), settings)) == ["build_current"]


def test_a_challenger_that_beats_the_champion_but_not_a_baseline_is_refused(
    evidence: Make, settings: GateSettings
) -> None:
    made = evidence()
    strong = replace(made, baselines={"season_average": made.challenger.predictions})
    assert failed(decide(strong, settings)) == ["better_than_season_average"]


def test_a_baseline_need_not_beat_itself_but_must_beat_the_other(evidence: Make, settings: GateSettings) -> None:
    made = evidence(champion_noise=6.0)
    own = made.baselines["season_average"]
    itself = replace(made, challenger=averaging("version 2 (season_average)", "season_average", own))
    assert decide(itself, settings).passed
    swapped = {"season_average": made.baselines["last_10_average"], "last_10_average": own}
    swapped_itself = replace(
        itself,
        baselines=swapped,
        challenger=replace(itself.challenger, predictions=swapped["season_average"]),
    )
    assert failed(decide(swapped_itself, settings)) == ["better_than_last_10_average"]


def test_the_season_average_may_be_the_first_champion_even_where_another_baseline_is_better(
    evidence: Make, settings: GateSettings
) -> None:
    made = evidence(champion=None)
    worst = made.baselines["last_10_average"]
    first = replace(
        made,
        challenger=averaging("version 1 (season_average)", "season_average", worst),
        baselines={"season_average": worst, "last_10_average": made.baselines["season_average"]},
    )
    verdict = decide(first, settings)
    assert verdict.passed, verdict.to_text()
    assert "better_than_champion" not in [test.name for test in verdict.tests]


def test_a_first_champion_worse_than_a_baseline_is_refused(evidence: Make, settings: GateSettings) -> None:
    made = evidence(challenger_noise=6.0, champion=None)
    assert failed(decide(made, settings)) == ["better_than_season_average", "better_than_last_10_average"]


def test_evidence_about_different_rows_or_unknown_results_cannot_be_made(evidence: Make) -> None:
    made = evidence()
    with pytest.raises(ValueError, match="not about the same rows"):
        replace(made, line=made.line[1:])
    with pytest.raises(ValueError, match="result is not finite"):
        replace(made, actual=np.where(made.actual > 20, np.nan, made.actual))


def test_a_verdict_survives_json_and_reads_as_a_table(evidence: Make, settings: GateSettings) -> None:
    verdict = decide(evidence(), settings)
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json(), allow_nan=False))) == verdict
    assert verdict.to_json()["passed"] is True
    assert len(verdict.to_markdown().splitlines()) == len(verdict.tests) + 2
    assert verdict.summary() == "passed 12 of 12 tests"


def test_a_verdict_without_tests_has_not_passed() -> None:
    assert not Verdict.of([]).passed


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_dates=st.integers(2, 40),
    challenger_noise=st.floats(0.1, 4),
    shock=st.floats(0, 3),
    heavy=st.booleans(),
)
def test_no_challenger_passes_whose_mae_is_not_lower(
    seed: int, n_dates: int, challenger_noise: float, shock: float, heavy: bool
) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 30, n_dates)
    day = np.repeat(np.arange(n_dates), sizes)
    level = rng.uniform(4, 25, len(day))
    noise = rng.standard_t(2, len(day)) if heavy else rng.normal(0, 1, len(day))
    evidence = Evidence(
        population="played",
        build_id=1,
        dates=np.datetime64("2024-01-01", "D") + day,
        actual=level + 5 * noise,
        challenger=Contender(
            "version 2",
            "xgboost",
            level + rng.normal(0, challenger_noise, len(day)) + rng.normal(0, shock, n_dates)[day],
            "mean",
            None,
        ),
        champion=Contender("version 1", "catboost", level + rng.normal(0, 2, len(day)), "mean", None),
        baselines={},
        line=np.full(len(day), np.nan),
        known_dates=np.datetime64("2024-01-01", "D") + day,
    )
    lenient = GateSettings(min_rows=1, min_dates=2, level=0.98, resamples=100, max_mean_error=99)
    assert evidence.champion is not None
    before = mean_absolute_error(evidence.actual, evidence.champion.predictions)
    after = mean_absolute_error(evidence.actual, evidence.challenger.predictions)
    assert not decide(evidence, lenient).passed or after < before
