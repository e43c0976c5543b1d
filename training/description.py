"""What a run says of itself in the MLflow UI: its figures beside the baselines', and what they are about."""

from __future__ import annotations

from contracts.metrics import Metric
from training.evaluation import PRICED, PRICED_LATER, Evaluation
from training.splits import Split
from training.steps import Prepared


def run_name(system: str, feature_set: str, split: Split) -> str:
    """'xgboost on v2_33features, validated 2023-10-24..2024-06-17'."""
    return f"{system} on {feature_set}, validated {split.validation}"


def describe(prepared: Prepared, evaluation: Evaluation) -> str:
    """Markdown: the table of figures, then the rows they are about."""
    dataset, split, absent, system = prepared.dataset, prepared.split, prepared.absent, prepared.system.name
    learned = "* and *".join(dataset.learned_populations(prepared.system))
    closing = dataset.feature_set.accept_closing_game_lines
    lines = [
        f"**{system}** predicts **{dataset.target}** with {dataset.feature_set.name} "
        f"(hash {dataset.feature_set.hash[:12]}, build {dataset.build_id}).",
        "",
        *figures_table(system, evaluation),
        "",
        *spread_lines(evaluation),
        *gap_lines(evaluation),
        f"Trained on *{learned}* {split.train}, tuned {split.tune}, validated {split.validation}: "
        "no date is in two blocks. MAE with its 95 % interval (bootstrap over game dates); every figure of a line is "
        "about the same rows.",
        "",
        f"Game lines: {'closing lines count as known (declared by the feature set)' if closing else 'none used'}. "
        f"Absent, so left out: {', '.join(f'`{name}`' for name in absent) if absent else 'nothing'}.",
        "",
        f"Dataset SHA-256 `{dataset.sha256}` over {dataset.frame.height:,} rows.",
    ]
    return "\n".join(lines)


def figures_table(system: str, evaluation: Evaluation) -> list[str]:
    """The lines of a Markdown table: one a population, the system beside the baselines and the line."""
    names = list(evaluation.baselines)
    columns = [
        "population",
        "rows",
        system,
        *names,
        "line",
        "mean error",
        "within 3",
        "within 5",
        "results above",
        "in 80 %",
        "CRPS",
    ]
    rows = [columns, ["---"] * len(columns)]
    for metric in evaluation.metrics:
        if metric.name != "mae":
            continue
        others = [_of(evaluation.baselines[name], metric.population) for name in names]
        rows.append(
            [
                metric.population,
                f"{metric.n:,}",
                f"**{metric.value:.3f}**" + (f" ({metric.ci95[0]:.3f}..{metric.ci95[1]:.3f})" if metric.ci95 else ""),
                *(f"{other.value:.3f}" if other else "" for other in others),
                f"{line.value:.3f}" if (line := _of(evaluation.line, metric.population)) else "",
                *(_figure(evaluation, name, metric.population, form) for name, form in FORMS),
            ]
        )
    return ["| " + " | ".join(row) + " |" for row in rows]


def spread_lines(evaluation: Evaluation) -> list[str]:
    """Sentences on intervals by tier and on chances of going over the line; each with an empty line after it."""
    coverage = [one for one in evaluation.tiers if one.name == "interval_80_coverage"]
    tiers = ", ".join(f"{one.population.removeprefix('played_')} {one.value:.1%} of {one.n:,}" for one in coverage)
    said = [f"Results inside the 80 % interval, by predicted points: {tiers}.", ""] if tiers else []
    prices = {one.name: one.value for one in evaluation.line_chances}
    for population, rows in ROWS_OF_CHANCES.items():
        told = [one for one in evaluation.chances if one.population == population]
        figures = ", ".join(f"{CHANCES[one.name]} {one.value:.4f} (books {prices[one.name]:.4f})" for one in told)
        said += [f"{rows.format(told[0].n)}: {figures}.", ""] if told else []
    return said


def gap_lines(evaluation: Evaluation) -> list[str]:
    """A sentence on how much better the model knows what it was fitted on, with an empty line after it."""
    if evaluation.gap is None:
        return []
    return [f"Train/validation gap: rows that it was fitted on are known better by {evaluation.gap:.3f} MAE.", ""]


CHANCES = {"brier": "Brier score", "log_loss": "log loss", "crps": "CRPS"}

ROWS_OF_CHANCES = {
    PRICED: "Going over the line, {:,} rows with a price, the books' margin taken out",
    PRICED_LATER: "The whole distribution, {:,} rows with a price, the books' spread learned from lined rows before",
}

FORMS = (
    ("mean_error", "{:+.2f}"),
    ("share_within_3", "{:.1%}"),
    ("share_within_5", "{:.1%}"),
    ("share_above", "{:.1%}"),
    ("interval_80_coverage", "{:.1%}"),
    ("crps", "{:.3f}"),
)


def _figure(evaluation: Evaluation, name: str, population: str, form: str) -> str:
    metric = evaluation.metric(name, population)
    return form.format(metric.value) if metric else ""


def _of(metrics: tuple[Metric, ...], population: str) -> Metric | None:
    return next((one for one in metrics if (one.name, one.population) == ("mae", population)), None)
