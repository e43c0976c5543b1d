"""Reads the slate of a date: the games of the schedule, whom the build expects, and what one version said of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts.database import read_frame
from contracts.errors import TipoffError
from contracts.settings import Settings
from contracts.tables import games, grades, players, predictions, teams
from features.feature_sets import load_feature_set
from features.table.rows import read_rows
from monitoring.grading import label
from monitoring.report.slate import Game, Play, Slate

EXPECTED = {"game_id": pl.String, "player_id": pl.Int64, "team_id": pl.Int64}


def read_slate(engine: sa.Engine, settings: Settings, game_date: date, version: int | None) -> Slate:
    """What `version` said of `game_date`; where it said nothing, what the version said that spoke last.

    Of a player-game that a version predicted from several builds it is the last word.
    """
    target = settings.training.target
    expected = _expected(engine, settings.training.feature_set, game_date)
    with engine.connect() as connection:
        scheduled = connection.execute(
            sa.select(games).where(games.c.game_date == game_date).order_by(games.c.tip_off_at, games.c.game_id)
        ).all()
        said = read_frame(connection, _said(game_date, target))
        names = names_of(connection, [*said["player_id"], *expected["player_id"]])
        clubs = dict(connection.execute(sa.select(teams.c.team_id, teams.c.abbreviation)).all())
    chosen = _of_one_version(said, version)
    known = {(row["game_id"], row["player_id"]): row["team_id"] for row in expected.iter_rows(named=True)}
    return Slate(
        game_date=game_date,
        target=target,
        version=None if chosen.is_empty() else chosen["model_version"][0],
        who=None if chosen.is_empty() else _who(chosen.row(0, named=True)),
        builds=tuple(chosen["build_id"].unique().sort()),
        said_at=None if chosen.is_empty() else (chosen["predicted_at"].min(), chosen["predicted_at"].max()),  # type: ignore[arg-type]
        n_expected=len(known) if known else None,
        games=tuple(_game(row, chosen, known, names, clubs) for row in scheduled),
    )


def names_of(connection: sa.Connection, player_ids: Iterable[int]) -> dict[int, str]:
    """player_id -> name, or the id as text where nobody has told the name."""
    asked = sorted(set(player_ids))
    query = sa.select(players.c.player_id, players.c.name).where(players.c.player_id.in_(asked))
    found = dict(connection.execute(query).all())
    return {player_id: found.get(player_id) or str(player_id) for player_id in asked}


def _said(game_date: date, target: str) -> sa.Select[Any]:
    return (
        sa.select(predictions, games.c.tip_off_at, grades.c.actual.label("result"))
        .outerjoin(games, games.c.game_id == predictions.c.game_id)
        .outerjoin(grades, grades.c.prediction_id == predictions.c.prediction_id)
        .where(predictions.c.game_date == game_date, predictions.c.target == target)
        .order_by(predictions.c.prediction_id)
    )


def _expected(engine: sa.Engine, feature_set: str, game_date: date) -> pl.DataFrame:
    """Whom the current build expects: game_id, player_id, team_id; nobody where nothing is built."""
    try:
        rows = read_rows(
            engine,
            load_feature_set(feature_set),
            date_from=game_date,
            date_to=game_date,
            columns=[*EXPECTED, "is_expected"],
        )
    except TipoffError:
        return pl.DataFrame(schema=EXPECTED)
    return rows.filter(pl.col("is_expected")).select(*EXPECTED)


def _of_one_version(said: pl.DataFrame, version: int | None) -> pl.DataFrame:
    """The last word of one version about each player-game, with its label."""
    if said.is_empty():
        return said
    spoke = version if version in said["model_version"].to_list() else said["model_version"][-1]
    rows = said.filter(pl.col("model_version") == spoke)
    return rows.unique(["game_id", "player_id"], keep="last", maintain_order=True).with_columns(label=label())


def _who(row: Mapping[str, Any]) -> str:
    seen = f"trained to {row['train_to']}" if row["train_to"] is not None else "nothing was fitted"
    return f"{row['system']} (version {row['model_version']}, {seen})"


def _game(
    row: Any,
    chosen: pl.DataFrame,
    known: Mapping[tuple[str, int], int],
    names: Mapping[int, str],
    clubs: Mapping[int, str],
) -> Game:
    mine = chosen.filter(pl.col("game_id") == row.game_id) if chosen.height else chosen
    plays = tuple(_play(each, known, names, clubs) for each in mine.iter_rows(named=True))
    said = {play.player_id for play in plays}
    left = sorted(names[player_id] for game_id, player_id in known if game_id == row.game_id and player_id not in said)
    away, home = (clubs.get(team, str(team)) for team in (row.away_team_id, row.home_team_id))
    return Game(row.game_id, f"{away} at {home}", row.tip_off_at, plays, tuple(left))


def _play(
    row: Mapping[str, Any], known: Mapping[tuple[str, int], int], names: Mapping[int, str], clubs: Mapping[int, str]
) -> Play:
    team = known.get((row["game_id"], row["player_id"]))
    return Play(
        player_id=row["player_id"],
        name=names[row["player_id"]],
        team="" if team is None else clubs.get(team, str(team)),
        label=row["label"],
        predicted=row["predicted"],
        low=row["interval_low"],
        high=row["interval_high"],
        line=row["line"],
        over_probability=row["over_probability"],
        actual=row["result"],
    )
