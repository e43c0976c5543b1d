"""A row that knows its own date or later is refused, whoever made it."""

from __future__ import annotations

import polars as pl

from contracts.errors import RefusedError


def refuse_future_sources(name: str, frame: pl.DataFrame) -> None:
    """Raise RefusedError where a row's latest source date is not before its game date.

    `frame` is builder `name`'s: game_id, player_id or team_id, game_date and max_source_date (NULL: knows nothing).
    """
    seeing = frame.filter(pl.col("max_source_date") >= pl.col("game_date"))
    if seeing.height:
        first = seeing.row(0, named=True)
        subject = "player" if "player_id" in first else "team"
        raise RefusedError(
            f"{name}: in {seeing.height} rows max_source_date is not before game_date (game {first['game_id']}, "
            f"{subject} {first[f'{subject}_id']} of {first['game_date']} knows {first['max_source_date']}).",
            remedy="The rows would have seen their own game: mend the builder; nothing was written.",
        )
