"""What the run of an evaluation says of itself in the MLflow UI: figures on dates that the model has not seen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from systems.versions import library_versions
from training import plots
from training.description import figures_table, spread_lines
from training.evaluation import Evaluation, line_of
from training.gallery import draw_chances, draw_errors
from training.report import code_tags, figures, told
from training.runs import Run
from training.steps import LIBRARIES
from training.unseen import Held, Subject


def report(run: Run, subject: Subject, held: Held, seen: Evaluation, looks: Mapping[str, int]) -> None:
    """Everything that the run says."""
    said, dataset = subject.model.metadata, held.dataset
    run.say(
        params={
            "evaluated": subject.title,
            "features": said.feature_set,
            "rows": said.population,
            "target": said.target,
            "dates": str(held.span),
            "n_left_out": held.n_left_out,
        },
        tags={
            "kind": "evaluation",
            "system": said.system,
            "target": said.target,
            "model_version": subject.version,
            "evaluated_run": subject.run.run_id,
            "model_sha256": subject.run.tags.get("model_sha256"),
            "feature_set": said.feature_set,
            "feature_set_hash": said.feature_set_hash,
            "build_id": dataset.build_id,
            "dataset_sha256": dataset.sha256,
        }
        | code_tags(library_versions([*LIBRARIES, *subject.model.system.libraries])),
        metrics=dict(figures(seen, "test")),
        description=_describe(subject, held, seen, looks),
    )
    where = {"table": f"ml_feature_store_{said.feature_set}", "build_id": dataset.build_id}
    run.dataset(dataset, f"evaluation {held.span}", where)
    run.table(list(told(said.system, seen)), "figures.json")
    if subject.run.model_id is not None:
        run.uses(subject.run.model_id)
    _draw(run, subject, held)


def _describe(subject: Subject, held: Held, seen: Evaluation, looks: Mapping[str, int]) -> str:
    """Markdown: the table of figures, then the rows they are about."""
    said, dataset = subject.model.metadata, held.dataset
    counted = "; ".join(f"look {n} at {season}" for season, n in looks.items())
    left_out = f" {held.n_left_out:,} rows before were learned from and are left out." if held.n_left_out else ""
    return "\n".join(
        [
            f"**{subject.title}** held to {held.span}, dates that it has not seen, of build {dataset.build_id} "
            f"({said.feature_set}, hash {said.feature_set_hash[:12]}); it predicts **{said.target}**.{left_out}",
            "",
            *figures_table(said.system, seen),
            "",
            *spread_lines(seen),
            "MAE with its 95 % interval (bootstrap over game dates); every figure of a line is about the same rows. "
            f"{counted.capitalize()}.",
            "",
            f"Dataset SHA-256 `{dataset.sha256}` over {dataset.frame.height:,} rows; these are {held.asked.sum():,}.",
        ]
    )


def _draw(run: Run, subject: Subject, held: Held) -> None:
    """Plots on the rows of the population that the model is trained for."""
    said, dataset = subject.model.metadata, held.dataset
    rows = held.asked & dataset.in_population
    if not rows.any():
        return
    point = subject.model.predict(dataset.matrix(said.features)[rows]).point
    known = rows.copy()
    known[rows] = np.isfinite(point)  # what it cannot predict is drawn nowhere
    if not known.any():
        return
    frame, point = dataset.frame.filter(known), point[np.isfinite(point)]
    about = f"{subject.title}, {said.population}, {held.span}"
    on_rows = f"{about}, {frame.height:,} rows"
    actual, residuals = frame["target"].to_numpy(), subject.model.residuals
    run.figure(
        plots.residuals_by_prediction(actual, point, target=said.target, about=on_rows), "residuals_by_prediction"
    )
    run.figure(plots.interval_calibration(actual, point, residuals, about=on_rows), "interval_calibration")
    draw_errors(run, frame, {said.system: point}, target=said.target, about=on_rows)
    over = subject.model.over_probability(point, line_of(frame))
    draw_chances(run, frame, over, target=said.target, about=about)
