"""Moving back: an earlier Production version, held to prove itself before it answers again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.errors import RefusedError, TipoffError

if TYPE_CHECKING:
    from registry.versions import ModelVersion
    from tipoff.wiring import Wiring


def move_back(wiring: Wiring, *, reason: str, actor: str, to: int | None = None) -> ModelVersion:
    """The version that is in Production afterwards: `to`, or the one that was there before.

    Raises RefusedError where it does not load or prove itself, and what registry.promotion.rollback raises.
    """
    from registry.promotion import rollback

    return rollback(
        wiring.engine,
        wiring.home,
        reason=reason,
        actor=actor,
        to=to,
        prove=lambda target: _prove(wiring, target),
    )


def _prove(wiring: Wiring, target: ModelVersion) -> None:
    from registry.stages import Stage
    from serving.live import load_live

    try:
        load_live(target, Stage.PRODUCTION, wiring.home)
    except TipoffError as error:
        raise RefusedError(
            f"{target.title} cannot answer: {error.message}",
            remedy="Name another that was in Production: `tipoff rollback --to V --reason TEXT`.",
        ) from error
