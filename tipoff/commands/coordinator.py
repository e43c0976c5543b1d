"""`tipoff coordinator`: the coordinator service."""

from __future__ import annotations

import click


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="The port; default: coordinator.port.")
@click.option("--host", help="The address to listen on; default: coordinator.host (loopback).")
def coordinator(port: int | None, host: str | None) -> None:
    """Start the coordinator: it opens a date's batch when asked, its workers predict it; it starts the daily cycle."""
    from tipoff.coordinator.launch import run_coordinator
    from tipoff.day.schedule import DaySchedule
    from tipoff.wiring import wire

    wiring = wire()
    place = wiring.settings.coordinator
    day = DaySchedule(wiring.engine, wiring.home, wiring.settings)
    run_coordinator(
        wiring.home, wiring.settings, wiring.engine, host or place.host, port or place.port, by_the_clock=[day.look]
    )
