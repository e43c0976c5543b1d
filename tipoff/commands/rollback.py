"""`tipoff rollback`: an earlier Production version back, without a gate."""

from __future__ import annotations

import click

from tipoff.output import emit, json_option, say, working
from tipoff.parameters import NUMBER


@click.command()
@click.option("--to", type=NUMBER, help="A version that was in Production; default: the one before.")
@click.option("--reason", required=True, help="Why; kept for ever.")
@json_option
def rollback(to: int | None, reason: str, as_json: bool) -> None:
    """Bring an earlier Production version back. No gate: a way back must not depend on one.

    The version must load and prove itself; where it does not, --to names an older one.
    """
    from registry.promotion import current_actor
    from tipoff.aftermath import follow
    from tipoff.moving_back import move_back
    from tipoff.wiring import wire

    wiring = wire()
    with working("Moving back"):
        version = move_back(wiring, reason=reason, actor=current_actor(), to=to)
    say(f"[green]Back[/]: {version.title} is in Production.")
    with working("Waiting for the service's first answer with its files"):
        aftermath = follow(wiring, version, is_move=True)
    aftermath.tell()
    emit({"production": version.version, "sha256": version.sha256} | aftermath.to_json(), as_json=as_json)
