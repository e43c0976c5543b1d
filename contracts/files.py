"""Files for whoever works elsewhere: a frame as parquet or CSV, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import UsageError

if TYPE_CHECKING:
    import polars as pl


def write_whole(rows: pl.DataFrame, path: Path) -> None:
    """Write `rows` to `path`, CSV where its name ends so and parquet otherwise; the file appears in one step.

    Raises UsageError where it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.suffix.lower() == ".csv":
            rows.write_csv(temporary)
        else:
            rows.write_parquet(temporary)
        temporary.replace(path)
    except OSError as error:
        raise UsageError(
            f"{str(path)!r} cannot be written: {error.strerror or error}.",
            remedy="Give --out a file in a folder that is there and that you may write.",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
