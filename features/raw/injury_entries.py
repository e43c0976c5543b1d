"""Entries of injury lists into the raw table: what was published, in its order within a player's day."""

from __future__ import annotations

import polars as pl
import sqlalchemy as sa

from contracts import tables
from features.raw.upsert import Written, rows_of, write_changed, written

PUBLISHED_STATUSES = {
    "returned": "available",
    **{name: name for name in ("available", "probable", "questionable", "day_to_day", "doubtful", "out")},
}
"""Status as published -> ours; 'out' with DTD in its note is day_to_day."""

DAY = ("player_id", "reported_on")
ENTRY = (*DAY, "status", "note")


def write_injuries(connection: sa.Connection, rows: pl.DataFrame) -> Written:
    """Fills injuries from checked rows; an entry captured several times is known since the earliest."""
    entries = as_entries(rows)
    known = rows_of(connection, sa.select(tables.injuries), tables.injuries.c.player_id, entries["player_id"])
    placed = place(entries, known)
    return written(placed, write_changed(connection, tables.injuries, placed, known))


def as_entries(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in our statuses, each entry once: where it stood last, with the earliest capture (if any has one)."""
    is_day_to_day = (pl.col("status") == "out") & pl.col("note").str.contains(r"\bDTD\b")
    named = rows.with_columns(pl.col("note").fill_null("")).with_columns(
        pl.when(is_day_to_day)
        .then(pl.lit("day_to_day"))
        .otherwise(pl.col("status").replace(PUBLISHED_STATUSES))
        .alias("status"),
    )
    earliest = named.with_columns(pl.col("captured_at").min().over(ENTRY))
    return earliest.sort("source", "row").unique(ENTRY, keep="last", maintain_order=True)


def place(entries: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The entries with `entry`, their place within the player's day, beside those known (columns of injuries).

    The source's order holds where it has all that is known of the day; else known entries keep their places and
    new ones follow. `captured_at` is the earlier of the two.
    """
    captures = known.select(*ENTRY, pl.col("captured_at").alias("known_capture"), pl.col("entry").alias("known_entry"))
    days = known.group_by(DAY).agg(pl.len().alias("n_known"), (pl.col("entry").max() + 1).alias("next_entry"))
    beside = entries.join(captures, on=ENTRY, how="left", maintain_order="left")
    beside = beside.join(days, on=DAY, how="left", maintain_order="left")
    is_new = pl.col("known_entry").is_null()
    has_all_known = pl.col("n_known").fill_null(0) == (~is_new).sum().over(DAY)
    following = pl.col("next_entry") + is_new.cum_sum().over(DAY) - 1
    beside_known = pl.coalesce("known_entry", following)
    return beside.with_columns(
        pl.when(has_all_known).then(pl.int_range(pl.len()).over(DAY)).otherwise(beside_known).alias("entry"),
        pl.min_horizontal("captured_at", "known_capture").alias("captured_at"),
    )
