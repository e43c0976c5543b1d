"""Both engines, for what must hold on either."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from contracts.database import open_database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """A fresh database at the newest migration, on either engine."""
    if request.param == "postgresql":
        address = request.getfixturevalue("new_postgres")()
    else:
        address = f"sqlite:///{tmp_path_factory.mktemp('migrated') / 'tipoff.db'}"
    engine = open_database(address)
    yield engine
    engine.dispose()
