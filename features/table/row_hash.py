"""A hash for every row of a frame: the same on every machine, in every process, with every library version."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import polars as pl

Words = npt.NDArray[np.uint64]

_NULL = np.uint64(0xD1B54A32D192ED03)
"""A word that no short number and no usual float has."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def row_hashes(frame: pl.DataFrame) -> pl.Series:
    """One 64-bit hash a row (Int64, named row_hash) over the names and values of all columns, in any order.

    Values count by what they are: 0.0 and -0.0 are one value, NULL is none of them, a text is its UTF-8 bytes, a date
    its day, a time its microsecond in UTC. Every column is mixed with its name by splitmix64's finaliser
    (Steele, Lea and Flood 2014), the columns are summed, and the sum is mixed again.

    Raises ValueError for a column of another kind.
    """
    total = np.zeros(frame.height, dtype=np.uint64)
    for column in frame.iter_columns():
        total += _mix(_words(column) ^ text_hash(column.name))
    return pl.Series("row_hash", _mix(total + _GOLDEN).view(np.int64))


def text_hash(text: str) -> np.uint64:
    """The first 64 bits of a text's SHA-256."""
    return np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))


def _mix(words: Words) -> Words:
    words = words + _GOLDEN
    words ^= words >> np.uint64(30)
    words *= _MIX_1
    words ^= words >> np.uint64(27)
    words *= _MIX_2
    words ^= words >> np.uint64(31)
    return words


def _words(column: pl.Series) -> Words:
    """The column's values as 64-bit words, NULL as a word of its own."""
    values = _present_words(column)
    if column.null_count():
        values = np.where(column.is_null().to_numpy(), _NULL, values)
    return values


def _present_words(column: pl.Series) -> Words:
    kind = column.dtype
    if kind.is_float():
        return (column.cast(pl.Float64).fill_null(0.0).to_numpy() + 0.0).view(np.uint64)
    if kind == pl.String:
        return _text_words(column)
    if isinstance(kind, pl.Datetime):
        column = column.dt.epoch("us")
    elif not (kind.is_integer() or kind in (pl.Boolean, pl.Date, pl.Null)):
        raise ValueError(
            f"column {column.name} is {kind}: only numbers, texts, dates, times and truth values are hashed"
        )
    whole = column.cast(pl.Int32).cast(pl.Int64) if kind == pl.Date else column.cast(pl.Int64)
    return np.array(whole.fill_null(0).to_numpy(), dtype=np.int64).view(np.uint64)


def _text_words(column: pl.Series) -> Words:
    """One SHA-256 a distinct text, then looked up row by row."""
    distinct = column.drop_nulls().unique()
    if distinct.is_empty():
        return np.zeros(len(column), dtype=np.uint64)
    hashes = np.array([text_hash(text) for text in distinct.to_list()], dtype=np.uint64)
    places = column.cast(pl.Enum(distinct)).to_physical().fill_null(0).cast(pl.Int64).to_numpy()
    return np.asarray(hashes[places], dtype=np.uint64)
