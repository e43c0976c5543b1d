"""Files of one's own: CSV, gzipped CSV and parquet, read whole, every CSV value as the text it is."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from contracts.errors import UsageError

GZIP_MARK = b"\x1f\x8b"
PARQUET_MARK = b"PAR1"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Source:
    """Rows as their giver laid them out, under a name for people, with the SHA-256 (hex) of the bytes they came in."""

    name: str
    frame: pl.DataFrame
    sha256: str


def read_file(path: Path) -> Source:
    """The rows of the file at `path`; what it holds is told by its bytes, whatever it is called.

    A CSV is UTF-8 with a header line, and all its columns come as text: nothing is guessed.
    Raises UsageError for a path that is missing or a folder, and for a file that is empty, cut short or unreadable.
    """
    stored = _bytes_of(path)
    content = _unzipped(path, stored) if stored.startswith(GZIP_MARK) or path.suffix == ".gz" else stored
    if not content.strip():
        raise UsageError(f"{path} is empty.", remedy="Give a CSV with a header line, or a parquet file.")
    is_parquet = content.startswith(PARQUET_MARK) or path.suffix == ".parquet"
    frame = _parquet(path, content) if is_parquet else _csv(path, content)
    return Source(str(path), frame, hashlib.sha256(stored).hexdigest())


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}.", remedy="Check the path.") from None
    except IsADirectoryError:
        raise UsageError(
            f"{path} is a folder, not a file.", remedy=f"Name the files in it, as in {path}/*.csv.gz."
        ) from None
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", remedy="Check the path and its permissions."
        ) from error


def _unzipped(path: Path, stored: bytes) -> bytes:
    try:
        return gzip.decompress(stored)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UsageError(
            f"{path} is not a whole gzip file: {error}.", remedy="It was cut short or damaged: fetch it again."
        ) from error


def _parquet(path: Path, content: bytes) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise UsageError(
            f"{path} is not a whole parquet file: {_first_line(error)}.",
            remedy="It was cut short or damaged: fetch it again.",
        ) from error


def _csv(path: Path, content: bytes) -> pl.DataFrame:
    text = content.removeprefix(BYTE_ORDER_MARK)
    header = _header(path, text)
    _refuse_half_a_row(path, text, header)
    try:
        frame = pl.read_csv(text, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise UsageError(
            f"{path} is not a readable CSV: {_first_line(error)}.", remedy="Save it as CSV in UTF-8."
        ) from error
    return frame.rename({name: name.strip() for name in frame.columns})


def _header(path: Path, text: bytes) -> list[str]:
    """The names of the columns.

    Raises UsageError where the first line is not text in UTF-8 or names a column twice.
    """
    try:
        names = _fields(text.lstrip(b"\r\n").split(b"\n", 1)[0])
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8: {error.reason}.", remedy="Save it as CSV in UTF-8.") from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"{path} has more than one column {', '.join(twice)}.", remedy="Keep one of each.")
    return names


def _refuse_half_a_row(path: Path, text: bytes, header: list[str]) -> None:
    """A last line without a line's end and with too few fields is what a broken download leaves."""
    last = text.rsplit(b"\n", 1)[-1]
    if not last.strip() or b'"' in last:
        return
    n_fields = last.count(b",") + 1
    if n_fields < len(header):
        raise UsageError(
            f"{path} ends in the middle of a row: its last line has {n_fields} of {len(header)} fields.",
            remedy="It was cut short: fetch it again.",
        )


def _fields(line: bytes) -> list[str]:
    return [name.strip() for name in next(csv.reader([line.decode()]), [])]


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0].rstrip(".")
