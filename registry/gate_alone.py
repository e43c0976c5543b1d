"""The gate's test of the rows that nobody else predicts: where there is no champion to be held against. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from contracts.settings import GateSettings
from registry.evidence import Alone, Evidence, tell_scope
from registry.gate_slices import CHANCE_CONFIDENCE, is_surely_worse, told_worse
from registry.verdict import Test

NAME = "sound_where_alone"


def judge_alone(evidence: Evidence, settings: GateSettings) -> Iterator[Test]:
    """Not worse than a plain guess by more than its tolerance, beyond chance, where only the challenger predicts.

    The paired test and the slices are about rows that champion and challenger share; a version may be better on all of
    those and say anything on the others, which the service is asked for all the same.
    """
    if evidence.alone is not None:
        yield _judge(evidence.alone, evidence, settings)


def _judge(alone: Alone, evidence: Evidence, settings: GateSettings) -> Test:
    limit = f"<= {settings.alone_tolerance:g}"
    judged = np.isfinite(alone.guess)
    about = f"{tell_scope(alone.dates[judged], 'played and early', evidence.build_id)}, where only it predicts"
    n_dates = len(np.unique(alone.dates[judged]))
    if int(judged.sum()) < settings.min_alone_rows or n_dates < settings.min_dates:
        detail = (
            f"Not judged: {about}; {settings.min_alone_rows:,} rows on {settings.min_dates} dates are needed to tell "
            "it from chance."
        )
        return Test(NAME, True, detail, None, limit)
    actual, said = alone.actual[judged], alone.challenger[judged]
    after, before = np.abs(said - actual), np.abs(alone.guess[judged] - actual)
    worse = float((after - before).mean())
    detail = (
        f"MAE {after.mean():.4f} against {before.mean():.4f} of a plain guess ({alone.told}): {told_worse(worse)}; "
        f"refused where it is worse by more than {settings.alone_tolerance:g} and, with {CHANCE_CONFIDENCE:.0%} "
        f"confidence, worse at all; mean prediction {said.mean():.2f}, mean result {actual.mean():.2f} ({about})."
    )
    passed = worse <= settings.alone_tolerance or not is_surely_worse(after - before, alone.dates[judged], settings)
    return Test(NAME, passed, detail, worse, limit)
