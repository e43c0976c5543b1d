"""`tipoff promote`: the gate, then the move."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from contracts.errors import UsageError
from tipoff.output import emit, json_option, say, table, working
from tipoff.parameters import NAME, VERSION

if TYPE_CHECKING:
    from registry.promotion import Promotion
    from tipoff.wiring import Wiring
    from training.runs import Run


@click.command()
@click.option("--version", type=VERSION, help="The version; default: the newest.")
@click.option("--to", type=click.Choice(["staging", "production"]), default="production", show_default=True)
@click.option("--dry-run", is_flag=True, help="Decide and move nothing; a new look at the rows counts as an attempt.")
@click.option("--override", is_flag=True, help="Move it although the gate refuses; needs --reason, kept for ever.")
@click.option("--reason", type=NAME, help="Why.")
@json_option
def promote(version: int | None, to: str, dry_run: bool, override: bool, reason: str | None, as_json: bool) -> None:
    """Hold a version against the champion on the same rows and, if every test passes, make it live.

    Exit code 3 where the gate refuses. `mlflow run . -e promote` is the same; an override is given by hand alone.
    """
    if override and not (reason or "").strip():
        raise UsageError("An override needs a reason that is not empty.", remedy="Say why: --override --reason TEXT.")
    from registry.promotion import current_actor
    from registry.promotion import promote as run_promotion
    from registry.stages import Stage
    from registry.versions import newest_version
    from tipoff.aftermath import refusals_told
    from tipoff.gatekeeping import make_judge
    from tipoff.wiring import project_run, wire

    wiring = wire()
    chosen = newest_version(wiring.engine).version if version is None else version
    with project_run(wiring.home, f"promotion of version {chosen} to {to}") as run:
        doing = f"Both versions predict the same rows: version {chosen} is held against the champion"
        with working(doing), refusals_told(wiring):
            promotion = run_promotion(
                wiring.engine,
                wiring.home,
                chosen,
                Stage(to.capitalize()),
                make_judge(wiring, Stage(to.capitalize())),
                actor=current_actor(),
                reason=reason,
                override_reason=reason if override else None,
                dry_run=dry_run,
            )
        if run is not None:
            _log(run, promotion)
        if not as_json:
            _show(promotion, dry_run)
        told = _follow(wiring, promotion) if not dry_run else {}
        emit(promotion.to_json() | told, as_json=as_json)
        if not promotion.promoted and not (dry_run and promotion.verdict.passed):
            sys.exit(3)


def _show(promotion: Promotion, dry_run: bool) -> None:
    champion = promotion.champion.title if promotion.champion else "an empty place"
    rows = [("pass" if test.passed else "FAIL", test.name, test.detail) for test in promotion.verdict.tests]
    table(f"{promotion.challenger.title} against {champion}", ("", "test", "what was seen"), rows)
    for change in promotion.hand_moved:
        say(f"[yellow]MLflow had been changed, not by the history[/]: {change}; it is put right.")
    if promotion.warning:
        say(f"[yellow]{promotion.warning}[/]")
    if dry_run:
        said = "Dry run: nothing was moved"
    elif promotion.promoted:
        said = f"[green]Promoted[/]: {promotion.challenger.title} is in {promotion.to}"
    else:
        said = f"[red]Refused[/]: {promotion.challenger.title} stays where it is"
    say(f"{said}. The gate {promotion.verdict.summary()}" + (", overridden." if promotion.overridden else "."))


def _follow(wiring: Wiring, promotion: Promotion) -> dict[str, Any]:
    """Proof and notice, told and as plain values."""
    from tipoff.aftermath import follow

    with working("Waiting for the service's first answer with the new files"):
        aftermath = follow(wiring, promotion.challenger, is_move=promotion.promoted)
    aftermath.tell()
    return aftermath.to_json()


def _log(run: Run, promotion: Promotion) -> None:
    """What the run of an MLflow project says of the decision."""
    said = "promoted" if promotion.promoted else "not promoted"
    champion = promotion.champion.title if promotion.champion else "an empty place"
    told = f"{promotion.challenger.title} against {champion}: **{said}** to {promotion.to}."
    run.say(
        tags={
            "kind": "promotion",
            "model_version": promotion.challenger.version,
            "champion": promotion.champion.version if promotion.champion else "none",
            "promoted": str(promotion.promoted).lower(),
            "gate": promotion.verdict.summary(),
        },
        description=f"{told} The gate {promotion.verdict.summary()}.\n\n{promotion.verdict.to_markdown()}",
    )
