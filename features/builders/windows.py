"""The windowing layer: the one way to look back, and it ends before the row's own date.

Results are sorted by (key, date). Every row finds the place of (its key, its date) among them with "strictly
before"; what a row may see ends there, so a result of its own date or later cannot be reached, whatever is asked.
Whole numbers are summed by differences of one running sum (exact); fractions are summed result by result, oldest
first. Either way a value depends on nothing but the results of the row's own key: any subset of whole keys gives
the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

Places = npt.NDArray[np.int64]
"""One place among the sorted events for each row."""

_DAY_ZERO = 730_000
"""Added to days since 1970, so that a date some years back is never negative."""

_KEY_STEP = 1 << 22
"""More than the number of any date up to the year 9999: one key's codes never reach the next key's."""


class Past:
    """What each of `rows` may look back on: the `events` of its key with a date before its own.

    `events` has the columns of `key`, `game_date`, and what is to be summed (no nulls there); `rows` has those of
    `key` and `game_date`. Answers are Series in the order of `rows`.
    """

    def __init__(self, events: pl.DataFrame, rows: pl.DataFrame, key: Sequence[str]) -> None:
        self._key = list(key)
        self.n_rows = rows.height
        self._events = events
        keys = events.select(self._key).unique(maintain_order=True).with_row_index("key_index")
        self._order, self._codes = _in_order(_codes(_indices(events, keys, self._key), events["game_date"]))
        self._row_dates = rows["game_date"]
        self._row_keys = _indices(rows, keys, self._key)
        self._start = self._place(self._row_keys * _KEY_STEP)
        self._end = self._place(_codes(self._row_keys, self._row_dates))
        self._ordered: dict[str, pl.Series] = {}
        self._running: dict[str, pl.Series] = {}
        self._days: dict[int, Window] = {}

    def whole(self) -> Window:
        """Every event of the key before the row's date (with a season in the key: the season so far)."""
        return Window(self, self._start, self._end)

    def days(self, n: int) -> Window:
        """Events with D-n <= date < D."""
        if n not in self._days:
            self._days[n] = self.since(self._row_dates - timedelta(days=n))
        return self._days[n]

    def since(self, first_dates: pl.Series) -> Window:
        """Events with first date <= date < D, one first date a row (NULL: no event)."""
        first_dates = first_dates.zip_with(first_dates.is_not_null(), self._row_dates)
        first = np.maximum(self._place(_codes(self._row_keys, first_dates)), self._start)
        return Window(self, np.minimum(first, self._end), self._end)

    def last(self, n: int, *, within_days: int | None = None, skip: int = 0) -> Window:
        """The last `n` events before D, fewer where there are fewer; `skip` leaves the latest ones out.

        `within_days`: none older than D minus that many days.
        """
        floor = self._start if within_days is None else self.days(within_days)._first
        end = np.maximum(self._end - skip, floor)
        return Window(self, np.maximum(end - n, floor), end)

    def latest(self, column: str) -> pl.Series:
        """The `column` of the latest event before D; NULL: none."""
        return self.last(1).values(column, 0)

    def decayed_mean(self, column: str, half_life: float) -> pl.Series:
        """The weighted mean of `column` over every event before D, NULL where there is none.

        The latest event weighs 1 and each earlier one 0.5 ** (1 / half_life) of the one after it.
        """
        keys = (self._column(name) for name in self._key)
        values = pl.DataFrame([*keys, self._summable(column).cast(pl.Float64).alias(column)])
        means = values.select(pl.col(column).ewm_mean(half_life=half_life, adjust=True).over(self._key)).to_series()
        place = pl.Series(self._end - 1)
        return means.gather(place.set(pl.Series(self._end == self._start), None))

    def _place(self, codes: pl.Series) -> Places:
        return np.searchsorted(self._codes, codes.to_numpy(), side="left")

    def _column(self, name: str) -> pl.Series:
        """A column of the events in the order of their places: gathered when it is asked for, for few ever are."""
        if self._order is None:
            return self._events[name]
        if name not in self._ordered:
            self._ordered[name] = self._events[name].gather(self._order)
        return self._ordered[name]

    def _summable(self, name: str) -> pl.Series:
        column = self._column(name)
        if column.null_count():
            raise ValueError(f"{column.null_count()} events have no {name}: a sum would take them for 0")
        return column

    def _running_sums(self, names: Sequence[str]) -> pl.DataFrame:
        """One column a name: at each place, the sum of the events before it."""
        missing = [name for name in names if name not in self._running]
        running = np.empty((len(missing), len(self._codes) + 1), np.int64)  # at once: one large piece is sooner there
        running[:, 0] = 0
        for name, sums in zip(missing, running, strict=True):
            np.cumsum(self._summable(name).to_numpy(), out=sums[1:], dtype=np.int64)
            self._running[name] = pl.Series(sums)
        return pl.DataFrame({name: self._running[name] for name in names})


