"""Verify: the stored rows of the current build against the oracle, and the builders against a changed future."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import polars as pl
import sqlalchemy as sa

from contracts.errors import UnavailableError
from contracts.feature_set import FeatureSet
from contracts.settings import Settings
from features.raw.facts import RawFacts, read_raw
from features.table.builds import FEATURE_STORE, Build, current_build
from features.verify.comparison import Mismatch, as_mismatches, checked_features, find_mismatches
from features.verify.mutation import Leak, cut_dates, find_leaks
from features.verify.oracle import ask
from features.verify.stored import count_stale, find_altered, read_games, sample_games

SAMPLE_ROWS = 2_000
SEED = 7
TOLD = 50
"""How many mismatches are told one by one; the counts are of all."""


@dataclass(frozen=True)
class VerifyReport:
    """What verify found.

    checked: stored rows that were recomputed; mismatches: stored cells that the raw tables do not confirm;
    leaks: columns that noticed a change of the future, once for each change; mismatches_by_column counts all of them,
    `mismatched` tells the first, `leaked` all; not_recomputed names the features that the oracle does not know, which
    only the mutation test has seen; cut_dates are those from which on the future was changed; n_stale_dates counts
    the dates that are stale: their rows may differ because of a correction that came after them.
    """

    build_id: int
    checked: int
    cells: int
    mismatches: int
    leaks: int
    mismatches_by_column: dict[str, int]
    mismatched: list[Mismatch]
    leaked: list[Leak]
    not_recomputed: list[str]
    cut_dates: list[str]
    n_stale_dates: int
    seconds: float

    @property
    def is_true(self) -> bool:
        """Whether nothing was found."""
        return self.mismatches == 0 and self.leaks == 0


def verify(
    engine: sa.Engine,
    feature_set: FeatureSet,
    settings: Settings,
    *,
    n_rows: int = SAMPLE_ROWS,
    seed: int = SEED,
    now: Callable[[str], None] | None = None,
) -> VerifyReport:
    """Recompute about `n_rows` stored rows (0: all) of the current build and compare; then the mutation test.

    Whole games are drawn, the same for the same seed. `now` is told which step is under way.

    Raises UnavailableError where nothing is built; RefusedError where the builders refuse what they make today.
    """
    started = time.monotonic()
    tell = now or _tell_nobody
    build = _current(engine, feature_set)
    tell("recomputing stored rows in SQL")
    with engine.connect() as connection:
        raw = read_raw(connection)
        n_stale = count_stale(connection, raw, feature_set, settings)
        stored, cells, known = compare_stored(connection, feature_set, settings, build, raw, n_rows, seed)
    dates = _dates(raw, stored, seed)
    leaks: list[Leak] = []
    for day in dates:
        tell(f"changing the future from {day} on")
        leaks += find_leaks(raw, feature_set, settings.features, day)
    return VerifyReport(
        build_id=build.build_id,
        checked=stored.height,
        cells=stored.height * len(known),
        mismatches=cells.height,
        leaks=len(leaks),
        mismatches_by_column=dict(cells.group_by("column").len().sort("column").iter_rows()),
        mismatched=as_mismatches(_spread(cells)),
        leaked=leaks,
        not_recomputed=[name for name in feature_set.names if name not in known],
        cut_dates=[day.isoformat() for day in dates],
        n_stale_dates=n_stale,
        seconds=round(time.monotonic() - started, 3),
    )


def compare_stored(
    connection: sa.Connection,
    feature_set: FeatureSet,
    settings: Settings,
    build: Build,
    raw: RawFacts,
    n_rows: int,
    seed: int,
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """The sampled stored rows, the cells of them that are not true, and the features that were recomputed.

    Cells are in the columns of Mismatch: those that the oracle does not confirm, then the hashes of rows of any
    builder in the sampled games that are not as they were written.
    """
    games = sample_games(connection, feature_set, build, n_rows, seed)
    stored = read_games(connection, FEATURE_STORE, feature_set, build, games).drop("row_hash")
    answer = ask(raw, stored, feature_set, settings.features)
    altered = find_altered(connection, feature_set, build, games)
    cells = pl.concat([find_mismatches(stored, answer, raw, feature_set), altered])
    return stored, cells, checked_features(answer, feature_set)


def _current(engine: sa.Engine, feature_set: FeatureSet) -> Build:
    build = current_build(engine, feature_set)
    if build is None:
        raise UnavailableError(
            f"The feature table of {feature_set.name} is not built: there is nothing to verify.",
            remedy=f"Run `tipoff features backfill --feature-set {feature_set.name}`.",
        )
    return build


def _dates(raw: RawFacts, stored: pl.DataFrame, seed: int) -> list[date]:
    """Cut dates within the dates of the sample; none where no row is stored."""
    if stored.is_empty():
        return []
    bounds = stored.select(pl.col("game_date").min().alias("first"), pl.col("game_date").max().alias("last"))
    return cut_dates(raw, seed, *bounds.row(0))


def _spread(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells that are told: the first of every column, then the second of every column, ..."""
    turn = pl.int_range(pl.len()).over("column").alias("turn")
    return cells.with_columns(turn).sort("turn", maintain_order=True).head(TOLD).drop("turn")


def _tell_nobody(_step: str) -> None:
    """Nobody watches."""
