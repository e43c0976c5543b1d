"""Scheduled games and their lines into the raw tables; box scores, where there are any, know better."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from contracts import tables
from contracts.clock import SEASON_TYPES
from features.raw.box_scores import tips_off_on
from features.raw.checks import Check, rejects_of, without
from features.raw.row_checks import season_of_game_id
from features.raw.upsert import Written, rows_of, write_changed, write_table, written


def write_schedule(connection: sa.Connection, rows: pl.DataFrame) -> Written:
    """Fills games. Of a game that has box scores only the tip-off time is taken, and that if it is on the game's day.

    A game that is postponed or cancelled and has no box scores is expected on no date: it is taken out of games.
    Rejects games of unknown teams, and of other teams than the box scores'.
    """
    is_off = pl.col("status").is_in(["postponed", "cancelled"])
    seasoned = rows.with_columns(season_of_game_id().alias("season"))
    listed = _write_games(connection, seasoned.filter(~is_off.fill_null(value=False)))
    off = seasoned.filter(is_off)
    called_off = _call_off(connection, off)
    return Written(
        pl.concat([listed.rows, off], how="diagonal"), pl.concat([listed.changed, called_off]), listed.rejects
    )


def _call_off(connection: sa.Connection, rows: pl.DataFrame) -> pl.DataFrame:
    """Takes the games of `rows` out of games where they have no box scores; which rows (source, row) did so."""
    known = rows_of(connection, sa.select(tables.games.c.game_id), tables.games.c.game_id, rows["game_id"])
    column = tables.player_games.c.game_id
    played = rows_of(connection, sa.select(column).distinct(), column, rows["game_id"])
    news = rows.join(known, on="game_id", how="semi").join(played, on="game_id", how="anti")
    if news.height:
        is_one = tables.games.c.game_id == sa.bindparam("called_off")
        connection.execute(tables.games.delete().where(is_one), [{"called_off": name} for name in news["game_id"]])
    return news.select("source", "row")


def write_game_lines(connection: sa.Connection, rows: pl.DataFrame) -> Written:
    """Fills games likewise, and game_lines for those that are not rejected."""
    season = pl.col("season_name").str.slice(0, 4).cast(pl.Int64)
    scheduled = _write_games(connection, rows.with_columns(season.alias("season")))
    lines = write_table(connection, tables.game_lines, scheduled.rows, known_by="game_id")
    return Written(scheduled.rows, pl.concat([scheduled.changed, lines.changed]).unique(), scheduled.rejects)


def _write_games(connection: sa.Connection, rows: pl.DataFrame) -> Written:
    known = rows_of(connection, sa.select(tables.games), tables.games.c.game_id, rows["game_id"])
    seen = _beside_known(connection, _with_team_ids(connection, rows), known)
    rejects = rejects_of(seen, _team_checks())
    kept = without(seen, rejects)
    outcome = written(kept, write_changed(connection, tables.games, _as_known(kept), known))
    return Written(outcome.rows, outcome.changed, rejects)


def _with_team_ids(connection: sa.Connection, rows: pl.DataFrame) -> pl.DataFrame:
    """home_team_id and away_team_id by abbreviation; NULL for one that no team or more than one has."""
    found = connection.execute(sa.select(tables.teams.c.abbreviation, tables.teams.c.team_id)).all()
    ids = pl.DataFrame([tuple(row) for row in found], {"abbreviation": pl.String, "team_id": pl.Int64}, orient="row")
    ids = ids.unique("abbreviation", keep="none")
    for side in ("home", "away"):
        names = {"abbreviation": side, "team_id": f"{side}_team_id"}
        rows = rows.join(ids.rename(names), on=side, how="left", maintain_order="left")
    return rows


def _beside_known(connection: sa.Connection, rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The rows with what is known of the game beside them (`known ...`), and whether it has box scores."""
    column = tables.player_games.c.game_id
    played = rows_of(connection, sa.select(column).distinct(), column, rows["game_id"])
    beside = known.select("game_id", pl.exclude("game_id").name.prefix("known "))
    return rows.join(beside, on="game_id", how="left", maintain_order="left").with_columns(
        pl.col("game_id").is_in(played["game_id"].implode()).alias("has_box_scores")
    )


def _team_checks() -> list[Check]:
    unknown = [
        Check(
            f"{side} team is unknown",
            pl.col(f"{side}_team_id").is_null(),
            pl.format(f"{side} team '{{}}' is unknown: ingest game logs first", side),
        )
        for side in ("home", "away")
    ]
    others = (pl.col("home_team_id") != pl.col("known home_team_id")) | (
        pl.col("away_team_id") != pl.col("known away_team_id")
    )
    return [
        *unknown,
        Check(
            "home and away are not the box scores'",
            pl.col("has_box_scores") & others,
            pl.format("{} at home against {} is not what the box scores of game {} say", "home", "away", "game_id"),
        ),
    ]


def _as_known(rows: pl.DataFrame) -> pl.DataFrame:
    """The games rows: as the box scores have them where there are any, else as scheduled.

    A tip-off time is the source's, else the one known; one on another day than the game's is that of a game that
    was moved, and none.
    """
    kind = pl.col("game_id").str.slice(2, 1).cast(pl.Int64).replace_strict(SEASON_TYPES, return_dtype=pl.String)
    scheduled = rows.with_columns(kind.alias("season_type"))
    facts = ("season", "season_type", "game_date")
    dated = scheduled.with_columns(
        pl.when("has_box_scores").then(f"known {name}").otherwise(name).alias(name) for name in facts
    )
    on_the_day = [
        pl.when(tips_off_on(pl.col(name), pl.col("game_date"))).then(name)
        for name in ("tip_off_at", "known tip_off_at")
    ]
    return dated.with_columns(pl.coalesce(on_the_day).alias("tip_off_at"))
