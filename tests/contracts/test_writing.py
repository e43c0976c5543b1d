"""A transaction of `writing` is all or nothing, and whatever ends it lets go of the writer's lock."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from contracts.database import writing


class _CtrlC:
    """A value on which Ctrl-C arrives while the driver binds it, in the middle of a statement."""

    def __conform__(self, _protocol: object) -> object:
        raise KeyboardInterrupt


def test_ctrl_c_amid_a_statement_lets_go_of_the_lock_while_its_traceback_lives(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (n INTEGER)")
    try:
        with writing(engine) as connection:
            connection.exec_driver_sql("INSERT INTO numbers VALUES (?)", [(1,), (_CtrlC(),)])
        pytest.fail("Ctrl-C was lost")
    except KeyboardInterrupt:  # its traceback, and so the statement, lives to the end of this block
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=100")  # no test waits half a minute to fail
        with writing(engine) as connection:
            connection.exec_driver_sql("INSERT INTO numbers VALUES (2)")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT n FROM numbers").scalars().all() == [2]
