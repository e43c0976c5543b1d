"""Plain guesses in the place of a model's predictions: a player's season average, with an interval learned before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import sqlalchemy as sa

from contracts.database import insert_frame, writing
from contracts.feature_set import FeatureSet
from contracts.populations import LINE_AVERAGES, LINE_TARGET
from contracts.tables import games, predictions
from features.table.rows import current_build

SYSTEM = "season_average"
VERSION = 0
"""No registered version has this number: nobody takes a guess for a model's word."""
SAID_BEFORE = timedelta(minutes=90)
UNKNOWN = 8.0
"""Points guessed of a player without a game behind him: coverage must not suffer by him."""
COLUMNS = ("game_id", "player_id", "game_date", "line", LINE_TARGET, "state", "is_expected", *LINE_AVERAGES.values())
"""What guesses are made from, of the feature table."""


def guess(rows: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    """`rows` (COLUMNS) with predicted, interval_low and interval_high; 80 % intervals as the errors of `past` had them.

    Errors grow with the root of the points, so the quantiles are those of error / sqrt(1 + guess). Pure.
    """
    guessed = pl.coalesce(*LINE_AVERAGES.values(), pl.lit(UNKNOWN))
    made, known = (frame.with_columns(predicted=guessed) for frame in (rows, past))
    scale = (1 + pl.col("predicted")).sqrt()
    errors = known.filter(pl.col("state") == "played").select((pl.col(LINE_TARGET) - pl.col("predicted")) / scale)
    low, high = np.quantile(errors.to_series().to_numpy(), [0.1, 0.9])
    return made.with_columns(
        interval_low=(pl.col("predicted") + scale * low).clip(0),
        interval_high=pl.col("predicted") + scale * high,
    )


def say(engine: sa.Engine, feature_set: FeatureSet, guesses: pl.DataFrame, **changes: Any) -> None:
    """Store `guesses` as predictions said live, SAID_BEFORE tip-off, by a version that learned nothing."""
    build = current_build(engine, feature_set)
    if build is None:
        raise ValueError("nothing is built")
    same = {
        "system": SYSTEM,
        "model_version": VERSION,
        "model_sha256": "0" * 64,
        "train_to": None,
        "feature_set": feature_set.name,
        "build_id": build.build_id,
        "target": LINE_TARGET,
        "over_probability": None,
    } | changes
    with writing(engine) as connection:
        tip_offs = connection.execute(sa.select(games.c.game_id, games.c.tip_off_at)).all()
        times = pl.DataFrame(
            [(row.game_id, row.tip_off_at) for row in tip_offs],
            schema={"game_id": pl.String, "tip_off_at": pl.Datetime("us", "UTC")},
            orient="row",
        )
        midnight = pl.col("game_date").cast(pl.Datetime("us", "UTC"))
        told = guesses.join(times, on="game_id").with_columns(
            predicted_at=pl.coalesce(pl.col("tip_off_at"), midnight) - SAID_BEFORE,
            **{name: pl.lit(value) for name, value in same.items()},
        )
        names = [column.name for column in predictions.columns if column.name in told.columns]
        insert_frame(connection, predictions, told.select(names))
