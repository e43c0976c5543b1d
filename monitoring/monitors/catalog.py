"""The monitors by name: what each measures, its limit, what is done where it is degraded, the command that helps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from contracts.settings import MonitorAction, MonitorsSettings
from monitoring.monitors import (
    bias,
    calibration,
    coverage,
    default_share,
    feature_drift,
    freshness,
    heartbeat,
    mae_gap,
    model_age,
    null_share,
    prediction_drift,
    queue_depth,
    registry_vs_service,
    too_good,
)
from monitoring.readings import Reading
from monitoring.states import Patience
from monitoring.view import View


@dataclass(frozen=True)
class Monitor:
    """One monitor.

    `read` measures a date; `measures` says what in a line, `limit` against what. `action` is done where it is degraded
    or blocked, unless `monitors.actions` says otherwise; `remedy` is the command for a person. `blocks` tells the
    values that block at once.
    """

    name: str
    read: Callable[[View], Sequence[Reading]]
    measures: str
    limit: Callable[[MonitorsSettings], str]
    remedy: str
    action: MonitorAction = "notify"
    blocks: Callable[[float], bool] | None = None

    def action_of(self, settings: MonitorsSettings) -> MonitorAction:
        """What is done, as the settings have it."""
        return settings.actions.get(self.name, self.action)

    def patience(self, settings: MonitorsSettings) -> Patience:
        """How many readings in a row move a subject, as the settings have it."""
        return Patience.of(self.name, settings, self.blocks)


def _monitors() -> Sequence[Monitor]:
    return (
        Monitor(
            coverage.NAME,
            coverage.read,
            "predictions made of those expected: the slate, and the batch's ledger",
            lambda limits: f"at least {limits.min_coverage:.0%}",
            "tipoff batch start --game-date DATE",
            blocks=lambda share: share == 0,
        ),
        Monitor(
            freshness.NAME,
            freshness.read,
            "dates of the last 14 days without results or fresh rows; hours since the last ingest",
            lambda limits: f"{limits.max_late_dates} dates; {limits.max_ingest_hours:g} hours",
            "tipoff day --date DATE",
        ),
        Monitor(
            feature_drift.NAME,
            feature_drift.read,
            "PSI and Kolmogorov-Smirnov of each feature against the same stage of the season",
            lambda limits: f"PSI {limits.max_psi:g} beyond chance and false discovery rate {limits.drift_level:g}",
            "tipoff features quality",
        ),
        Monitor(
            null_share.NAME,
            null_share.read,
            "rise of each feature's NULL share on a date",
            lambda limits: f"at most {limits.max_null_rise:.0%}",
            "tipoff features quality",
        ),
        Monitor(
            default_share.NAME,
            default_share.read,
            "rise of the share that one value fills of each feature on a date",
            lambda limits: f"at most {limits.max_mode_rise:.0%}",
            "tipoff features quality",
        ),
        Monitor(
            prediction_drift.NAME,
            prediction_drift.read,
            "PSI and Kolmogorov-Smirnov of the predictions against the weeks before",
            lambda limits: f"PSI {limits.max_psi:g} beyond chance and p {limits.drift_level:g}",
            "tipoff registry show VERSION",
        ),
        Monitor(
            bias.NAME,
            bias.read,
            "share of results above the prediction (a median system) or mean error (a mean system)",
            lambda limits: f"0.5 +- {limits.max_share_off:g}; +- {limits.max_mean_error:g} points",
            "tipoff train",
            action="retrain",
        ),
        Monitor(
            mae_gap.NAME,
            mae_gap.read,
            "MAE less that of the line and of the plain averages, same rows",
            lambda limits: f"{limits.max_gap_to_line:g} to the line, {limits.max_gap_to_average:g} to an average",
            "tipoff train",
            action="retrain",
        ),
        Monitor(
            too_good.NAME,
            too_good.read,
            "MAE under the line's, same rows: a leak until proven otherwise",
            lambda limits: f"at most {limits.too_good:g}",
            "tipoff features verify",
            action="roll_back",
            blocks=lambda _gap: True,
        ),
        Monitor(
            calibration.NAME,
            calibration.read,
            "share of the results in the 80 % intervals",
            lambda limits: f"0.8 +- {limits.max_interval_off:g}",
            "tipoff train",
            action="retrain",
        ),
        Monitor(
            model_age.NAME,
            model_age.read,
            "game dates since the last that the version's training knew",
            lambda limits: f"at most {limits.max_model_dates}",
            "tipoff train",
            action="retrain",
        ),
        Monitor(
            heartbeat.NAME,
            heartbeat.read,
            "hours since each job's last run that did not fail",
            lambda limits: ", ".join(f"{job} {hours:g}" for job, hours in limits.heartbeat_hours.items()),
            "tipoff day --date DATE",
        ),
        Monitor(
            registry_vs_service.NAME,
            registry_vs_service.read,
            "whether every running service answers with the files that are in Production",
            lambda _limits: "the same sha256",
            "tipoff registry history --verify",
            blocks=lambda differs: differs > 0,
        ),
        Monitor(
            queue_depth.NAME,
            queue_depth.read,
            "rows of batches, given-up player-games and events that wait",
            lambda limits: f"none for more than {limits.max_waiting_minutes:g} minutes",
            "tipoff worker",
        ),
    )


MONITORS: Mapping[str, Monitor] = {monitor.name: monitor for monitor in _monitors()}
"""Name -> monitor, in the order in which they are told."""
