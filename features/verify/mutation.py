"""The mutation test: the future is changed in memory, and no row of a date before it may notice."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from contracts.clock import LEAGUE_ZONE
from contracts.feature_set import FeatureSet
from contracts.settings import FeatureSettings
from contracts.tables import BOX_COUNTS, FEATURE_ROW_LABELS
from features.builders.compute import BUILDERS, compute
from features.definitions_v3 import MARKET
from features.raw.facts import RawFacts

N_DATES = 6
"""How many dates' rows are watched: the cut date and the ones before it."""

_OWN_GAME = ("state", *FEATURE_ROW_LABELS)
"""What a row says of its own game: it changes with it, and is no feature."""

_CLOSING = tuple(feature.name for feature in MARKET)
"""What the closing lines of a row's own game say, to a set that accepts them."""


@dataclass(frozen=True)
class Leak:
    """A column whose rows of the cut date or before changed with the future."""

    change: str
    cut_date: date
    builder: str
    column: str
    n_rows: int
    game_id: str
    subject: str
    game_date: date
    before: str
    after: str

    def __str__(self) -> str:
        changed = f"changed in {self.n_rows} rows when {self.change} on or after {self.cut_date}"
        place = f"game {self.game_id}, {self.subject} of {self.game_date}"
        return f"{self.builder}.{self.column}: {changed} ({place}: {self.before} became {self.after})"


def find_leaks(raw: RawFacts, feature_set: FeatureSet, settings: FeatureSettings, cut_date: date) -> list[Leak]:
    """Every column of every builder that noticed a change on or after `cut_date`, a date on which games were played.

    Changes: all box scores, shots and day-stamped injury entries from that date on deleted; rewritten; one game of
    the date lost; points lines captured after the cut-off, and injury entries captured after the last cut-off of the
    date, rewritten and deleted; closing lines of the date's games and later ones rewritten, which only the date's own
    features of closing lines may notice, and only where the set accepts them. Rows that stand in both worlds are
    compared bit by bit.

    Raises RefusedError where the builders themselves refuse what they made.
    """
    played = raw.player_games["game_date"].unique().sort()
    dates = played.filter(played <= cut_date).tail(N_DATES).to_list()
    before = compute(raw, feature_set, settings, dates)
    leaks: list[Leak] = []
    for told, change in CHANGES.items():
        after = compute(change(raw, cut_date, settings.line_cutoff_minutes), feature_set, settings, dates)
        may_notice = _CLOSING if change is rewrite_closing_lines and feature_set.accept_closing_game_lines else ()
        leaks += _changed(told, cut_date, before, after, may_notice)
    return leaks


def cut_dates(raw: RawFacts, seed: int, first: date, last: date) -> list[date]:
    """Two dates on which games were played, first <= date <= last: any one, and one whose games have points lines."""
    inside = raw.player_games.filter(pl.col("game_date").is_between(first, last))
    lined = inside.join(raw.points_lines.select("game_id").unique(), on="game_id", how="semi")
    draw = random.Random(seed)  # noqa: S311 a sample, no secret
    pools = (sorted(frame["game_date"].unique().to_list()) for frame in (inside, lined))
    return sorted({draw.choice(pool) for pool in pools if pool})


def delete_from(raw: RawFacts, day: date, _line_cutoff_minutes: int) -> RawFacts:
    """As if nothing had been played on the day and after it, and nobody put on a list."""
    return replace(
        raw,
        player_games=raw.player_games.filter(pl.col("game_date") < day),
        shot_zones=raw.shot_zones.join(_games_from(raw, day), on="game_id", how="anti"),
        injuries=raw.injuries.filter(~_stamped_from(day)),
    )