@dataclass(frozen=True)
class Window:
    """A run of events for each row, all before the row's date."""

    _past: Past
    _first: Places
    _end: Places

    @cached_property
    def n_games(self) -> pl.Series:
        """How many events the window holds."""
        return pl.Series(self._end - self._first)

    @property
    def max_source_date(self) -> pl.Series:
        """The date of the latest event in the window; NULL where it is empty."""
        return self._gather("game_date", self._end - 1, self._end > self._first)

    def sum(self, column: str) -> pl.Series:
        """The sum of `column`; 0 where the window is empty."""
        if self._past._summable(column).dtype.is_float():
            return self._sum_one_by_one(column)
        return self.sums([column]).to_series()

    def mean(self, column: str) -> pl.Series:
        """The mean of `column`; NULL where the window is empty."""
        if self._past._summable(column).dtype.is_float():
            return self._sum_one_by_one(column) / self._n_games_or_null
        return self.means([column]).to_series()

    def sums(self, columns: Sequence[str]) -> pl.DataFrame:
        """The sums of columns of whole numbers, under their names, on every core; 0 where the window is empty."""
        return self._past._running_sums(columns).select(self._total(column) for column in columns)

    def means(self, columns: Sequence[str]) -> pl.DataFrame:
        """The means of columns of whole numbers, under their names, on every core; NULL where the window is empty."""
        n_games = self._n_games_or_null
        return self._past._running_sums(columns).select(self._total(column) / n_games for column in columns)

    def sample_std(self, column: str, squares: str) -> pl.Series:
        """The sample standard deviation (n-1) of whole numbers whose squares are in `squares`; NULL under 2 events."""
        n, total = self.n_games, self.sum(column)
        return ratio(n * self.sum(squares) - total * total, n * (n - 1)).sqrt()

    def values(self, column: str, age: int) -> pl.Series:
        """The `column` of the event `age` before the window's latest (0: the latest); NULL: none."""
        place = self._end - 1 - age
        return self._gather(column, place, place >= self._first)

    def earliest(self, column: str) -> pl.Series:
        """The `column` of the window's earliest event; NULL where it is empty."""
        return self._gather(column, self._first, self._end > self._first)

    def median(self, column: str) -> pl.Series:
        """The median of `column` (of an even number the mean of the middle two); NULL where the window is empty."""
        return self._of_each(column).list.median()

    def largest(self, column: str) -> pl.Series:
        """The largest `column`; NULL where the window is empty."""
        return self._of_each(column).list.max()

    def smallest(self, column: str) -> pl.Series:
        """The smallest `column`; NULL where the window is empty."""
        return self._of_each(column).list.min()

    @cached_property
    def _n_games_or_null(self) -> pl.Series:
        return self.n_games.set(self.n_games == 0, None).cast(pl.Float64)

    @cached_property
    def _places(self) -> tuple[pl.Series, pl.Series]:
        """The end and the first place, as polars looks them up without another copy."""
        index = pl.get_index_type()
        return pl.Series(self._end).cast(index), pl.Series(self._first).cast(index)

    def _total(self, column: str) -> pl.Expr:
        """The sum of `column`, over the running sums."""
        end, first = self._places
        return pl.col(column).gather(end) - pl.col(column).gather(first)

    def _of_each(self, column: str) -> pl.Series:
        """The values of `column` in the window as fractions, one list a row."""
        longest = int(self.n_games.max() or 0)  # type: ignore[arg-type]  # whole numbers, so never another kind
        ages = (self.values(column, age).cast(pl.Float64).alias(str(age)) for age in range(max(longest, 1)))
        return pl.DataFrame(ages).select(pl.concat_list(pl.all()).list.drop_nulls().alias(column)).to_series()

    def _sum_one_by_one(self, column: str) -> pl.Series:
        longest = int(self.n_games.max() or 0)  # type: ignore[arg-type]  # whole numbers, so never another kind
        total = pl.repeat(0.0, self._past.n_rows, eager=True)
        for step in range(longest):
            place = self._first + step
            total = total + self._gather(column, place, place < self._end).fill_null(0.0)
        return total

    def _gather(self, column: str, place: Places, there: npt.NDArray[np.bool_]) -> pl.Series:
        """The `column` of the event at each place; NULL where none is there."""
        return self._past._column(column).gather(pl.Series(place).set(~pl.Series(there), None))


