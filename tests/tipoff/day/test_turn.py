"""One at a time: by a file on one machine, by the database on many."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.errors import RefusedError
from tipoff.day.turn import is_running, one_at_a_time


def test_the_second_is_refused_with_the_words_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "day.lock"
    assert not is_running(path)
    with one_at_a_time(path, "the day of 2024-03-01"):
        assert is_running(path)
        with pytest.raises(RefusedError, match="the day of 2024-03-01, process"), one_at_a_time(path, "another"):
            pass
    assert not is_running(path)
    with one_at_a_time(path, "another"):
        pass


def test_another_machine_of_the_same_postgresql_is_refused(tmp_path: Path, postgres: sa.Engine) -> None:
    """Two homes, as on two machines."""
    here, there = tmp_path / "here" / "day.lock", tmp_path / "there" / "day.lock"
    with one_at_a_time(here, "the day", postgres, 7208):
        with pytest.raises(RefusedError, match="another machine"), one_at_a_time(there, "the day", postgres, 7208):
            pass
        with one_at_a_time(there, "a replay"):
            pass
    with one_at_a_time(there, "the day", postgres, 7208):
        pass
