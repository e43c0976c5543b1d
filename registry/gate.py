"""The gate: what a challenger must show on the champion's own rows before it may take its place. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from contracts.metrics import Floats, interval_by_date, mean_absolute_error, mean_error, share_above
from contracts.settings import GateSettings
from registry.bootstrap import lower_bound_by_date
from registry.evidence import Contender, Evidence, scope
from registry.gate_alone import judge_alone
from registry.gate_rows import judge_rows
from registry.gate_slices import judge_slices
from registry.verdict import Test, Verdict

EQUAL = 1e-9
"""Two figures closer than this are the same figure: sums of floats in another order."""


def decide(evidence: Evidence, settings: GateSettings) -> Verdict:
    """The verdict on the challenger's predictions, every test named in it.

    Without a champion the first-champion rules hold: no paired test and no slices, not worse than the baselines, and a
    challenger that is itself a baseline is measured against none. Without one prediction for every row the tests of
    error cannot be run and the verdict says so.
    """
    return Verdict.of(_tests(evidence, settings))


def level_of(attempt: int, settings: GateSettings) -> float:
    """The level of the `attempt`-th challenger (from 1) of one champion: over any number they sum to settings.level."""
    return settings.level / (attempt * (attempt + 1))


def _tests(evidence: Evidence, settings: GateSettings) -> Iterator[Test]:
    facts = list(judge_rows(evidence, settings))
    yield from facts
    complete = next(test for test in facts if test.name == "predictions_complete")
    if evidence.n_rows == 0 or not complete.passed:
        return
    if evidence.champion is not None:
        yield _better_than_champion(evidence, evidence.champion, settings)
        yield from judge_slices(evidence, settings)
    yield from judge_alone(evidence, settings)
    yield _bias(evidence, settings)
    yield _interval_coverage(evidence, settings)
    for name in evidence.baselines:
        yield _against_baseline(evidence, name)
    yield _not_too_good(evidence, settings)


def _better_than_champion(evidence: Evidence, champion: Contender, settings: GateSettings) -> Test:
    """MAE lower than the champion's by more than the margin, with one-sided confidence, dates drawn whole."""
    shared = ~np.isnan(champion.predictions)
    limit = f"> {settings.margin:g}"
    unshared = f" {champion.name} gave no prediction for {int((~shared).sum()):,} rows." if not shared.all() else ""
    if int(shared.sum()) < settings.min_rows or len(np.unique(evidence.dates[shared])) < settings.min_dates:
        detail = f"Only {scope(evidence, shared)} can be compared with {champion.name}.{unshared}"
        return Test("better_than_champion", False, detail, None, limit)
    before = np.abs(champion.predictions - evidence.actual)[shared]
    after = np.abs(evidence.challenger.predictions - evidence.actual)[shared]
    gain = float((before - after).mean())
    confidence = 1 - level_of(evidence.attempt, settings)
    bound = lower_bound_by_date(
        before - after,
        evidence.dates[shared],
        confidence=confidence,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    bound = min(bound, gain)  # whatever the resampling says, a challenger that is not better does not pass
    detail = (
        f"MAE {after.mean():.4f} against {before.mean():.4f} of {champion.name}: better by {gain:.4f}, with "
        f"{confidence:.2%} confidence by more than {bound:.4f}; the limit is {settings.margin:g} "
        f"({scope(evidence, shared)}; bootstrap over dates; attempt {evidence.attempt} at this champion, which spends "
        f"{level_of(evidence.attempt, settings):.2%} of the level of {settings.level:.0%} for all).{unshared}"
    )
    return Test("better_than_champion", bound > settings.margin, detail, bound, limit)


def _bias(evidence: Evidence, settings: GateSettings) -> Test:
    """A median system has half of the results above it; a mean system errs by nothing on average.

    Refused where the whole 95 % interval lies outside the limits: a sound system is not refused by chance.
    """
    challenger = evidence.challenger
    errors = challenger.predictions - evidence.actual
    error = mean_error(evidence.actual, challenger.predictions)
    interval = interval_by_date(errors, evidence.dates)
    error_text = f"mean error {error:+.3f}{_told(interval, '+.3f')}"
    if challenger.estimates == "mean":
        limits = (-settings.max_mean_error, settings.max_mean_error)
        limit = f"{limits[0]:g} to {limits[1]:g}"
        detail = f"A mean system: {error_text}; allowed {limit} ({scope(evidence)})."
        return Test("bias", _touches(interval, error, limits), detail, error, limit)
    share = share_above(evidence.actual, challenger.predictions)
    limits = (settings.min_share_above, settings.max_share_above)
    above = (errors < 0) + 0.5 * (errors == 0)
    interval = interval_by_date(above, evidence.dates)
    limit = f"{limits[0]:g} to {limits[1]:g}"
    detail = (
        f"A median system: {share:.2%} of results above it{_told(interval, '.2%')}; allowed {limit}; {error_text} "
        f"({scope(evidence)})."
    )
    return Test("bias", _touches(interval, share, limits), detail, share, limit)


def _interval_coverage(evidence: Evidence, settings: GateSettings) -> Test:
    """So many results lie in the 80 % intervals; refused where the whole 95 % interval of that lies outside."""
    low, high = evidence.challenger.low, evidence.challenger.high
    limits = (settings.min_interval_coverage, settings.max_interval_coverage)
    limit = f"{limits[0]:g} to {limits[1]:g}"
    if low is None or high is None or not (np.isfinite(low) & np.isfinite(high)).all():
        detail = f"{evidence.challenger.name} gives no interval for some of {scope(evidence)}."
        return Test("interval_coverage", False, detail, None, limit)
    inside = ((evidence.actual >= low) & (evidence.actual <= high)).astype(np.float64)
    share = float(inside.mean())
    interval = interval_by_date(inside, evidence.dates)
    detail = (
        f"{share:.2%} of results in the 80 % intervals{_told(interval, '.2%')}; allowed {limit} ({scope(evidence)})."
    )
    return Test("interval_coverage", _touches(interval, share, limits), detail, share, limit)


def _against_baseline(evidence: Evidence, name: str) -> Test:
    """Strictly better than a baseline, not worse where it is the first champion; a baseline is not held to itself."""
    shared = ~np.isnan(evidence.baselines[name])
    if not shared.any():
        detail = f"{name} gave no prediction for any of {scope(evidence)}."
        return Test(f"better_than_{name}", False, detail, None, "> 0")
    theirs, ours = _maes(evidence, evidence.baselines[name], shared)
    gain = theirs - ours
    said = f"MAE {ours:.4f} against {theirs:.4f} of {name} on the same {scope(evidence, shared)}"
    is_first = evidence.champion is None
    if evidence.challenger.system == name:
        return Test(f"better_than_{name}", gain >= -EQUAL, f"{said}; it is that baseline.", gain, ">= 0")
    if is_first and evidence.challenger.system in evidence.baselines:
        detail = f"{said}; a baseline may be the first champion whatever the others do."
        return Test(f"better_than_{name}", True, detail, gain, "none")
    if is_first:
        detail = f"{said}; the first champion must not be worse."
        return Test(f"better_than_{name}", gain >= -EQUAL, detail, gain, ">= 0")
    return Test(f"better_than_{name}", gain > EQUAL, f"{said}; it must be better.", gain, "> 0")


def _not_too_good(evidence: Evidence, settings: GateSettings) -> Test:
    """A model far under the books' own error has seen the game, until proven otherwise."""
    lined = ~np.isnan(evidence.line)
    limit = f"<= {settings.too_good:g}"
    if int(lined.sum()) < settings.min_lined_rows:
        detail = (
            f"Not judged: {int(lined.sum()):,} of {scope(evidence)} have a line, "
            f"{settings.min_lined_rows:,} are needed to tell a leak from luck."
        )
        return Test("not_too_good", True, detail, None, limit)
    theirs, ours = _maes(evidence, evidence.line, lined)
    detail = (
        f"MAE {ours:.4f} against {theirs:.4f} of the line on the same {scope(evidence, lined)} with a line: "
        f"under it by {theirs - ours:.4f}, more than {settings.too_good:g} means a leak."
    )
    return Test("not_too_good", theirs - ours <= settings.too_good, detail, theirs - ours, limit)


def _maes(evidence: Evidence, other: Floats, rows: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """MAE of `other` and of the challenger over the same `rows`."""
    actual = evidence.actual[rows]
    return (
        mean_absolute_error(actual, other[rows]),
        mean_absolute_error(actual, evidence.challenger.predictions[rows]),
    )


def _touches(interval: tuple[float, float] | None, figure: float, limits: tuple[float, float]) -> bool:
    """Whether some of `interval` lies within `limits`; without one (a single date) the figure itself must."""
    low, high = interval if interval is not None else (figure, figure)
    return low <= limits[1] and high >= limits[0]


def _told(interval: tuple[float, float] | None, form: str) -> str:
    return "" if interval is None else f" (95 % interval {interval[0]:{form}} to {interval[1]:{form}})"
