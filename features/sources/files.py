"""Files of one's own: CSV, gzipped CSV and parquet, read whole, every CSV value as the text it is."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

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
    """The table, read by pyarrow: a damaged file makes it raise, where Polars' own reader can end the process."""
    try:
        table = pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True).read()
        table.validate(full=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is not a whole parquet file: {_first_line(error)}.",
            remedy="It was cut short or damaged: fetch it again.",
        ) from error
    return pl.DataFrame(table)


def _csv(path: Path, content: bytes) -> pl.DataFrame:
    """The rows under the header line, all text; blank lines are none."""
    try:
        text = content.removeprefix(BYTE_ORDER_MARK).decode().strip("\r\n")
        _require_whole_rows(path, text)
        frame = pl.read_csv(text.encode(), infer_schema=False)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8: {error.reason}.", remedy="Save it as CSV in UTF-8.") from error
    except (csv.Error, pl.exceptions.PolarsError) as error:
        raise UsageError(
            f"{path} is not a readable CSV: {_first_line(error)}.", remedy="Save it as CSV in UTF-8."
        ) from error
    named = frame.rename({name: name.strip() for name in frame.columns})
    return named.filter(~pl.all_horizontal(pl.all().is_null()))


def _require_whole_rows(path: Path, text: str) -> None:
    """Raises UsageError where a column is named twice, or a record has another number of fields than the header."""
    names = [name.strip() for name in next(csv.reader([text.split("\n", 1)[0]]))]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"{path} has more than one column {', '.join(twice)}.", remedy="Keep one of each.")
    for number, n_fields in enumerate(_field_counts(text), start=1):
        if n_fields not in (0, len(names)):
            raise UsageError(
                f"{path} has {n_fields} instead of {len(names)} fields in record {number} (the header is 1).",
                remedy="It was cut short or damaged: fetch it again.",
            )


def _field_counts(text: str) -> Iterator[int]:
    """How many fields each record has, 0 for a blank line; quotes are looked at only where there are any."""
    if '"' in text:
        return (len(fields) for fields in csv.reader(io.StringIO(text, newline="")))
    return (line.count(",") + 1 if line.strip() else 0 for line in text.split("\n"))


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0].rstrip(".")
