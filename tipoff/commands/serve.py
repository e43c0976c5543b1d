"""`tipoff serve`: the prediction service."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="The port; default: serving.port.")
@click.option("--host", help="The address to listen on; default: serving.host (loopback).")
def serve(port: int | None, host: str | None) -> None:
    """Start the prediction service. It answers with the Production version and follows every promotion."""
    from serving.launch import serve as run_service
    from tipoff.wiring import wire

    wiring = wire()
    serving = wiring.settings.serving
    sys.exit(run_service(wiring.home, wiring.settings, port=port or serving.port, host=host or serving.host))
