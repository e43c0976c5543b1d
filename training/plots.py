"""The pictures of a run: what moves the model, where it errs, whether intervals hold, how each month went.

`about` is the line under each title: system, population, rows and dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from contracts.metrics import Floats
from contracts.populations import TIERS, tier
from systems.residuals import Residuals

INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
BLUE, ORANGE, GREEN, PALE = "#2563eb", "#ea8c1c", "#2f9e6e", "#bfd3fb"
COLOURS = (BLUE, MUTED, ORANGE, GREEN)
LOW_TO_HIGH = LinearSegmentedColormap.from_list("low to high", [GREEN, PALE, ORANGE])
TIER_RANGES = ("under 8", "8 to 15", "15 to 22", "22 and more")
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
    actual: Floats,
    predictions: Mapping[str, Floats],
    dates: npt.NDArray[np.datetime64],
    *,
    line: Floats | None = None,
    target: str,
    about: str,
) -> Figure:
    """Mean absolute error of each predictor, month by month, on the same rows; the first name is the run's system.

    Where some rows have a `line` (n,), NaN = none, a second picture holds the predictors against it on those.
    """
    unit = f"mean absolute error, {target}"
    lined = np.isfinite(line) if line is not None else np.zeros(len(actual), dtype=bool)
    n_panels = 2 if lined.any() else 1
    figure, axes = _canvas("Month by month", about, "", unit, height=4.6 * n_panels, n_panels=n_panels)
    _by_month(axes, actual, predictions, dates)
    if line is not None and lined.any():
        below = figure.add_subplot(2, 1, 2)
        _dress(below, f"on the {lined.sum():,} rows with a line", "", unit)
        on_them = {name: values[lined] for name, values in predictions.items()} | {"the books' line": line[lined]}
        _by_month(below, actual[lined], on_them, dates[lined])
    return figure


def _by_month(axes: Axes, actual: Floats, predictions: Mapping[str, Floats], dates: npt.NDArray[np.datetime64]) -> None:
    months = dates.astype("datetime64[M]")
    there = np.unique(months)
    for place, (name, predicted) in enumerate(predictions.items()):
        error = np.abs(predicted - actual)
        values = [error[months == month].mean() for month in there]
        style: dict[str, Any] = {"lw": 2.2, "ms": 5} if place == 0 else {"lw": 1.4, "ms": 3.5, "ls": "--"}
        label = f"{name} ({error.mean():.3f})"
        axes.plot(range(len(there)), values, color=COLOURS[place % len(COLOURS)], marker="o", label=label, **style)
    axes.set_xticks(range(len(there)), [f"{month}\n{(months == month).sum():,}" for month in there], fontsize=8)
    axes.set_xlabel("month, and its rows", color=MUTED, fontsize=9)
    axes.margins(y=0.15)
    _legend(axes)


def mae_by_tier(actual: Floats, predictions: Mapping[str, Floats], *, target: str, about: str) -> Figure:
    """Mean absolute error of each predictor in each tier of the first one's predictions, on the same rows, with the
    interval of its mean (95 %, normal approximation by row).
    """
    tiers = tier(next(iter(predictions.values())))
    there = [place for place in range(len(TIERS)) if (tiers == place).any()]
    figure, axes = _canvas("Where it errs: tier by tier", about, "", f"mean absolute error, {target}")
    width = 0.8 / len(predictions)
    for number, (name, predicted) in enumerate(predictions.items()):
        errors = [np.abs(predicted - actual)[tiers == place] for place in there]
        at = np.arange(len(there)) + (number - (len(predictions) - 1) / 2) * width
        half = [1.96 * error.std() / np.sqrt(len(error)) for error in errors]
        bars = axes.bar(
            at, [error.mean() for error in errors], width * 0.9, yerr=half, color=COLOURS[number % len(COLOURS)],
            label=name, error_kw={"elinewidth": 0.8, "ecolor": INK},
        )  # fmt: skip
        axes.bar_label(bars, fmt="%.2f", fontsize=7.5, color=MUTED, padding=2)
    labels = [f"{TIERS[place]} ({TIER_RANGES[place]})\n{(tiers == place).sum():,} rows" for place in there]
    axes.set_xticks(range(len(there)), labels)
    axes.grid(axis="x", visible=False)
    axes.margins(y=0.2)
    _legend(axes)
    return figure


def shap_summary(
    names: list[str], by_feature: Floats, values: Floats, *, target: str, about: str, most: int = 15
) -> Figure:
    """Each row's contribution of the strongest features, coloured by the feature's value among its others.

    `by_feature` and `values` (n, k), NaN = missing (drawn pale); after the summary plot of Lundberg and Lee (2017).
    """
    order = np.argsort(np.abs(by_feature).mean(axis=0))[::-1][:most][::-1]
    title = "How features move predictions"
    figure, axes = _canvas(
        title, about, f"contribution to the prediction, {target}", "", height=1.9 + 0.34 * len(order)
    )
    spread = np.random.default_rng(0)
    for row, column in enumerate(order):
        value, known = values[:, column], np.isfinite(values[:, column])
        at = row + spread.uniform(-0.3, 0.3, len(value))
        axes.scatter(by_feature[~known, column], at[~known], s=5, color=GRID, lw=0)
        rank = np.searchsorted(np.sort(value[known]), value[known], side="right") / max(1, known.sum())
        dots = axes.scatter(
            by_feature[known, column], at[known], c=rank, s=5, lw=0, cmap=LOW_TO_HIGH, vmin=0, vmax=1, rasterized=True
        )
    axes.axvline(0, color=INK, lw=0.8)
    axes.set_yticks(range(len(order)), [names[column] for column in order])
    axes.grid(axis="y", visible=False)
    axes.margins(y=0.02)
    bar = figure.colorbar(dots, ax=axes, aspect=40, pad=0.02, ticks=[0, 1])
    bar.ax.set_yticklabels(["lowest", "highest"], fontsize=8, color=MUTED)
    bar.set_label("the feature's value", color=MUTED, fontsize=8, labelpad=-18)
    bar.outline.set_visible(False)
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
        axes.plot(days[settled:], values[settled:], color=COLOURS[number % len(COLOURS)], label=label, **style)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.margins(y=0.15)
    _legend(axes)
    return figure


def sweep_history(complete: list[tuple[int, float]], pruned: list[int], *, target: str, about: str) -> Figure:
    """Value of each complete trial, (number, value), the best so far, and the numbers of the pruned ones along the top:
    what those had reached is about fewer folds, and so no value beside the others'.
    """
    figure, axes = _canvas("Trial by trial", about, "trial", f"mean absolute error, {target}")
    numbers, values = np.array(complete, dtype=float).reshape(-1, 2).T
    axes.step(numbers, np.minimum.accumulate(values), where="post", color=BLUE, lw=2.2, label="best so far")
    axes.scatter(numbers, values, color=BLUE, s=22, zorder=3, label=f"complete ({len(complete)})")
    if pruned:
        at, label = np.full(len(pruned), 0.97), f"pruned, so no value ({len(pruned)})"
        axes.scatter(pruned, at, color=ORANGE, marker="x", s=22, label=label, transform=axes.get_xaxis_transform())
    axes.margins(y=0.25)
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


def _canvas(
    title: str, about: str, x_label: str, y_label: str, *, height: float = 4.6, n_panels: int = 1
) -> tuple[Figure, Axes]:
    """Empty axes, the topmost of `n_panels`; `about` says which rows the picture is of, since no figure stands without
    its population.
    """
    figure = Figure(figsize=(8, height), layout="constrained", facecolor="white")
    axes = figure.add_subplot(n_panels, 1, 1)
    axes.set_title(title, loc="left", color=INK, fontsize=13, fontweight="bold", pad=26)
    _dress(axes, about, x_label, y_label)
    return figure, axes


def _dress(axes: Axes, about: str, x_label: str, y_label: str) -> None:
    axes.annotate(about, (0, 1), (0, 10), "axes fraction", "offset points", color=MUTED, fontsize=8.5)
    axes.set_xlabel(x_label, color=MUTED, fontsize=9)
    axes.set_ylabel(y_label, color=MUTED, fontsize=9)
    axes.grid(color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelcolor=INK, labelsize=8.5, length=0)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=8.5, labelcolor=INK)
