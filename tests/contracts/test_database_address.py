"""The database's address: an SQLite file or PostgreSQL; any other is refused, and no password is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.database import open_database, parse_address
from contracts.errors import UnavailableError, UsageError


@pytest.mark.parametrize(
    "url",
    [
        *("nonsense", " ", "http://x", "oracle://u:secret@h/x", "mysql://u:secret@h/x", "sqlite+aiosqlite:///x.db"),
        *("postgresql://u:secret@127.0.0.1:port/x", "postgresql+pg8000://u:secret@h/x"),
    ],
)
def test_an_address_of_no_database_of_ours_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        open_database(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    """It would be gone with the command, and the next one would find nothing."""
    with pytest.raises(UsageError, match="no SQLite file"):
        parse_address(url)


@pytest.mark.parametrize("url", ["sqlite:////somewhere/tipoff.db", "postgresql://u@h/n", "postgres://u@h/n"])
def test_the_two_databases_are_taken(url: str) -> None:
    assert parse_address(url).drivername in ("sqlite", "postgresql+psycopg")


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "tipoff.db"
    path.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(UnavailableError, match="file is not a database"):
        open_database(f"sqlite:///{path}")
    assert path.read_bytes() == bytes(range(256)) * 40, "it is left as it was"
