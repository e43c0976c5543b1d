"""The pictures of a run: what moves the model, where it errs, whether intervals hold, how each month went.

`about` is the line under each title: system, population, rows and dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from contracts.metrics import Floats
from systems.residuals import Residuals

INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, ORANGE, GREEN, PALE = "#2563eb", "#ea8c1c", "#2f9e6e", "#bfd3fb"
LEVELS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])


def importance(names: list[str], by_feature: Floats, *, target: str, about: str, most: int = 20) -> Figure:
    """Mean absolute contribution of each feature, largest first; `by_feature` (n, k) in the target's unit."""
    strength = np.abs(by_feature).mean(axis=0)
    order = np.argsort(strength)[::-1][:most][::-1]
    figure, axes = _canvas(
        "What moves the prediction",
        about,
        f"mean absolute contribution, {target}",
        "",
        height=1.6 + 0.28 * len(order),
    )
    axes.barh([names[i] for i in order], strength[order], color=BLUE, height=0.68)
    for row, i in enumerate(order):
        axes.text(strength[i], row, f"  {strength[i]:.2f}", va="center", color=MUTED, fontsize=8)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.1, y=0.02)
    return figure


def residuals_by_prediction(actual: Floats, predicted: Floats, *, target: str, about: str, n_bins: int = 20) -> Figure:
    """Result minus prediction over the prediction: median and mean, with the middle 50 % and 80 % of the rows."""
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, n_bins + 1)))
    bins = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, max(0, len(edges) - 2))
    error = actual - predicted
    there = np.unique(bins)
    middle = np.array([predicted[bins == one].mean() for one in there])
    spread = np.array([np.quantile(error[bins == one], [0.1, 0.25, 0.5, 0.75, 0.9]) for one in there])
    mean = np.array([error[bins == one].mean() for one in there])
    figure, axes = _canvas("Where it errs", about, f"predicted {target}", f"result - prediction, {target}")
    axes.fill_between(middle, spread[:, 0], spread[:, 4], color=PALE, alpha=0.5, lw=0, label="80 % of rows")
    axes.fill_between(middle, spread[:, 1], spread[:, 3], color=PALE, lw=0, label="50 % of rows")
    axes.plot(middle, spread[:, 2], color=BLUE, lw=2, marker="o", ms=3.5, label="median")
    axes.plot(middle, mean, color=ORANGE, lw=1.5, ls="--", label="mean")
    axes.axhline(0, color=INK, lw=0.8)
    _legend(axes)
    return figure


def interval_calibration(actual: Floats, predicted: Floats, residuals: Residuals, *, about: str) -> Figure:
    """Share of results inside the interval over the share it claims, 10 to 95 %, for low, middle and high ones."""
    figure, axes = _canvas("Do the intervals hold?", about, "share claimed", "share of results inside")
    axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=":", label="as claimed")
    thirds = np.quantile(predicted, [1 / 3, 2 / 3])
    groups = np.searchsorted(thirds, predicted, side="right")
    parts = [("all", np.ones(len(predicted), dtype=bool), INK, 2.2)] + [
        (name, groups == group, colour, 1.3)
        for group, (name, colour) in enumerate([("lowest third", GREEN), ("middle third", BLUE), ("top third", ORANGE)])
        if (groups == group).any()
    ]
    for name, rows, colour, width in parts:
        ends = [residuals.interval(predicted[rows], level) for level in LEVELS]
        inside = [((actual[rows] >= low) & (actual[rows] <= high)).mean() for low, high in ends]
        axes.plot(LEVELS, inside, color=colour, lw=width, marker="o", ms=3.5, label=f"{name} ({rows.sum():,} rows)")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    _legend(axes)
    return figure


def over_calibration(
    went_over: npt.NDArray[np.bool_], given: Mapping[str, Floats], *, about: str, n_groups: int = 10
) -> Figure:
    """Share of results over the line by the probability given to it, for each of `given` (NaN: none given), in groups
    of equal size, each with its 95 % interval (normal approximation); the legend has each one's rows.
    """
    figure, axes = _canvas("Over the line?", about, "probability given", "share of results over the line")
    axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=":", label="as given")
    for (name, probability), colour in zip(given.items(), (BLUE, ORANGE, GREEN), strict=False):
        known = np.flatnonzero(np.isfinite(probability))
        if len(known) == 0:
            continue
        groups = np.array_split(known[np.argsort(probability[known], kind="stable")], min(n_groups, len(known)))
        middle = np.array([probability[rows].mean() for rows in groups])
        share = np.array([went_over[rows].mean() for rows in groups])
        error = 1.96 * np.sqrt(share * (1 - share) / [len(rows) for rows in groups])
        axes.errorbar(middle, share, error, color=colour, lw=1.6, marker="o", ms=4, elinewidth=0.8, capsize=2,
                      label=f"{name} ({len(known):,} rows)")  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1))
    _legend(axes)
    return figure


