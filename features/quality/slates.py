"""Gates of the rows themselves: duplicates, rows against the schedule, who was expected against who played."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl

from contracts.populations import NAMES, population
from contracts.settings import QualitySettings
from features.quality.reference import Reference
from features.quality.verdict import Bench

PLAYER_GAME = ["game_id", "player_id"]
TEAM_GAME = ["game_id", "team_id"]


def judge_duplicates(bench: Bench, name: str, frame: pl.DataFrame) -> None:
    """No two rows of builder `name` have one key."""
    key = PLAYER_GAME if "player_id" in frame.columns else TEAM_GAME
    hashes = frame.select(pl.struct(key).hash()).to_series()
    n = frame.height - hashes.n_unique()
    n = n and frame.height - frame.select(key).n_unique()  # two keys may share a hash, and the hashes are quicker
    bench.at_most("duplicates", n, 0, detail=f"{n} rows of {name} repeat {' and '.join(key)}")


def slates(rows: pl.DataFrame, schedule: pl.DataFrame, dates: Collection[date], expected_days: int) -> pl.DataFrame:
    """One row a date of `dates` with a game, in order: how many teams, rows, expected, played, and both.

    `schedule` is features.builders.slate.team_schedule of all dates. Known teams are those that played at most
    `expected_days` before, for all that is known: only their players can be expected. Columns: game_date, n_teams,
    n_known_teams, n_rows, n_expected, n_played and n_both (in games of known teams), has_results, n_empty (known teams
    with nobody expected), n_without_rows (teams that must have rows and have none).
    """
    result = pl.when("has_results").then("game_date").forward_fill().shift(1).over("team_id")
    is_known = ((pl.col("game_date") - result).dt.total_days() <= expected_days).fill_null(value=False)
    teams = schedule.sort("team_id", "game_date").with_columns(is_known.alias("is_known"))
    teams = teams.filter(pl.col("game_date").is_in(list(dates)))
    is_expected, is_played = pl.col("is_expected"), pl.col("state") == "played"
    counts = rows.group_by(TEAM_GAME).agg(
        pl.len().alias("n_rows"),
        is_expected.sum().alias("n_expected"),
        is_played.sum().alias("n_played"),
        (is_expected & is_played).sum().alias("n_both"),
    )
    joined = teams.join(counts, on=TEAM_GAME, how="left").with_columns(pl.selectors.starts_with("n_").fill_null(0))
    known = pl.col("is_known")
    return (
        joined.group_by("game_date")
        .agg(
            pl.len().alias("n_teams"),
            known.sum().alias("n_known_teams"),
            pl.col("n_rows").sum(),
            *(pl.col(name).filter(known).sum() for name in ("n_expected", "n_played", "n_both")),
            pl.col("has_results").all(),
            (known & (pl.col("n_expected") == 0)).sum().alias("n_empty"),
            (pl.col("n_rows") == 0).filter(known | pl.col("has_results")).sum().alias("n_without_rows"),
        )
        .sort("game_date")
    )


def judge_slates(bench: Bench, slate: pl.DataFrame, settings: QualitySettings) -> None:
    """Every date against its schedule, and who was expected against who played; the worst date stands for all.

    Where all of the season's teams open it nobody can be expected: such dates are held to their rows alone. Before
    the games only players of known teams can have rows, so only these teams count then.
    """
    if slate.is_empty():
        return
    n_missing = int(slate["n_without_rows"].sum())
    bench.at_most("rows_of_schedule", n_missing, 0, detail=_dates_with(slate, "n_without_rows", "teams without a row"))
    n_empty = int(slate["n_empty"].sum())
    detail = _dates_with(slate, "n_empty", "teams of whom nobody is expected")
    bench.at_most("expected_of_schedule", n_empty, 0, population="expected", detail=detail)
    rated = slate.with_columns(
        (pl.col("n_rows") / pl.when("has_results").then("n_teams").otherwise("n_known_teams")).alias("rows_per_team"),
        (pl.col("n_expected") / pl.col("n_known_teams")).alias("expected_per_team"),
        (pl.col("n_both") / pl.col("n_played")).alias("played_expected"),
        (pl.col("n_both") / pl.col("n_expected")).alias("expected_played"),
    )
    known, over = pl.col("n_known_teams") > 0, pl.col("has_results")
    enough = pl.col("n_played") >= settings.min_slate_players
    _judge_worst(bench, rated.filter(over | known), "rows_per_team", settings.min_rows_per_team)
    _judge_worst(bench, rated.filter(known), "expected_per_team", settings.min_expected_per_team)
    for name, limit in (
        ("played_expected", settings.min_played_expected),
        ("expected_played", settings.min_expected_played),
    ):
        judged = rated.filter(known & over & enough)
        if judged.is_empty():
            most = max(rated["n_played"].to_list())
            bench.not_judged(name, most, settings.min_slate_players, "players on a date")
        _judge_worst(bench, judged, name, limit)


def judge_populations(bench: Bench, rows: pl.DataFrame, reference: Reference | None, settings: QualitySettings) -> None:
    """Each population's share of the rows that have a result, against the earlier rows' where there are any."""
    over = _with_results(rows)
    if over.height < settings.min_rows:
        bench.not_judged("population", over.height, settings.min_rows, "rows with a result")
        return
    active = shares(over)["played"] + shares(over)["early"]
    detail = f"{active:.1%} of {over.height} rows with a result were active"
    bench.at_least("active_share", active, settings.min_active_share, population="played and early", detail=detail)
    if reference is None or not reference.is_settled:
        return
    new, old = _with_results(reference.new), _with_results(reference.old)
    if min(new.height, old.height) < settings.min_rows:
        bench.not_judged("population_change", min(new.height, old.height), settings.min_rows, "rows with a result")
        return
    then = shares(old)
    for name, now in shares(new).items():
        if name == "lined" and now > then[name]:  # lines came since
            continue
        detail = f"{now:.1%} of the rows, {then[name]:.1%} then ({reference.kind})"
        bench.at_most(
            "population_change", abs(now - then[name]), settings.max_population_change, population=name, detail=detail
        )


def shares(rows: pl.DataFrame) -> dict[str, float]:
    """Each population's share of `rows`."""
    counted = rows.select(population(name).fill_null(value=False).mean().alias(name) for name in NAMES)
    return {name: share or 0.0 for name, share in counted.row(0, named=True).items()}


def _judge_worst(bench: Bench, slate: pl.DataFrame, name: str, limit: float) -> None:
    if slate.is_empty():
        return
    worst = slate.sort(name, "game_date").row(0, named=True)
    n_under = slate.filter(pl.col(name) < limit).height
    detail = (
        f"on {worst['game_date']}, the lowest of {n_under} such dates: {worst['n_teams']} teams, "
        f"{worst['n_rows']} rows, {worst['n_expected']} expected, {worst['n_played']} played, {worst['n_both']} of both"
    )
    bench.at_least(name, float(worst[name]), limit, population="expected", detail=detail)


def _dates_with(slate: pl.DataFrame, column: str, what: str) -> str:
    some = slate.filter(pl.col(column) > 0)
    return f"{what} on {', '.join(map(str, some['game_date'].head(5)))}" + (" ..." if some.height > 5 else "")


def _with_results(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("state") != "scheduled")
