"""`tipoff batch dead-letters` and `tipoff batch replay`: what was given up, and another try."""

from __future__ import annotations

import click

from tipoff.output import emit, json_option, say, table

BATCH = click.option("--batch", "batch_id", help="Of this batch only.")
COLUMNS = ("batch_id", "system", "game_id", "player_id", "reason", "attempt", "detail")


@click.command("dead-letters")
@BATCH
@json_option
def dead_letters(batch_id: str | None, as_json: bool) -> None:
    """List the player-games whose last try failed, with the reason."""
    from tipoff.coordinator.dead_letters import list_dead_letters
    from tipoff.wiring import wire

    letters = list_dead_letters(wire().engine, batch_id)
    if not as_json:
        table(f"{len(letters)} dead letters", COLUMNS, [[letter[name] for name in COLUMNS] for letter in letters])
    emit({"dead_letters": letters}, as_json=as_json)


@click.command()
@BATCH
@json_option
def replay(batch_id: str | None, as_json: bool) -> None:
    """Put what was given up back into its batch, and work on it until it has ended again."""
    from tipoff.coordinator.dead_letters import list_dead_letters
    from tipoff.coordinator.dead_letters import replay as put_back
    from tipoff.coordinator.work import work_off
    from tipoff.wiring import wire

    wiring = wire()
    batch_ids = list(dict.fromkeys(letter["batch_id"] for letter in list_dead_letters(wiring.engine, batch_id)))
    replayed = put_back(wiring.engine, batch_id)
    for each in batch_ids:
        work_off(wiring.engine, wiring.home, wiring.settings, each)
    left = len(list_dead_letters(wiring.engine, batch_id))
    say(f"{replayed:,} replayed, {left:,} of them given up again.")
    emit({"replayed": replayed, "given_up": left}, as_json=as_json)
