"""Builder: factors made of several facts: fatigue, the match-up of shot zones, pace and usage."""

from __future__ import annotations

import polars as pl

from features.builders.columns import keep_where, latest_of, player_rows
from features.builders.injury_list import LISTED_OUT, listed_status
from features.builders.results import ZONES, Results, appearances
from features.builders.windows import Past, pairs_with_latest
from features.raw.facts import RawFacts

WITHIN_DAYS = 365
STAR_POINTS = 20
USAGE_MIN_GAMES = 3

_OF_OPPONENT = ("pace", "league_pace", "max_source_date", *(f"{zone}_pct_minus_league" for zone in ZONES))


def build(
    rows: pl.DataFrame,
    results: Results,
    cache: pl.DataFrame,
    shots: pl.DataFrame,
    defense: pl.DataFrame,
    stars_out: pl.Series,
    *,
    has_injuries: bool,
) -> pl.DataFrame:
    """One row a row of the slate: columns of contracts.tables.player_composite_factors.

    `cache` and `shots` are the other builders' frames, row for row; `defense` has one row a team and game;
    `stars_out` counts each row's star team-mates listed out. Every clamped factor keeps its unclamped value.
    """
    opponent = rows.select("game_id", pl.col("opponent_id").alias("team_id")).join(
        defense.select("game_id", "team_id", *_OF_OPPONENT),
        on=["game_id", "team_id"],
        how="left",
        maintain_order="left",
    )
    past = Past(results.active_games, rows, ["player_id"])
    has_history = past.whole().n_games > 0
    built = player_rows(rows).with_columns(
        *_fatigue(past, cache),
        _zone_mismatch(cache, shots, opponent).alias("shot_zone_mismatch_score_unclamped"),
        keep_where(has_history, _pace(cache, opponent)).alias("pace_score_unclamped"),
        _usage_spike(cache, stars_out).alias("usage_spike_score_unclamped"),
        stars_out.cast(pl.Float64).alias("n_stars_listed_out"),
        cache["age"].is_not_null().alias("has_age"),
        pl.lit(has_injuries).alias("has_injury_source"),
        latest_of(cache["max_source_date"], shots["max_source_date"], opponent["max_source_date"]),
    )
    bounds = {"fatigue": (0, 100), "shot_zone_mismatch": (-10, 10), "pace": (-3, 3), "usage_spike": (-3, 3)}
    return built.with_columns(
        pl.col(f"{name}_score_unclamped").clip(low, high).alias(f"{name}_score") for name, (low, high) in bounds.items()
    )


def stars_listed_out(raw: RawFacts, schedule: pl.DataFrame, line_cutoff_minutes: int) -> pl.DataFrame:
    """The stars among the players in `raw` who are listed out at a game's cut-off: game_id, team_id, player_id, sorted.

    His latest appearance is for the team; a star has 20 or more points a game this season before D.
    """
    mates = pairs_with_latest(appearances(raw), schedule, subject="player_id", key=["team_id", "season"])
    active = raw.player_games.filter(pl.col("minutes") > 0)
    points = Past(active, mates, ["player_id", "season"]).whole().mean("points")
    stars = mates.filter((points.round(9) >= STAR_POINTS).fill_null(value=False))
    status = listed_status(raw.injuries, stars, line_cutoff_minutes)
    out = stars.filter(status.is_in(LISTED_OUT).fill_null(value=False))
    return out.select("game_id", "team_id", "player_id").sort("game_id", "team_id", "player_id")


def count_stars_out(rows: pl.DataFrame, out: pl.DataFrame) -> pl.Series:
    """How many star team-mates of each row are listed out at the cut-off; `out` is stars_listed_out of all players."""
    key = ["game_id", "team_id"]
    counts = rows.select(*key, "player_id").join(
        out.group_by(key).agg(pl.len().alias("n_out")), on=key, how="left", maintain_order="left"
    )
    himself = counts.join(
        out.with_columns(pl.lit(1).alias("himself")), on=[*key, "player_id"], how="left", maintain_order="left"
    )
    return (himself["n_out"].fill_null(0).cast(pl.Int64) - himself["himself"].fill_null(0)).alias("n_stars_listed_out")


