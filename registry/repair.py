"""Repair: what MLflow shows is brought in step with the promotion history, which is the truth."""

from __future__ import annotations

import sqlalchemy as sa

from contracts.errors import RefusedError, UnavailableError
from contracts.home import REGISTERED_MODEL, Home
from registry import mlflow_mirror
from registry.history import entries_in, head, head_break
from registry.picture import Change, Picture, draw
from registry.proofs import proofs_in
from registry.versions import list_versions, pruned_in, way_back_in

ROUNDS = 5
"""How often the picture is drawn again when the history grew while MLflow was written."""


def repair(engine: sa.Engine, home: Home, *, dry_run: bool = False, model_name: str = REGISTERED_MODEL) -> list[Change]:
    """Everything in MLflow that differs from the history, mended unless `dry_run`; empty: they agree.

    Safe beside other promotions: after writing it looks whether the history grew and, if so, writes again, so that the
    last one to finish leaves the newest state.

    Raises UnavailableError where MLflow does not answer, RefusedError where MLflow knows an entry that the history does
    not hold: what was told outside is the only witness of what was cut, so it is not written over.
    """
    picture = read_picture(engine, model_name)
    changes = mlflow_mirror.differences(home, picture)
    if dry_run:
        return changes
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


def known_head(home: Home, model_name: str = REGISTERED_MODEL) -> str | None:
    """The newest history entry that MLflow was told of ('SEQ:HASH'), or None.

    Raises UnavailableError where MLflow does not answer.
    """
    return mlflow_mirror.history_head(home, model_name)


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
