"""Where state lives: one folder for everything embedded, and the addresses that override its parts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import UsageError

EXPERIMENT_NAME = "tipoff"
REGISTERED_MODEL = "tipoff-points"


@dataclass(frozen=True)
class Home:
    """The folder TIPOFF_HOME (default ./.tipoff) and the addresses of its parts.

    `database_url` and `tracking_uri` are TIPOFF_DATABASE_URL and MLFLOW_TRACKING_URI where those are set,
    else SQLite files in the folder; `study_url` is TIPOFF_STUDY_URL, where sweeps of several machines meet, or None.
    """

    root: Path
    database_url: str
    tracking_uri: str
    study_url: str | None = None

    @property
    def embedded_tracking_uri(self) -> str:
        """The tracking address that tipoff uses when MLFLOW_TRACKING_URI is not set."""
        return f"sqlite:///{self.root / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path:
        """Where runs and models keep their files."""
        return self.root / "artifacts"

    @property
    def rejects(self) -> Path:
        """Where ingest keeps the rows it refused, with reasons."""
        return self.root / "rejects"

    @property
    def studies(self) -> Path:
        """Where sweeps keep their studies, unless there is a `study_url`."""
        return self.root / "studies"

    @property
    def backtests(self) -> Path:
        """Where backtests keep the folds that they have done, until they end."""
        return self.root / "backtests"

    @property
    def snapshots(self) -> Path:
        """Where the rows of builds lie as Parquet, for those who read them whole."""
        return self.root / "snapshots"

    @property
    def cache(self) -> Path:
        """Where the service keeps the models it fetched."""
        return self.root / "models"


def find_home() -> Home:
    """The home that the environment names; nothing is created."""
    root = Path(os.environ.get("TIPOFF_HOME") or ".tipoff").expanduser().absolute()
    return Home(
        root=root,
        database_url=os.environ.get("TIPOFF_DATABASE_URL") or f"sqlite:///{root / 'tipoff.db'}",
        tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlflow.db'}",
        study_url=os.environ.get("TIPOFF_STUDY_URL") or None,
    )


def prepare_home() -> Home:
    """The same, with the folder made.

    Raises UsageError where the folder cannot be made or written.
    """
    home = find_home()
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        probe = home.root / f".write-probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"TIPOFF_HOME {str(home.root)!r} cannot be written: {error.strerror}.",
            remedy="Set TIPOFF_HOME to a folder that you may write.",
        ) from error
    return home