def ratio(above: pl.Series, below: pl.Series) -> pl.Series:
    """above / below; NULL where below is 0."""
    return above / below.set(below == 0, None)


def pairs_with_latest(
    events: pl.DataFrame, rows: pl.DataFrame, *, subject: str, key: Sequence[str], until: pl.Expr | None = None
) -> pl.DataFrame:
    """Every (row, subject) such that the subject's latest event before the row's date has the row's key.

    `events` has `subject`, `key` and `game_date`; `rows` has `key` and `game_date`, any number a key. `until`, over
    the columns of events, is the last date for which an event counts (none: for ever). Returns the columns of
    `rows`, `subject` and `latest_date`, the date of that event, always before the row's game_date.
    """
    key = list(key)
    ordered = rows.sort([*key, "game_date"])
    keys = ordered.select(key).unique(maintain_order=True).with_row_index("key_index")
    next_date = pl.col("game_date").shift(-1).over(subject)
    last_date = next_date if until is None else pl.min_horizontal(next_date, until)
    spans = (
        events.sort(subject, "game_date")
        .with_columns(last_date.fill_null(pl.date(9999, 12, 31)).alias("last_date"))
        .join(keys, on=key, how="inner", maintain_order="left")
    )
    codes = _codes(_indices(ordered, keys, key), ordered["game_date"])
    index = spans["key_index"].cast(pl.Int64)
    spans = spans.with_columns(
        codes.search_sorted(_codes(index, spans["game_date"]), side="right").cast(pl.Int64).alias("from"),
        codes.search_sorted(_codes(index, spans["last_date"]), side="right").cast(pl.Int64).alias("to"),
    ).filter(pl.col("from") < pl.col("to"))
    pairs = spans.select(
        subject, pl.col("game_date").alias("latest_date"), pl.int_ranges("from", "to").alias("place")
    ).explode("place")
    return ordered[pairs["place"]].with_columns(pairs[subject], pairs["latest_date"])


def _in_order(codes: pl.Series) -> tuple[pl.Series | None, Places]:
    """The place of each event in order (None: they are in order), those of one code as they came; the codes sorted."""
    if codes.is_sorted():
        return None, codes.to_numpy()
    order = np.argsort(codes.to_numpy(), kind="stable")
    return pl.Series(order), codes.to_numpy()[order]


def _indices(frame: pl.DataFrame, keys: pl.DataFrame, key: Sequence[str]) -> pl.Series:
    """The number of each row's key among `keys`; -1, before every event, where it is none of them."""
    joined = frame.select(key).join(keys, on=list(key), how="left", maintain_order="left")
    return joined["key_index"].cast(pl.Int64).fill_null(-1)


def _codes(keys: pl.Series, dates: pl.Series) -> pl.Series:
    return keys * _KEY_STEP + dates.cast(pl.Int32).cast(pl.Int64) + _DAY_ZERO
