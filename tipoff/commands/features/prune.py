"""`tipoff features prune`: rows of builds that nobody needs are deleted."""

from __future__ import annotations

import click

from tipoff.output import emit, json_option, say, table, working


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@json_option
def prune(dry_run: bool, as_json: bool) -> None:
    """Delete rows that only unneeded builds have.

    The current build of each set and every build that a registered version or a stored prediction names stay as they
    are, bit for bit.
    """
    from features.table.prune import plan_prune
    from features.table.prune import prune as run_prune
    from tipoff.wiring import wire

    engine = wire().engine
    plan = plan_prune(engine)
    if not as_json:
        table("Kept", ("build", "why"), [(build_id, ", ".join(why)) for build_id, why in plan.kept.items()])
    size = "" if plan.bytes is None else f", about {plan.bytes / 1e6:,.1f} MB"
    say(f"{'To prune' if dry_run else 'Pruning'}: {len(plan.pruned):,} builds; {plan.n_rows:,} rows{size}.")
    if not dry_run:
        with working("Pruning"):
            plan = run_prune(engine)
    emit(
        {
            "dry_run": dry_run,
            "pruned": plan.pruned,
            "kept": [{"build_id": build_id, "reasons": why} for build_id, why in plan.kept.items()],
            "rows": plan.n_rows,
            "rows_by_table": dict(plan.rows),
            "bytes": plan.bytes,
        },
        as_json=as_json,
    )
