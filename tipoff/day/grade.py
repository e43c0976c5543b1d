"""Step grade: everything that was said of dates before, held against what happened."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from contracts.errors import UnavailableError
from contracts.jobs import JobRun
from contracts.tables import games, grades, player_games, predictions
from monitoring.grading import grade as run_grading
from tipoff.day.tools import Tools


def grade(tools: Tools, game_date: date, run: JobRun) -> None:
    """Every prediction of dates before `game_date` graded; figures: graded, void, waiting.

    Raises UnavailableError where predictions of the last `daily.catch_up_days` wait for results of games that the
    schedule still has on their date. A game that was moved or called off is not waited for.
    """
    yesterday = game_date - timedelta(days=1)
    first = None if tools.graded_days is None else game_date - timedelta(days=tools.graded_days)
    report = run_grading(tools.engine, tools.settings, first, yesterday)
    run.figures = {name: getattr(report, name) for name in ("graded", "void", "ungraded", "changed")}
    if not report.graded + report.void + report.ungraded:
        run.skip(f"Nothing was predicted of dates up to {yesterday}.")
        return
    run.detail = f"{report.graded:,} graded, {report.void:,} void, {report.ungraded:,} without a result."
    waiting = _waiting(tools, yesterday)
    if waiting:
        n_predictions, n_games = waiting
        raise UnavailableError(
            f"{n_predictions:,} predictions wait for the box scores of {n_games} games up to {yesterday}.",
            remedy="Ingest the box scores, or the schedule where games were postponed; the next day grades them.",
        )


def _waiting(tools: Tools, yesterday: date) -> tuple[int, int] | None:
    """How many predictions, of how many games, have no result though their game was to be played by now."""
    said = predictions.c
    first = yesterday - timedelta(days=tools.settings.daily.catch_up_days)
    on_its_date = sa.and_(games.c.game_id == said.game_id, games.c.game_date == said.game_date)
    query = (
        sa.select(sa.func.count(), sa.func.count(said.game_id.distinct()))
        .select_from(predictions.join(games, on_its_date))
        .where(
            said.game_date.between(first, yesterday),
            said.prediction_id.not_in(sa.select(grades.c.prediction_id)),
            said.game_id.not_in(
                sa.select(player_games.c.game_id).where(player_games.c.game_date.between(first, yesterday))
            ),
        )
    )
    with tools.engine.connect() as connection:
        n_predictions, n_games = connection.execute(query).one()
    return (n_predictions, n_games) if n_predictions else None
