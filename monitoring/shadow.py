"""The shadow period: how a version in Staging did beside Production, on the same player-games, before their results."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from contracts.tables import grades, predictions


@dataclass(frozen=True)
class Shadow:
    """Dates and player-games that both versions were graded on, said live since `since`; their mean absolute errors."""

    n_dates: int
    n_rows: int
    staging_mae: float | None
    production_mae: float | None


def read_shadow(engine: sa.Engine, staging: int, production: int, since: datetime) -> Shadow:
    """What both versions said of the same player-games before these began, from `since` on; only graded ones count."""
    mine, theirs = _graded(staging, since), _graded(production, since)
    same = sa.and_(mine.c.game_id == theirs.c.game_id, mine.c.player_id == theirs.c.player_id)
    query = sa.select(
        sa.func.count(mine.c.game_date.distinct()),
        sa.func.count(),
        sa.func.avg(mine.c.absolute_error),
        sa.func.avg(theirs.c.absolute_error),
    ).select_from(mine.join(theirs, same))
    with engine.connect() as connection:
        return Shadow(*connection.execute(query).one())


def _graded(version: int, since: datetime) -> sa.Subquery:
    """One row a player-game: of several builds' predictions the first that was said."""
    said = predictions.c
    of_version = (said.model_version == version, said.predicted_at >= since)
    graded = (grades.c.label == "live", grades.c.outcome == "graded")
    first = (
        sa.select(sa.func.min(said.prediction_id))
        .join(grades, grades.c.prediction_id == said.prediction_id)
        .where(*of_version, *graded)
        .group_by(said.game_id, said.player_id)
    )
    return (
        sa.select(said.game_id, said.player_id, said.game_date, sa.func.abs(grades.c.error).label("absolute_error"))
        .join(grades, grades.c.prediction_id == said.prediction_id)
        .where(said.prediction_id.in_(first))
        .subquery()
    )
