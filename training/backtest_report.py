"""What the run of a backtest says of itself in the MLflow UI: figures by population, folds, plots, and the looks."""

from __future__ import annotations

import polars as pl

from contracts.clock import season_name
from systems.versions import library_versions
from training import plots
from training.backtest_steps import BacktestRequest, Course, Walk
from training.description import figures_table, spread_lines
from training.evaluation import Evaluation
from training.gallery import draw_chances, draw_errors
from training.report import code_tags, figures, told
from training.runs import Run
from training.steps import LIBRARIES
from training.walk_forward import Retrain

HOW = {Retrain.NONE: "trained once, before the season", Retrain.MONTHLY: "trained again before each month"}


def run_name(request: BacktestRequest) -> str:
    """'backtest of 2023-24: xgboost on v2_33features, trained once, before the season'."""
    season = season_name(request.test_season)
    return f"backtest of {season}: {request.system} on {request.feature_set}, {HOW[request.retrain]}"


def report(run: Run, course: Course, walked: Walk, evaluation: Evaluation, *, n_looks: int) -> None:
    """Write all of it into the open run."""
    dataset = course.dataset
    run.say(
        params=_params(course, walked),
        tags=_tags(course),
        metrics=dict(figures(evaluation, "test")) | {"looks": n_looks},
        description=_describe(course, walked, evaluation, n_looks),
    )
    where = {"table": f"ml_feature_store_{dataset.feature_set.name}", "build_id": dataset.build_id}
    run.dataset(dataset, f"backtest of {course.season}", where)
    run.document([fold.to_json() for fold in walked.folds], "folds.json")
    run.table(list(told(course.system.name, evaluation)), "figures.json")
    _draw(run, course, walked)


def _params(course: Course, walked: Walk) -> dict[str, object]:
    """Under names that are no parameters of MLproject: `mlflow run` has logged those as given, and none may change."""
    return {
        "features": course.dataset.feature_set.name,
        "rows": course.dataset.population,
        "target": course.dataset.target,
        "test": season_name(course.request.test_season),
        "test_dates": str(course.season),
        "retrained": course.request.retrain.value,
        "embargo_days": course.settings.embargo_days,
        "n_folds": len(walked.folds),
        "n_train_first_fold": walked.folds[0].n_train,
        "n_test": sum(fold.n_test for fold in walked.folds),
        "seed": course.settings.seed,
        "device": course.system.device,
    } | course.system.hyperparameters


def _tags(course: Course) -> dict[str, object]:
    dataset = course.dataset
    return {
        "kind": "backtest",
        "system": course.system.name,
        "target": dataset.target,
        "population": dataset.population,
        "test_season": season_name(course.request.test_season),
        "feature_set": dataset.feature_set.name,
        "feature_set_hash": dataset.feature_set.hash,
        "build_id": dataset.build_id,
        "dataset_sha256": dataset.sha256,
        "closing_game_lines": "accepted" if dataset.feature_set.accept_closing_game_lines else "not used",
    } | code_tags(library_versions([*LIBRARIES, *course.system.libraries]))


def _describe(course: Course, walked: Walk, evaluation: Evaluation, n_looks: int) -> str:
    """Markdown: the table of figures, then the rows they are about."""
    dataset, season = course.dataset, season_name(course.request.test_season)
    closing = dataset.feature_set.accept_closing_game_lines
    learned = "* and *".join(dataset.learned_populations(course.system))
    return "\n".join(
        [
            f"**{course.system.name}** walks through **{season}** ({course.season}) with {dataset.feature_set.name} "
            f"(hash {dataset.feature_set.hash[:12]}, build {dataset.build_id}), predicting **{dataset.target}**; "
            f"{HOW[course.request.retrain]}.",
            "",
            *figures_table(course.system.name, evaluation),
            "",
            *spread_lines(evaluation),
            f"Each of the {len(walked.folds)} folds learned from *{learned}* of the dates before its own "
            "(folds.json). MAE with its 95 % interval (bootstrap over game dates); every figure of a line is about "
            "the same rows.",
            "",
            f"Look {n_looks} at this season. Game lines: "
            f"{'closing lines count as known: known at tip-off, not before' if closing else 'none used'}.",
            "",
            f"Dataset SHA-256 `{dataset.sha256}` over {dataset.frame.height:,} rows.",
        ]
    )


def _draw(run: Run, course: Course, walked: Walk) -> None:
    """The season so far and month by month, on the rows of the population that the system is trained for."""
    rows = walked.compared & walked.frame["in_population"].to_numpy()
    if not rows.any():
        return
    dataset, system = course.dataset, course.system
    contenders = {system.name: walked.scored.point} | {
        name: point for name, point in walked.points.items() if name != system.name
    }
    kept = {name: point[rows] for name, point in contenders.items()}
    actual = walked.frame["target"].to_numpy()[rows]
    dates = walked.frame["game_date"].to_numpy().astype("datetime64[D]")[rows]
    about = f"{system.name}, {dataset.population}, backtest of {course.season}, {int(rows.sum()):,} rows"
    cumulative = plots.cumulative_mae(actual, kept, dates, target=dataset.target, about=about)
    run.figure(cumulative, "cumulative_mae")
    frame = walked.frame.filter(pl.Series(rows))
    draw_errors(run, frame, kept, target=dataset.target, about=about)
    if (over := walked.scored.over) is not None:
        about = f"{system.name}, {dataset.population}, backtest of {course.season}"
        draw_chances(run, frame, over[rows], target=dataset.target, about=about)