def _fatigue(past: Past, cache: pl.DataFrame) -> list[pl.Series]:
    """100 = rested. Returns the unclamped score and what it is made of."""
    week, fortnight = past.days(7), past.days(13)  # a pair within the last 14 days ends within the last 13
    facts = pl.DataFrame(
        {
            "yesterday": past.days(1).n_games > 0,
            "rest": cache["rest_days"],
            "games": week.n_games,
            "minutes": week.sum("minutes"),
            "mean_minutes": week.mean("minutes").round(9),
            "pairs": fortnight.sum("is_back_to_back"),
            "age": cache["age"],
            "is_known": past.days(WITHIN_DAYS).n_games > 0,
        }
    )
    rested = pl.col("rest").is_null() | (pl.col("rest") >= 3)
    score = (
        100.0
        + pl.when("yesterday").then(-15).when(rested).then(5).otherwise(0)
        + pl.when(pl.col("games") >= 4).then(-10).otherwise(0)
        + pl.when(pl.col("minutes") > 240).then(-10).otherwise(0)
        + pl.when(pl.col("mean_minutes") > 35).then(-8).otherwise(0)
        + pl.when(pl.col("pairs") >= 2).then(-12).when(pl.col("pairs") == 1).then(-5).otherwise(0)
        + pl.when(pl.col("age") >= 35).then(-10).when(pl.col("age") >= 30).then(-5).otherwise(0)
    )
    scored = facts.select(
        pl.when("is_known").then(score).alias("fatigue_score_unclamped"),
        pl.col("games").cast(pl.Float64).alias("games_last_7_days"),
        pl.col("minutes").cast(pl.Float64).alias("minutes_last_7_days"),
        pl.col("pairs").cast(pl.Float64).alias("back_to_backs_last_14_days"),
    )
    return scored.get_columns()


def _zone_mismatch(cache: pl.DataFrame, shots: pl.DataFrame, opponent: pl.DataFrame) -> pl.Series:
    """What the opponent allows over the league where the player shoots, in percentage points, by his usage."""
    zones = {"paint": "paint", "mid_range": "mid_range", "three": "three", "two_point": "two_point"}
    if shots["zones"].head(1).to_list() == ["box"]:
        zones["three"] = "box_three"
    facts = shots.select("primary_zone", *(f"{zone}_share_last_10" for zone in ZONES)).with_columns(
        opponent[f"{zone}_pct_minus_league"] for zone in ZONES
    )
    gap = pl.lit(None, pl.Float64)
    for name, zone in zones.items():
        gap = pl.when(pl.col("primary_zone") == name).then(f"{zone}_pct_minus_league").otherwise(gap)
    gap = pl.when(pl.col("primary_zone") == "balanced").then(_balanced_gap()).otherwise(gap)
    weight = pl.min_horizontal(cache["usage_last_10"] / 0.5, pl.lit(1.0))
    product = facts.select(100.0 * gap * pl.when(cache["usage_last_10"].is_not_null()).then(weight)).to_series()
    return pl.select(pl.when(product.abs().round(9) > 5).then(product * 1.2).otherwise(product)).to_series()


def _balanced_gap() -> pl.Expr:
    """The mean over the zones of the shot data, weighted by the player's shares; NULL where he has none in any."""
    zones = ("paint", "mid_range", "three")
    shares = [pl.col(f"{zone}_share_last_10") for zone in zones]
    gaps = [share * pl.col(f"{zone}_pct_minus_league") for zone, share in zip(zones, shares, strict=True)]
    total = shares[0] + shares[1] + shares[2]
    return (gaps[0] + gaps[1] + gaps[2]) / pl.when(total > 0).then(total)


def _pace(cache: pl.DataFrame, opponent: pl.DataFrame) -> pl.Series:
    return ((cache["team_pace_last_10"] + opponent["pace"]) / 2 - opponent["league_pace"]) / 2


def _usage_spike(cache: pl.DataFrame, stars_out: pl.Series) -> pl.Series:
    spike = 0.3 * 100 * (cache["usage_last_3"] - cache["usage_last_10"])
    boost = pl.when(stars_out >= 2).then(1.30).when(stars_out == 1).then(1.15).otherwise(1.0)
    boosted = pl.select(pl.when(spike.round(9) > 0).then(spike * boost).otherwise(spike)).to_series()
    return keep_where(cache["n_games_last_10"] >= USAGE_MIN_GAMES, boosted)
