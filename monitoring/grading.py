"""Grading: predictions held against what happened, labelled by when they were said and what their model had seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts import clock
from contracts.database import insert_frame, read_frame, writing
from contracts.errors import UsageError
from contracts.odds import gain
from contracts.populations import LINE_TARGET
from contracts.settings import Settings
from contracts.tables import BOX_COUNTS, games, grades, player_games, predictions
from features.table.line_prices import closing_lines, line_prices, read_snapshots
from monitoring.figures import read_figures

GRADE_COLUMNS = (
    *("prediction_id", "outcome", "label", "actual", "error", "in_interval"),
    *("line_verdict", "price", "profit", "closing_line"),
)


@dataclass(frozen=True)
class GradeReport:
    """How many predictions of the span are graded, void (did not play) and ungraded (no result yet).

    `changed` counts the grades that this run wrote or corrected; `by_label` holds the figures, one label, system,
    version, build and population each: live, backfill and in-sample are never mixed.
    """

    graded: int
    void: int
    ungraded: int
    changed: int
    by_label: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "graded": self.graded,
            "void": self.void,
            "ungraded": self.ungraded,
            "changed": self.changed,
            "by_label": self.by_label,
        }


def grade(
    engine: sa.Engine, settings: Settings, date_from: date | None = None, date_to: date | None = None
) -> GradeReport:
    """Grade every stored prediction of the inclusive span of game dates (None: open); again changes nothing.

    Prices are those at the cut-off, features.line_cutoff_minutes before tip-off. A result, a price or a line that was
    corrected or came since corrects its grade; a result that is gone takes its grade with it.
    Raises UsageError where a prediction's target is nothing that a box score counts.
    """
    span = _within(date_from, date_to)
    with writing(engine) as connection:
        snapshots = read_snapshots(connection, sa.select(predictions.c.game_id).where(*span))
        told = [
            judge(join_prices(said, *snapshots, settings.features.line_cutoff_minutes))
            for said in _read_predictions(connection, span)
        ]
        changed = sum(_write(connection, grades_of_target) for grades_of_target in told)
    counted = Counter(outcome for each in told for outcome in each["outcome"].to_list())
    return GradeReport(
        graded=counted["graded"],
        void=counted["void"],
        ungraded=counted[None],
        changed=changed,
        by_label=[figure.to_json() for figure in read_figures(engine, date_from, date_to)],
    )


def join_prices(
    said: pl.DataFrame, snapshots: pl.DataFrame, games: pl.DataFrame, line_cutoff_minutes: int
) -> pl.DataFrame:
    """`said` with over_price, under_price (of its line, at the cut-off) and closing_line, as `judge` wants them.

    `snapshots` are the books' lines as captured. They are of points: a prediction of anything else has no price.
    """
    about = said.with_columns(line=pl.when(pl.col("target") == LINE_TARGET).then("line"))
    closing = closing_lines(snapshots, games, said)
    return said.with_columns(
        line_prices(snapshots, games, about, line_cutoff_minutes).get_columns(),
        closing_line=pl.when(pl.col("target") == LINE_TARGET).then(closing),
    )


def judge(said: pl.DataFrame) -> pl.DataFrame:
    """A grade for each row of `said`, columns GRADE_COLUMNS; outcome NULL where the game has no result yet. Pure.

    `said` holds the columns of predictions, and tip_off_at, has_results (of the game), minutes and actual (of the
    player; NULL: no row), over_price and under_price (of its line) and closing_line. Label: in_sample where the model
    had seen the game's date; else live where it was said before tip-off (where that is not known: before noon of the
    game date, New York time); else backfill. Void: no row in a game with results, or under 30 seconds of play. A line
    is won where prediction and result fall on one side of it; the price is that of the predicted side, and profit is
    per stake of 1: NULL where void or without a price.
    """
    played = pl.col("minutes").fill_null(0) > 0
    outcome = pl.when(~pl.col("has_results")).then(None).when(played).then(pl.lit("graded")).otherwise(pl.lit("void"))
    is_graded = pl.col("outcome") == "graded"
    return (
        said.with_columns(outcome=outcome.cast(pl.String), label=label())
        .with_columns(actual=pl.when(is_graded).then(pl.col("actual").cast(pl.Float64)))
        .with_columns(
            error=pl.col("predicted") - pl.col("actual"),
            in_interval=pl.col("actual").is_between("interval_low", "interval_high"),
            line_verdict=_line_verdict().cast(pl.String),
            price=_price(),
        )
        .with_columns(profit=pl.struct("line_verdict", "price").map_batches(_profit, return_dtype=pl.Float64))
        .select(GRADE_COLUMNS)
    )


def label() -> pl.Expr:
    """in_sample, live or backfill, of the columns train_to, game_date, predicted_at and tip_off_at; see `judge`."""
    tip_off = pl.coalesce("tip_off_at", _noon("game_date"))
    return (
        pl.when(pl.col("train_to") >= pl.col("game_date"))
        .then(pl.lit("in_sample"))
        .when(pl.col("predicted_at") < tip_off)
        .then(pl.lit("live"))
        .otherwise(pl.lit("backfill"))
        .cast(pl.String)
    )


def _line_verdict() -> pl.Expr:
    """NULL without a line or a result, and where the prediction is the line itself."""
    said, happened = pl.col("predicted") - pl.col("line"), pl.col("actual") - pl.col("line")
    return (
        pl.when(said.is_null() | happened.is_null() | (said == 0))
        .then(None)
        .when(happened == 0)
        .then(pl.lit("push"))
        .when(said.sign() == happened.sign())
        .then(pl.lit("won"))
        .otherwise(pl.lit("lost"))
    )


def _price() -> pl.Expr:
    """Of the side of its line that was predicted."""
    side = (pl.col("predicted") - pl.col("line")).sign()
    return pl.when(side == 1).then("over_price").when(side == -1).then("under_price").cast(pl.Float64)


def _profit(bets: pl.Series) -> pl.Series:
    """Of a stake of 1: what the price pays where won, -1 where lost, 0 where pushed; NULL without price or verdict."""
    frame = bets.struct.unnest()
    pays = pl.Series("pays", gain(frame["price"].cast(pl.Float64).to_numpy())).fill_nan(None)
    verdict = pl.col("line_verdict")
    stake = pl.when(verdict == "won").then("pays").when(verdict == "lost").then(-1.0).when(verdict == "push").then(0.0)
    return frame.with_columns(pays).select(pl.when(pl.col("pays").is_not_null()).then(stake)).to_series()


def _noon(column: str) -> pl.Expr:
    moment = pl.col(column).dt.combine(clock.EARLIEST_TIP_OFF)
    return moment.dt.replace_time_zone(str(clock.LEAGUE_ZONE)).dt.convert_time_zone("UTC").dt.cast_time_unit("us")


def _read_predictions(connection: sa.Connection, span: Sequence[sa.ColumnElement[bool]]) -> list[pl.DataFrame]:
    """The predictions of the span with what happened; one frame a target, because each reads another column."""
    targets = connection.execute(sa.select(predictions.c.target).where(*span).distinct()).scalars().all()
    unknown = sorted(set(targets) - set(BOX_COUNTS))
    if unknown:
        raise UsageError(
            f"Predictions of {', '.join(unknown)} cannot be graded: no box score counts that.",
            remedy=f"What can be graded: {', '.join(BOX_COUNTS)}.",
        )
    return [read_frame(connection, _query(target).where(*span)) for target in sorted(targets)]


def _within(date_from: date | None, date_to: date | None) -> list[sa.ColumnElement[bool]]:
    """The conditions on predictions of an inclusive span of game dates (None: open)."""
    conditions = []
    if date_from is not None:
        conditions.append(predictions.c.game_date >= date_from)
    if date_to is not None:
        conditions.append(predictions.c.game_date <= date_to)
    return conditions


def _query(target: str) -> sa.Select[Any]:
    any_row = player_games.alias()
    has_results = sa.exists().where(any_row.c.game_id == predictions.c.game_id)
    same_row = sa.and_(
        player_games.c.game_id == predictions.c.game_id, player_games.c.player_id == predictions.c.player_id
    )
    return (
        sa.select(
            predictions,
            games.c.tip_off_at,
            has_results.label("has_results"),
            player_games.c.minutes,
            player_games.c[target].label("actual"),
        )
        .select_from(predictions)
        .outerjoin(games, games.c.game_id == predictions.c.game_id)
        .outerjoin(player_games, same_row)
        .where(predictions.c.target == target)
    )


def _write(connection: sa.Connection, told: pl.DataFrame) -> int:
    """Make the grades of these predictions what `told` says; returns how many were written, corrected or taken back."""
    ids = told["prediction_id"]
    kept = read_frame(connection, sa.select(*(grades.c[name] for name in GRADE_COLUMNS)))
    kept = kept.filter(pl.col("prediction_id").is_in(ids.implode()))
    wanted = told.filter(pl.col("outcome").is_not_null())
    same = wanted.join(kept, on=GRADE_COLUMNS, how="semi", nulls_equal=True)["prediction_id"].implode()
    outdated = kept.filter(~pl.col("prediction_id").is_in(same))["prediction_id"].to_list()
    fresh = wanted.filter(~pl.col("prediction_id").is_in(same))
    if outdated:
        doomed = [{"gone": prediction_id} for prediction_id in outdated]
        connection.execute(sa.delete(grades).where(grades.c.prediction_id == sa.bindparam("gone")), doomed)
    insert_frame(connection, grades, fresh.with_columns(graded_at=pl.lit(clock.now()).dt.cast_time_unit("us")))
    return len(set(outdated) | set(fresh["prediction_id"].to_list()))
