"""`tipoff doctor`: whether everything that tipoff stands on is well."""

from __future__ import annotations

import click

from tipoff.output import emit, json_option, say, table, working


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Ask every part whether it is well: disk, database, facts, features, history, MLflow, Production, alarms.

    Exit code 1 where one is broken; what nobody has made yet is to do, and no fault.
    """
    from tipoff.doctor import Health, examine
    from tipoff.wiring import wire

    wiring = wire()
    with working("Asking") as now:
        checks = examine(wiring, now)
    if not as_json:
        table("", ("part", "health", "what it says"), [(each.name, str(each.health), each.detail) for each in checks])
        for each in checks:
            if each.remedy:
                say(f"{each.name}: {each.remedy}")
    is_well = all(each.health is not Health.BROKEN for each in checks)
    emit({"healthy": is_well, "checks": [each.to_json() for each in checks]}, as_json=as_json)
    if not is_well:
        raise SystemExit(1)
