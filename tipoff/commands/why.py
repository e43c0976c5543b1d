"""`tipoff why`: why a player has no prediction, or where a prediction's number comes from."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from contracts.errors import UsageError
from tipoff.output import emit, json_option, say, table
from tipoff.parameters import DATE

if TYPE_CHECKING:
    from tipoff.explaining.chain import Chain


@click.command()
@click.option("--player", help="His id, his name or a part of it.")
@click.option("--date", "game_date", type=DATE, help="The league's date.")
@click.option("--prediction", "prediction_id", type=click.IntRange(min=1), help="Instead: the number of a prediction.")
@json_option
def why(player: str | None, game_date: date | None, prediction_id: int | None, as_json: bool) -> None:
    """Follow a player's date from the schedule to the grade, and name the first broken link with what mends it.

    With --prediction: the features of that prediction with their builders and source dates, what moved it most, then
    version, run, commit, build and raw sources.
    """
    from tipoff.wiring import wire

    if (prediction_id is None) == (player is None) or (player is None) != (game_date is None):
        raise UsageError(
            "It is not said what about.", remedy="Give --player and --date, or --prediction with its number."
        )
    wiring = wire()
    if prediction_id is not None:
        from tipoff.explaining.number import explain_number

        found = explain_number(wiring, prediction_id)
        if not as_json:
            _show_number(found)
        emit(found, as_json=as_json)
        return
    from tipoff.explaining.chain import explain_chain

    if player is not None and game_date is not None:
        chain = explain_chain(wiring, player, game_date)
        if not as_json:
            _show_chain(chain)
        emit(chain.to_json(), as_json=as_json)


def _show_chain(chain: Chain) -> None:
    rows = [(link.name, "holds" if link.ok else "broken", link.detail) for link in chain.links]
    table(f"{chain.name} ({chain.player_id}) on {chain.game_date}", ("link", "", "what is there"), rows)
    wrong = chain.broken
    if wrong is None:
        say("Every link holds.")
    else:
        say(f"[red]{wrong.name}[/] is the first broken link: {wrong.detail}\n  {wrong.remedy or ''}")


def _show_number(found: dict[str, Any]) -> None:
    said, moved = found["prediction"], found["moved"]
    title = f"Prediction {said['prediction_id']}: {said['predicted']:.2f} {said['target']}"
    about = (
        "game_date",
        "game_id",
        "player_id",
        "system",
        "model_version",
        "build_id",
        "predicted_at",
        "label",
        "actual",
    )
    table(title, ("what", "value"), [(name, str(said[name])) for name in about])
    if "fault" in moved:
        say(f"[yellow]What moved it cannot be told[/]: {moved['fault']}")
    else:
        rows = [(each["feature"], each["value"], each["contribution"]) for each in moved["contributions"]]
        ends = [("all others", None, moved["rest"]), ("where it starts", None, moved["base"])]
        table("What moved it", ("feature", "value", said["target"]), [*rows, *ends])
    columns = ("name", "value", "builder", "reason")
    table("Features", columns, [[each[name] for name in columns] for each in found["features"]])
    table("Latest source date", ("builder", "date"), [(name, str(day)) for name, day in found["source_dates"].items()])
    say(f"Version, run, commit, build and sources: tipoff registry lineage prediction:{said['prediction_id']}")
