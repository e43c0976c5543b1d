"""A batch worked on by this process until it has ended, whoever else works on it."""

from __future__ import annotations

import sqlalchemy as sa

from contracts.home import Home
from contracts.settings import Settings
from tipoff.coordinator.batches import Batch, find_batch
from tipoff.coordinator.worker import Worker, make_tools


def work_off(engine: sa.Engine, home: Home, settings: Settings, batch_id: str) -> Batch:
    """The batch, ended: what others have claimed is waited for, until it ends or their lease does.

    Rows of other batches are worked on too where they are older.
    """
    tools = make_tools(engine, home, settings)
    Worker(tools).work_off(lambda: not find_batch(engine, batch_id=batch_id).is_open)
    return find_batch(engine, batch_id=batch_id)
