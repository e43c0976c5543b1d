"""Builder: what each team allows, over its last 15 games, and how that differs from the league."""

from __future__ import annotations

import polars as pl

from features.builders.columns import keep_where, latest_of
from features.builders.results import ZONES
from features.builders.windows import Past, Window, ratio

WINDOW = 15
MIN_GAMES = 3
LEAGUE_DAYS = 30
LEAGUE_MIN_GAMES = 10

_SHOT_ZONES, _BOX_ZONES = ZONES[:3], ZONES[3:]
_ALLOWED = tuple(f"opponent_{zone}_{kind}" for zone in ZONES for kind in ("attempts", "made"))


def build(schedule: pl.DataFrame, team_games: pl.DataFrame, *, has_shot_zones: bool) -> pl.DataFrame:
    """One row a team and game of `schedule`: columns of contracts.tables.team_defense_zone_analysis.

    `defensive_rating`, `pace` and the zones are of the team itself, over its last 15 games of the season before the
    date, NULL under 3; attempts_allowed is a sum, pct_minus_league a difference of shares. Zones of the shot data are
    NULL without that source; strongest and weakest zone (least and most allowed against the league) are then of the
    two zones that box scores tell apart.
    """
    rows = schedule.select("game_id", "team_id", "game_date", "season").sort("game_date", "game_id", "team_id")
    past = Past(team_games, rows, ["team_id", "season"])
    window = past.last(WINDOW)
    enough = window.n_games >= MIN_GAMES
    league = rows.join(league_figures(rows, team_games), on=["season", "game_date"], how="left", maintain_order="left")
    built = rows.with_columns(_ratings(window, enough)).with_columns(league["league_pace"])
    for zone in ZONES:
        there = enough if has_shot_zones or zone in _BOX_ZONES else enough & False
        built = built.with_columns(_zone(zone, window, there, league[f"league_{zone}"]))
    zones = _SHOT_ZONES if has_shot_zones else _BOX_ZONES
    return built.with_columns(*_extremes(zones), latest_of(window.max_source_date, league["league_date"])).drop(
        "season"
    )


def league_figures(moments: pl.DataFrame, team_games: pl.DataFrame) -> pl.DataFrame:
    """The league before each (season, game_date) of `moments`, NULL where no team has 10 games this season.

    Over all games with D-30 <= date < D of teams with 10 or more games of the season before D: league_pace, their
    mean pace; league_{zone}, the percentage allowed in each zone (a share); league_date, the latest game used.
    """
    moments = moments.select("season", "game_date").unique(maintain_order=True)
    grid = moments.join(team_games.select("team_id").unique().sort("team_id"), how="cross")
    n_season = Past(team_games, grid, ["team_id", "season"]).whole().n_games
    month = Past(team_games, grid, ["team_id"]).days(LEAGUE_DAYS)
    sums = grid.with_columns(
        month.n_games.alias("n_games"),
        month.max_source_date.alias("league_date"),
        month.sum("pace").alias("pace"),
        *month.sums(_ALLOWED),
    ).filter(n_season >= LEAGUE_MIN_GAMES)
    # a list is summed in its own order, whatever the threads: the same bits each time
    totals = sums.group_by("season", "game_date").agg(
        pl.col("n_games", *_ALLOWED).sum(), pl.col("pace"), pl.col("league_date").max()
    )
    return totals.select(
        "season",
        "game_date",
        "league_date",
        (pl.col("pace").list.sum() / _or_null("n_games")).alias("league_pace"),
        *((pl.col(f"opponent_{z}_made") / _or_null(f"opponent_{z}_attempts")).alias(f"league_{z}") for z in ZONES),
    )


def _ratings(window: Window, enough: pl.Series) -> list[pl.Series]:
    rating = 100 * ratio(100.0 * window.sum("opponent_points"), window.sum("opponent_possessions_x100"))
    return [
        keep_where(enough, rating).alias("defensive_rating"),
        keep_where(enough, window.mean("pace")).alias("pace"),
        window.n_games.cast(pl.Float64).alias("n_games"),
    ]


def _zone(zone: str, window: Window, there: pl.Series, league: pl.Series) -> list[pl.Series]:
    attempts = window.sum(f"opponent_{zone}_attempts")
    pct = keep_where(there, ratio(window.sum(f"opponent_{zone}_made"), attempts))
    return [
        pct.alias(f"{zone}_pct_allowed"),
        keep_where(there, attempts).alias(f"{zone}_attempts_allowed"),
        (pct - league).alias(f"{zone}_pct_minus_league"),
    ]


def _extremes(zones: tuple[str, ...]) -> list[pl.Expr]:
    """The names of the zones with the least and the most allowed against the league; the first of equals."""
    gaps = [pl.col(f"{zone}_pct_minus_league") for zone in zones]
    names = {zone: zone.removeprefix("box_") for zone in zones}
    chosen = []
    for name, extreme in (
        ("strongest_zone", pl.min_horizontal(gaps)),
        ("weakest_zone", pl.max_horizontal(gaps)),
    ):
        zone = pl.lit(None, pl.String)
        for each, gap in reversed(list(zip(zones, gaps, strict=True))):
            zone = pl.when(gap == extreme).then(pl.lit(names[each])).otherwise(zone)
        chosen.append(zone.alias(name))
    return chosen


def _or_null(column: str) -> pl.Expr:
    return pl.when(pl.col(column) > 0).then(pl.col(column))
