"""A quiet season: a simulated league with nothing wrong, predicted as a model that learns every month would have."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import sqlalchemy as sa

from contracts.database import open_database, writing
from contracts.jobs import DONE
from contracts.settings import Settings
from contracts.tables import job_runs
from features.feature_sets import load_feature_set
from features.raw.ingest import ingest
from features.sources.simulated import league_sources
from features.table.backfill import backfill
from features.table.rows import read_rows
from monitoring.drills.guesses import COLUMNS, guess, say
from monitoring.grading import grade
from training.backtest_steps import BacktestRequest, set_out, walk
from training.kept_folds import KeptFolds
from training.walk_forward import Retrain

MORNING = time(15)
"""When the day's cycle runs, UTC: before any game."""


def make_season(folder: Path, seed: int, system: str, settings: Settings) -> tuple[sa.Engine, list[date]]:
    """A database with two simulated seasons, built, the second predicted by `system` and graded; that one's dates.

    The system is trained again on all before the first of each month, and its intervals are learned before it too:
    nothing that a prediction is made of is of its date or later. Players who did not play get a plain guess, which is
    void. Every day of the season the daily cycle ran.
    """
    engine = open_database(f"sqlite:///{folder / 'tipoff.db'}")
    for kind, source in league_sources(2, seed).items():
        ingest(engine, kind, [source], folder / "rejects")
    feature_set = load_feature_set(settings.training.feature_set)
    backfill(engine, feature_set, settings)
    rows = read_rows(engine, feature_set, columns=[*COLUMNS, "season"])
    season = int(rows["season"].max())  # type: ignore[arg-type]  # of a column of integers
    said = _predict(engine, settings, system, season)
    coming = rows.filter((pl.col("season") == season) & (pl.col("is_expected") | (pl.col("state") == "played")))
    guesses = guess(coming, rows.filter(pl.col("season") < season))
    for number, (fold, train_to) in enumerate(said, start=1):
        first, last = fold["game_date"].min(), fold["game_date"].max()
        told = guesses.filter(pl.col("game_date").is_between(first, last)).join(  # type: ignore[arg-type]  # dates
            fold.drop("game_date"), on=["game_id", "player_id"], how="left", suffix="_of_model"
        )
        names = ("predicted", "interval_low", "interval_high")
        told = told.with_columns(pl.coalesce(f"{name}_of_model", name).alias(name) for name in names)
        say(engine, feature_set, told, system=system, model_version=number, train_to=train_to)
    grade(engine, settings)
    days = coming["game_date"].unique().sort().to_list()
    every = [days[0] + timedelta(days=n) for n in range((days[-1] - days[0]).days + 1)]
    _run_every_day(engine, every)
    return engine, every


def _predict(engine: sa.Engine, settings: Settings, system: str, season: int) -> list[tuple[pl.DataFrame, date]]:
    """Fold by fold what the walk-forward of a backtest says of played rows, and the last date that it learned from."""
    request = BacktestRequest(
        system, settings.training.feature_set, settings.training.population, season, Retrain.MONTHLY, log=False
    )
    walked = walk(set_out(engine, settings, request), KeptFolds(None))
    scored = walked.scored
    if scored.low is None or scored.high is None:
        raise ValueError(f"{system} says no intervals")
    said = walked.frame.select("game_date", "game_id", "player_id").with_columns(
        predicted=pl.Series(np.asarray(scored.point)),
        interval_low=pl.Series(np.asarray(scored.low)),
        interval_high=pl.Series(np.asarray(scored.high)),
    )
    said = said.with_columns(pl.col("predicted", "interval_low", "interval_high").fill_nan(None))
    return [
        (said.filter(pl.col("game_date").is_between(s.validation.first, s.validation.last)), s.tune.last)
        for s in (fold.split for fold in walked.folds)
    ]


def _run_every_day(engine: sa.Engine, days: list[date]) -> None:
    runs = [
        {"job": job, "game_date": day, "state": DONE, "started_at": datetime.combine(day, MORNING, tzinfo=UTC)}
        for day in days
        for job in ("day", "day.ingest", "day.build", "day.predict", "day.grade")
    ]
    with writing(engine) as connection:
        connection.execute(sa.insert(job_runs), runs)
