"""model_age: how many game dates have passed since the last that the judged version's training knew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from contracts.settings import MonitorsSettings
from monitoring.readings import Reading, not_measured
from monitoring.view import Judged, View
from registry.versions import ModelVersion, list_versions, production

NAME = "model_age"


def read(view: View) -> list[Reading]:
    """One reading of the judged version, or of the one in Production where nothing was predicted."""
    days = [day for day in view.schedule["game_date"].unique().sort().to_list() if day < view.game_date]
    versions = {Judged(each.system, each.version): each for each in list_versions(view.engine)}
    live = production(view.engine)
    asked = view.judged or (Judged(live.system, live.version) if live is not None else None)
    if asked is None:
        return [not_measured(NAME, "", "no version has predicted, and none is in Production")]
    known_to = _known_to(versions[asked]) if asked in versions else view.said["train_to"].max()
    return [judge(asked.subject, known_to, days, view.settings.monitors)]  # type: ignore[arg-type]  # a date or None


def judge(subject: str, known_to: date | None, game_dates: Sequence[date], limits: MonitorsSettings) -> Reading:
    """Bad where more of `game_dates` than the limit are after `known_to`; where nothing was fitted nothing ages."""
    limit = float(limits.max_model_dates)
    if known_to is None:
        return Reading(NAME, subject, 0.0, limit, 0, is_bad=False, detail=f"{subject}: nothing was fitted.")
    unseen = [day for day in game_dates if day > known_to]
    detail = (
        f"The training of {subject} knew dates up to {known_to}; {len(unseen)} game dates have passed since, at most "
        f"{limit:.0f} may."
    )
    return Reading(NAME, subject, float(len(unseen)), limit, len(unseen), len(unseen) > limit, detail)


def _known_to(version: ModelVersion) -> date | None:
    """The last date that the training learned from or validated on; None: nothing was fitted."""
    if version.train_to is None:
        return None
    metrics = version.metrics if isinstance(version.metrics, list) else []
    return max([version.train_to, *(date.fromisoformat(each["date_to"]) for each in metrics if "date_to" in each)])
