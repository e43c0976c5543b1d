"""`tipoff predict`: the slate of a date, through the service's own predictor."""

from __future__ import annotations

import sys
from datetime import date

import click

from tipoff.output import emit, json_option, say
from tipoff.parameters import DATE


@click.command()
@click.option("--game-date", required=True, type=DATE, help="The league's date.")
@click.option("--system", default="production", show_default=True, help="production, staging, version:N or a system.")
@json_option
def predict(game_date: date, system: str, as_json: bool) -> None:
    """Predict the slate of a date: every player expected before its games. The predictions are stored and graded.

    Exit code 3 where no row could be predicted because all are stale.
    """
    from serving.slate import predict_slate
    from tipoff.slate_table import read_names, show_slate
    from tipoff.wiring import wire

    wiring = wire()
    answers = predict_slate(wiring.engine, wiring.home, wiring.settings, game_date, system)
    if not as_json:
        show_slate(f"{game_date}: {len(answers)} expected", answers, read_names(wiring.engine))
    emit({"game_date": game_date, "predictions": answers}, as_json=as_json)
    if all(answer["error"] and answer["error"]["code"] == "stale_features" for answer in answers):
        say(f"[red]Refused[/]: {answers[0]['error']['message']}")
        sys.exit(3)
