"""The last links: the batch and how his rows ended in it, what was predicted, and how it was graded."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from contracts.database import read_frame
from contracts.tables import games, grades, ledger, player_games, predictions
from monitoring.grading import label
from registry.versions import stages
from tipoff.coordinator.batches import newest_in
from tipoff.explaining.link import Case, Link

ROW = ("system", "state", "reason", "detail", "attempt", "prediction_id", "ended_at")
SAID = ("prediction_id", "system", "model_version", "model_sha256", "build_id", "predicted", "line", "predicted_at")


def batch(case: Case) -> Link:
    """Whether the date's newest batch has rows of him, and one of them is predicted."""
    start = f"tipoff batch start --game-date {case.game_date}"
    with case.wiring.engine.connect() as connection:
        found = newest_in(connection, case.game_date)
        if found is None:
            return Link("batch", False, f"No batch of {case.game_date} was started.", {}, start)
        mine = (ledger.c.batch_id == found.batch_id, ledger.c.player_id == case.player_id)
        rows = connection.execute(sa.select(*(ledger.c[name] for name in ROW)).where(*mine).order_by(ledger.c.system))
        told = [dict(row) for row in rows.mappings()]
    values: dict[str, Any] = {"batch_id": found.batch_id, "ended_at": found.ended_at, "rows": told}
    if not told:
        message = f"Batch {found.batch_id} did not expect him: its slate was told before he was on it."
        return Link("batch", False, message, values, start)
    if any(row["state"] == "predicted" for row in told):
        n = sum(row["state"] == "predicted" for row in told)
        return Link("batch", True, f"{n} of {len(told)} systems predicted him in {found.batch_id}.", values)
    return _not_predicted(found.batch_id, told, values)


def _not_predicted(batch_id: str, told: list[dict[str, Any]], values: dict[str, Any]) -> Link:
    """Why: the first row that failed, else one that was skipped, else one that waits."""
    order = ("failed", "skipped", "claimed", "waiting")
    row = min(told, key=lambda each: order.index(each["state"]))
    why = f"{row['reason']}: {row['detail']}" if row["reason"] else "no worker has ended it"
    remedies = {"failed": f"tipoff batch replay --batch {batch_id}", "skipped": "tipoff features backfill"}
    message = f"In {batch_id} {row['system']} is {row['state']} ({why})."
    return Link("batch", False, message, values, remedies.get(row["state"], "tipoff worker"))


def prediction(case: Case) -> Link:
    """What was predicted of him, by whom and how it counts: live, backfill or in-sample."""
    query = (
        sa.select(predictions, games.c.tip_off_at)
        .outerjoin(games, games.c.game_id == predictions.c.game_id)
        .where(predictions.c.game_date == case.game_date, predictions.c.player_id == case.player_id)
        .order_by(predictions.c.prediction_id)
    )
    with case.wiring.engine.connect() as connection:
        rows = read_frame(connection, query)
    if rows.is_empty():
        remedy = f"tipoff batch start --game-date {case.game_date}"
        return Link("prediction", False, f"None of him on {case.game_date} is stored.", {"predictions": []}, remedy)
    standing = stages(case.wiring.engine)
    told = [
        row | {"stage": str(standing.get(row["model_version"], "None"))}
        for row in rows.with_columns(label=label()).select(*SAID, "label").iter_rows(named=True)
    ]
    newest = told[-1]
    message = (
        f"{len(told)} stored; the newest says {newest['predicted']:.1f}, by version {newest['model_version']} "
        f"({newest['system']}), {newest['label']}."
    )
    return Link("prediction", True, message, {"predictions": told})


def grade(case: Case) -> Link:
    """How they were graded; a game without results is not yet to be."""
    said = (predictions.c.game_date == case.game_date, predictions.c.player_id == case.player_id)
    query = sa.select(predictions.c.system, grades).outerjoin(grades).where(*said)
    played = sa.select(player_games.c.game_id).where(player_games.c.game_date == case.game_date)
    with case.wiring.engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(query.order_by(predictions.c.prediction_id)).mappings()]
        has_results = (
            connection.execute(played.where(player_games.c.game_id == case.game_id).limit(1)).first() is not None
        )
    graded = [row for row in rows if row["outcome"] is not None]
    values = {"has_results": has_results, "grades": graded}
    if not rows:
        return Link("grade", False, "Nothing was predicted that could be graded.", values, "See the link before.")
    if len(graded) == len(rows):
        first = graded[-1]
        told = "he did not play" if first["outcome"] == "void" else f"{first['actual']:.0f} scored"
        return Link("grade", True, f"All {len(rows)} are graded: {told}.", values)
    if not has_results:
        return Link("grade", True, "The game has no result yet: it waits for its box score.", values)
    remedy = f"tipoff grade --from {case.game_date} --to {case.game_date}"
    return Link("grade", False, f"{len(rows) - len(graded)} of {len(rows)} predictions are not graded.", values, remedy)
