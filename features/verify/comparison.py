"""Stored rows against the oracle's, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from contracts.feature_set import FeatureSet
from contracts.tables import FEATURE_ROW_COUNTS, FEATURE_ROW_LABELS
from features.raw.facts import RawFacts
from features.verify.oracle import Answer

TOLERANCE = 1e-9
"""Sums in another order, and decayed means carried on game by game, differ in their last bits: by 1e-13 at most in
20,000 real rows. A billionth of a point is the same value."""

ROW = "(row)"
"""The column of a mismatch that is a whole row: one that should not be there, or one that is not."""

_KEY = ["game_id", "player_id"]
_FACTS = ("game_date", "team_id", "season", "opponent_id", "state", "line", *FEATURE_ROW_COUNTS, *FEATURE_ROW_LABELS)
_KEPT_WITHOUT_HISTORY = (
    *("games_in_last_7_days", "games_vs_opponent", "home_away", "back_to_back", "playoff_game", "has_vegas_line"),
)
"""Without an active game behind him every other feature is NULL."""


@dataclass(frozen=True)
class Mismatch:
    """A stored cell that is not what the raw tables say; values as text, '' is NULL."""

    column: str
    game_id: str
    player_id: int
    game_date: date
    stored: str
    recomputed: str

    def __str__(self) -> str:
        stored, recomputed = self.stored or "NULL", self.recomputed or "NULL"
        place = f"game {self.game_id}, player {self.player_id} of {self.game_date}"
        return f"{self.column}: {place} is stored as {stored}, recomputed {recomputed}"


def find_mismatches(stored: pl.DataFrame, answer: Answer, raw: RawFacts, feature_set: FeatureSet) -> pl.DataFrame:
    """The cells of `stored` that the oracle does not confirm: the columns of Mismatch, one row a cell.

    `stored` has the payload columns of the feature table, all rows of some games; `answer` is about exactly these.
    Beside the features that the oracle knows: what a row is, who is expected, what happened, the names of what is
    missing, and that max_source_date is before the game.
    """
    both = stored.join(answer.columns, on=_KEY, how="left", suffix="_oracle", validate="1:1")
    names = [*_FACTS, *checked_features(answer, feature_set)]
    found = [
        *(_differing(both, name, _recomputed(name, feature_set)) for name in names),
        _differing(_with_slate(stored, answer), "is_expected", pl.col("is_expected_oracle")),
        _differing(stored, "missing", _missing_names(feature_set), stored=_sorted_names()),
        _told(
            stored.filter(pl.col("max_source_date") >= pl.col("game_date")), "max_source_date", pl.lit("an earlier day")
        ),
        *_rows_apart(stored, answer, raw),
    ]
    return pl.concat(found).sort("game_date", "game_id", "player_id", maintain_order=True)


def checked_features(answer: Answer, feature_set: FeatureSet) -> list[str]:
    """The features that the oracle knows, in order."""
    return [name for name in feature_set.names if name in answer.columns.columns]


def as_mismatches(cells: pl.DataFrame) -> list[Mismatch]:
    """Each row of `find_mismatches` as an object."""
    return [Mismatch(**row) for row in cells.iter_rows(named=True)]


def _recomputed(name: str, feature_set: FeatureSet) -> pl.Expr:
    theirs = pl.col(f"{name}_oracle")
    is_own = name in feature_set.names and name not in _KEPT_WITHOUT_HISTORY
    return pl.when("has_history").then(theirs) if is_own else theirs


def _differing(rows: pl.DataFrame, name: str, theirs: pl.Expr, stored: pl.Expr | None = None) -> pl.DataFrame:
    mine = pl.col(name) if stored is None else stored
    both = rows.with_columns(theirs.alias("theirs"), mine.alias("mine"))
    if both["mine"].dtype.is_float():
        both = both.with_columns(pl.col("theirs").cast(pl.Float64))
        apart = ((pl.col("mine") - pl.col("theirs")).abs() <= TOLERANCE).not_()
    else:
        apart = pl.col("mine") != pl.col("theirs")
    apart = apart.fill_null(value=False) | (pl.col("mine").is_null() != pl.col("theirs").is_null())
    return _told(both.filter(apart), name, pl.col("theirs"), stored=pl.col("mine"))


def _told(rows: pl.DataFrame, name: str, theirs: pl.Expr, stored: pl.Expr | None = None) -> pl.DataFrame:
    """The cells in the columns of Mismatch."""
    return rows.select(
        pl.lit(name).alias("column"),
        *_KEY,
        "game_date",
        _text(rows, pl.col(name) if stored is None else stored).alias("stored"),
        _text(rows, theirs).alias("recomputed"),
    )


def _text(rows: pl.DataFrame, value: pl.Expr) -> pl.Expr:
    """The value as people read it: what is beyond nine figures of a fraction differs from machine to machine."""
    is_fraction = rows.select(value.alias("value"))["value"].dtype.is_float()
    return (value.round_sig_figs(9) if is_fraction else value).cast(pl.String).fill_null("")


def _with_slate(stored: pl.DataFrame, answer: Answer) -> pl.DataFrame:
    # by player, whatever his team: one traded between the two teams is expected by the old one and plays for the new
    flags = answer.slate.select(*_KEY, pl.lit(value=True).alias("is_expected_oracle"))
    return stored.join(flags, on=_KEY, how="left").with_columns(pl.col("is_expected_oracle").fill_null(value=False))


def _missing_names(feature_set: FeatureSet) -> pl.Expr:
    """Which features are NULL in the row, in the order of the alphabet."""
    named = [pl.when(pl.col(name).is_null()).then(pl.lit(name)) for name in sorted(feature_set.names)]
    return pl.concat_str(named, separator=",", ignore_nulls=True)


def _sorted_names() -> pl.Expr:
    """Which features the text `reason:name,name;reason:name` names, in the order of the alphabet."""
    return (
        pl.col("missing")
        .str.replace_all(r"[a-z_0-9]+:", "")
        .str.replace_all(";", ",")
        .str.split(",")
        .list.sort()
        .list.join(",")
    )


def _rows_apart(stored: pl.DataFrame, answer: Answer, raw: RawFacts) -> list[pl.DataFrame]:
    """Players without a row who appeared or are expected, and rows of nobody such; the games are those of `stored`."""
    games = stored.select("game_id").unique()
    dates = raw.games.select("game_id", "game_date")
    appeared = raw.player_games.join(games, on="game_id", how="semi").select(_KEY)
    belonging = pl.concat([appeared, answer.slate.select(_KEY)]).unique()
    missing = belonging.join(stored, on=_KEY, how="anti").join(dates, on="game_id", how="left")
    there, absent = pl.lit("a row"), pl.lit("no row")
    return [
        _told(missing, ROW, there, stored=absent),
        _told(stored.join(belonging, on=_KEY, how="anti"), ROW, absent, stored=there),
    ]
