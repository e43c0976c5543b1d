"""Tools from the package index that look for leaks, on the same plants: leakprobe and timefence, where installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, time
from typing import Any
from unittest.mock import patch

import pandas as pd
import polars as pl

from benchmarks.leakbench.code_plants import CODE_PLANTS, CodePlant
from benchmarks.leakbench.planting import planted
from benchmarks.leakbench.world import STORE, World
from features.builders import future, league
from features.builders.compute import compute

CLOCKS = {"player_games": "game_date", "points_lines": "captured_at", "injuries": "reported_on"}
"""Raw table -> the column that says when its rows are known; a day is known at its end."""

ABOUT = """They are no dependencies of tipoff. Each sees the rows of v2_33features that the builders would have refused.
leakprobe cuts every raw table at the cut-off of one date and compares the rows of that date; timefence compares each
row's source date with its game date, and so relies on what the row says of itself.
"""
"""What the page says before the figures."""

LAST_MOMENT = time(22, 30)
"""The cut-off (UTC) of the small league's games with a tip-off time."""


def by_leakprobe(world: World) -> bool:
    """Whether leakprobe sees rows of the cut date that read something later than their cut-off.

    Every feature is declared to read every table, so that what counts is its cutoff probe. It moves box scores to
    dates that the schedule does not know; that this would be refused is passed over.
    """
    check: Callable[..., Any] = importlib.import_module("leakprobe").check
    sources = {name: _with_clock(getattr(world.raw, name), clock) for name, clock in CLOCKS.items()}
    with patch.object(league, "refuse_unscheduled", lambda _raw: None):
        report = check(
            lambda tables: _features(world, tables),
            sources,
            dict.fromkeys(CLOCKS, "clock"),
            {name: list(CLOCKS) for name in world.feature_set.names},
            cutoff=pd.Timestamp(datetime.combine(world.cut_date, LAST_MOMENT)),
        )
    return any(finding.kind in ("future", "leak") for finding in report.findings)


def by_timefence(world: World) -> bool:
    """Whether timefence's temporal audit sees a row whose source date is not before its game date."""
    audit: Callable[..., Any] = importlib.import_module("timefence").audit
    rows = compute(world.raw, world.feature_set, world.settings)[STORE]
    frame = rows.select("max_source_date", "game_date", "points_avg_last_10").to_pandas()
    return bool(
        audit(frame, feature_time_columns={"points_avg_last_10": "max_source_date"}, label_time="game_date").has_leakage
    )


TOOLS: Mapping[str, Callable[[World], bool]] = {"leakprobe": by_leakprobe, "timefence": by_timefence}


def installed_tools() -> dict[str, str]:
    """The tools that are installed -> their versions."""
    there = [name for name in TOOLS if importlib.util.find_spec(name) is not None]
    return {name: importlib.metadata.version(name) for name in there}


def told(world: World) -> str:
    """What each installed tool catches, in a sentence each; tools that are not installed are named."""
    versions = installed_tools()
    sentences = []
    for tool in TOOLS:
        if tool not in versions:
            sentences.append(f"- {tool} is not installed: `make leakbench` installs it beside the project.")
            continue
        caught, is_wrong = caught_by(tool, world)
        missed = [plant.name for plant in leaks() if plant.name not in caught]
        alarm = "it finds fault with the sound code too" if is_wrong else "it finds no fault with the sound code"
        through = f"; not caught: {'; '.join(missed)}" if missed else ""
        sentences.append(f"- {tool} {versions[tool]} catches {len(caught)} of {len(leaks())}; {alarm}{through}.")
    return "\n".join(sentences) + "\n"


def leaks() -> list[CodePlant]:
    """The plants that such tools look for; an error that looks the same in every future is none of them."""
    return [plant for plant in CODE_PLANTS if plant.is_leak]


def caught_by(tool: str, world: World) -> tuple[list[str], bool]:
    """The leaks in the code that `tool` catches, by name, and whether it finds fault where nothing is planted.

    The builders' own refusal is off: the tool sees the rows that would never have been written.
    """
    caught = [plant.name for plant in leaks() if _is_caught(TOOLS[tool], plant, world)]
    return caught, TOOLS[tool](world)


def _is_caught(tool: Callable[[World], bool], plant: CodePlant, world: World) -> bool:
    module = importlib.import_module(f"features.builders.{plant.module}")
    with planted(module, plant.old, plant.new), planted(future, "if seeing.height:", "if False:"):
        return tool(world)


def _with_clock(frame: pl.DataFrame, clock: str) -> pd.DataFrame:
    """The table as pandas, with `clock`: when each row is known, as a plain time in UTC."""
    moment = pl.col(clock).cast(pl.Datetime("us"))
    if frame.schema[clock] == pl.Date:
        moment = moment + pl.duration(days=1) - pl.duration(microseconds=1)
    if "captured_at" in frame.columns:
        moment = pl.coalesce(pl.col("captured_at").dt.replace_time_zone(None), moment)
    return frame.with_columns(moment.alias("clock")).to_pandas()


def _features(world: World, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The features of the rows expected on the cut date, from the tables as the tool has changed them."""
    frames = {name: _as_raw(world, name, table) for name, table in tables.items()}
    raw = replace(world.raw, **frames)  # type: ignore[arg-type]  # frames only
    rows = compute(raw, world.feature_set, world.settings, [world.cut_date])[STORE].filter("is_expected")
    made = rows.select("game_id", "player_id", *world.feature_set.names).to_pandas()
    return made.set_index(["game_id", "player_id"])


def _as_raw(world: World, name: str, table: pd.DataFrame) -> pl.DataFrame:
    """The raw table again, with its days and times as the tool has moved them."""
    like: pl.DataFrame = getattr(world.raw, name)
    moved = pl.from_pandas(table)
    clock = pl.col("clock").cast(pl.Datetime("us"))
    times = {
        column: pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        for column, kind in like.schema.items()
        if isinstance(kind, pl.Datetime)
    }
    if "captured_at" in times:
        times["captured_at"] = pl.when(pl.col("captured_at").is_not_null()).then(clock.dt.replace_time_zone("UTC"))
    if like.schema[CLOCKS[name]] == pl.Date:
        times[CLOCKS[name]] = clock.dt.date()
    return moved.select(
        times.get(column, pl.col(column)).cast(kind).alias(column) for column, kind in like.schema.items()
    )
