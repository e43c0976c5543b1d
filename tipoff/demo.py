"""The whole job once, as a user would do it: every step is a command that is printed, then run."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from contracts.errors import TipoffError, UsageError
from contracts.home import EXPERIMENT_NAME, Home, prepare_home
from contracts.ports import free_port
from contracts.tables import games, ingests, player_games
from features.feature_sets import load_feature_set
from monitoring.coverage import coverage
from tipoff.output import console, say
from tipoff.slate_table import read_names, show_slate
from tipoff.wiring import Wiring, prepare_tracking, wire

READY_SECONDS = 90
SHOWN_ROWS = 20
MIN_GAMES_OF_A_SLATE = 4


def run_demo(league: list[str]) -> None:
    """Make a league up, build, train, promote, serve, predict one day over HTTP, grade it, and name what comes next.

    `league` are the options of `tipoff ingest simulated`.
    Raises UsageError in a home that holds other facts or outside a checkout, TipoffError where a step fails.
    """
    started = time.monotonic()
    project = _project_folder()
    home = prepare_home()
    _refuse_other_facts()
    os.environ |= _environment(home)
    prepare_tracking(home)

    _run("ingest", "simulated", *league)
    _run("features", "backfill")
    for system in ("last_10_average", "xgboost"):
        _run_project(project, "train", f"system={system}")
    _run("promote", may_be_refused=True)
    game_date = _last_slate()
    with _service() as address:
        answer = _predict_slate(address, game_date)
    _show(answer, game_date)
    _run("grade", "--from", game_date.isoformat(), "--to", game_date.isoformat())
    say(f"\n[bold green]Done[/] in {time.monotonic() - started:.0f} s. What it made is in {home.root}. Next:")
    say("  make ui      look at the runs, compare two, open the model page")
    say("  make serve   the same service, until you stop it")


def _project_folder() -> Path:
    folder = Path(__file__).resolve().parent.parent
    if not (folder / "MLproject").is_file():
        raise UsageError(f"{folder} holds no MLproject.", remedy="Run the demo in a checkout: `make demo`.")
    return folder


def _environment(home: Home) -> dict[str, str]:
    names = {"TIPOFF_HOME": str(home.root), "MLFLOW_TRACKING_URI": home.tracking_uri}
    programs = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    at_work = {"TIPOFF_GATE__ACCEPT_CHANGED_CODE": "true"}  # nobody relies on a made-up league's predictions
    return names | programs | at_work | {"MLFLOW_EXPERIMENT_NAME": EXPERIMENT_NAME}


def _refuse_other_facts() -> None:
    wiring = wire()
    with wiring.engine.connect() as connection:
        other = connection.scalar(sa.select(ingests.c.source).where(~ingests.c.source.startswith("simulated")).limit(1))
    if other is not None:
        raise UsageError(
            f"{wiring.home.root} holds other facts already ({other}): a simulated league would mix with them.",
            remedy="Choose another folder: TIPOFF_HOME=demo make demo",
        )


def _run(*arguments: str, may_be_refused: bool = False) -> None:
    _step("tipoff", *arguments)
    code = subprocess.call([sys.executable, "-m", "tipoff", *arguments])
    if code != 0 and not (may_be_refused and code == 3):
        raise TipoffError(
            f"`tipoff {shlex.join(arguments)}` ended with exit code {code}.", remedy="Its own words are above."
        )


def _run_project(project: Path, entry_point: str, parameter: str) -> None:
    command = ("mlflow", "run", ".", "-e", entry_point, "--env-manager", "local", "-P", parameter)
    _step(*command)
    code = subprocess.call([sys.executable, "-m", *command], cwd=project)
    if code != 0:
        raise TipoffError(f"`{shlex.join(command)}` ended with exit code {code}.", remedy="Its own words are above.")


def _step(*command: str) -> None:
    console().print(f"\n[bold cyan]$ {shlex.join(command)}[/]")


def _last_slate() -> date:
    """The last date with a real slate: unseen by the models, since validation is the last 20 % of dates."""
    played = (
        sa.select(games.c.game_date)
        .where(games.c.season_type == "regular")
        .group_by(games.c.game_date)
        .having(sa.func.count() >= MIN_GAMES_OF_A_SLATE)
        .order_by(games.c.game_date.desc())
        .limit(1)
    )
    fallback = sa.select(sa.func.max(games.c.game_date))
    with wire().engine.connect() as connection:
        found: date = connection.scalar(played) or connection.execute(fallback).scalar_one()
    return found


@contextmanager
def _service() -> Iterator[str]:
    """The service as its own process on a free port, stopped afterwards; yields its address."""
    port = free_port()
    _step("tipoff", "serve", "--port", str(port))
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([sys.executable, "-m", "tipoff", "serve", "--port", str(port)])
    try:
        with console().status("Waiting until the service has proved its model"):
            _wait_until_ready(address, process)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    said = "no answer"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise TipoffError(
                f"The service ended with exit code {process.returncode}.", remedy="Its own words are above."
            )
        try:
            response = httpx.get(f"{address}/readyz", timeout=2)
        except httpx.TransportError as error:
            said = str(error)
        else:
            if response.is_success:
                return
            said = response.text
        time.sleep(0.3)
    raise TipoffError(f"The service was not ready within {READY_SECONDS} s: {said}")


def _predict_slate(address: str, game_date: date) -> dict[str, Any]:
    body = {"game_date": game_date.isoformat(), "system": "production"}
    _step("curl", "-s", f"{address}/predict-batch", "--json", str(body).replace("'", '"'))
    token = os.environ.get("TIPOFF_API_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = httpx.post(f"{address}/predict-batch", json=body, headers=headers, timeout=30)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


def _show(answer: dict[str, Any], game_date: date) -> None:
    """The slate, what then happened, and coverage.

    Raises TipoffError where nothing was predicted: a demo that shows an empty table has failed.
    """
    wiring = wire()
    answers = answer["predictions"]
    versions = {row["model_version"] for row in answers}
    if not answer["predicted"]:
        raise TipoffError(f"The service predicted none of the {answer['expected']} rows expected on {game_date}.")
    title = f"{game_date}: {len(answers)} expected, by version {', '.join(map(str, sorted(versions)))}"
    show_slate(title, answers, read_names(wiring.engine), results=_results(wiring, game_date), most=SHOWN_ROWS)
    feature_set = load_feature_set(wiring.settings.training.feature_set)
    covered = coverage(wiring.engine, game_date, feature_set, wiring.settings)
    say(f"Coverage: {covered.predicted} of {covered.expected} expected, {covered.share:.1%}.")


def _results(wiring: Wiring, game_date: date) -> dict[tuple[str, int], float]:
    query = sa.select(player_games.c.game_id, player_games.c.player_id, player_games.c.points).where(
        player_games.c.game_date == game_date, player_games.c.minutes > 0
    )
    with wiring.engine.connect() as connection:
        return {(row.game_id, row.player_id): row.points for row in connection.execute(query)}
