"""`tipoff rollback`: an earlier Production version back, without a gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from contracts.errors import RefusedError, TipoffError
from tipoff.output import emit, json_option, say, working
from tipoff.parameters import NUMBER

if TYPE_CHECKING:
    from registry.versions import ModelVersion
    from tipoff.wiring import Wiring


@click.command()
@click.option("--to", type=NUMBER, help="A version that was in Production; default: the one before.")
@click.option("--reason", required=True, help="Why; kept for ever.")
@json_option
def rollback(to: int | None, reason: str, as_json: bool) -> None:
    """Bring an earlier Production version back. No gate: a way back must not depend on one.

    The version must load and prove itself; where it does not, --to names an older one.
    """
    from registry.promotion import current_actor
    from registry.promotion import rollback as run_rollback
    from tipoff.aftermath import follow
    from tipoff.wiring import wire

    wiring = wire()
    with working("Moving back"):
        version = run_rollback(
            wiring.engine,
            wiring.home,
            reason=reason,
            actor=current_actor(),
            to=to,
            prove=lambda target: _prove(wiring, target),
        )
    say(f"[green]Back[/]: {version.title} is in Production.")
    with working("Waiting for the service's first answer with its files"):
        aftermath = follow(wiring, version, is_move=True)
    aftermath.tell()
    emit({"production": version.version, "sha256": version.sha256} | aftermath.to_json(), as_json=as_json)


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
