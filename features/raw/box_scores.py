"""Box scores into the raw tables: a game as it stands after the ingest must have two teams that agree."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from contracts import tables
from contracts.clock import LEAGUE_ZONE, SEASON_TYPES
from features.raw.checks import Check, rejects_of, without
from features.raw.upsert import Written, rows_of, write_changed


def write_game_logs(connection: sa.Connection, rows: pl.DataFrame) -> Written:
    """Fills player_games, games, teams and the names of players from checked game-log rows.

    A game is judged as it would stand: the rows given, and those known of it that they do not replace. Its opponents
    are its two teams; its date is the box scores'. Rejects every row of a game that has not two teams, or whose
    teams do not agree on date, season, home and winner.
    """
    known = rows_of(connection, sa.select(tables.player_games), tables.player_games.c.game_id, rows["game_id"])
    rows = _with_home(connection, rows)
    games = _judge(_merge(rows, known))
    rejects = rejects_of(rows.join(games, on="game_id"), _game_checks())
    kept = without(rows, rejects)
    player_games = _with_opponents(_merge(kept, known), games)
    changed = write_changed(connection, tables.player_games, player_games, known)
    _write_games(connection, player_games)
    renamed = pl.concat([_write_teams(connection, kept), _write_names(connection, kept)])
    news = kept.join(changed, on=["game_id", "player_id"], how="semi").select("source", "row")
    return Written(kept, pl.concat([news, renamed]).unique(), rejects)


def _with_home(connection: sa.Connection, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with `is_home`: by their MATCHUP, or by the schedule where both teams of a game claim the same.

    Games on neutral ground may come as 'AAA vs. BBB' and 'BBB vs. AAA': the schedule names the home team.
    """
    said = rows.with_columns(pl.col("matchup").str.contains(" vs. ", literal=True).alias("is_home"))
    is_neutral = (pl.col("team_id").n_unique().over("game_id") == 2) & (
        pl.col("is_home").n_unique().over("game_id") == 1
    )
    neutral = said.filter(is_neutral)
    if neutral.is_empty():
        return said
    columns = (tables.games.c.game_id, tables.games.c.home_team_id, tables.games.c.away_team_id)
    sides = rows_of(connection, sa.select(*columns), tables.games.c.game_id, neutral["game_id"])
    home, away, team = pl.col("home_team_id"), pl.col("away_team_id"), pl.col("team_id")
    is_one_of_them = ((team == home) | (team == away)).all().over("game_id")
    known = said.join(sides, on="game_id", how="left", maintain_order="left")
    by_schedule = is_neutral & home.is_not_null() & is_one_of_them
    return known.with_columns(pl.when(by_schedule).then(team == home).otherwise("is_home").alias("is_home")).drop(
        "home_team_id", "away_team_id"
    )


