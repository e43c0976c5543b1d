"""Repair: what MLflow shows is brought in step with the promotion history, which is the truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import sqlalchemy as sa

from contracts.errors import RefusedError, UnavailableError
from contracts.home import REGISTERED_MODEL, Home
from contracts.locks import file_lock
from registry import mlflow_mirror
from registry.history import entries_in, head, head_break
from registry.picture import Change, Picture, draw
from registry.proofs import proofs_in
from registry.versions import list_versions, pruned_in, way_back_in

WAIT_SECONDS = 300.0
ROUNDS = 5
"""How often the picture is drawn again when the history grew while MLflow was written."""


def repair(engine: sa.Engine, home: Home, *, dry_run: bool = False, model_name: str = REGISTERED_MODEL) -> list[Change]:
    """Everything in MLflow that differs from the history, mended unless `dry_run`; empty: they agree.

    Safe beside other promotions: one process at a time writes to MLflow, by a picture drawn when its turn has come, and
    looks again afterwards, so that the last one to finish leaves the newest state.

    Raises UnavailableError where MLflow does not answer, RefusedError where MLflow knows an entry that the history does
    not hold: what was told outside is the only witness of what was cut, so it is not written over.
    """
    if dry_run:
        return mlflow_mirror.differences(home, read_picture(engine, model_name))
    with _alone(engine, home):
        return _mend(engine, home, model_name)


def _mend(engine: sa.Engine, home: Home, model_name: str) -> list[Change]:
    picture = read_picture(engine, model_name)
    changes = mlflow_mirror.differences(home, picture)
    refuse_cut_history(engine, home, model_name)
    mlflow_mirror.apply(home, picture, changes)
    for _ in range(ROUNDS):
        newer = read_picture(engine, model_name)
        if newer.head == picture.head:
            return changes
        picture = newer
        more = mlflow_mirror.differences(home, picture)
        mlflow_mirror.apply(home, picture, more)
        changes += more
    raise UnavailableError(
        f"The history of {model_name} grew {ROUNDS} times while MLflow was brought in step.",
        remedy="Run `tipoff registry repair` when the promotions have ended.",
    )


@contextmanager
def _alone(engine: sa.Engine, home: Home) -> Iterator[None]:
    """No other process over this database writes to MLflow meanwhile; whoever is killed leaves no lock behind.

    Raises UnavailableError where another one still does after WAIT_SECONDS.
    """
    with ExitStack() as held:
        try:
            if engine.dialect.name == "postgresql":
                connection = held.enter_context(engine.begin())
                connection.execute(sa.text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS:g}s'"))
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7206)"))
            else:
                home.root.mkdir(parents=True, exist_ok=True)
                held.enter_context(file_lock(home.root / "mirror.lock", WAIT_SECONDS))
        except (TimeoutError, sa.exc.OperationalError) as error:
            raise UnavailableError(
                f"Another process was writing to MLflow for {WAIT_SECONDS:g} seconds.",
                remedy="Run `tipoff registry repair` when it has ended.",
            ) from error
        yield


def known_head(home: Home, model_name: str = REGISTERED_MODEL) -> str | None:
    """The newest history entry that MLflow was told of ('SEQ:HASH'), or None.

    Raises UnavailableError where MLflow does not answer.
    """
    return mlflow_mirror.history_head(home, model_name)


def hand_moved(engine: sa.Engine, home: Home, model_name: str = REGISTERED_MODEL) -> list[Change]:
    """What MLflow shows otherwise though it was told of everything up to the newest entry: somebody changed it there.

    Where it was not told yet (another promotion is about to, or was killed), nothing can be said, and nothing is.
    Raises what `repair` does.
    """
    refuse_cut_history(engine, home, model_name)
    picture = read_picture(engine, model_name)
    if known_head(home, model_name) != picture.head:
        return []
    return mlflow_mirror.differences(home, picture)


def refuse_cut_history(engine: sa.Engine, home: Home, model_name: str = REGISTERED_MODEL) -> None:
    """Nothing, if the head that MLflow was told last is an entry of the history.

    Raises RefusedError where it is not, UnavailableError where MLflow does not answer.
    """
    known = known_head(home, model_name)
    with engine.connect() as connection:
        cut = head_break(entries_in(connection), known)
    if cut is not None:
        raise RefusedError(
            f"The history is not the one that MLflow knows: {cut}.",
            remedy="Restore the database from a backup; or, to go on with what is left, delete the tag "
            f"tipoff.history_head of {model_name} in MLflow.",
        )


def read_picture(engine: sa.Engine, model_name: str = REGISTERED_MODEL) -> Picture:
    """What MLflow should show, by our tables now."""
    with engine.connect() as connection:
        entries = entries_in(connection, model_name)
        return draw(
            model_name,
            list_versions(engine, model_name),
            entries,
            way_back=way_back_in(connection, model_name),
            head=head(connection),
            proofs=proofs_in(connection),
            pruned=pruned_in(connection, model_name),
        )
