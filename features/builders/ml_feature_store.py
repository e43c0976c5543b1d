"""Builder: the row of the feature table, from the other builders' columns, the schedule and the books."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from contracts.feature_set import FeatureSet
from contracts.tables import FEATURE_ROW_LABELS
from features import definitions_v3
from features.builders.columns import keep_where, latest_of, player_rows
from features.builders.future import refuse_future_sources
from features.builders.missing import missing_text
from features.builders.results import Results
from features.builders.windows import Past
from features.definitions import DEFINITIONS, absent_features
from features.raw.facts import RawFacts

VERSUS_YEARS = 3

_UNMASKED = frozenset(feature.name for feature in definitions_v3.KEPT_BY_BUILDERS)
"""Features whose builders' tables keep a value for a player without an active game behind him, too."""


@dataclass(frozen=True)
class Parts:
    """What the other builders made: `cache`, `shots` and `factors` row for row, `defense` one row a team and game.

    `lines` is points_lines.lines_at_cut_off, row for row; `themes` are the features that no other table keeps, each a
    Series row for row.
    """

    lines: pl.DataFrame
    defense: pl.DataFrame
    shots: pl.DataFrame
    cache: pl.DataFrame
    factors: pl.DataFrame
    themes: list[pl.Series]


def build(
    rows: pl.DataFrame,
    raw: RawFacts,
    results: Results,
    parts: Parts,
    feature_set: FeatureSet,
) -> pl.DataFrame:
    """One row a row of the slate: columns of contracts.tables.feature_table(feature_set), in their order.

    Labels are NULL where the player did not play (minutes is 0 in under_30_seconds). `missing` tells which features
    are NULL and why; `max_source_date` is the latest date of a game that the row knows.

    Raises RefusedError where a row knows a game of its own date or later: no window can, so this is a defect.
    """
    opponent = rows.select("game_id", pl.col("opponent_id").alias("team_id")).join(
        parts.defense.select("game_id", "team_id", "defensive_rating", "pace", "n_games"),
        on=["game_id", "team_id"],
        how="left",
        maintain_order="left",
    )
    has_history = Past(results.active_games, rows, ["player_id"]).whole().n_games > 0
    every = _features(rows, results, parts, opponent, has_history)
    features = every.select(feature_set.names)
    reasons = {feature.name: feature.null_reason or "unexplained" for feature in feature_set.features}
    cache = parts.cache
    sources = latest_of(cache["max_source_date"], parts.factors["max_source_date"])
    refuse_future_sources("ml_feature_store", player_rows(rows).with_columns(sources))
    return pl.concat(
        [
            player_rows(rows),
            rows.select("season", "opponent_id", "state", "is_expected"),
            cache.select(
                pl.col("n_games_season").alias("n_active_games_season"),
                pl.col("minutes_avg_last_10").alias("minutes_avg_last_10_active"),
            ),
            features,
            every.select(pl.col("vegas_points_line").alias("line")),
            _labels(rows, raw),
            pl.DataFrame(
                {
                    "missing": missing_text(features, has_history, reasons, absent_features(raw.ingested)),
                    "window_games": _window_games(cache, opponent),
                    "max_source_date": sources,
                }
            ),
        ],
        how="horizontal",
    )


def _features(
    rows: pl.DataFrame,
    results: Results,
    parts: Parts,
    opponent: pl.DataFrame,
    has_history: pl.Series,
) -> pl.DataFrame:
    """Every feature that there is, by name."""
    point, opening = (
        keep_where(has_history, parts.lines[name]) for name in ("vegas_points_line", "vegas_opening_line")
    )
    made = [
        frame.select(name for name in frame.columns if name in DEFINITIONS)
        for frame in (parts.shots, parts.cache, parts.factors)
    ]
    return pl.concat(made, how="horizontal").with_columns(
        keep_where(has_history, opponent["defensive_rating"]).alias("opponent_def_rating"),
        keep_where(has_history, opponent["pace"]).alias("opponent_pace"),
        rows["is_home"].cast(pl.Float64).alias("home_away"),
        (rows["season_type"] == "playoffs").cast(pl.Float64).alias("playoff_game"),
        point.alias("vegas_points_line"),
        opening.alias("vegas_opening_line"),
        (point - opening).alias("vegas_line_move"),
        point.is_not_null().cast(pl.Float64).alias("has_vegas_line"),
        *_versus_opponent(rows, results),
        *(keep_where(has_history, frame[name]) for frame in made for name in frame.columns if name in _UNMASKED),
        *parts.themes,
    )


def _versus_opponent(rows: pl.DataFrame, results: Results) -> list[pl.Series]:
    past = Past(results.active_games, rows, ["player_id", "opponent_id"])
    window = past.since(rows["game_date"].dt.offset_by(f"-{VERSUS_YEARS}y"))
    return [
        window.mean("points").alias("avg_points_vs_opponent"),
        window.n_games.cast(pl.Float64).alias("games_vs_opponent"),
    ]


def _labels(rows: pl.DataFrame, raw: RawFacts) -> pl.DataFrame:
    key = ["game_id", "player_id"]
    happened = rows.select(*key, "state").join(
        raw.player_games.select(*key, *FEATURE_ROW_LABELS), on=key, how="left", maintain_order="left"
    )
    is_played = pl.col("state") == "played"
    return happened.select(
        pl.when(is_played | (pl.col("state") == "under_30_seconds")).then("minutes").cast(pl.Float64),
        pl.when(is_played).then(pl.col(*FEATURE_ROW_LABELS[1:])).cast(pl.Float64),
    )


def _window_games(cache: pl.DataFrame, opponent: pl.DataFrame) -> pl.Series:
    counts = {
        "last_5": cache["n_games_last_5"],
        "last_10": cache["n_games_last_10"],
        "season": cache["n_games_season"],
        "team": cache["n_team_games_last_10"],
        "opponent": opponent["n_games"],
    }
    text = ",".join(f'"{name}":{{}}' for name in counts)
    return pl.select(pl.format(f"{{{{{text}}}}}", *(count.cast(pl.Int64) for count in counts.values()))).to_series()
