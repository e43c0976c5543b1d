"""The faults, one for each monitor: what is planted on the copy, from the first faulty date of its stage on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import sqlalchemy as sa

from contracts.populations import LINE_AVERAGES
from contracts.tables import batches, games, grades, job_runs, ledger, player_games, predictions
from features.table.builds import FEATURE_STORE
from features.table.versioned_rows import builder_table
from monitoring.drills.stage import Stage
from monitoring.monitors import (
    bias,
    calibration,
    coverage,
    default_share,
    feature_drift,
    freshness,
    heartbeat,
    mae_gap,
    model_age,
    null_share,
    prediction_drift,
    queue_depth,
    registry_vs_service,
    too_good,
)

FEATURE = LINE_AVERAGES["last_10_average"]
"""What the plants in the feature table spoil."""


@dataclass(frozen=True)
class Plant:
    """A fault: what it is in a sentence, and the hand that plants it."""

    what: str
    plant: Callable[[Stage], None]


def _lose_predictions(stage: Stage) -> None:
    lost = predictions.c.game_date >= stage.first
    ids = sa.select(predictions.c.prediction_id).where(lost)
    stage.change(sa.delete(grades).where(grades.c.prediction_id.in_(ids)), sa.delete(predictions).where(lost))


def _lose_results(stage: Stage) -> None:
    stage.change(sa.delete(player_games).where(player_games.c.game_date == stage.quiet[-1]))


def _shift_feature(stage: Stage) -> None:
    _spoil_feature(stage, lambda column: column * 2 + 5, since=stage.quiet[0])


def _empty_feature(stage: Stage) -> None:
    _spoil_feature(stage, lambda column: sa.cast(sa.null(), column.type))


def _default_feature(stage: Stage) -> None:
    _spoil_feature(stage, lambda _column: sa.literal(10.0))


def _spoil_feature(
    stage: Stage, spoil: Callable[[sa.Column[float]], sa.ColumnElement[float]], since: date | None = None
) -> None:
    """FEATURE of every current row since then (None: the first faulty date) becomes another."""
    table = builder_table(FEATURE_STORE, stage.feature_set)
    is_spoilt = sa.and_(table.c.game_date >= (since or stage.first), table.c.to_build.is_(None))
    stage.change(sa.update(table).where(is_spoilt).values({FEATURE: spoil(table.c[FEATURE])}))


def _say_more(stage: Stage) -> None:
    _restate(stage, predictions.c.predicted + 8.0, since=stage.quiet[0])


def _say_too_much(stage: Stage) -> None:
    _restate(stage, predictions.c.predicted + 3.0)


def _say_at_random(stage: Stage) -> None:
    """Six points more of every other player, six less of the others: no bias, and no use."""
    _restate(stage, predictions.c.predicted + 6.0 * (1 - 2 * (predictions.c.player_id % 2)))


def _say_what_happened(stage: Stage) -> None:
    same = (player_games.c.game_id == predictions.c.game_id, player_games.c.player_id == predictions.c.player_id)
    actual = sa.select(player_games.c.points).where(*same).scalar_subquery()
    _restate(stage, sa.func.coalesce(actual, predictions.c.predicted))


def _say_too_surely(stage: Stage) -> None:
    said = predictions.c
    surely = {"interval_low": said.predicted - 1.0, "interval_high": said.predicted + 1.0}
    stage.change(sa.update(predictions).values(surely))
    stage.grade_again()


def _restate(stage: Stage, predicted: sa.ColumnElement[float], since: date | None = None) -> None:
    """Predictions become others, their intervals move with them, and the grades follow."""
    said = predictions.c
    moved = {
        "predicted": predicted,
        "interval_low": said.interval_low + predicted - said.predicted,
        "interval_high": said.interval_high + predicted - said.predicted,
    }
    stage.change(sa.update(predictions).where(said.game_date >= (since or stage.rolling_from)).values(moved))
    stage.grade_again()


def _age_the_model(stage: Stage) -> None:
    n_dates = stage.settings.monitors.max_model_dates + 2
    days = sa.select(games.c.game_date).where(games.c.game_date < stage.first).distinct()
    with stage.engine.connect() as connection:
        known = list(connection.scalars(days.order_by(games.c.game_date.desc()).limit(n_dates)))
    stage.change(sa.update(predictions).values(train_to=known[-1]))


def _silence_the_day(stage: Stage) -> None:
    stage.change(sa.delete(job_runs).where(job_runs.c.game_date >= stage.quiet[-1]))


def _answer_with_other_files(stage: Stage) -> None:
    stage.answer = "f" * 64


def _leave_a_batch_open(stage: Stage) -> None:
    begun = datetime.combine(stage.quiet[-1], time(12), tzinfo=UTC)
    name, said = f"{stage.quiet[-1]}-r1", predictions.c
    of_date = sa.select(said.game_id, said.player_id).where(said.game_date == stage.quiet[-1]).limit(1)
    with stage.engine.connect() as connection:
        game_id, player_id = connection.execute(of_date).one()
    batch = {"batch_id": name, "game_date": stage.quiet[-1], "revision": 1, "inputs_hash": "drill", "started_at": begun}
    row = {"batch_id": name, "system": "drill", "game_id": game_id, "player_id": player_id}
    stage.change(sa.insert(batches).values(batch), sa.insert(ledger).values(row | {"state": "waiting", "attempt": 0}))


PLANTS: Mapping[str, Plant] = {
    coverage.NAME: Plant("the predictions are gone", _lose_predictions),
    freshness.NAME: Plant("the box scores of a date are gone", _lose_results),
    feature_drift.NAME: Plant(f"{FEATURE} is twice as high, and five points more", _shift_feature),
    null_share.NAME: Plant(f"{FEATURE} is NULL", _empty_feature),
    default_share.NAME: Plant(f"{FEATURE} is 10 in every row", _default_feature),
    prediction_drift.NAME: Plant("every prediction is 8 points higher", _say_more),
    bias.NAME: Plant("every prediction is 3 points too high", _say_too_much),
    mae_gap.NAME: Plant("every prediction is 6 points too high or too low", _say_at_random),
    too_good.NAME: Plant("the predictions know the results", _say_what_happened),
    calibration.NAME: Plant("the 80 % intervals are 2 points wide", _say_too_surely),
    model_age.NAME: Plant("the model has not learned for months", _age_the_model),
    heartbeat.NAME: Plant("the daily cycle does not run any more", _silence_the_day),
    registry_vs_service.NAME: Plant("the service answers with other files", _answer_with_other_files),
    queue_depth.NAME: Plant("a batch is left open", _leave_a_batch_open),
}
"""Monitor -> its fault; every monitor has one."""
