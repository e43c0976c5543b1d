"""The dates that a day catches up: games were to be predicted, and no day of theirs is done."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from contracts.jobs import DONE
from contracts.tables import games, job_runs

DAY = "day"
"""The job of a whole day."""


def missed_dates(engine: sa.Engine, game_date: date, most_days: int) -> list[date]:
    """The dates with games before `game_date`, in order, of the last `most_days` days, for which no day is done.

    What was before the first day that ever ran was nobody's duty. A day that failed is among them until it is done,
    whatever has been done since.
    """
    of_days = job_runs.c.job == DAY
    first_ever = sa.select(sa.func.min(job_runs.c.game_date)).where(of_days).scalar_subquery()
    done = sa.select(job_runs.c.game_date).where(of_days, job_runs.c.state == DONE, job_runs.c.game_date.is_not(None))
    query = (
        sa.select(games.c.game_date)
        .where(
            games.c.game_date.between(game_date - timedelta(days=most_days), game_date - timedelta(days=1)),
            games.c.game_date >= first_ever,
            games.c.game_date.not_in(done),
        )
        .distinct()
        .order_by(games.c.game_date)
    )
    with engine.connect() as connection:
        return list(connection.scalars(query))
