"""Which seasons the feature table has results of, and from when to when."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import sqlalchemy as sa

from contracts.clock import season_name
from contracts.errors import UsageError
from contracts.feature_set import FeatureSet
from features.table.rows import read_rows
from training.splits import Span


def read_seasons(engine: sa.Engine, feature_set: FeatureSet) -> dict[int, Span]:
    """Start year -> the first and last date with a player-game that was played, playoffs included, in order of time.

    Raises UnavailableError where nothing is built.
    """
    rows = read_rows(engine, feature_set, columns=["game_date", "season", "state"])
    played = rows.filter(pl.col("state") == "played").group_by("season")
    spans = played.agg(first=pl.col("game_date").min(), last=pl.col("game_date").max()).sort("season")
    return {season: Span(first, last) for season, first, last in spans.iter_rows()}


def choose_season(seasons: Mapping[int, Span], start_year: int) -> Span:
    """The dates of the season that began in `start_year`.

    Raises UsageError where there is no such season, naming those there are.
    """
    if start_year not in seasons:
        raise UsageError(
            f"There are no results of season {season_name(start_year)}.",
            remedy=f"Choose one of {', '.join(map(season_name, seasons)) or 'none'}, or `tipoff ingest` it first.",
        )
    return seasons[start_year]
