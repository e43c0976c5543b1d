"""Coverage: the predictions made of those expected, and why the others are missing; what is expected comes first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts.feature_set import FeatureSet
from contracts.populations import population
from contracts.settings import Settings
from contracts.tables import games, predictions
from features.table.expectable import expectable_games
from features.table.rows import current_build, read_rows, stale_dates

KEY = ("game_id", "player_id")
NOT_BUILT = "no_features"
STALE = "stale_features"
NOT_PREDICTED = "not_predicted"


@dataclass(frozen=True)
class Coverage:
    """Player-games expected on a date and predicted, of one feature set's current build.

    `missing` counts the expected ones without a prediction by reason: stale_features (a backfill would change them) or
    not_predicted. `games_without_rows` counts scheduled games of which the build has no row, though somebody can be
    expected in them; `games_of_openers` those in which nobody can be, for both teams open their season.
    """

    game_date: date
    feature_set: str
    expected: int
    predicted: int
    missing: dict[str, int]
    games: int
    games_without_rows: int
    games_of_openers: int

    @property
    def share(self) -> float:
        """Predicted of expected, 0-1; with nobody expected 0 where somebody can be, else (no games, openers) 1."""
        if self.expected:
            return self.predicted / self.expected
        return 0.0 if self.games > self.games_of_openers else 1.0

    def shortfall(self, settings: Settings) -> str | None:
        """Why the coverage is under `monitors.min_coverage` or a game has no rows, in one sentence; None: neither."""
        if self.share >= settings.monitors.min_coverage and not self.games_without_rows:
            return None
        reasons = [f"{count} {reason}" for reason, count in sorted(self.missing.items())]
        if self.games_without_rows:
            reasons.append(f"{self.games_without_rows} of {self.games} games have no feature rows ({NOT_BUILT})")
        return (
            f"{self.game_date}: {self.predicted} of {self.expected} expected player-games are predicted "
            f"({self.share:.1%}, at least {settings.monitors.min_coverage:.0%} wanted): {', '.join(reasons)}."
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, the date as ISO text."""
        return asdict(self) | {"game_date": self.game_date.isoformat(), "share": self.share}


def coverage(
    engine: sa.Engine, game_date: date, feature_set: FeatureSet, settings: Settings, *, system: str | None = None
) -> Coverage:
    """The coverage of `game_date` by `system` (None: by any), expected as the current build's slate says."""
    rows = _rows(engine, feature_set, game_date)
    expected = set(rows.filter(population("expected")).select(KEY).rows())
    with engine.connect() as connection:
        made = _predicted(connection, feature_set, game_date, system)
        scheduled = set(connection.scalars(sa.select(games.c.game_id).where(games.c.game_date == game_date)))
        expectable = expectable_games(connection, game_date, settings.features)
    missing = expected - made
    is_stale = bool(missing) and game_date in stale_dates(engine, feature_set, settings)
    return Coverage(
        game_date=game_date,
        feature_set=feature_set.name,
        expected=len(expected),
        predicted=len(expected & made),
        missing={STALE if is_stale else NOT_PREDICTED: len(missing)} if missing else {},
        games=len(scheduled),
        games_without_rows=len(expectable - set(rows["game_id"].to_list())),
        games_of_openers=len(scheduled - expectable),
    )


def _rows(engine: sa.Engine, feature_set: FeatureSet, game_date: date) -> pl.DataFrame:
    if current_build(engine, feature_set) is None:
        return pl.DataFrame(schema={"game_id": pl.String, "player_id": pl.Int64, "is_expected": pl.Boolean})
    return read_rows(engine, feature_set, date_from=game_date, date_to=game_date, columns=[*KEY, "is_expected"])


def _predicted(
    connection: sa.Connection, feature_set: FeatureSet, game_date: date, system: str | None
) -> set[tuple[str, int]]:
    query = sa.select(predictions.c.game_id, predictions.c.player_id).where(
        predictions.c.game_date == game_date, predictions.c.feature_set == feature_set.name
    )
    if system is not None:
        query = query.where(predictions.c.system == system)
    return {(row.game_id, row.player_id) for row in connection.execute(query)}
