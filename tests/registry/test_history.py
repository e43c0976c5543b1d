"""The history only grows, and whoever alters it is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from contracts import clock
from contracts.tables import model_versions, promotion_history
from registry.chain import append, exclusive
from registry.history import Break, Entry, head, read_history, verify_history
from registry.stages import Stage
from registry.verdict import Test, Verdict

SHA256 = "b" * 64
NAME = "tipoff-points"


@pytest.fixture
def filled(engine: sa.Engine) -> sa.Engine:
    """Two versions, five entries: both registered, version 1 through Staging to Production, version 2 refused."""
    verdict = Verdict.of([Test("bias", False, "mean error +0.9", 0.9, "-0.75 to 0.75")]).to_json()
    moves = [
        (1, "register", Stage.NONE, Stage.NONE, None),
        (2, "register", Stage.NONE, Stage.NONE, None),
        (1, "promote", Stage.NONE, Stage.STAGING, None),
        (1, "promote", Stage.STAGING, Stage.PRODUCTION, verdict),
        (2, "refuse", Stage.NONE, Stage.NONE, verdict),
    ]
    with exclusive(engine) as connection:
        for version in (1, 2):
            connection.execute(
                sa.insert(model_versions).values(
                    model_name=NAME,
                    version=version,
                    system="xgboost",
                    run_id="r",
                    artifact_uri="file:///x",
                    sha256=SHA256,
                    feature_set="f",
                    feature_set_hash="h",
                    build_id=1,
                    target="points",
                    metrics=[],
                    registered_at=clock.now(),
                )
            )
        for version, action, before, after, kept in moves:
            append(
                connection,
                model_name=NAME,
                version=version,
                action=action,
                from_stage=before,
                to_stage=after,
                sha256=SHA256,
                actor="ana",
                verdict=kept,
            )
    return engine


def read(engine: sa.Engine) -> list[Entry]:
    return read_history(engine)


def breaks(engine: sa.Engine, known_head: str | None = None) -> list[Break]:
    return verify_history(engine, known_head)


def tamper(engine: sa.Engine, statement: str) -> None:
    """Alter the file as its owner can: the triggers away first."""
    with engine.begin() as connection:
        names = connection.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
        for name in names:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql(statement)


def test_an_untouched_history_holds(filled: sa.Engine) -> None:
    entries = read(filled)
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    assert entries[4].verdict is not None
    assert entries[4].verdict["tests"][0]["figure"] == 0.9
    assert breaks(filled) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE promotion_history SET actor = 'bob' WHERE seq = 4",
        "DELETE FROM promotion_history WHERE seq = 5",
        "INSERT OR REPLACE INTO promotion_history SELECT seq, model_name, version, action, from_stage, to_stage, "
        "sha256, at, 'bob', reason, verdict, previous_hash, hash FROM promotion_history WHERE seq = 4",
        "UPDATE model_versions SET sha256 = '" + "c" * 64 + "'",
        "DELETE FROM model_versions",
    ],
)
def test_the_database_refuses_to_alter_history_or_versions(filled: sa.Engine, statement: str) -> None:
    before = read(filled)
    with pytest.raises(sa.exc.IntegrityError, match="is append-only"), filled.begin() as connection:
        connection.exec_driver_sql(statement)
    assert read(filled) == before


@pytest.mark.parametrize(
    ("statement", "seq", "problem"),
    [
        ("UPDATE promotion_history SET actor = 'bob' WHERE seq = 4", 4, "was altered"),
        ("UPDATE promotion_history SET verdict = '{\"passed\": true}' WHERE seq = 5", 5, "was altered"),
        ("UPDATE promotion_history SET at = '2020-01-01 00:00:00.000000' WHERE seq = 1", 1, "was altered"),
        ("DELETE FROM promotion_history WHERE seq = 3", 4, "was removed"),
        ("UPDATE promotion_history SET hash = 'f' WHERE seq = 2", 3, "another hash"),
        ("UPDATE model_versions SET sha256 = '" + "c" * 64 + "' WHERE version = 2", 5, "is registered with cccc"),
        ("DELETE FROM model_versions WHERE version = 2", 2, "not registered any more"),
    ],
)
def test_an_edit_behind_the_triggers_is_found_where_it_was_made(
    filled: sa.Engine, statement: str, seq: int, problem: str
) -> None:
    tamper(filled, statement)
    assert any(found.seq == seq and problem in found.problem for found in breaks(filled)), breaks(filled)


def test_a_history_cut_at_its_end_is_found_by_the_head_that_was_kept_elsewhere(filled: sa.Engine) -> None:
    with filled.connect() as connection:
        known = head(connection)
    tamper(filled, "DELETE FROM promotion_history WHERE seq = 5")
    assert breaks(filled) == []
    assert [found.seq for found in breaks(filled, known)] == [5]


def test_time_and_order_agree_though_the_clock_runs_backwards(
    filled: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) - timedelta(days=1))
    with exclusive(filled) as connection:
        late = append(
            connection,
            model_name=NAME,
            version=1,
            action="archive",
            from_stage=Stage.PRODUCTION,
            to_stage=Stage.ARCHIVED,
            sha256=SHA256,
            actor="ana",
        )
    assert late.at == read(filled)[4].at
    assert breaks(filled) == []


def test_an_entry_that_is_not_committed_never_was(filled: sa.Engine) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        _write(filled, _entry_values(6), _entry_values(6))
    assert len(read(filled)) == 5


def _write(engine: sa.Engine, *rows: dict[str, object]) -> None:
    with exclusive(engine) as connection:
        for row in rows:
            connection.execute(sa.insert(promotion_history).values(**row))


def _entry_values(seq: int) -> dict[str, object]:
    return {
        "seq": seq,
        "model_name": NAME,
        "version": 1,
        "action": "archive",
        "from_stage": "Production",
        "to_stage": "Archived",
        "sha256": SHA256,
        "at": clock.now(),
        "actor": "ana",
        "previous_hash": "x",
        "hash": "y",
    }
