"""Where the real parts meet: home, settings and database for every command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.database import open_database
from contracts.home import Home, prepare_home
from contracts.settings import Settings, load_settings

if TYPE_CHECKING:
    import sqlalchemy as sa

    from training.runs import Run

BY_MLFLOW = "MLFLOW_RUN_ID"
"""Set where `mlflow run` started this process: the run that it made for it."""


@dataclass(frozen=True)
class Wiring:
    """What a command works with."""

    home: Home
    settings: Settings
    engine: sa.Engine


def wire() -> Wiring:
    """Settings checked, home made, database open at the newest migration.

    Raises UsageError for settings or a home that cannot be used, and where `mlflow run` uses another store than tipoff
    does; UnavailableError for a database that does not answer.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing is sent home unless somebody says so
    settings = load_settings()
    home = prepare_home()
    if os.environ.get(BY_MLFLOW):
        from training.runs import refuse_other_store

        refuse_other_store(home)
    return Wiring(home, settings, open_database(home.database_url))


@contextmanager
def project_run(home: Home, name: str) -> Iterator[Run | None]:
    """The run that `mlflow run` made for this process, called `name` from now on and ended with the block.

    None where nobody made one: the command was started as itself, and what it does needs no run of its own.
    """
    if not os.environ.get(BY_MLFLOW):
        yield None
        return
    from training.runs import open_run

    with open_run(home, name) as run:
        yield run


def prepare_tracking(home: Home) -> None:
    """Make the experiment with its artifacts under the home, unless a marker says that it is there.

    MLflow takes seconds to import and by default puts artifacts where you stand; so this happens once, and early.
    """
    marker = home.root / "experiment-ready"
    if marker.is_file() and marker.read_text() == home.tracking_uri:
        return
    from training.runs import ensure_experiment

    ensure_experiment(home)
    marker.write_text(home.tracking_uri)
