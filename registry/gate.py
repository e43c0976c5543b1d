"""The gate: what a challenger must show on the champion's own rows before it may take its place. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import numpy.typing as npt

from contracts.metrics import Floats, interval_by_date, mean_absolute_error, mean_error, share_above
from contracts.settings import GateSettings
from registry.bootstrap import lower_bound_by_date
from registry.evidence import Contender, Evidence, scope
from registry.verdict import Test, Verdict

EQUAL = 1e-9
"""Two figures closer than this are the same figure: sums of floats in another order."""


def decide(evidence: Evidence, settings: GateSettings) -> Verdict:
    """The verdict on the challenger, every test named in it.

    Without a champion the first-champion rules hold: no paired test, not worse than the baselines, and a challenger
    that is itself a baseline is measured against none. Without one prediction for every row the tests of error
    cannot be run and the verdict says so.
    """
    return Verdict.of(_tests(evidence, settings))


def _tests(evidence: Evidence, settings: GateSettings) -> Iterator[Test]:
    yield _feature_set_known(evidence)
    yield _build_current(evidence)
    yield _rows_unseen(evidence)
    yield _enough_rows(evidence, settings)
    yield _enough_dates(evidence, settings)
    complete = _predictions_complete(evidence)
    yield complete
    if evidence.n_rows == 0 or not complete.passed:
        return
    if evidence.champion is not None:
        yield _better_than_champion(evidence, evidence.champion, settings)
    yield _bias(evidence, settings)
    for name in evidence.baselines:
        yield _against_baseline(evidence, name)
    yield _not_too_good(evidence, settings)


# ---------------------------------------------------------------- facts about the rows
def _feature_set_known(evidence: Evidence) -> Test:
    facts = evidence.features
    absent = (
        f" Features absent from the model: {', '.join(facts.absent)}." if facts.absent else " No feature is absent."
    )
    if facts.declared_hash is None:
        said = f"Feature set {facts.feature_set} is not declared: trained on hash {facts.set_hash[:12]}."
    elif facts.declared_hash != facts.set_hash:
        said = (
            f"Feature set {facts.feature_set} is declared with hash {facts.declared_hash[:12]}, "
            f"trained on {facts.set_hash[:12]}: train again."
        )
    else:
        said = f"Feature set {facts.feature_set} has the hash it was trained on, {facts.set_hash[:12]}."
    return Test("feature_set_known", facts.declared_hash == facts.set_hash, said + absent, None, "the declared hash")


def _build_current(evidence: Evidence) -> Test:
    stale = evidence.features.stale
    said = f"Stale: {stale}" if stale is not None else "The rows are of the current build"
    return Test("build_current", stale is None, f"{said} ({scope(evidence)}).", None, "not stale")


def _rows_unseen(evidence: Evidence) -> Test:
    contenders = [c for c in (evidence.challenger, evidence.champion) if c is not None]
    seen = [c for c in contenders if c.train_to is not None and _n_seen(evidence, c.train_to) > 0]
    limit = "0 rows up to either's last training date"
    if not seen:
        return Test("rows_unseen", True, f"None of {scope(evidence)} was seen in training.", 0.0, limit)
    said = "; ".join(
        f"{c.name} was trained to {c.train_to} and has seen {_n_seen(evidence, c.train_to):,}"
        for c in seen
        if c.train_to
    )
    last = max(c.train_to for c in seen if c.train_to is not None)
    n_worst = max(_n_seen(evidence, c.train_to) for c in seen if c.train_to is not None)
    detail = f"Of {scope(evidence)}: {said}. Rows after {last} would be unseen by both."
    return Test("rows_unseen", False, detail, float(n_worst), limit)


def _n_seen(evidence: Evidence, train_to: date) -> int:
    return int((evidence.dates <= np.datetime64(train_to, "D")).sum())


def _enough_rows(evidence: Evidence, settings: GateSettings) -> Test:
    enough = evidence.n_rows >= settings.min_rows
    detail = f"{scope(evidence)}; at least {settings.min_rows:,} rows are needed."
    return Test("enough_rows", enough, detail, float(evidence.n_rows), f">= {settings.min_rows}")


def _enough_dates(evidence: Evidence, settings: GateSettings) -> Test:
    n_dates = len(np.unique(evidence.dates))
    detail = f"{scope(evidence)}; at least {settings.min_dates:,} dates are needed."
    return Test("enough_dates", n_dates >= settings.min_dates, detail, float(n_dates), f">= {settings.min_dates}")


def _predictions_complete(evidence: Evidence) -> Test:
    n_missing = int(np.isnan(evidence.challenger.predictions).sum())
    detail = f"{evidence.challenger.name} gives no prediction for {n_missing:,} of {scope(evidence)}; 0 are allowed."
    if n_missing or evidence.n_rows == 0:
        detail += " The tests of error were not run."
    return Test("predictions_complete", n_missing == 0, detail, float(n_missing), "0")


# ---------------------------------------------------------------- figures
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
    bound = lower_bound_by_date(
        before - after,
        evidence.dates[shared],
        confidence=settings.confidence,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    bound = min(bound, gain)  # whatever the resampling says, a challenger that is not better does not pass
    detail = (
        f"MAE {after.mean():.4f} against {before.mean():.4f} of {champion.name}: better by {gain:.4f}, with "
        f"{settings.confidence:.0%} confidence by more than {bound:.4f}; the limit is {settings.margin:g} "
        f"({scope(evidence, shared)}; bootstrap over dates).{unshared}"
    )
    return Test("better_than_champion", bound > settings.margin, detail, bound, limit)


def _bias(evidence: Evidence, settings: GateSettings) -> Test:
    """A median system has half of the results above it; a mean system errs by nothing on average."""
    challenger = evidence.challenger
    errors = challenger.predictions - evidence.actual
    interval = interval_by_date(errors, evidence.dates) if evidence.n_rows else None
    error = mean_error(evidence.actual, challenger.predictions)
    error_text = f"mean error {error:+.3f}"
    if interval is not None:
        error_text += f" (95 % interval {interval[0]:+.3f} to {interval[1]:+.3f})"
    if challenger.estimates == "mean":
        limit = f"-{settings.max_mean_error:g} to {settings.max_mean_error:g}"
        detail = f"A mean system: {error_text}; allowed {limit} ({scope(evidence)})."
        return Test("bias", abs(error) <= settings.max_mean_error, detail, error, limit)
    share = share_above(evidence.actual, challenger.predictions)
    limit = f"{settings.min_share_above:g} to {settings.max_share_above:g}"
    detail = f"A median system: {share:.2%} of results above it; allowed {limit}; {error_text} ({scope(evidence)})."
    return Test("bias", settings.min_share_above <= share <= settings.max_share_above, detail, share, limit)


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
