"""Step retrain: when it is due, Production's system learns again, and the gate decides."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from contracts import clock
from contracts.errors import UnavailableError
from contracts.jobs import DONE, JobRun, job_run, latest_run
from contracts.tables import promotion_history
from registry.promotion import Promotion
from registry.promotion import promote as run_promotion
from registry.stages import Stage
from registry.versions import ModelVersion, list_versions, production
from tipoff.day.tools import Tools
from tipoff.wiring import Wiring

TRAIN = "day.train"
"""The job of the training alone: what was trained and killed before the gate is judged by the next run."""
ACTOR = "tipoff day"


def retrain(tools: Tools, game_date: date, run: JobRun) -> None:
    """A new version held to the gate where one is due; figures: model_version, promoted. A refusal is a result too."""
    champion = production(tools.engine)
    days = tools.settings.daily.retrain_days
    if days is None or champion is None:
        run.skip("daily.retrain_days is null: never." if days is None else "No version is in Production.")
        return
    version = _unjudged(tools.engine)
    if version is None:
        newest = max(each.registered_at for each in list_versions(tools.engine) if each.system == champion.system)
        due = clock.league_date(newest) + timedelta(days=days)
        if clock.league_date(clock.now()) < due:
            run.skip(f"{champion.system} was trained on {clock.league_date(newest)}; it is due on {due}.")
            return
        version = _train(tools, champion, game_date)
    promotion = _judge(Wiring(tools.home, tools.settings, tools.engine), version)
    run.figures = {"model_version": version, "promoted": promotion.promoted}
    moved = "is in Production" if promotion.promoted else "was refused"
    run.detail = f"{promotion.challenger.title} {moved}: the gate {promotion.verdict.summary()}."


def _unjudged(engine: sa.Engine) -> int | None:
    """The version of the newest training, where the gate has not spoken of it."""
    trained = latest_run(engine, TRAIN, state=DONE)
    if trained is None:
        return None
    version = int(trained["figures"]["model_version"])
    judged = sa.select(promotion_history.c.seq).where(
        promotion_history.c.version == version, promotion_history.c.action != "register"
    )
    with engine.connect() as connection:
        return version if connection.execute(judged.limit(1)).first() is None else None


def _train(tools: Tools, champion: ModelVersion, game_date: date) -> int:
    from training.train import TrainRequest, train

    request = TrainRequest(
        system=champion.system, feature_set=champion.feature_set, population=tools.settings.training.population
    )
    with job_run(tools.engine, TRAIN, game_date) as run:
        result = train(tools.engine, tools.home, tools.settings, request, tags={"started_by": ACTOR})
        if result.model_version is None:
            raise UnavailableError(f"Run {result.run_id} registered no version.", remedy="Its run says why.")
        run.figures = {"model_version": result.model_version, "run_id": result.run_id}
    return result.model_version


def _judge(wiring: Wiring, version: int) -> Promotion:
    from tipoff.aftermath import follow, refusals_told
    from tipoff.gatekeeping import make_judge

    with refusals_told(wiring):
        promotion = run_promotion(
            wiring.engine,
            wiring.home,
            version,
            Stage.PRODUCTION,
            make_judge(wiring, Stage.PRODUCTION),
            actor=ACTOR,
            reason="due by daily.retrain_days",
        )
    follow(wiring, promotion.challenger, is_move=promotion.promoted)
    return promotion
