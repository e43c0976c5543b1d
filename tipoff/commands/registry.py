"""`tipoff registry`: versions, their stages, and the history of every move."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from contracts.errors import RefusedError
from tipoff.output import emit, json_option, say, table
from tipoff.parameters import MOMENT, NUMBER


@click.group()
def registry() -> None:
    """Versions, their stages and the history of every move."""


@registry.command("list")
@click.option(
    "--at", type=MOMENT, metavar="TIME", help="The stages at that moment (ISO 8601, UTC unless it says otherwise)."
)
@json_option
def list_(at: datetime | None, as_json: bool) -> None:
    """Every version with its stage, system and validation figures."""
    from contracts.home import REGISTERED_MODEL
    from registry.versions import describe_versions
    from tipoff.wiring import wire

    versions = describe_versions(wire().engine, REGISTERED_MODEL, at=at)
    if not as_json:
        table(
            f"{REGISTERED_MODEL}{f' at {at}' if at else ''}",
            ("version", "stage", "system", "feature set", "trained to", "population", "MAE", "N", "sha256"),
            [_row(version) for version in versions],
        )
    emit({"versions": versions}, as_json=as_json)


@registry.command()
@click.argument("version", type=NUMBER)
@json_option
def show(version: int, as_json: bool) -> None:
    """One version with everything it is bound to."""
    from contracts.home import REGISTERED_MODEL
    from registry.versions import get_version, stage_of
    from tipoff.wiring import wire

    engine = wire().engine
    found = get_version(engine, version).to_json() | {"stage": str(stage_of(engine, version))}
    if not as_json:
        facts = [(name, str(value)) for name, value in found.items() if name != "metrics"]
        table(f"{REGISTERED_MODEL} version {version}", ("what", "value"), facts)
        columns = ("figure", "population", "value", "n", "date_from", "date_to")
        figures = [[metric["name"], *(metric[name] for name in columns[1:])] for metric in found["metrics"]]
        table("Validation", columns, figures)
    emit(found, as_json=as_json)


@registry.command()
@click.option("--verify", is_flag=True, help="Check the hash chain; exit 3 where it is broken.")
@json_option
def history(verify: bool, as_json: bool) -> None:
    """Every registration, promotion, refusal and rollback, oldest first."""
    from contracts.home import REGISTERED_MODEL
    from registry.history import read_history, verify_history
    from tipoff.wiring import wire

    engine = wire().engine
    entries = [entry.to_json() for entry in read_history(engine, REGISTERED_MODEL)]
    if not as_json:
        columns = ("seq", "at", "action", "version", "from_stage", "to_stage", "actor", "reason")
        rows = [[entry[column] for column in columns] for entry in entries]
        table("History", columns, [[seq, _minute(at), *rest] for seq, at, *rest in rows])
    breaks = verify_history(engine) if verify else []
    if breaks:
        told = "; ".join(map(str, breaks))
        raise RefusedError(f"The history's hash chain is broken: {told}.", remedy="Restore the database from a backup.")
    if verify:
        say(f"The chain of {len(entries)} entries holds.")
    emit({"history": entries} | ({"verified": True} if verify else {}), as_json=as_json)


def _row(version: dict[str, Any]) -> tuple[Any, ...]:
    names = ("version", "stage", "system", "feature_set", "train_to")
    mae: dict[str, Any] = next((one for one in version["metrics"] if one["name"] == "mae"), {})
    about = (mae.get("population"), mae.get("value"), mae.get("n"))
    return (*(version[name] for name in names), *about, version["sha256"][:12])


def _minute(at: str) -> str:
    """'2026-11-23T03:16:47.821494+00:00' -> '2026-11-23 03:16'."""
    return at[:16].replace("T", " ")
