"""`tipoff env`: export lines for `eval`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click


@click.command()
def env() -> None:
    """Print export lines: eval "$(tipoff env)" points mlflow and tipoff at the same state.

    The first time, the experiment is made, so that its artifacts land in TIPOFF_HOME wherever you stand. Where this
    environment is not active, PATH is set too: `mlflow run` starts the first `python` it finds.
    """
    from contracts.home import EXPERIMENT_NAME, prepare_home
    from tipoff.wiring import prepare_tracking

    home = prepare_home()
    prepare_tracking(home)
    values = {
        "TIPOFF_HOME": str(home.root),
        "MLFLOW_TRACKING_URI": home.tracking_uri,
        "MLFLOW_EXPERIMENT_NAME": EXPERIMENT_NAME,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep)[:1]:
        values["PATH"] = os.pathsep.join((programs, os.environ.get("PATH", "")))
    for name, value in values.items():
        click.echo(f"export {name}={shlex.quote(value)}")
