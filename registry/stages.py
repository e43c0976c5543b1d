"""Stages: the lifecycle of a version, and every move it may make."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise

from contracts.errors import RefusedError


class Stage(StrEnum):
    """Where a version stands; the values are MLflow's own words, so that the mirror needs no dictionary."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


LEGAL_MOVES: dict[Stage, frozenset[Stage]] = {
    Stage.NONE: frozenset({Stage.STAGING, Stage.ARCHIVED}),
    Stage.STAGING: frozenset({Stage.PRODUCTION, Stage.ARCHIVED}),
    Stage.PRODUCTION: frozenset({Stage.ARCHIVED}),
    Stage.ARCHIVED: frozenset({Stage.STAGING, Stage.PRODUCTION}),
}
"""From a stage to the stages one move away. Archived -> Production is the rollback; a promotion passes Staging."""


def check_move(from_stage: Stage, to_stage: Stage) -> None:
    """Return for a legal move.

    Raises RefusedError naming the legal ones for any other.
    """
    if to_stage not in LEGAL_MOVES[from_stage]:
        legal = " or ".join(sorted(LEGAL_MOVES[from_stage]))
        raise RefusedError(
            f"A version in stage {from_stage} cannot move to {to_stage}.",
            remedy=f"From {from_stage} it moves to {legal}.",
        )


def promotion_steps(from_stage: Stage, to_stage: Stage) -> list[tuple[Stage, Stage]]:
    """The legal moves, in order, that a promotion makes; Production is reached by way of Staging.

    Raises RefusedError where there is no way, or nothing to move.
    """
    if from_stage == to_stage:
        raise RefusedError(
            f"The version is in stage {to_stage} already.", remedy="`tipoff registry list` shows the stages."
        )
    stops = [from_stage, to_stage]
    if to_stage == Stage.PRODUCTION and from_stage != Stage.STAGING:
        stops.insert(1, Stage.STAGING)
    steps = list(pairwise(stops))
    for step in steps:
        check_move(*step)
    return steps
