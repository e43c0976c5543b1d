"""Each promotion, refusal and rollback is told once to each address; a step through Staging is not told apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from contracts import clock
from contracts.tables import model_versions
from registry.announcements import keep_delivery, undelivered
from registry.chain import append, exclusive
from registry.stages import Stage

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TOLD = ("promote", "refuse", "rollback")
MOVES = [
    ("register", Stage.NONE, Stage.NONE, None),
    ("promote", Stage.NONE, Stage.STAGING, None),
    ("promote", Stage.STAGING, Stage.PRODUCTION, {"passed": True, "tests": []}),
    ("refuse", Stage.PRODUCTION, Stage.PRODUCTION, {"passed": False, "tests": []}),
]


@pytest.fixture
def filled(engine: sa.Engine) -> sa.Engine:
    row = {"model_name": "m", "version": 1, "system": "x", "run_id": "r", "artifact_uri": "file:///x", "metrics": []}
    row |= {"sha256": "b" * 64, "feature_set": "f", "feature_set_hash": "h", "build_id": 1, "target": "points"}
    with exclusive(engine) as connection:
        connection.execute(sa.insert(model_versions).values(**row, registered_at=clock.now()))
        for action, before, after, verdict in MOVES:
            where = {"from_stage": before, "to_stage": after, "verdict": verdict}
            append(connection, model_name="m", version=1, action=action, sha256="b" * 64, actor="ana", **where)  # type: ignore[arg-type]  # by name
    return engine


def owed(engine: sa.Engine, address: str = "https://a", since: datetime = LONG_AGO) -> list[int]:
    return [entry.seq for entry in undelivered(engine, address, TOLD, since)]


def test_what_was_decided_is_owed_until_it_is_delivered_address_by_address(filled: sa.Engine) -> None:
    assert owed(filled) == [3, 4]
    keep_delivery(filled, 3, "https://a")
    keep_delivery(filled, 3, "https://a")
    assert owed(filled) == [4]
    assert owed(filled, "https://b") == [3, 4]


def test_what_is_long_past_is_not_owed_to_a_new_address(filled: sa.Engine) -> None:
    assert owed(filled, since=clock.now() + timedelta(seconds=1)) == []
