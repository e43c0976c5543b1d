"""Files come in as they are, and a file that is broken says so."""

from __future__ import annotations

import gzip
import hashlib
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import UsageError
from features.sources.files import read_file

CSV = "game_id,line\n0022300001,24.5\n0022300002,\n"


def _written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.fixture
def parquet(tmp_path: Path) -> bytes:
    frame = pl.DataFrame({"game_id": ["0022300001"] * 500, "line": [24.5, None] * 250})
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def test_a_csv_is_text_throughout_so_that_an_id_keeps_its_zeros(tmp_path: Path) -> None:
    source = read_file(_written(tmp_path, "lines.csv", CSV.encode()))
    assert source.frame.rows() == [("0022300001", "24.5"), ("0022300002", None)]
    assert source.frame.dtypes == [pl.String, pl.String]
    assert source.name.endswith("lines.csv")


def test_the_hash_is_of_the_bytes_as_stored(tmp_path: Path) -> None:
    content = gzip.compress(CSV.encode())
    assert read_file(_written(tmp_path, "lines.csv.gz", content)).sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(CSV.encode()),
        CSV.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + CSV.encode(),
        CSV.rstrip("\n").encode(),
        CSV.replace("\n", "\n\n").encode() + b"\n\n",
        CSV.replace("game_id,line", ' game_id , "line"').replace(' "', '"').encode(),
    ],
    ids=["gzip", "CRLF", "byte order mark", "no last line end", "blank lines", "spaces and quotes in the header"],
)
def test_a_csv_reads_alike_however_it_was_saved(tmp_path: Path, content: bytes) -> None:
    frame = read_file(_written(tmp_path, "lines.csv", content)).frame
    assert frame.columns == ["game_id", "line"]
    assert frame.rows() == [("0022300001", "24.5"), ("0022300002", None)]


def test_what_a_file_holds_is_told_by_its_bytes(tmp_path: Path, parquet: bytes) -> None:
    assert read_file(_written(tmp_path, "lines.csv", gzip.compress(parquet))).frame.height == 500
    assert read_file(_written(tmp_path, "lines.parquet", parquet)).frame.schema["line"] == pl.Float64


def test_unicode_and_quoted_values_come_through(tmp_path: Path) -> None:
    text = 'name,note\nDāvis Bertāns,"sore, left\nknee"\n'
    assert read_file(_written(tmp_path, "a.csv", text.encode())).frame.rows() == [("Dāvis Bertāns", "sore, left\nknee")]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b" \r\n\n", "is empty"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("a.csv.gz", b"game_id,line\n", "not a whole gzip file"),
        ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:-9], "not a whole gzip file"),
        ("a.parquet", CSV.encode(), "not a whole parquet file"),
        ("a.csv", b"game_id,line\n0022300001\n0022300002,1\n", "1 instead of 2 fields in record 2"),
        ("a.csv", b"game_id,line\n0022300001,24.5\n00223", "1 instead of 2 fields in record 3"),
        ("a.csv", b"game_id,line\n0022300001,24.5,7\n", "3 instead of 2 fields in record 2"),
        ("a.csv", b'game_id,line\n"0022300001,24.5\n', "1 instead of 2 fields in record 2"),
        ("a.csv", b"line,line\n1,2\n", "more than one column line"),
        ("a.csv", b"name,line\n\xe9t\xe9,2\n", "not text in UTF-8"),
        ("a.csv", "name,line\nx,2\n".encode("utf-16"), "not text in UTF-8"),
    ],
)
def test_a_broken_file_is_refused_by_name(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = _written(tmp_path, name, content)
    with pytest.raises(UsageError, match=words) as refusal:
        read_file(path)
    assert str(path) in refusal.value.message
    assert refusal.value.exit_code == 2
    assert refusal.value.remedy


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no file .*nowhere\.csv"):
        read_file(tmp_path / "nowhere.csv")
    with pytest.raises(UsageError, match="is a folder"):
        read_file(tmp_path)


def test_a_parquet_cut_anywhere_is_refused(tmp_path: Path, parquet: bytes) -> None:
    for length in range(1, len(parquet), 17):
        with pytest.raises(UsageError, match="not a whole parquet file"):
            read_file(_written(tmp_path, "cut.parquet", parquet[:length]))


def test_a_gzip_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(CSV.encode() * 30)
    for length in range(1, len(whole), 5):
        with pytest.raises(UsageError, match="not a whole gzip file"):
            read_file(_written(tmp_path, "cut.csv.gz", whole[:length]))


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_rows_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = _written(tmp_path_factory.getbasetemp(), "any.csv", content)
    try:
        words = str(read_file(path).frame.columns)
    except UsageError as refusal:
        words = refusal.message.partition(str(path))[2]
    assert words
