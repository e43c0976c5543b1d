"""Which games anybody can be expected in: on a season's opening night nobody played lately for any of the teams."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from contracts.settings import FeatureSettings
from contracts.tables import games


def expectable_games(connection: sa.Connection, game_date: date, settings: FeatureSettings) -> set[str]:
    """The game_ids of `game_date` of which at least one team had a game in the settings.expected_days before.

    Games of the schedule count, not results: a team whose results are missing has players to expect, and that nobody
    is expected of it is a fault.
    """
    sides = games.c.home_team_id, games.c.away_team_id
    first = game_date - timedelta(days=settings.expected_days)
    lately = sa.and_(games.c.game_date >= first, games.c.game_date < game_date)
    teams = sa.union(*(sa.select(side).where(lately) for side in sides)).scalar_subquery()
    known = sa.or_(*(side.in_(teams) for side in sides))
    return set(connection.scalars(sa.select(games.c.game_id).where(games.c.game_date == game_date, known)))
