"""The picture of a comparison: the difference of every part with its interval, and both versions month by month."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from registry.comparison import Part
    from tipoff.comparison import Comparison

INK, MUTED, GRID, BLUE, ORANGE, GREEN = "#1f2933", "#7b8794", "#e4e7eb", "#2563eb", "#ea8c1c", "#2f9e6e"


def draw_comparison(found: Comparison, path: Path) -> None:
    """Write a PNG to `path`, whose folder is made."""
    parts = [part for part in found.parts if part.kind != "month"]
    months = [part for part in found.parts if part.kind == "month"]
    figure = Figure(figsize=(11, 1.8 + 0.36 * len(parts)), layout="constrained")
    left, right = figure.subplots(1, 2)
    overall = found.parts[0]
    figure.suptitle(
        f"{found.a.title} (A) and {found.b.title} (B): {overall.n:,} rows of {found.population} on "
        f"{overall.n_dates} dates {overall.date_from} to {overall.date_to}, build {found.build_id}",
        color=INK,
        fontsize=10,
    )
    _differences(left, parts)
    _months(right, months)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _differences(axes: Axes, parts: list[Part]) -> None:
    for place, part in enumerate(parts):
        colour = MUTED if not part.is_told_from_chance else GREEN if part.difference < 0 else ORANGE
        if part.ci95 is not None:
            axes.plot(part.ci95, [place, place], color=colour, lw=2)
        axes.plot(part.difference, place, "o", color=colour)
    axes.axvline(0, color=INK, lw=0.8)
    axes.set_yticks(range(len(parts)), [f"{part.name} ({part.n:,})" for part in parts])
    axes.invert_yaxis()
    axes.set_xlabel("MAE of B minus A, points, with 95 % interval; left of 0, B is better")
    axes.grid(axis="x", color=GRID)
    axes.spines[["top", "right"]].set_visible(False)


def _months(axes: Axes, months: list[Part]) -> None:
    names = [part.name for part in months]
    for label, colour, values in (
        ("A", BLUE, [part.mae_a for part in months]),
        ("B", ORANGE, [part.mae_b for part in months]),
    ):
        axes.plot(names, values, marker="o", color=colour, label=label)
    axes.set_ylabel("MAE, points")
    axes.tick_params(axis="x", rotation=45)
    axes.legend(frameon=False)
    axes.grid(axis="y", color=GRID)
    axes.spines[["top", "right"]].set_visible(False)
