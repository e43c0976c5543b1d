"""Calibration: whether results fall where the predicted distribution says they do, over time, and the odds of over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from monitoring.report.graded import LABELS
from monitoring.report.markup import Column, Html, h, join, nothing, section, table
from monitoring.report.plots import Axis, Curve, picture, swatch, timeline
from monitoring.report.windows import WINDOW_DATES, Rolled, rolled
from monitoring.report.words import label_name, percent, span, with_interval

LEVELS = {"below_low": 0.1, "below_said": 0.5, "below_high": 0.9}
"""Where the ends of an 80 % interval and a median stand in the predicted distribution."""

NAMES = {
    "below_low": "below the interval",
    "below_said": "below the prediction",
    "below_high": "not above the interval",
}
COLOURS = {"below_low": 2, "below_said": 3, "below_high": 4}
N_BINS = 10
SIDE = 210


@dataclass(frozen=True)
class Calibration:
    """How one version's intervals and odds did over one label's rows of `played`.

    `inside` is the share of results in the 80 % intervals, `below` that below each of LEVELS; `odds` as over_odds.
    """

    label: str
    who: str
    n: int
    date_from: date
    date_to: date
    inside: Rolled
    below: dict[str, Rolled]
    odds: list[tuple[float, float, int]]
    n_odds: int


def calibrations(graded: pl.DataFrame, version: int) -> list[Calibration]:
    """The calibration of `version` on its played rows, live and backfill apart. `graded` as read_graded. Pure."""
    found = []
    for label in LABELS[:2]:
        rows = graded.filter(pl.col("played"), pl.col("model_version") == version, pl.col("label") == label).sort(
            "game_date"
        )
        if rows.height:
            found.append(_calibration(rows))
    return found


def over_odds(rows: pl.DataFrame) -> list[tuple[float, float, int]]:
    """(mean probability of over, share that went over, n) for each tenth of probability with rows. Pure.

    Rows without a probability and results on the line itself are no case.
    """
    cases = rows.filter(pl.col("over_probability").is_not_null(), pl.col("actual") != pl.col("line"))
    bins = (
        cases.with_columns(place=(pl.col("over_probability") * N_BINS).floor().clip(0, N_BINS - 1))
        .group_by("place")
        .agg(pl.col("over_probability").mean(), went=(pl.col("actual") > pl.col("line")).mean(), n=pl.len())
        .sort("place")
    )
    return [(float(said), float(went), int(n)) for _, said, went, n in bins.iter_rows()]


def calibration(found: Sequence[Calibration]) -> Html:
    """The section."""
    if not found:
        return section("Calibration", nothing("Nothing yet: no graded prediction that was not in-sample."))
    about = (
        "Population played. Of the results, 80 % should fall into the 80 % intervals, 10 % "
        f"below and 10 % above; each point is over the last {WINDOW_DATES} dates with games, the band is its 95 % "
        "interval by date. The prediction of a median system has 50 % below it."
    )
    return section("Calibration", [_pictures(each) for each in found], about=about)


def _calibration(rows: pl.DataFrame) -> Calibration:
    flags = rows.select(
        inside=pl.col("in_interval").cast(pl.Float64),
        below_low=(pl.col("actual") < pl.col("interval_low")).cast(pl.Float64),
        below_said=(pl.col("actual") < pl.col("predicted")) + 0.5 * (pl.col("actual") == pl.col("predicted")),
        below_high=(pl.col("actual") <= pl.col("interval_high")).cast(pl.Float64),
    )
    days = rows["game_date"].to_numpy()
    shares = {name: rolled(flags[name].to_numpy(), days) for name in flags.columns}
    odds = over_odds(rows)
    return Calibration(
        label=rows["label"][0],
        who=f"{rows['system'][0]} (version {rows['model_version'][0]})",
        n=rows.height,
        date_from=rows["game_date"][0],
        date_to=rows["game_date"][-1],
        inside=shares["inside"],
        below={name: shares[name] for name in LEVELS},
        odds=odds,
        n_odds=sum(n for _, _, n in odds),
    )


def _pictures(found: Calibration) -> Html:
    about = f"{found.who}, {label_name(found.label)}: {found.n:,} player-games, {span(found.date_from, found.date_to)}"
    return join(
        h("h3", about),
        h("div", _intervals(found), _quantiles(found), _odds(found), class_="charts"),
    )


def _intervals(found: Calibration) -> Html:
    curve = Curve("inside", 0, found.inside.by_date, found.inside.band)
    told = with_interval(found.inside.mean, found.inside.ci95, is_share=True)
    return h(
        "div",
        h("p", f"In the 80 % interval: {told}"),
        timeline([curve], "share of results in the 80 % interval over time", is_share=True, goals=[0.8])
        if found.date_from < found.date_to
        else None,
        class_="chart",
    )


def _quantiles(found: Calibration) -> Html:
    curves = [Curve(NAMES[name], COLOURS[name], each.by_date) for name, each in found.below.items()]
    rows = [
        (
            join(swatch(COLOURS[name]), NAMES[name]),
            percent(LEVELS[name]),
            with_interval(each.mean, each.ci95, is_share=True),
        )
        for name, each in found.below.items()
    ]
    columns = [Column("results"), Column("should be", True), Column("were (95 % interval)", True)]
    drawn = timeline(
        curves, "shares of results below each quantile over time", is_share=True, goals=list(LEVELS.values())
    )
    return h(
        "div", drawn if found.date_from < found.date_to else None, table(columns, rows, is_narrow=True), class_="chart"
    )


def _odds(found: Calibration) -> Html:
    if not found.odds:
        return h("div", nothing("No line was known: there are no odds of over."), class_="chart")
    return h(
        "div",
        h("p", f"Odds of over: {found.n_odds:,} player-games with a line, results on it left out"),
        _reliability(found.odds),
        h("p", "Across: the probability of over that was said. Up: the share that went over.", class_="muted"),
        class_="chart",
    )


def _reliability(odds: Sequence[tuple[float, float, int]]) -> Html:
    """Dots, larger for more rows, beside the diagonal on which odds are right."""
    x, y = Axis(0, 1, 44, SIDE * 2 - 12), Axis(0, 1, SIDE - 24, 8)
    marks = (0.0, 0.25, 0.5, 0.75, 1.0)
    most = max(n for _, _, n in odds)
    drawn = [
        *(h("line", x1=x(0), x2=x(1), y1=f"{y(each):.1f}", y2=f"{y(each):.1f}", class_="grid") for each in marks),
        *(h("text", f"{each:.0%}", x=38, y=f"{y(each) + 4:.1f}", text_anchor="end") for each in marks),
        *(
            h("text", f"{each:.0%}", x=f"{x(each):.1f}", y=SIDE - 7, text_anchor="end" if each == 1 else "middle")
            for each in marks
        ),
        h("line", x1=x(0), y1=y(0), x2=x(1), y2=y(1), class_="goal"),
        *(
            h(
                "circle",
                cx=f"{x(said):.1f}",
                cy=f"{y(went):.1f}",
                r=f"{2.5 + 6 * (n / most) ** 0.5:.1f}",
                class_="spot c0",
            )
            for said, went, n in odds
        ),
    ]
    return picture(drawn, SIDE * 2, SIDE, "share that went over by the probability that was said")
