"""The window computations alone against pandas groupby-rolling, the same results cell by cell.

For every active game of a player: the means of 20 columns over his last 3, 5, 10 and 20 active games, none older than
365 days and none of the same date. pandas has no window that is bounded both ways, so it takes the last n games where
as many lie within the 365 days, else those 365 days.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.timing import median_seconds
from contracts.tables import BOX_COUNTS
from features.builders.windows import Past

LAST = (3, 5, 10, 20)
WITHIN_DAYS = 365
COLUMNS = (*BOX_COUNTS, "plays", "two_point_attempts", "two_point_made", "points_squared")


def measure(player_games: pl.DataFrame) -> dict[str, float]:
    """windows_s, pandas_windows_s and their ratio; raises AssertionError where a cell differs."""
    events = _events(player_games)
    frame = events.to_pandas().astype({"game_date": "datetime64[us]"})
    _assert_same(_windows(events), _pandas_windows(frame))
    ours, theirs = median_seconds(lambda: _windows(events), lambda: _pandas_windows(frame))
    size = f"{len(COLUMNS)} columns x {len(LAST)} windows x {events.height:,} rows"
    print(f"windows of {size} {ours:.3f} s, the same by pandas groupby-rolling {theirs:.2f} s")
    return {"windows_s": ours, "pandas_windows_s": theirs, "pandas_vs_windows": theirs / ours}


def _events(player_games: pl.DataFrame) -> pl.DataFrame:
    counts = player_games.filter(pl.col("minutes") > 0).sort("player_id", "game_date")
    return counts.with_columns(
        (pl.col("fga") + pl.col("fta") + pl.col("turnovers")).alias("plays"),
        (pl.col("fga") - pl.col("fg3a")).alias("two_point_attempts"),
        (pl.col("fgm") - pl.col("fg3m")).alias("two_point_made"),
        (pl.col("points") ** 2).alias("points_squared"),
    ).select("player_id", "game_date", *COLUMNS)


def _windows(events: pl.DataFrame) -> dict[int, pl.DataFrame]:
    past = Past(events, events, ["player_id"])
    windows = {n: past.last(n, within_days=WITHIN_DAYS) for n in LAST}
    return {n: window.means(COLUMNS) for n, window in windows.items()}


def _pandas_windows(frame: pd.DataFrame) -> dict[int, np.ndarray]:
    players = frame.groupby("player_id", sort=False)
    year = players.rolling(f"{WITHIN_DAYS}D", on="game_date", closed="left")
    means, n_games = year[list(COLUMNS)].mean().to_numpy(), year["points"].count().to_numpy()
    found = {}
    for n in LAST:
        last = players[list(COLUMNS)].rolling(n, min_periods=1, closed="left").mean().to_numpy()
        found[n] = np.where((n_games >= n)[:, None], last, means)
    return found


def _assert_same(ours: dict[int, pl.DataFrame], theirs: dict[int, np.ndarray]) -> None:
    for n in LAST:
        np.testing.assert_allclose(ours[n].to_numpy(), theirs[n], rtol=0, atol=1e-9, equal_nan=True)