def rewrite_from(raw: RawFacts, day: date, _line_cutoff_minutes: int) -> RawFacts:
    """Other figures, other winners and other lists on the day and after it."""
    later = pl.col("game_date") >= day
    counts = [name for name in BOX_COUNTS if name != "minutes"]
    shots = raw.shot_zones.select(pl.exclude("game_id", "player_id")).columns
    is_later = pl.col("game_id").is_in(_games_from(raw, day)["game_id"].implode())
    return replace(
        raw,
        player_games=raw.player_games.with_columns(
            pl.when(later).then(pl.col(counts) * 3 + 1).otherwise(pl.col(counts)),
            pl.when(later).then((pl.col("minutes") * 7) % 47 + 1).otherwise("minutes").alias("minutes"),
            pl.when(later).then(~pl.col("won")).otherwise("won").alias("won"),
        ),
        shot_zones=raw.shot_zones.with_columns(pl.when(is_later).then(pl.col(shots) * 2 + 1).otherwise(pl.col(shots))),
        injuries=_turned(raw.injuries, _stamped_from(day)),
    )


def lose_a_game(raw: RawFacts, day: date, _line_cutoff_minutes: int) -> RawFacts:
    """The day's first game is not there at all."""
    game = raw.player_games.filter(pl.col("game_date") == day)["game_id"].min()
    return replace(raw, player_games=raw.player_games.filter(pl.col("game_id") != game))


def rewrite_late_captures(raw: RawFacts, day: date, line_cutoff_minutes: int) -> RawFacts:
    """Lines captured after their game's cut-off, and entries after the day's last, say something else."""
    late = _late_lines(raw, line_cutoff_minutes)
    return replace(
        raw,
        points_lines=raw.points_lines.with_columns(pl.when(late).then(pl.col("line") + 7.0).otherwise("line")),
        injuries=_turned(raw.injuries, _late_entries(raw, day, line_cutoff_minutes)),
    )


def delete_late_captures(raw: RawFacts, day: date, line_cutoff_minutes: int) -> RawFacts:
    """Lines captured after their game's cut-off, and entries after the day's last, are not there."""
    return replace(
        raw,
        points_lines=raw.points_lines.filter(~_late_lines(raw, line_cutoff_minutes)),
        injuries=raw.injuries.filter(~_late_entries(raw, day, line_cutoff_minutes)),
    )


def rewrite_closing_lines(raw: RawFacts, day: date, _line_cutoff_minutes: int) -> RawFacts:
    """Other spreads and totals for the games of the day and after it; those that nobody gave stay unknown."""
    later = pl.col("game_id").is_in(_games_from(raw, day)["game_id"].implode())
    return replace(
        raw,
        game_lines=raw.game_lines.with_columns(
            pl.when(later).then(pl.col(name) + by).otherwise(name).alias(name)
            for name, by in (("spread_home", 7.0), ("total", 20.0))
        ),
    )


CHANGES: Mapping[str, Callable[[RawFacts, date, int], RawFacts]] = {
    "games and injury entries were deleted": delete_from,
    "games and injury entries were rewritten": rewrite_from,
    "one game of the date was lost": lose_a_game,
    "lines and entries captured after the cut-off were rewritten": rewrite_late_captures,
    "lines and entries captured after the cut-off were deleted": delete_late_captures,
    "closing lines were rewritten": rewrite_closing_lines,
}
"""What is told of a change -> (raw facts, cut date, line_cutoff_minutes) -> the world with another future."""


def _games_from(raw: RawFacts, day: date) -> pl.DataFrame:
    return raw.games.filter(pl.col("game_date") >= day).select("game_id")


def _stamped_from(day: date) -> pl.Expr:
    """Entries stamped with a day only, that day or later."""
    return pl.col("captured_at").is_null() & (pl.col("reported_on") >= day)


def _turned(injuries: pl.DataFrame, which: pl.Expr | pl.Series) -> pl.DataFrame:
    """Who was out is available, and everybody else is out."""
    other = pl.when(pl.col("status") == "out").then(pl.lit("available")).otherwise(pl.lit("out"))
    return injuries.with_columns(pl.when(which).then(other).otherwise("status").alias("status"))


