"""`tipoff worker`: one more worker for the batches."""

from __future__ import annotations

import click


@click.command()
def worker() -> None:
    """Start one more worker: it claims waiting player-games, predicts them, and goes on until it is stopped."""
    from tipoff.coordinator.launch import run_worker
    from tipoff.wiring import wire

    wiring = wire()
    run_worker(wiring.home, wiring.settings, wiring.engine)
