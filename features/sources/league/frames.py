"""Seasons as frames, in the layouts of the files that `tipoff ingest` reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import polars as pl

from contracts.clock import season_name
from features.sources.league.arrays import Bools, Ints
from features.sources.league.names import FIRST_PLAYER_ID, TEAMS, player_name
from features.sources.league.parameters import ZONES, LeagueParameters
from features.sources.league.people import POSITIONS, World
from features.sources.league.season import Played, Season

_ABBREVIATIONS = np.array([team.abbreviation for team in TEAMS], dtype=object)
_TEAM_IDS = np.array([team.team_id for team in TEAMS])
_TEAM_NAMES = np.array([team.name for team in TEAMS], dtype=object)
_NICKNAMES = np.array([team.nickname for team in TEAMS], dtype=object)


def to_frames(seasons: list[Season], world: World, parameters: LeagueParameters) -> dict[str, pl.DataFrame]:
    """Kind -> frame; `world` knows everybody who was ever in the league."""
    names = _player_names(len(world.people))

    def gather(make: Callable[[Season, Played], pl.DataFrame]) -> pl.DataFrame:
        return pl.concat([make(season, played) for season in seasons for played in season.played])

    return {
        "game-logs": gather(lambda season, played: _game_logs(season, played, names)),
        "schedule": gather(lambda _, played: _schedule(played)),
        "game-lines": gather(_game_lines),
        "points-lines": gather(lambda _, played: _points_lines(played, names, parameters)),
        "injuries": pl.concat([_injuries(season, names) for season in seasons]),
        "shot-zones": gather(lambda _, played: _shot_zones(played)),
        "positions": _positions(world),
        "players": _players(world, names),
    }


def _player_names(n: int) -> Ints:
    return np.array([player_name(number) for number in range(n)], dtype=object)


def _game_logs(season: Season, played: Played, names: Ints) -> pl.DataFrame:
    """One row a player who appeared, as stats.nba.com's LeagueGameLog has it."""
    boxes, teams = played.boxes, played.slate.teams
    game, side, place = np.nonzero(boxes.appeared)
    own, other = teams[game, side], teams[game, 1 - side]
    player = played.lineup.player[game, side, place]
    home = side == 0
    won = played.home_won[game] == home
    kind = np.where(played.slate.is_playoff[game], 40000, 20000)
    columns = {
        "SEASON_ID": kind + season.season,
        "PLAYER_ID": FIRST_PLAYER_ID + player,
        "PLAYER_NAME": names[player],
        "TEAM_ID": _TEAM_IDS[own],
        "TEAM_ABBREVIATION": _ABBREVIATIONS[own],
        "TEAM_NAME": _TEAM_NAMES[own],
        "GAME_ID": np.array(played.game_ids, dtype=object)[game],
        "GAME_DATE": np.array([on.isoformat() for on in played.dates], dtype=object)[game],
        "MATCHUP": _ABBREVIATIONS[own] + np.where(home, " vs. ", " @ ").astype(object) + _ABBREVIATIONS[other],
        "WL": np.where(won, "W", "L").astype(object),
        "MIN": boxes.minutes[boxes.appeared],
        "PTS": boxes.points[boxes.appeared],
    }
    return pl.DataFrame(columns | _shooting(played, boxes.appeared) | _other_counts(played, boxes.appeared))


def _shooting(played: Played, appeared: Bools) -> dict[str, Ints | pl.Series]:
    boxes = played.boxes
    tried, made = boxes.tried[appeared], boxes.made[appeared]
    pairs = {
        "FG": (made.sum(axis=-1), tried.sum(axis=-1)),
        "FG3": (made[:, 2], tried[:, 2]),
        "FT": (boxes.free_throws_made[appeared], boxes.free_throws_tried[appeared]),
    }
    columns: dict[str, Ints | pl.Series] = {}
    for name, (good, all_of_them) in pairs.items():
        columns |= {f"{name}M": good, f"{name}A": all_of_them, f"{name}_PCT": _percentage(good, all_of_them)}
    return columns


def _percentage(made: Ints, tried: Ints) -> pl.Series:
    share = pl.Series(made / np.maximum(tried, 1)).round(3)
    return pl.select(pl.when(pl.Series(tried > 0)).then(share)).to_series()


def _other_counts(played: Played, appeared: Bools) -> dict[str, Ints]:
    boxes = played.boxes
    return {
        "OREB": boxes.oreb[appeared],
        "DREB": boxes.dreb[appeared],
        "REB": boxes.oreb[appeared] + boxes.dreb[appeared],
        "AST": boxes.assists[appeared],
        "STL": boxes.steals[appeared],
        "BLK": boxes.blocks[appeared],
        "TOV": boxes.turnovers[appeared],
        "PF": boxes.fouls[appeared],
        "PLUS_MINUS": boxes.plus_minus[appeared],
    }