def _late_lines(raw: RawFacts, line_cutoff_minutes: int) -> pl.Series:
    """Which snapshots were captured after tip-off minus the cut-off; without a tip-off time all of them."""
    tips = raw.games.select("game_id", pl.col("tip_off_at").alias("game_tip_off_at"))
    tip_off = pl.coalesce("game_tip_off_at", "tip_off_at")
    in_time = pl.col("captured_at") + pl.duration(minutes=line_cutoff_minutes) <= tip_off
    lines = raw.points_lines.join(tips, on="game_id", how="left", maintain_order="left")
    return ~lines.select(in_time.fill_null(value=False)).to_series()


def _late_entries(raw: RawFacts, day: date, line_cutoff_minutes: int) -> pl.Expr:
    """Entries captured after the last moment that any game of the day may know; a game without tip-off: midnight."""
    midnight = pl.col("game_date").cast(pl.Datetime("us")).dt.replace_time_zone(LEAGUE_ZONE.key)
    moments = raw.games.filter(pl.col("game_date") == day).select(
        pl.coalesce(
            pl.col("tip_off_at") - pl.duration(minutes=line_cutoff_minutes), midnight.dt.convert_time_zone("UTC")
        )
    )
    return (pl.col("captured_at") > moments.to_series().max()).fill_null(value=False)


def _changed(
    change: str,
    cut_date: date,
    before: Mapping[str, pl.DataFrame],
    after: Mapping[str, pl.DataFrame],
    may_notice: Collection[str],
) -> list[Leak]:
    """What changed, save the columns `may_notice` in rows of the cut date."""
    leaks: list[Leak] = []
    for builder in BUILDERS:
        one, other = _rows_of_both(before[builder], after[builder])
        names = [name for name in one.columns if name not in _OWN_GAME]
        for name in names:
            apart = one[name].ne_missing(other[name])
            if name in may_notice:
                apart &= one["game_date"] < cut_date
            leaks += _leak(change, cut_date, builder, name, one.filter(apart), other.filter(apart))
    return leaks + _changed_slate(change, cut_date, before[BUILDERS[-1]], after[BUILDERS[-1]])


def _rows_of_both(one: pl.DataFrame, other: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Who appeared decides which rows there are beside the expected ones: rows that both worlds have, in one order."""
    key = _key(one)
    return tuple(  # type: ignore[return-value]  # two of them
        mine.join(theirs.select(key), on=key, how="semi").sort(key) for mine, theirs in ((one, other), (other, one))
    )


def _changed_slate(change: str, cut_date: date, before: pl.DataFrame, after: pl.DataFrame) -> list[Leak]:
    """Who is expected in a game does not depend on who then appeared."""
    leaks: list[Leak] = []
    for mine, theirs, told in ((before, after, ("true", "no row")), (after, before, ("no row", "true"))):
        expected = mine.filter("is_expected").join(theirs.select("game_id"), on="game_id", how="semi")
        gone = expected.join(theirs, on=["game_id", "player_id"], how="anti").sort("game_id", "player_id")
        if gone.height:
            first = gone.row(0, named=True)
            leaks.append(
                Leak(
                    change, cut_date, BUILDERS[-1], "is_expected", gone.height, first["game_id"],
                    f"player {first['player_id']}", first["game_date"], *told,
                )
            )  # fmt: skip
    return leaks


def _leak(
    change: str, cut_date: date, builder: str, name: str, one: pl.DataFrame, other: pl.DataFrame
) -> Sequence[Leak]:
    if one.is_empty():
        return ()
    first = one.row(0, named=True)
    subject = "player" if "player_id" in first else "team"
    told = [_text(frame[name][0]) for frame in (one, other)]
    place = (first["game_id"], f"{subject} {first[f'{subject}_id']}", first["game_date"])
    return (Leak(change, cut_date, builder, name, one.height, *place, *told),)


def _text(value: object) -> str:
    return "NULL" if value is None else str(value)


def _key(frame: pl.DataFrame) -> list[str]:
    return ["game_id", "player_id" if "player_id" in frame.columns else "team_id"]
