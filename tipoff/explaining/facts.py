"""The first links: whether his team plays, and what the raw tables know of him."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts.database import read_frame
from contracts.tables import games, ingests, injuries, player_games
from features.builders.injury_list import LISTED_OUT, listed_status
from tipoff.explaining.link import Case, Link


def schedule(case: Case) -> tuple[Link, Case]:
    """Whether the team that he appeared for last has a game on the date; the case, now with team and game."""
    with case.wiring.engine.connect() as connection:
        team_id = _team(connection, case)
        of_date = connection.execute(sa.select(games).where(games.c.game_date == case.game_date)).mappings().all()
    game = next((row for row in of_date if team_id in (row["home_team_id"], row["away_team_id"])), None)
    values: dict[str, Any] = {"games": len(of_date), "team_id": team_id}
    if not of_date:
        message = f"The schedule has no game on {case.game_date}."
        return Link("schedule", False, message, values, "tipoff ingest schedule PATH"), case
    if team_id is None:
        message = f"{len(of_date)} games are scheduled; which team is his is not known, as he never appeared before."
        return Link("schedule", True, message, values), case
    if game is None:
        message = f"His team, {team_id}, has none of the {len(of_date)} games."
        return Link("schedule", False, message, values, "Choose a date on which it plays."), replace(
            case, team_id=team_id
        )
    values |= {"game_id": game["game_id"], "tip_off_at": game["tip_off_at"]}
    message = f"His team, {team_id}, plays game {game['game_id']}."
    return Link("schedule", True, message, values), replace(case, team_id=team_id, game_id=game["game_id"])


def raw_rows(case: Case) -> Link:
    """Whether what was ingested lets him be expected: an appearance that is recent enough, and not listed out."""
    with case.wiring.engine.connect() as connection:
        appeared = _appearances(connection, case)
        status = _listed(connection, case)
        newest = sa.select(ingests.c.kind, sa.func.max(ingests.c.ingested_at)).group_by(ingests.c.kind)
        values = appeared | {"listed_status": status, "ingested_at": dict(connection.execute(newest).all())}
    limits = case.wiring.settings.features
    if not appeared["appearances"]:
        message = f"No box score before {case.game_date} has him."
        return Link("raw_rows", False, message, values, "tipoff ingest game-logs PATH")
    last = f"He appeared last on {appeared['last_appearance']}"
    if appeared["days_ago"] > limits.expected_days or appeared["team_games_ago"] > limits.expected_team_games:
        message = (
            f"{last}, {appeared['days_ago']} days and {appeared['team_games_ago']} team games before: at most "
            f"{limits.expected_days} and {limits.expected_team_games} make him expected."
        )
        return Link("raw_rows", False, message, values, "tipoff ingest game-logs PATH, where later games are missing")
    if status in LISTED_OUT:
        message = f"{last}; he is listed {status} at the cut-off."
        return Link("raw_rows", False, message, values, "tipoff ingest injuries PATH, where the list has changed")
    listed = f"listed {status}" if status else "on no injury list"
    return Link("raw_rows", True, f"{last}, {appeared['appearances']} times in all, and is {listed}.", values)


def _team(connection: sa.Connection, case: Case) -> int | None:
    """The team of his latest appearance up to the date."""
    row = player_games.c
    mine = sa.select(row.team_id).where(row.player_id == case.player_id, row.game_date <= case.game_date)
    return connection.scalar(mine.order_by(row.game_date.desc(), row.game_id.desc()).limit(1))


def _appearances(connection: sa.Connection, case: Case) -> dict[str, Any]:
    row, game = player_games.c, games.c
    before = sa.select(sa.func.count(), sa.func.max(row.game_date)).where(
        row.player_id == case.player_id, row.game_date < case.game_date
    )
    n, last = connection.execute(before).one()
    if not n:
        return {"appearances": 0, "last_appearance": None, "days_ago": None, "team_games_ago": None}
    since = sa.select(sa.func.count()).where(
        sa.or_(game.home_team_id == case.team_id, game.away_team_id == case.team_id),
        game.game_date >= last,
        game.game_date < case.game_date,
    )
    days = (case.game_date - last).days
    return {
        "appearances": n,
        "last_appearance": last,
        "days_ago": days,
        "team_games_ago": connection.execute(since).scalar_one(),
    }


def _listed(connection: sa.Connection, case: Case) -> str | None:
    """What the injury list says of him at the cut-off of his game."""
    if case.game_id is None:
        return None
    listed = read_frame(connection, sa.select(injuries).where(injuries.c.player_id == case.player_id))
    about = sa.select(games.c.game_date, games.c.tip_off_at).where(games.c.game_id == case.game_id)
    row = read_frame(connection, about).with_columns(player_id=pl.lit(case.player_id, pl.Int64))
    status: str | None = listed_status(listed, row, case.wiring.settings.features.line_cutoff_minutes).item()
    return status
