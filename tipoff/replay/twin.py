"""The twin: a database of its own, in which past days run as if they were today."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from contracts import clock, tables
from contracts.database import insert_frame, open_database, writing
from contracts.home import Home
from features.raw.facts import RawFacts
from registry.versions import ModelVersion
from tipoff.replay.mornings import Morning, counts_by_kind, news

REPLACED = "game_lines"
"""The one table whose rows become others as the day goes on: lines of the morning, then closing ones."""


@dataclass
class Twin:
    """A home of its own with an SQLite database, never the user's.

    `before` is the morning that it knows; `facts` are its raw tables as they stand, so that nobody reads them from the
    database again and again.
    """

    home: Home
    engine: sa.Engine
    before: Morning | None = None
    facts: dict[str, pl.DataFrame] = field(default_factory=dict)

    def wake(self, raw: RawFacts, morning: Morning) -> None:
        """Bring in what became known since the last morning, as ingests of the kinds that were ever ingested."""
        facts = news(raw, morning, self.before)
        with writing(self.engine) as connection:
            for name, frame in facts.items():
                if name == REPLACED:
                    _forget(connection, frame)
                insert_frame(connection, tables.metadata.tables[name], frame)
            _note(connection, raw, facts, morning)
        self.facts |= {name: self._with(name, frame) for name, frame in facts.items()}
        self.before = morning

    def read(self, connection: sa.Connection) -> RawFacts:
        """What its raw tables hold, without reading them; which kinds were ingested is read.

        Raises ValueError where a table holds another number of rows: somebody else has written it.
        """
        count = sa.func.count()
        for name, frame in self.facts.items():
            n_rows = connection.execute(sa.select(count).select_from(tables.metadata.tables[name])).scalar_one()
            if n_rows != frame.height:
                raise ValueError(f"{name} of the twin has {n_rows} rows, and {frame.height} were written")
        kinds = sa.select(tables.ingests.c.kind).where(tables.ingests.c.n_rows > 0).distinct()
        return RawFacts(**self.facts, ingested=frozenset(connection.execute(kinds).scalars()))

    def _with(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        known = self.facts.get(name)
        if known is None:
            return frame
        kept = known.join(frame, on="game_id", how="anti") if name == REPLACED else known
        return pl.concat([kept, frame])

    def learn_of(self, engine: sa.Engine, version: ModelVersion) -> None:
        """Register `version`, of the database `engine`, here too: its row and its history."""
        is_it = (
            tables.model_versions.c.model_name == version.model_name,
            tables.model_versions.c.version == version.version,
        )
        history = tables.promotion_history
        with self.engine.connect() as connection:
            if connection.execute(sa.select(tables.model_versions.c.version).where(*is_it)).first() is not None:
                return
        moved = (history.c.model_name == version.model_name, history.c.version == version.version)
        with engine.connect() as connection:
            rows = connection.execute(sa.select(tables.model_versions).where(*is_it)).mappings().all()
            entries = connection.execute(sa.select(history).where(*moved)).mappings().all()
        with writing(self.engine) as connection:
            connection.execute(sa.insert(tables.model_versions), [dict(row) for row in rows])
            connection.execute(sa.insert(history), [dict(entry) for entry in entries])


def make_twin(home: Home, folder: Path) -> Twin:
    """An empty twin in `folder`; one that an earlier replay left there is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "reports", ignore_errors=True)
    for file in folder.glob("tipoff.db*"):
        file.unlink()
    url = f"sqlite:///{folder / 'tipoff.db'}"
    return Twin(Home(folder, url, home.tracking_uri, home.study_url), open_database(url))


def _forget(connection: sa.Connection, frame: pl.DataFrame) -> None:
    lines = tables.game_lines
    gone = [{"gone": game_id} for game_id in frame["game_id"]]
    if gone:
        connection.execute(sa.delete(lines).where(lines.c.game_id == sa.bindparam("gone")), gone)


def _note(connection: sa.Connection, raw: RawFacts, facts: Mapping[str, pl.DataFrame], morning: Morning) -> None:
    same = {"source": f"replay of {morning.game_date}", "sha256": "0" * 64, "n_rejected": 0, "ingested_at": clock.now()}
    lines = [
        {"kind": kind, "n_rows": n, "n_changed": n, **same}
        for kind, n in counts_by_kind(facts).items()
        if n and kind in raw.ingested
    ]
    if lines:
        connection.execute(sa.insert(tables.ingests), lines)
