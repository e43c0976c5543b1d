"""`tipoff predict`: the slate of a date, through the service's own predictor."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from tipoff.output import emit, json_option, say, table
from tipoff.parameters import DATE


@click.command()
@click.option("--game-date", required=True, type=DATE, help="The league's date.")
@click.option("--system", default="production", show_default=True, help="production, staging, version:N or a system.")
@json_option
def predict(game_date: date, system: str, as_json: bool) -> None:
    """Predict the slate of a date: every player expected before its games. The predictions are stored and graded."""
    from serving.slate import predict_slate
    from tipoff.wiring import wire

    wiring = wire()
    answers = predict_slate(wiring.engine, wiring.home, game_date, system)
    if not as_json:
        show_predictions(str(game_date), answers, player_names(wiring.engine))
    emit({"game_date": game_date, "predictions": answers}, as_json=as_json)


def show_predictions(title: str, answers: list[dict[str, Any]], names: dict[int, str]) -> None:
    """The table people read: predictions beside the lines, highest first, and how many rows have none."""
    made = sorted((row for row in answers if not row.get("error")), key=lambda row: -row["predicted_points"])
    rows = [
        (
            names.get(row["player_id"], str(row["player_id"])),
            row["predicted_points"],
            f"{row['interval'][0]:.1f}..{row['interval'][1]:.1f}",
            row.get("line"),
            row.get("over_probability"),
        )
        for row in made
    ]
    table(title, ("player", "predicted", "80 % interval", "line", "P(over)"), rows)
    if len(made) < len(answers):
        say(f"{len(answers) - len(made)} of {len(answers)} expected rows have no prediction; --json names each reason.")


def player_names(engine: Any) -> dict[int, str]:
    """player_id -> name."""
    import sqlalchemy as sa

    from contracts.tables import players

    with engine.connect() as connection:
        return {row.player_id: row.name for row in connection.execute(sa.select(players.c.player_id, players.c.name))}