def _merge(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """All player-games of the games in `rows`, given and known, without their opponents."""
    given = rows.with_columns(
        (pl.col("season_id") % 10_000).alias("season"),
        (pl.col("season_id") // 10_000).replace_strict(SEASON_TYPES, return_dtype=pl.String).alias("season_type"),
        (pl.col("result") == "W").alias("won"),
    )
    others = known.drop("opponent_id").join(given, on=["game_id", "player_id"], how="anti")
    others = others.join(given, on="game_id", how="semi")
    return pl.concat([given.select(others.columns), others], how="vertical_relaxed")


def _judge(player_games: pl.DataFrame) -> pl.DataFrame:
    """What the rows of each game say of it, one row a game."""
    team = pl.col("team_id")
    return player_games.group_by("game_id").agg(
        team.unique().sort().cast(pl.String).str.join(", ").alias("teams"),
        team.n_unique().alias("n_teams"),
        team.min().alias("lower_team_id"),
        team.max().alias("higher_team_id"),
        pl.col("game_date").unique().sort().cast(pl.String).str.join(", ").alias("dates"),
        pl.col("game_date").n_unique().alias("n_dates"),
        pl.struct("season", "season_type").n_unique().alias("n_seasons"),
        team.filter("is_home").n_unique().alias("n_home"),
        team.filter(~pl.col("is_home")).n_unique().alias("n_away"),
        team.filter("won").n_unique().alias("n_winners"),
        team.filter(~pl.col("won")).n_unique().alias("n_losers"),
        (team.filter("won").first() == team.filter(~pl.col("won")).first()).alias("is_won_and_lost"),
    )


def _game_checks() -> list[Check]:
    two_teams = pl.col("n_teams") == 2

    def of_game(text: str, *values: str) -> pl.Expr:
        return pl.format("game {}: " + text, "game_id", *values)

    return [
        Check("rows of only one team", pl.col("n_teams") < 2, of_game("rows of only one team, {}", "teams")),
        Check("rows of more than two teams", pl.col("n_teams") > 2, of_game("rows of the teams {}", "teams")),
        Check("a game on several dates", pl.col("n_dates") > 1, of_game("its rows are of {}", "dates")),
        Check("a game of several seasons", pl.col("n_seasons") > 1, of_game("its rows name several seasons")),
        Check(
            "no one home and one away team",
            two_teams & ((pl.col("n_home") != 1) | (pl.col("n_away") != 1)),
            of_game(
                "{} teams at home, {} away; on neutral ground the schedule tells: ingest it first", "n_home", "n_away"
            ),
        ),
        Check(
            "no one winner",
            two_teams & ((pl.col("n_winners") > 1) | (pl.col("n_losers") > 1) | pl.col("is_won_and_lost")),
            of_game("{} teams won, {} lost", "n_winners", "n_losers"),
        ),
    ]


def _with_opponents(player_games: pl.DataFrame, games: pl.DataFrame) -> pl.DataFrame:
    teams = games.select("game_id", "lower_team_id", "higher_team_id")
    opponent = pl.col("lower_team_id") + pl.col("higher_team_id") - pl.col("team_id")
    return player_games.join(teams, on="game_id").with_columns(opponent.alias("opponent_id"))


def _write_games(connection: sa.Connection, player_games: pl.DataFrame) -> None:
    """One row a game; a tip-off time that was known stays, unless the game was moved to another day."""
    known = rows_of(connection, sa.select(tables.games), tables.games.c.game_id, player_games["game_id"])
    home = pl.col("is_home")
    games = (
        player_games.group_by("game_id")
        .agg(
            pl.col("season", "season_type", "game_date").first(),
            pl.when(home).then("team_id").otherwise("opponent_id").first().alias("home_team_id"),
            pl.when(home).then("opponent_id").otherwise("team_id").first().alias("away_team_id"),
        )
        .join(known.select("game_id", "tip_off_at"), on="game_id", how="left")
        .with_columns(
            pl.when(tips_off_on(pl.col("tip_off_at"), pl.col("game_date"))).then("tip_off_at").alias("tip_off_at")
        )
    )
    write_changed(connection, tables.games, games, known)


def tips_off_on(tip_off_at: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Whether the time `tip_off_at` is on the league's `day`."""
    return tip_off_at.dt.convert_time_zone(LEAGUE_ZONE.key).dt.date() == day


def _write_teams(connection: sa.Connection, rows: pl.DataFrame) -> pl.DataFrame:
    """Abbreviation and name as in the team's latest game; returns the rows that brought another one."""
    latest = _latest(rows, "team_id").rename({"team_abbreviation": "abbreviation", "team_name": "name"})
    known = rows_of(connection, sa.select(tables.teams), tables.teams.c.team_id, latest["team_id"])
    news = _not_older_than_known(connection, latest.join(known, on=known.columns, how="anti"), "team_id")
    changed = write_changed(connection, tables.teams, news, known)
    return news.join(changed, on="team_id", how="semi").select("source", "row")


def _write_names(connection: sa.Connection, rows: pl.DataFrame) -> pl.DataFrame:
    """The player's name as in his latest game, whatever else is known of him untouched; returns as _write_teams."""
    latest = _latest(rows, "player_id").rename({"player_name": "name"})
    known = rows_of(connection, sa.select(tables.players), tables.players.c.player_id, latest["player_id"])
    others = latest.join(known, on=["player_id", "name"], how="anti")
    news = _not_older_than_known(connection, others, "player_id").join(known.drop("name"), on="player_id", how="left")
    changed = write_changed(connection, tables.players, news, known)
    return news.join(changed, on="player_id", how="semi").select("source", "row")


def _latest(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    return rows.sort("game_date", "game_id", "source", "row").unique(key, keep="last", maintain_order=True)


def _not_older_than_known(connection: sa.Connection, latest: pl.DataFrame, key: str) -> pl.DataFrame:
    """The rows that are of the latest game known of their team or player: an old file brings no old name back."""
    column = tables.player_games.c[key]
    newest = sa.select(column, sa.func.max(tables.player_games.c.game_date).label("newest")).group_by(column)
    known = rows_of(connection, newest, column, latest[key])
    return latest.join(known, on=key).filter(pl.col("game_date") >= pl.col("newest"))
