"""Files for whoever works elsewhere: whole, or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import UsageError

if TYPE_CHECKING:
    import polars as pl


@contextmanager
def written_whole(path: Path, *, make_folder: bool = False) -> Iterator[Path]:
    """A file beside `path` to write to; it takes the place of `path` in one step when the block ends.

    Where the block raises nothing is left of it, and what was at `path` stays.
    Raises UsageError where it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise UsageError(
            f"{str(path)!r} cannot be written: {error.strerror or error}.",
            remedy="Give --out a file in a folder that is there and that you may write.",
        ) from error
    finally:
        with suppress(OSError):  # it is in its place, or nobody may look
            temporary.unlink()


def write_rows(rows: pl.DataFrame, path: Path) -> None:
    """Write `rows` to `path`, CSV where its name ends so and parquet otherwise.

    Raises UsageError where it cannot be written.
    """
    with written_whole(path) as file:
        if path.suffix.lower() == ".csv":
            rows.write_csv(file)
        else:
            rows.write_parquet(file)
