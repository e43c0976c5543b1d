"""`tipoff registry compare A B`: two versions on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tipoff.output import emit, json_option, say, table, working
from tipoff.parameters import NUMBER

if TYPE_CHECKING:
    from registry.comparison import Part
    from tipoff.comparison import Comparison


@click.command()
@click.argument("a", type=NUMBER)
@click.argument("b", type=NUMBER)
@click.option("--out", type=click.Path(path_type=Path), help="Where the plot goes; default: reports/ in the home.")
@json_option
def compare(a: int, b: int, out: Path | None, as_json: bool) -> None:
    """Let versions A and B predict the same rows, which neither has seen, and tell where they differ.

    Overall, by population, tier and month; intervals are of 95 %, dates drawn whole. Nothing is moved or recorded.
    """
    from tipoff.comparison import compare_versions
    from tipoff.comparison_plot import draw_comparison
    from tipoff.wiring import wire

    wiring = wire()
    with working(f"Versions {a} and {b} predict the same rows"):
        found = compare_versions(wiring, a, b)
        path = out or wiring.home.root / "reports" / f"compare-{a}-{b}.png"
        draw_comparison(found, path)
    if not as_json:
        _show(found)
        say(f"Plot: {path}")
    emit(found.to_json() | {"plot": str(path)}, as_json=as_json)


def _show(found: Comparison) -> None:
    overall = found.parts[0]
    columns = ("part", f"A: {found.a.title}", f"B: {found.b.title}", "B - A", "95 % interval", "N", "dates")
    rows = [_row(part) for part in found.parts]
    table(f"MAE on the same rows, {overall.date_from} to {overall.date_to}, build {found.build_id}", columns, rows)
    most = [f"{part.name} ({part.difference:+.3f})" for part in found.differ_most]
    say(f"They differ most on: {', '.join(most)}." if most else "No part's difference is told from chance.")
    keys = ("game date", "game", "player", "A", "B", "result")
    table("The predictions farthest apart", keys, [list(row.values()) for row in found.rows])


def _row(part: Part) -> Sequence[Any]:
    interval = None if part.ci95 is None else f"{part.ci95[0]:+.3f}..{part.ci95[1]:+.3f}"
    return [part.name, part.mae_a, part.mae_b, f"{part.difference:+.3f}", interval, part.n, part.n_dates]
