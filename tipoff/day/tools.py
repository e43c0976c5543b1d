"""What the steps of a day work with, and how far ahead rows are built so that its own are there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from contracts.home import Home
from contracts.settings import Settings
from contracts.tables import games, player_games
from features.raw.facts import read_raw
from features.table.expectable import expectable_games
from features.table.plan import Read
from serving.freshness import Freshness
from tipoff.coordinator.worker import Tools as WorkTools
from tipoff.coordinator.worker import make_tools


@dataclass(frozen=True)
class Tools:
    """Home, settings and database.

    `acts` says whether services are asked and what monitors want is carried out: not for dates that are past.
    A replay narrows what a day looks at: `built_from` is the first date whose rows are kept built (None: every date),
    `graded_days` how many days back grading looks (None: at everything that was ever said), `read` gives the raw facts,
    and `work` is shared by days that run one after the other in one process (None: each makes its own).
    """

    home: Home
    settings: Settings
    engine: sa.Engine
    built_from: date | None = None
    graded_days: int | None = None
    acts: bool = True
    read: Read = read_raw
    work: WorkTools | None = None

    def reaching(self, game_date: date) -> Settings:
        """The settings with which rows of `game_date` are built although results of dates before it are missing."""
        latest = sa.select(sa.func.coalesce(sa.func.max(player_games.c.game_date), date.min)).scalar_subquery()
        coming = sa.select(sa.func.count(games.c.game_date.distinct())).where(
            games.c.game_date > latest, games.c.game_date <= game_date
        )
        with self.engine.connect() as connection:
            n_coming = int(connection.execute(coming).scalar_one())
        features = self.settings.features
        if n_coming <= features.coming_game_dates:
            return self.settings
        wider = features.model_copy(update={"coming_game_dates": n_coming})
        return self.settings.model_copy(update={"features": wider})

    def work_tools(self, settings: Settings) -> WorkTools:
        """What a worker of this process works with, under `settings`."""
        return self.work or make_tools(self.engine, self.home, settings, Freshness(self.engine, settings))

    def game_ids(self, game_date: date) -> set[str]:
        """The games of the date, as the schedule has them now."""
        with self.engine.connect() as connection:
            return set(connection.scalars(sa.select(games.c.game_id).where(games.c.game_date == game_date)))

    def expectable_games(self, game_date: date) -> set[str]:
        """Those of them in which somebody can be expected: none on a season's opening night."""
        with self.engine.connect() as connection:
            return expectable_games(connection, game_date, self.settings.features)
