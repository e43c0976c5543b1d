"""What was said and what came of it: stored predictions with their grades, for whoever looks at them elsewhere."""

from __future__ import annotations

from datetime import date

import polars as pl
import sqlalchemy as sa

from contracts.database import read_frame
from contracts.errors import UnavailableError, UsageError
from contracts.tables import grades, players, predictions


def read_said(
    engine: sa.Engine, date_from: date | None = None, date_to: date | None = None, system: str | None = None
) -> pl.DataFrame:
    """Every stored prediction of the inclusive span of game dates (None: open) and of `system` (None: of all).

    Columns: those of contracts.tables.predictions, player_name, then those of grades (NULL: not graded yet). Sorted by
    game_date, game_id, player_id, system, prediction_id.
    Raises UsageError for a span that runs backwards, UnavailableError where nothing is stored about it.
    """
    if date_from is not None and date_to is not None and date_from > date_to:
        raise UsageError(f"{date_from} to {date_to} runs backwards.", remedy="Write the earlier date first.")
    with engine.connect() as connection:
        rows = read_frame(connection, _query(date_from, date_to, system))
    if rows.is_empty():
        raise UnavailableError(
            "No prediction is stored about these dates" + (f" by {system}." if system else "."),
            remedy="`tipoff predict --game-date D` or `tipoff batch start --game-date D` makes some.",
        )
    return rows


def _query(date_from: date | None, date_to: date | None, system: str | None) -> sa.Select[tuple[object, ...]]:
    said = predictions.c
    came_of_it = [column for column in grades.c if column.name != "prediction_id"]
    conditions = [
        *([said.game_date >= date_from] if date_from is not None else []),
        *([said.game_date <= date_to] if date_to is not None else []),
        *([said.system == system] if system is not None else []),
    ]
    return (
        sa.select(predictions, players.c.name.label("player_name"), *came_of_it)
        .outerjoin(players, players.c.player_id == said.player_id)
        .outerjoin(grades, grades.c.prediction_id == said.prediction_id)
        .where(*conditions)
        .order_by(said.game_date, said.game_id, said.player_id, said.system, said.prediction_id)
    )
