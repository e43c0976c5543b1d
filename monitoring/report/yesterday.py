"""The last game date before: every figure of its grades, and the predictions that were farthest off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import sqlalchemy as sa

from contracts.tables import games, grades, predictions
from monitoring.report.graded import LABELS, Figure, figures
from monitoring.report.markup import Column, Html, details, h, nothing, section, table
from monitoring.report.words import LABEL_MEANING, label_name, percent, span, with_interval

MOST_MISSES = 10


@dataclass(frozen=True)
class Outcomes:
    """The predictions of a date by what became of them, whoever said them."""

    game_date: date
    graded: int
    void: int
    ungraded: int


@dataclass(frozen=True)
class Miss:
    """A prediction and the result that it was far from."""

    player_id: int
    predicted: float
    interval: tuple[float, float]
    line: float | None
    actual: float
    error: float


def read_outcomes(engine: sa.Engine, target: str, before: date) -> Outcomes | None:
    """What became of the predictions about the last date with games before `before`; None: there is no such date."""
    last = sa.select(sa.func.max(games.c.game_date)).where(games.c.game_date < before)
    count = sa.func.count()
    with engine.connect() as connection:
        day = connection.execute(last).scalar_one()
        if day is None:
            return None
        query = (
            sa.select(grades.c.outcome, count)
            .select_from(predictions.outerjoin(grades, grades.c.prediction_id == predictions.c.prediction_id))
            .where(predictions.c.game_date == day, predictions.c.target == target)
        )
        counted: dict[str | None, int] = dict(connection.execute(query.group_by(grades.c.outcome)).all())
    return Outcomes(day, counted.get("graded", 0), counted.get("void", 0), counted.get(None, 0))


def biggest_misses(rows: pl.DataFrame, most: int = MOST_MISSES) -> list[Miss]:
    """The graded `rows` that were farthest off, the farthest first. Pure."""
    rows = rows.sort(pl.col("error").abs(), "game_id", "player_id", descending=[True, False, False]).head(most)
    return [
        Miss(
            row["player_id"],
            row["predicted"],
            (row["interval_low"], row["interval_high"]),
            row["line"],
            row["actual"],
            row["error"],
        )
        for row in rows.iter_rows(named=True)
    ]


def yesterday(
    outcomes: Outcomes | None, graded: pl.DataFrame, version: int | None, names: Mapping[int, str], target: str
) -> Html:
    """The section; `graded` holds that date's rows, as read_graded gives them.

    `version` is the one whose misses are told (None: the newest that spoke).
    """
    if outcomes is None:
        return section("The games before", nothing("Nothing yet: the schedule holds no earlier date."))
    title = f"The games before: {outcomes.game_date}"
    counts = (
        f"Predictions of all systems: {outcomes.graded:,} graded, {outcomes.void:,} void (did not play), "
        f"{outcomes.ungraded:,} without a grade."
    )
    if graded.is_empty():
        return section(title, nothing(f"Nothing yet. {counts} `tipoff grade` grades what has a result."))
    spoke = version if version is not None else graded["model_version"].max()
    found = figures(graded)
    played = [each for each in found if each.population == "played"]
    others = [each for each in found if each.population != "played"]
    return section(
        title,
        h("p", counts),
        figure_tables(played, target),
        details("The other populations", figure_tables(others, target)),
        _misses(graded.filter(pl.col("model_version") == spoke), names, target),
        about=LABEL_MEANING,
    )


def figure_tables(found: Sequence[Figure], target: str) -> Html:
    """Figures as tables, one a label and population; each row has its system, version, dates, N and interval."""
    if not found:
        return nothing("Nothing yet.")
    groups = dict.fromkeys((each.label, each.population) for each in found)
    return h(
        "div",
        [
            (
                h("h3", f"{population}, {label_name(label)}"),
                _figure_table([each for each in found if (each.label, each.population) == (label, population)], target),
            )
            for label, population in groups
        ],
    )


def _figure_table(found: Sequence[Figure], target: str) -> Html:
    columns = [
        Column("system"),
        Column("N", True),
        Column(f"MAE in {target} (95 % interval)", True),
        Column("mean error", True),
        Column("in 80 % interval", True, is_extra=True),
    ]
    rows = [
        (
            h("span", f"{each.system} (version {each.model_version}) ", h("small", span(each.date_from, each.date_to))),
            f"{each.n:,}",
            with_interval(each.mae, each.mae_ci95),
            f"{each.mean_error:+.2f}",
            percent(each.share_in_interval),
        )
        for each in found
    ]
    return table(columns, rows, is_narrow=True)


def _misses(said: pl.DataFrame, names: Mapping[int, str], target: str) -> Html:
    """Of one version's rows those of the most honest label that it has."""
    if said.is_empty():
        return nothing("No grade of the version in question.")
    label = min(said["label"].unique(), key=LABELS.index)
    rows_of_label = said.filter(pl.col("label") == label)
    found = biggest_misses(rows_of_label)
    who = f"{said['system'][0]} (version {said['model_version'][0]})"
    title = f"The {len(found)} farthest off of {rows_of_label.height:,}: {who}, {label_name(label)}"
    columns = [
        Column("player"),
        Column("predicted", True),
        Column("80 % interval", True, is_extra=True),
        *(Column(title, True) for title in ("line", target, "error")),
    ]
    rows = [
        (
            names.get(each.player_id, str(each.player_id)),
            f"{each.predicted:.1f}",
            f"{each.interval[0]:.1f} to {each.interval[1]:.1f}",
            None if each.line is None else f"{each.line:g}",
            f"{each.actual:g}",
            f"{each.error:+.1f}",
        )
        for each in found
    ]
    return h("div", h("h3", title), table(columns, rows, is_narrow=True))