def _schedule(played: Played) -> pl.DataFrame:
    home, away = played.slate.teams.T
    return pl.DataFrame(
        {
            "game_id": played.game_ids,
            "game_date": played.dates,
            "home": _ABBREVIATIONS[home],
            "away": _ABBREVIATIONS[away],
            "tip_off_at": pl.Series(played.tip_offs, dtype=pl.Datetime("us", "UTC")),
        },
        schema_overrides={"home": pl.String, "away": pl.String},
    )


def _game_lines(season: Season, played: Played) -> pl.DataFrame:
    lines = played.game_lines
    return _schedule(played).select(
        "game_id",
        pl.lit(season_name(season.season)).alias("season"),
        "game_date",
        "home",
        "away",
        pl.Series("spread_home", lines.spread),
        pl.Series("total", lines.total),
        pl.Series("spread_home_morning", lines.morning_spread),
        pl.Series("total_morning", lines.morning_total),
        pl.col("tip_off_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _points_lines(played: Played, names: Ints, parameters: LeagueParameters) -> pl.DataFrame:
    lines = played.points_lines
    player = played.lineup.player[lines.game, lines.side, lines.place]
    snapshots = pl.DataFrame(
        {
            "player_id": FIRST_PLAYER_ID + player,
            "player_name": pl.Series(names[player], dtype=pl.String),
            "book": pl.Series(np.array(parameters.books, dtype=object)[lines.book], dtype=pl.String),
            "before": pl.Series(lines.seconds_before * 1_000_000, dtype=pl.Duration("us")),
            "line": lines.line,
            "over_price": pl.Series(lines.over_price).fill_nan(None),
            "under_price": pl.Series(lines.under_price).fill_nan(None),
        }
    )
    games = _schedule(played).select("game_id", "game_date", "tip_off_at")[lines.game]
    return games.hstack(snapshots).select(
        "game_id",
        "game_date",
        "player_id",
        "player_name",
        "book",
        (pl.col("tip_off_at") - pl.col("before")).alias("captured_at"),
        "tip_off_at",
        "line",
        "over_price",
        "under_price",
    )


def _injuries(season: Season, names: Ints) -> pl.DataFrame:
    """Movements on and off the injury list of players under contract on the day, in order of date."""
    injuries, form = season.form.injuries, season.form
    n_players, n_days = injuries.out.shape
    contracts = form.contracts.team_by_day(n_players, n_days)
    team = contracts[injuries.player, np.clip(injuries.first_day, 0, n_days - 1)]
    onto = pl.DataFrame({"day": injuries.listed_on, "player": injuries.player, "team": team, "note": injuries.note})
    off = onto.with_columns(
        pl.Series("day", injuries.returned_on),
        pl.when(pl.Series(injuries.n_days) > 10)
        .then(pl.lit("activated from IL"))
        .otherwise(pl.lit("returned to lineup"))
        .alias("note"),
    ).filter(pl.Series(injuries.returned_on != -1))
    moves = pl.concat(
        [onto.with_columns(pl.lit("out").alias("status")), off.with_columns(pl.lit("returned").alias("status"))]
    )
    moves = moves.filter(pl.col("team") >= 0).sort("day", "player", "status", maintain_order=True)
    dates = [(season.start + timedelta(day)).isoformat() for day in moves["day"].to_list()]
    player = moves["player"].to_numpy()
    return pl.DataFrame(
        {
            "date": dates,
            "team": pl.Series(_NICKNAMES[moves["team"].to_numpy()], dtype=pl.String),
            "player_id": FIRST_PLAYER_ID + player,
            "player_name": pl.Series(names[player], dtype=pl.String),
            "status": moves["status"],
            "note": moves["note"],
        },
        schema_overrides={"date": pl.String},
    )


def _shot_zones(played: Played) -> pl.DataFrame:
    boxes = played.boxes
    game, side, place = np.nonzero(boxes.appeared)
    columns = {
        "GAME_ID": pl.Series(np.array(played.game_ids, dtype=object)[game], dtype=pl.String),
        "PLAYER_ID": pl.Series(FIRST_PLAYER_ID + played.lineup.player[game, side, place]),
    }
    for index, zone in enumerate(ZONES):
        columns[f"{zone.upper()}_FGA"] = pl.Series(boxes.tried[game, side, place, index])
        columns[f"{zone.upper()}_FGM"] = pl.Series(boxes.made[game, side, place, index])
    return pl.DataFrame(columns)


def _positions(world: World) -> pl.DataFrame:
    people = world.people
    position = np.array(POSITIONS, dtype=object)[people.position]
    return pl.DataFrame(
        {"PLAYER_ID": FIRST_PLAYER_ID + np.arange(len(people)), "POSITION": pl.Series(position, dtype=pl.String)}
    )


def _players(world: World, names: Ints) -> pl.DataFrame:
    people = world.people
    return pl.DataFrame(
        {
            "PLAYER_ID": FIRST_PLAYER_ID + np.arange(len(people)),
            "PLAYER_NAME": pl.Series(names, dtype=pl.String),
            "BIRTH_DATE": people.born.astype("datetime64[D]").astype(str).tolist(),
        }
    )
