"""Step predict: the date's batch, from start to done, by the coordinator's own ledger and worker."""

from __future__ import annotations

from datetime import date

from contracts.errors import RefusedError
from contracts.jobs import JobRun
from tipoff.coordinator.batches import Batch, find_batch, open_batch
from tipoff.coordinator.dead_letters import replay
from tipoff.coordinator.expectation import Expectation, expect
from tipoff.coordinator.report import standing
from tipoff.coordinator.worker import Tools as WorkTools
from tipoff.coordinator.worker import Worker
from tipoff.day.tools import Tools


def predict(tools: Tools, game_date: date, run: JobRun) -> None:
    """Every expected player-game ended; figures: those of the batch.

    Skipped where there are no games, or only those with which teams open their season: nobody is expected in them.
    What an earlier run began goes on, and what it gave up is tried again.
    Raises RefusedError where a system's coverage falls short, as where no version is there to predict.
    """
    if not tools.game_ids(game_date):
        run.skip(f"There are no games on {game_date}.")
        return
    if not tools.expectable_games(game_date):
        run.skip(f"Nobody can be expected on {game_date}: no team of its games had one lately.")
        return
    settings = tools.reaching(game_date)
    work = tools.work_tools(settings)
    expected = expect(tools.engine, settings, game_date, work.rows.freshness)
    told = standing(tools.engine, _work_off(work, expected), settings)
    counts = told.to_json()
    run.figures = {
        name: counts[name] for name in ("batch_id", "expected", "predicted", "skipped", "failed", "coverage")
    }
    run.detail = f"{counts['predicted']} of {counts['expected']} predicted in batch {told.batch.batch_id}."
    if told.shortfall is not None:
        raise RefusedError(
            told.shortfall, remedy=f"`tipoff batch status --batch {told.batch.batch_id}` lists them; then this again."
        )


def _work_off(work: WorkTools, expected: Expectation) -> Batch:
    """The batch of exactly what is expected now, ended; an open one about other inputs is ended first."""
    while True:
        batch, is_new = open_batch(work.engine, expected)
        if not is_new:
            replay(work.engine, batch.batch_id)
        ended = _end(work, batch.batch_id)
        if ended.inputs_hash == expected.inputs_hash:
            return ended


def _end(work: WorkTools, batch_id: str) -> Batch:
    Worker(work).work_off(lambda: not find_batch(work.engine, batch_id=batch_id).is_open)
    return find_batch(work.engine, batch_id=batch_id)
