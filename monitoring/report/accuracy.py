"""Mean absolute error over time: the system that answers beside the baselines and the line, on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from contracts.metrics import interval_by_date
from monitoring.report.graded import KEY, LABELS
from monitoring.report.markup import Column, Html, h, join, nothing, section, table
from monitoring.report.plots import Curve, swatch, timeline
from monitoring.report.words import label_name, span, with_interval

BASELINES = ("season_average", "last_10_average")
WINDOW_DATES = 14
LEAST_DATES = 5
"""A window of fewer dates tells of these nights, not of the system: no point is drawn for it."""

LEAST_SHARE = 0.9
"""A baseline that predicted less of the rows is left out, and named: the same rows would be few."""

COLOURS = {"line_error": 1, "season_average": 2, "last_10_average": 3}
"""Of a column of errors; what is not here is the version in question."""


@dataclass(frozen=True)
class Runner:
    """One of those that are compared, in its colour: its errors over all rows and over each window of dates."""

    name: str
    colour: int
    mae: float
    mae_ci95: tuple[float, float] | None
    by_date: list[tuple[date, float]]
    band: list[tuple[date, float, float]]


@dataclass(frozen=True)
class Race:
    """A comparison on the same `n` rows, of `n_main` that the version in question predicted."""

    label: str
    population: str
    n: int
    n_main: int
    date_from: date
    date_to: date
    runners: list[Runner]
    left_out: list[str]


def races(graded: pl.DataFrame, version: int) -> list[Race]:
    """The comparisons of `version` by label (live, backfill): on `played` beside the baselines, on `lined` beside the
    line too. `graded` as read_graded gives it. Pure."""
    found = [
        race(graded.filter(pl.col("label") == label), version, name)
        for label in LABELS[:2]
        for name in ("played", "lined")
    ]
    return [each for each in found if each is not None]


def race(graded: pl.DataFrame, version: int, population: str) -> Race | None:
    """The comparison over one population of rows of one label; None where `version` has none. Pure."""
    main = graded.filter(pl.col(population), pl.col("model_version") == version)
    if population == "lined":
        main = main.filter(pl.col("line").is_not_null())
    if main.is_empty():
        return None
    system = main["system"][0]
    same = main.select(*KEY, "game_date", "label", main_error=pl.col("error").abs(), actual="actual", line="line")
    named = [(f"{system} (version {version})", "main_error")]
    left_out = []
    for baseline in BASELINES:
        number, theirs = _newest(graded, baseline, version)
        both = same.join(theirs, on=KEY, how="inner")
        if both.height < LEAST_SHARE * main.height:
            left_out += [f"{baseline} (predicted {both.height:,} of {main.height:,})"] if baseline != system else []
            continue
        same = both
        named.append((f"{baseline} (version {number})", baseline))
    if population == "lined":
        same = same.with_columns(line_error=(pl.col("line") - pl.col("actual")).abs())
        named.append(("line", "line_error"))
    rows = same.sort("game_date")
    return Race(
        label=rows["label"][0],
        population=population,
        n=rows.height,
        n_main=main.height,
        date_from=rows["game_date"][0],
        date_to=rows["game_date"][-1],
        runners=[_runner(name, rows, column) for name, column in named],
        left_out=left_out,
    )


def accuracy(found: Sequence[Race], target: str) -> Html:
    """The section."""
    about = (
        f"Mean absolute error ({target}) over the last {WINDOW_DATES} dates with games up to each date, beside what "
        "anybody could have said, always on the same player-games; the band is the 95 % interval by date. Lower is "
        "better."
    )
    if not found:
        return section("Accuracy over time", nothing("Nothing yet: no graded prediction that was not in-sample."))
    return section(
        "Accuracy over time", h("div", [_chart(each, target) for each in found], class_="charts"), about=about
    )


def _chart(found: Race, target: str) -> Html:
    curves = [
        Curve(each.name, each.colour, each.by_date, each.band if place == 0 else ())
        for place, each in enumerate(found.runners)
    ]
    rows = [
        (
            join(swatch(each.colour), each.name),
            with_interval(each.mae, each.mae_ci95),
        )
        for each in found.runners
    ]
    ordered = sorted(zip(found.runners, rows, strict=True), key=lambda pair: pair[0].mae)
    columns = [Column("system"), Column(f"MAE in {target} (95 % interval)", True)]
    drawn = [row for _, row in ordered]
    title = f"{found.population}, {label_name(found.label)}"
    return h(
        "div",
        h("h3", title),
        h("p", f"{found.n:,} player-games, {span(found.date_from, found.date_to)}", class_="muted"),
        timeline(curves, f"MAE over time, {title}") if found.date_from < found.date_to else None,
        table(columns, drawn, is_narrow=True),
        _note(found),
        class_="chart",
    )


def _note(found: Race) -> Html | None:
    told = []
    if found.n < found.n_main:
        told.append(f"{found.n_main - found.n:,} rows are left out that a baseline did not predict.")
    if found.left_out:
        told.append(f"Not on these rows: {', '.join(found.left_out)}.")
    return h("p", " ".join(told), class_="muted") if told else None


def _newest(graded: pl.DataFrame, baseline: str, version: int) -> tuple[int | None, pl.DataFrame]:
    """The newest version of a baseline that is not the version in question, and its absolute errors by player-game."""
    theirs = graded.filter(pl.col("system") == baseline, pl.col("model_version") != version)
    number: int | None = theirs["model_version"].max()  # type: ignore[assignment]  # an integer column's maximum is one
    newest = theirs.filter(pl.col("model_version") == pl.col("model_version").max())
    return number, newest.select(*KEY, pl.col("error").abs().alias(baseline))


def _runner(name: str, rows: pl.DataFrame, column: str) -> Runner:
    values, days = rows[column].to_numpy(), rows["game_date"].to_numpy()
    dates = rows["game_date"].unique().sort()
    by_date, band = [], []
    for place in range(min(LEAST_DATES, len(dates)) - 1, len(dates)):
        first, last = dates[max(0, place - WINDOW_DATES + 1)], dates[place]
        inside = rows["game_date"].is_between(first, last).to_numpy()
        by_date.append((last, float(values[inside].mean())))
        interval = interval_by_date(values[inside], days[inside]) if column == "main_error" else None
        if interval is not None:
            band.append((last, *interval))
    return Runner(name, COLOURS.get(column, 0), float(values.mean()), interval_by_date(values, days), by_date, band)
