"""The gate's tests of the rows themselves: current, unseen by both, enough of them, every one predicted. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from contracts.settings import GateSettings
from registry.evidence import Evidence, scope
from registry.verdict import Test


def judge_rows(evidence: Evidence, settings: GateSettings) -> Iterator[Test]:
    """Whether the rows are evidence at all."""
    yield _build_current(evidence)
    yield _rows_unseen(evidence)
    yield _enough_rows(evidence, settings)
    yield _enough_dates(evidence, settings)
    yield _predictions_complete(evidence)


def sufficient_from(evidence: Evidence, settings: GateSettings) -> date | None:
    """The latest date from which on the known rows of the population would suffice; None where all are too few."""
    days, counts = np.unique(evidence.known_dates, return_counts=True)
    if len(days) < settings.min_dates or counts.sum() < settings.min_rows:
        return None
    rows_from = counts[::-1].cumsum()[::-1]
    enough = days[(rows_from >= settings.min_rows) & (np.arange(len(days), 0, -1) >= settings.min_dates)]
    return date.fromisoformat(str(enough[-1]))


def _build_current(evidence: Evidence) -> Test:
    said = f"Stale: {evidence.stale}" if evidence.stale is not None else "The rows are of the current build"
    return Test("build_current", evidence.stale is None, f"{said} ({scope(evidence)}).", None, "not stale")


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
    if not enough:
        detail += _remedy(evidence, settings)
    return Test("enough_rows", enough, detail, float(evidence.n_rows), f">= {settings.min_rows}")


def _enough_dates(evidence: Evidence, settings: GateSettings) -> Test:
    n_dates = len(np.unique(evidence.dates))
    enough = n_dates >= settings.min_dates
    detail = f"{scope(evidence)}; at least {settings.min_dates:,} dates are needed."
    if not enough:
        detail += _remedy(evidence, settings)
    return Test("enough_dates", enough, detail, float(n_dates), f">= {settings.min_dates}")


def _remedy(evidence: Evidence, settings: GateSettings) -> str:
    """From which date on rows unseen by both would suffice, and who has seen them."""
    first = sufficient_from(evidence, settings)
    if first is None:
        return " All rows of the build together would not suffice: ingest more."
    trained = [
        f"{one.name} is trained to {one.train_to}"
        for one in (evidence.challenger, evidence.champion)
        if one is not None and one.train_to is not None and one.train_to >= first
    ]
    why = f" ({'; '.join(trained)})" if trained else ""
    return (
        f" The rows from {first} on would suffice{why}: train up to {first - timedelta(days=1)} or earlier, "
        "or wait for later games."
    )


def _predictions_complete(evidence: Evidence) -> Test:
    n_missing = int(np.isnan(evidence.challenger.predictions).sum())
    detail = f"{evidence.challenger.name} gives no prediction for {n_missing:,} of {scope(evidence)}; 0 are allowed."
    if n_missing or evidence.n_rows == 0:
        detail += " The tests of error were not run."
    return Test("predictions_complete", n_missing == 0, detail, float(n_missing), "0")
