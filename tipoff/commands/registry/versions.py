"""`tipoff registry list`, `show`, `history`: versions, their stages, and every move."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from contracts.errors import RefusedError, UnavailableError
from tipoff.output import emit, json_option, say, table
from tipoff.parameters import MOMENT, NUMBER

if TYPE_CHECKING:
    from tipoff.wiring import Wiring


@click.command("list")
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


@click.command()
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


@click.command()
@click.option("--verify", is_flag=True, help="Check the hash chains, what batches said, and what MLflow shows.")
@click.option("--known-digest", metavar="SEQ:HASH", help="... and that this digest, of a report say, is there.")
@json_option
def history(verify: bool, known_digest: str | None, as_json: bool) -> None:
    """Every registration, promotion, refusal and rollback, oldest first.

    With --verify exit code 3 where the chain is broken, where the history is not the one that MLflow knows, or where
    a batch's predictions are not those that were sealed when it ended; what somebody moved in MLflow by hand is told.
    """
    from contracts.home import REGISTERED_MODEL
    from registry.history import read_history
    from registry.proofs import proofs_in
    from tipoff.wiring import wire

    wiring = wire()
    with wiring.engine.connect() as connection:
        proofs = proofs_in(connection)
    entries = [
        entry.to_json() | {"proof": proofs[entry.seq].to_json() if entry.seq in proofs else None}
        for entry in read_history(wiring.engine, REGISTERED_MODEL)
    ]
    if not as_json:
        columns = ("seq", "at", "action", "version", "from_stage", "to_stage", "actor", "reason")
        rows = [[entry[column] for column in columns] for entry in entries]
        table("History", columns, [[seq, _minute(at), *rest] for seq, at, *rest in rows])
    checked = {**_verify(wiring), **_verify_digests(wiring, known_digest)} if verify or known_digest else {}
    emit({"history": entries} | checked, as_json=as_json)


def _verify(wiring: Wiring) -> dict[str, Any]:
    """RefusedError, unless the chain holds and MLflow knows its head; where MLflow is away, that is said."""
    from dataclasses import asdict

    from contracts.home import REGISTERED_MODEL
    from registry.history import read_history, verify_history
    from registry.repair import hand_moved, known_head

    try:
        known, unknown = known_head(wiring.home), None
    except UnavailableError as error:
        known, unknown = None, error.message
    breaks = verify_history(wiring.engine, known)
    if breaks:
        told = "; ".join(map(str, breaks))
        raise RefusedError(f"The history's hash chain is broken: {told}.", remedy="Restore the database from a backup.")
    say(f"The chain of {len(read_history(wiring.engine))} entries holds.")
    if unknown is not None:
        say(f"[yellow]Whether its end was cut is not known[/]: {unknown}")
    elif known is None:
        say(f"MLflow has no {REGISTERED_MODEL} to hold its end against yet.")
    else:
        say(f"MLflow knows it up to entry {known.partition(':')[0]}.")
    moved = hand_moved(wiring.engine, wiring.home) if unknown is None else []
    for change in moved:
        say(f"[yellow]Somebody changed MLflow by hand[/]: {change}. Put it back: `tipoff registry repair`.")
    return {"verified": True, "head_known_to_mlflow": known, "hand_moved": [asdict(change) for change in moved]}


def _verify_digests(wiring: Wiring, known_digest: str | None) -> dict[str, Any]:
    """RefusedError, unless every batch's predictions are those that were sealed when it ended."""
    from registry.digest_checks import verify_digests
    from registry.digests import heads

    found = verify_digests(wiring.engine, known_digest)
    if found.breaks:
        raise RefusedError(
            f"What was predicted is not what was sealed: {'; '.join(found.breaks)}.",
            remedy="Restore the database from a backup; `tipoff batch status --batch ID` shows a batch.",
        )
    say(
        f"The digests of {found.entries} ends of batches hold: {found.sealed_before_tip_off} were sealed before the "
        f"first tip-off, {found.sealed_later} later."
    )
    if found.open_again:
        say(f"[yellow]Open again, and not checked[/]: {', '.join(found.open_again)}.")
    if found.unsealed:
        say(f"[yellow]Ended before there were digests, and not checked[/]: {', '.join(found.unsealed)}.")
    return {"digests": found.to_json(), "heads": heads(wiring.engine)}


def _row(version: dict[str, Any]) -> tuple[Any, ...]:
    names = ("version", "stage", "system", "feature_set", "train_to")
    mae: dict[str, Any] = next((one for one in version["metrics"] if one["name"] == "mae"), {})
    about = (mae.get("population"), mae.get("value"), mae.get("n"))
    return (*(version[name] for name in names), *about, version["sha256"][:12])


def _minute(at: str) -> str:
    """'2026-11-23T03:16:47.821494+00:00' -> '2026-11-23 03:16'."""
    return at[:16].replace("T", " ")
