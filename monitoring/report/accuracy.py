"""Mean absolute error over time: the system that answers beside the baselines and the line, on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from monitoring.report.graded import KEY, LABELS
from monitoring.report.markup import Column, Html, h, join, nothing, section, table
from monitoring.report.plots import Curve, swatch, timeline
from monitoring.report.windows import WINDOW_DATES, Rolled, rolled
from monitoring.report.words import label_name, span, with_interval

BASELINES = ("season_average", "last_10_average")
LEAST_SHARE = 0.9
"""A baseline that predicted less of the rows is left out, and named: the same rows would be few."""

COLOURS = {"line_error": 1, "season_average": 2, "last_10_average": 3}
"""Of a column of errors; what is not here is the version in question."""


@dataclass(frozen=True)
class Runner:
    """One of those that are compared, in its colour: its absolute errors, over all and over each window of dates."""

    name: str
    colour: int
    errors: Rolled


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
    is_lined = population == "lined"
    main = graded.filter(pl.col(population), pl.col("model_version") == version)
    main = main.filter(pl.col("line").is_not_null()) if is_lined else main
    if main.is_empty():
        return None
    system = main["system"][0]
    named = {"main_error": f"{system} (version {version})"}
    same, left_out = main.with_columns(main_error=pl.col("error").abs()), []
    for baseline in BASELINES:
        number, theirs = _newest(graded, baseline, version)
        both = same.join(theirs, on=KEY, how="inner")
        if both.height >= LEAST_SHARE * main.height:
            same, named[baseline] = both, f"{baseline} (version {number})"
        elif baseline != system:
            left_out.append(f"{baseline} (predicted {both.height:,} of {main.height:,})")
    if is_lined:
        same, named["line_error"] = same.with_columns(line_error=(pl.col("line") - pl.col("actual")).abs()), "line"
    days = same["game_date"].to_numpy()
    return Race(
        label=main["label"][0],
        population=population,
        n=same.height,
        n_main=main.height,
        date_from=same["game_date"].min(),  # type: ignore[arg-type]  # a Date column's minimum is a date
        date_to=same["game_date"].max(),  # type: ignore[arg-type]
        runners=[
            Runner(name, COLOURS.get(column, 0), rolled(same[column].to_numpy(), days))
            for column, name in named.items()
        ],
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
        Curve(each.name, each.colour, each.errors.by_date, each.errors.band if place == 0 else ())
        for place, each in enumerate(found.runners)
    ]
    columns = [Column("system"), Column(f"MAE in {target} (95 % interval)", True)]
    rows = [
        (join(swatch(each.colour), each.name), with_interval(each.errors.mean, each.errors.ci95))
        for each in sorted(found.runners, key=lambda each: each.errors.mean)
    ]
    title = f"{found.population}, {label_name(found.label)}"
    return h(
        "div",
        h("h3", title),
        h("p", f"{found.n:,} player-games, {span(found.date_from, found.date_to)}", class_="muted"),
        timeline(curves, f"MAE over time, {title}") if found.date_from < found.date_to else None,
        table(columns, rows, is_narrow=True),
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
