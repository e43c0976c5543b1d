"""The gate's tests of tiers and populations: a better whole must not hide a worse part. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from contracts.metrics import Floats
from contracts.settings import GateSettings
from registry.bootstrap import lower_bound_by_date
from registry.evidence import Dates, Evidence, Slice, tell_scope
from registry.verdict import Test

CHANCE_CONFIDENCE = 0.99
"""A part is refused where it is worse by more than its tolerance, and worse at all with this confidence: high, because
a gate looks at seven parts."""


def judge_slices(evidence: Evidence, settings: GateSettings) -> Iterator[Test]:
    """One test a tier and population: not worse than the champion by more than its tolerance, beyond chance."""
    for part in evidence.slices:
        yield _judge(part, evidence, settings)


def told_worse(worse: float) -> str:
    """'worse by 0.1200' or 'better by 0.0300'."""
    return f"worse by {worse:.4f}" if worse > 0 else f"better by {-worse:.4f}"


def is_surely_worse(difference: Floats, dates: Dates, settings: GateSettings) -> bool:
    """Whether the mean of `difference` (errors after less before) is above 0 beyond chance, rows clustered by date."""
    bound = lower_bound_by_date(
        difference, dates, confidence=CHANCE_CONFIDENCE, resamples=settings.resamples, seed=settings.seed
    )
    return not bound <= 0  # a NaN is no comfort


def _judge(part: Slice, evidence: Evidence, settings: GateSettings) -> Test:
    name = f"no_worse_on_{part.name}"
    tolerance = settings.slice_tolerance_of.get(part.name, settings.slice_tolerance)
    limit = f"<= {tolerance:g}"
    shared = ~np.isnan(part.challenger) & ~np.isnan(part.champion)
    about = tell_scope(part.dates[shared], part.name, evidence.build_id)
    n_dates = len(np.unique(part.dates[shared]))
    if int(shared.sum()) < settings.min_slice_rows or n_dates < settings.min_dates:
        detail = (
            f"Not judged: {about} were predicted by both; {settings.min_slice_rows:,} rows on {settings.min_dates} "
            "dates are needed to tell it from chance."
        )
        return Test(name, True, detail, None, limit)
    after = np.abs(part.challenger - part.actual)[shared]
    before = np.abs(part.champion - part.actual)[shared]
    worse = float((after - before).mean())
    detail = (
        f"MAE {after.mean():.4f} against {before.mean():.4f} of the champion: {told_worse(worse)}; refused where it is "
        f"worse by more than {tolerance:g} and, with {CHANCE_CONFIDENCE:.0%} confidence, worse at all ({about})."
    )
    passed = worse <= tolerance or not is_surely_worse(after - before, part.dates[shared], settings)
    return Test(name, passed, detail, worse, limit)