def mae_by_month(
    actual: Floats, predictions: Mapping[str, Floats], dates: npt.NDArray[np.datetime64], *, target: str, about: str
) -> Figure:
    """Mean absolute error of each predictor, month by month, on the same rows; the first name is the run's system."""
    months = dates.astype("datetime64[M]")
    there = np.unique(months)
    labels = [str(month) for month in there]
    figure, axes = _canvas("Month by month", about, "", f"mean absolute error, {target}")
    for place, (name, predicted) in enumerate(predictions.items()):
        error = np.abs(predicted - actual)
        values = [error[months == month].mean() for month in there]
        style: dict[str, Any] = {"lw": 2.2, "ms": 5} if place == 0 else {"lw": 1.4, "ms": 3.5, "ls": "--"}
        axes.plot(labels, values, color=(BLUE, MUTED, ORANGE, GREEN)[place % 4], marker="o", label=name, **style)
    axes.set_xticks(range(len(labels)))
    axes.set_xticklabels(
        [f"{label}\n{(months == month).sum():,}" for label, month in zip(labels, there, strict=True)], fontsize=8
    )
    axes.set_xlabel("month, and its rows", color=MUTED, fontsize=9)
    axes.margins(y=0.15)
    _legend(axes)
    return figure


def cumulative_mae(
    actual: Floats, predictions: Mapping[str, Floats], dates: npt.NDArray[np.datetime64], *, target: str, about: str
) -> Figure:
    """Mean absolute error of each predictor on all rows up to each date; the first name is the run's system."""
    days, place = np.unique(dates, return_inverse=True)
    n_rows = np.cumsum(np.bincount(place))
    figure, axes = _canvas("The season so far", about, "", f"mean absolute error up to the date, {target}")
    settled = len(days) // 10  # the first dates swing widely and would set the scale
    for number, (name, predicted) in enumerate(predictions.items()):
        values = np.cumsum(np.bincount(place, weights=np.abs(predicted - actual))) / n_rows
        style: dict[str, Any] = {"lw": 2.2} if number == 0 else {"lw": 1.4, "ls": "--"}
        label = f"{name} ({values[-1]:.3f})"
        axes.plot(
            days[settled:], values[settled:], color=(BLUE, MUTED, ORANGE, GREEN)[number % 4], label=label, **style
        )
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.margins(y=0.15)
    _legend(axes)
    return figure


def sweep_history(
    complete: list[tuple[int, float]], pruned: list[tuple[int, float]], *, target: str, about: str
) -> Figure:
    """Value of each complete trial, (number, value), what each pruned one had reached, and the best so far."""
    figure, axes = _canvas("Trial by trial", about, "trial", f"mean absolute error, {target}")
    numbers, values = np.array(complete, dtype=float).reshape(-1, 2).T
    axes.step(numbers, np.minimum.accumulate(values), where="post", color=BLUE, lw=2.2, label="best so far")
    axes.scatter(numbers, values, color=BLUE, s=22, zorder=3, label=f"complete ({len(complete)})")
    if pruned:
        at, reached = np.array(pruned, dtype=float).T
        top = values.max() + 0.25 * max(np.ptp(values), 0.01)  # a hopeless one would flatten all others
        axes.scatter(at, np.minimum(reached, top), color=ORANGE, marker="x", s=22, label=f"pruned ({len(pruned)})")
    axes.margins(y=0.15)
    _legend(axes)
    return figure


def hyperparameter_importance(shares: Mapping[str, float], *, about: str) -> Figure:
    """Share (0-1) of each hyperparameter in what moved the value of the trials, largest on top."""
    names = sorted(shares, key=lambda name: shares[name])
    figure, axes = _canvas("What moves the value", about, "share of importance", "", height=1.6 + 0.32 * len(names))
    axes.barh(names, [shares[name] for name in names], color=BLUE, height=0.68)
    for row, name in enumerate(names):
        axes.text(shares[name], row, f"  {shares[name]:.0%}", va="center", color=MUTED, fontsize=8)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.1, y=0.02)
    return figure


def _canvas(title: str, about: str, x_label: str, y_label: str, *, height: float = 4.6) -> tuple[Figure, Axes]:
    """Empty axes; `about` says which rows the picture is of, since no figure stands without its population."""
    figure = Figure(figsize=(8, height), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK, fontsize=13, fontweight="bold", pad=26)
    axes.annotate(about, (0, 1), (0, 10), "axes fraction", "offset points", color=MUTED, fontsize=8.5)
    axes.set_xlabel(x_label, color=MUTED, fontsize=9)
    axes.set_ylabel(y_label, color=MUTED, fontsize=9)
    axes.grid(color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelcolor=INK, labelsize=8.5, length=0)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=8.5, labelcolor=INK)
