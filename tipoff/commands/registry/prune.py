"""`tipoff registry prune`: the files of versions that nobody needs are deleted."""

from __future__ import annotations

import click

from tipoff.output import emit, json_option, say, table, working


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@json_option
def prune(dry_run: bool, as_json: bool) -> None:
    """Delete the files of old versions, by the rules of conf/registry.yaml.

    Production, previous and Staging always stay. What is known and was decided of a pruned version stays too; it only
    cannot answer any more.
    """
    from registry.promotion import current_actor
    from registry.prune import prune as run_prune
    from registry.prune import read_plan
    from registry.repair import repair
    from tipoff.wiring import wire

    wiring = wire()
    plan = read_plan(wiring.engine, wiring.settings.registry)
    if not dry_run:
        with working("Pruning"):
            plan = run_prune(wiring.engine, wiring.home, wiring.settings.registry, actor=current_actor())
            repair(wiring.engine, wiring.home)
    if not as_json:
        table("Kept", ("version", "why"), plan.kept.items())
        table("To prune" if dry_run else "Pruned", ("version", "why"), plan.pruned.items())
    say(f"{'Would prune' if dry_run else 'Pruned'}: the files of {len(plan.pruned)} versions.")
    emit(
        {
            "dry_run": dry_run,
            "pruned": [{"version": version, "rule": rule} for version, rule in plan.pruned.items()],
            "kept": [{"version": version, "reason": reason} for version, reason in plan.kept.items()],
        },
        as_json=as_json,
    )
