"""`tipoff ui`: the MLflow UI over tipoff's runs."""

from __future__ import annotations

import os
import sys

import click

from tipoff.output import say


@click.command()
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535), help="The port.")
def ui(port: int) -> None:
    """Start the MLflow UI on loopback, over the runs and versions of TIPOFF_HOME."""
    from contracts.home import prepare_home
    from contracts.ports import require_free_port

    home = prepare_home()
    require_free_port("127.0.0.1", port, remedy="Choose another with --port.")
    say(f"MLflow over {home.tracking_uri}: http://127.0.0.1:{port} (it takes some seconds to come up)")
    address = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", home.tracking_uri, "--default-artifact-root", str(home.artifacts)]
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")  # seven processes that only GenAI jobs need
    # this process becomes the server: a signal meant for the one ends the other
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "server", *address, *stores])  # noqa: S606 no shell
