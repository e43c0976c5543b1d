"""The table of a slate's predictions, as people read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tipoff.output import say, table

if TYPE_CHECKING:
    import sqlalchemy as sa


def show_slate(
    title: str,
    answers: Sequence[Mapping[str, Any]],
    names: Mapping[int, str],
    *,
    results: Mapping[tuple[str, int], float] | None = None,
    most: int | None = None,
) -> None:
    """Print predictions beside the lines, highest first, at most `most`; then how many rows have none.

    `answers` as the service gives them, `names` by player_id, `results` (what then happened) by (game_id, player_id).
    """
    made = sorted((row for row in answers if row["error"] is None), key=lambda row: -row["predicted_points"])
    columns = ["player", "predicted", "80 % interval", "line", "P(over)"]
    rows = [_cells(row, names) for row in made[:most]]
    if results is not None:
        columns.append("then scored")
        scored = (results.get((row["game_id"], row["player_id"]), "did not play") for row in made)
        rows = [[*cells, actual] for cells, actual in zip(rows, scored, strict=False)]
    table(title, columns, rows)
    if len(made) > len(rows):
        say(f"... and {len(made) - len(rows)} more")
    if len(made) < len(answers):
        say(f"{len(answers) - len(made)} of {len(answers)} expected rows have no prediction; --json names each reason.")


def read_names(engine: sa.Engine) -> dict[int, str]:
    """player_id -> name."""
    import sqlalchemy as sa

    from contracts.tables import players

    with engine.connect() as connection:
        return {row.player_id: row.name for row in connection.execute(sa.select(players.c.player_id, players.c.name))}


def _cells(row: Mapping[str, Any], names: Mapping[int, str]) -> list[Any]:
    low, high = row["interval"]
    name = names.get(row["player_id"]) or str(row["player_id"])
    return [name, row["predicted_points"], f"{low:.1f}..{high:.1f}", row["line"], row["over_probability"]]
