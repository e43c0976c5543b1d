"""How often a monitor cries where nothing is wrong: a quiet simulated season, looked at day by day.

`python -m benchmarks.false_alarms [--seeds 7 11] [--system xgboost] [--write]`: for each seed a league of two seasons
is made up and built, the second predicted by a system that is trained again every month from what was known, and every
monitor looks at every day of it as it would have then. Whatever alarm is raised is false. Wanted: at most one a monitor
and month. `--write` puts the table into docs/monitors.md; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from benchmarks.quiet_season import MORNING, make_season
from contracts import clock
from contracts.settings import Settings, load_settings
from contracts.tables import alarms, monitor_readings
from monitoring.monitors.catalog import MONITORS
from monitoring.watch import ORIGIN, watch

PAGE = Path(__file__).parents[1] / "docs" / "monitors.md"
BEGIN, END = "<!-- false alarms: written by benchmarks.false_alarms -->\n", "<!-- end -->\n"
MOST = 1
"""Alarms a monitor and month."""


@dataclass(frozen=True)
class Quiet:
    """One season: its days, and for each monitor what it read and how often it cried, month by month."""

    seed: int
    first: date
    last: date
    n_days: int
    measured: Mapping[str, int]
    bad: Mapping[str, int]
    alarms: Mapping[str, Mapping[str, int]]
    messages: list[str]

    def worst(self, monitor: str) -> int:
        """The most alarms of a month."""
        return max(self.alarms.get(monitor, {"": 0}).values())


def main() -> None:
    """Print what was raised, and where asked write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.false_alarms", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 11])
    parser.add_argument("--system", default="xgboost")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    settings = load_settings()
    few_seasons = settings.training.model_copy(update={"min_coverage": 0.5})  # in the first opponents are new
    settings = settings.model_copy(update={"training": few_seasons})
    found = []
    for seed in asked.seeds:
        with TemporaryDirectory(prefix="tipoff-quiet-") as folder:
            found.append(_measure(Path(folder), seed, asked.system, settings))
        for message in found[-1].messages:
            print(f"seed {seed}: {message}")
    lines = _table(found, asked.system)
    print("\n".join(lines))
    if asked.write:
        _write(lines)
    print(json.dumps(_summary(found)))


def _measure(folder: Path, seed: int, system: str, settings: Settings) -> Quiet:
    engine, days = make_season(folder, seed, system, settings)
    for day in days:
        with clock.moved_to(datetime.combine(day, MORNING, tzinfo=UTC)):
            watch(engine, settings, day, service=lambda: {"http://quiet": "none"})
    with engine.connect() as connection:
        raised = connection.execute(
            sa.select(alarms).where(alarms.c.origin == ORIGIN).order_by(alarms.c.alarm_id)
        ).all()
        readings = connection.execute(
            sa.select(
                monitor_readings.c.monitor,
                sa.func.count(monitor_readings.c.value).label("measured"),
                sa.func.sum(sa.cast(monitor_readings.c.is_bad, sa.Integer)).label("bad"),
            ).group_by(monitor_readings.c.monitor)
        ).all()
    engine.dispose()
    by_month: dict[str, Counter[str]] = {}
    for alarm in raised:
        by_month.setdefault(alarm.name, Counter())[f"{alarm.raised_at:%Y-%m}"] += 1
    return Quiet(
        seed=seed,
        first=days[0],
        last=days[-1],
        n_days=len(days),
        measured={row.monitor: row.measured for row in readings},
        bad={row.monitor: row.bad for row in readings},
        alarms=by_month,
        messages=[f"{alarm.raised_at:%Y-%m-%d} {alarm.subject}: {alarm.message}" for alarm in raised],
    )


def _table(found: list[Quiet], system: str) -> list[str]:
    spans = "; ".join(f"seed {each.seed}, {each.n_days} days {each.first} to {each.last}" for each in found)
    head = ["monitor", *(f"seed {each.seed}: readings | bad | alarms | most a month" for each in found)]
    told = (
        f"Measured on quiet simulated seasons predicted by {system}, trained again each month: {spans}. An alarm "
        f"counts in the month in which it is raised; at most {MOST} a monitor and month is allowed."
    )
    lines = [
        *textwrap.wrap(told, 122, break_on_hyphens=False),
        "",
        f"| {' | '.join(head)} |",
        f"|---|{'---:|---:|---:|---:|' * len(found)}",
    ]
    for name in MONITORS:
        cells = [
            f"{each.measured.get(name, 0):,} | {each.bad.get(name, 0):,} | "
            f"{sum(each.alarms.get(name, {}).values())} | {each.worst(name)}"
            for each in found
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _summary(found: list[Quiet]) -> dict[str, Any]:
    worst = {name: max(each.worst(name) for each in found) for name in MONITORS}
    return {"most_a_month": worst, "held": all(n <= MOST for n in worst.values())}


def _write(lines: list[str]) -> None:
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after)


if __name__ == "__main__":
    main()
