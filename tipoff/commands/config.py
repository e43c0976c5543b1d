"""`tipoff config`: every setting in force, and where it came from."""

from __future__ import annotations

import click

from tipoff.output import emit, json_option, table


@click.command()
@json_option
def config(as_json: bool) -> None:
    """Print every setting in force, and where it came from.

    A setting is changed in conf/SECTION.yaml or by the variable TIPOFF_SECTION__KEY.
    """
    from contracts.database import parse_address
    from contracts.home import find_home
    from contracts.settings import explain_settings

    rows = explain_settings()
    home = find_home()
    if not as_json:
        table("Settings", ("setting", "value", "from"), [(name, str(value), place) for name, value, place in rows])
    places = {
        "home": str(home.root),
        "database_url": parse_address(home.database_url).render_as_string(hide_password=True),
        "tracking_uri": home.tracking_uri,
    }
    if not as_json:
        table("Places", ("place", "address"), places.items())
    settings = {name: {"value": value, "from": place} for name, value, place in rows}
    emit({"settings": settings, **places}, as_json=as_json)
