"""The quality gates of a build: every test over its rows, the verdict kept with it, refused where one failed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import sqlalchemy as sa

from contracts.database import writing
from contracts.errors import UsageError
from contracts.feature_set import FeatureSet
from contracts.settings import QualitySettings, Settings
from contracts.tables import builds
from features.builders.future import refuse_future_sources
from features.builders.slate import team_schedule
from features.quality.columns import judge_columns, refuse_not_a_number
from features.quality.comparison import had_values, judge_comparison
from features.quality.profile import profile
from features.quality.reference import Reference, find_references
from features.quality.slates import judge_duplicates, judge_populations, judge_slates, slates
from features.quality.verdict import Bench, Finding, Verdict
from features.raw.facts import RawFacts
from features.table.builds import FEATURE_STORE

NO_SLATE = pl.DataFrame(
    schema={"game_date": pl.Date, **dict.fromkeys(("n_teams", "n_rows", "n_expected", "n_played", "n_both"), pl.Int64)}
)


@dataclass(frozen=True)
class Computed:
    """What is judged: the builders' frames by name, what everything raw says, and the dates that were asked for."""

    frames: Mapping[str, pl.DataFrame]
    raw: RawFacts
    dates: Collection[date]


def check_build(
    engine: sa.Engine,
    build_id: int,
    feature_set: FeatureSet,
    settings: Settings,
    computed: Computed,
    *,
    accept: str | None = None,
) -> list[Finding]:
    """What a person should know about the rows of running build `build_id`; its verdict is kept in builds.quality.

    `accept` is the reason why it passes even where gates fail.

    Raises RefusedError where a row knows its own date, a value is not a number or a gate failed and nobody accepted
    it (naming test, column, figure and limit); UsageError where `accept` is blank.
    """
    if accept is not None and not accept.strip():
        raise UsageError("The reason to accept the build is empty.", remedy="Say why: --accept-quality REASON.")
    rows = computed.frames[FEATURE_STORE]
    with engine.connect() as connection:
        references = find_references(connection, feature_set, rows, settings.quality)
    schedule = team_schedule(computed.raw, settings.features)
    slate = slates(rows, schedule, computed.dates, settings.features.expected_days)
    verdict = judge(computed.frames, feature_set, settings.quality, references, slate)
    verdict = Verdict(verdict.tests, accept.strip() if accept and verdict.failures else None)
    kept = verdict.as_json() | {"profile": profile(rows, feature_set, next(iter(references), None), slate)}
    with writing(engine) as connection:
        connection.execute(sa.update(builds).where(builds.c.build_id == build_id).values(quality=kept))
    verdict.refuse(build_id)
    return verdict.findings


def judge(
    frames: Mapping[str, pl.DataFrame],
    feature_set: FeatureSet,
    settings: QualitySettings,
    references: Sequence[Reference] = (),
    slate: pl.DataFrame = NO_SLATE,
) -> Verdict:
    """The verdict on the builders' `frames`: pure, and the same whoever asks.

    `references` are the earlier rows to hold them against, `slate` what features.quality.slates counted.

    Raises RefusedError, which nobody can accept away, where a row knows something of its own date or later or a value
    is not a number.
    """
    bench = Bench()
    for name, frame in frames.items():
        refuse_future_sources(name, frame)
        refuse_not_a_number(name, frame)
        judge_duplicates(bench, name, frame)
    rows = frames[FEATURE_STORE]
    had = {name for reference in references for name in had_values(reference, feature_set, settings)}
    if "n_teams" in slate.columns and slate.height:
        judge_slates(bench, slate, settings)
    judge_populations(bench, rows, next(iter(references), None), settings)
    judge_columns(bench, rows, feature_set, had, settings)
    for reference in references:
        judge_comparison(bench, reference, feature_set, settings)
    return Verdict(tuple(bench.tests))


def stored_quality(connection: sa.Connection, build_id: int) -> dict[str, Any] | None:
    """The verdict and the profile kept with build `build_id`, whatever became of it; None where none was."""
    return connection.execute(sa.select(builds.c.quality).where(builds.c.build_id == build_id)).scalar()
