"""What follows a decision of the registry: proof by the running service, MLflow's pages, the log and the webhook."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contracts.errors import RefusedError, TipoffError
from registry.history import newest_entry
from registry.repair import repair
from registry.stages import Stage
from tipoff.announcement import announce
from tipoff.output import say
from tipoff.proof import prove

if TYPE_CHECKING:
    from registry.proofs import Proof
    from registry.versions import ModelVersion
    from tipoff.wiring import Wiring

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Aftermath:
    """`proof` is None where nothing came into Production; `webhook` says why it was not told, None where it was."""

    proof: Proof | None
    webhook: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain values: proof, webhook."""
        return {"proof": self.proof.to_json() if self.proof else None, "webhook": self.webhook}

    def tell(self) -> None:
        """What of it people must know."""
        if self.proof is not None:
            say(str(self.proof))
        if self.webhook is not None:
            say(f"[yellow]{self.webhook}[/]")


@contextmanager
def refusals_told(wiring: Wiring) -> Iterator[None]:
    """A refusal by an error, a lost race, is told of as well."""
    try:
        yield
    except RefusedError:
        announce(wiring)
        raise


def follow(wiring: Wiring, version: ModelVersion, *, is_move: bool) -> Aftermath:
    """Prove a move of `version` to Production, show that in MLflow, and tell of the decision, whatever it was."""
    entry = newest_entry(wiring.engine, version.version, version.model_name)
    proof = prove(wiring, entry) if is_move and entry.to_stage == Stage.PRODUCTION else None
    if proof is not None:
        _show(wiring, version.model_name)
    return Aftermath(proof, announce(wiring))


def _show(wiring: Wiring, model_name: str) -> None:
    """The proof on the version's page; where MLflow is away, the promotion has said so already."""
    try:
        repair(wiring.engine, wiring.home, model_name=model_name)
    except TipoffError as error:
        logger.debug("MLflow does not show the proof: %s", error)
