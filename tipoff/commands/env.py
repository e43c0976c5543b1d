"""`tipoff env`: export lines for `eval`."""

from __future__ import annotations

import shlex

import click


@click.command()
def env() -> None:
    """Print export lines: eval "$(tipoff env)" points mlflow and tipoff at the same state.

    The first time, the experiment is made, so that its artifacts land in TIPOFF_HOME wherever you stand.
    """
    from contracts.home import EXPERIMENT_NAME, prepare_home
    from tipoff.wiring import prepare_tracking

    home = prepare_home()
    prepare_tracking(home)
    values = {
        "TIPOFF_HOME": str(home.root),
        "MLFLOW_TRACKING_URI": home.tracking_uri,
        "MLFLOW_EXPERIMENT_NAME": EXPERIMENT_NAME,
    }
    for name, value in values.items():
        click.echo(f"export {name}={shlex.quote(value)}")
