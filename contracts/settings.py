"""The settings: frozen, typed, unknown keys refused; defaults here, then conf/, then TIPOFF_SECTION__KEY."""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from contracts.conf import conf_mapping, own_folder, parse_yaml
from contracts.errors import UsageError

WEEK_MINUTES = 7 * 24 * 60


class Section(BaseModel):
    """A frozen section that refuses unknown keys, NaN and infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FeatureSettings(Section):
    """How rows are built."""

    line_cutoff_minutes: int = Field(
        60, ge=0, le=WEEK_MINUTES, description="a points line counts if captured this long before tip-off"
    )
    expected_days: int = Field(30, ge=1, description="latest appearance at most this many days ago to be expected")
    expected_team_games: int = Field(10, ge=1, description="... and at most this many games of his team ago")
    coming_game_dates: int = Field(
        1, ge=1, description="so many dates with games after the latest results get rows before they are played"
    )
    nba_stats_url: str = Field("https://stats.nba.com/stats", description="where `tipoff ingest nba-api` asks")
    nba_stats_pause_seconds: float = Field(0.7, ge=0, description="between two requests; doubles after each fault")
    nba_stats_attempts: int = Field(5, ge=1)
    nba_stats_timeout_seconds: float = Field(30.0, gt=0)
    spark_master: str = Field("local[*]", description="where `--engine spark` computes; local[N]: here, on N cores")
    spark_partitions: int = Field(8, ge=1, description="pieces that `--engine spark` cuts players and games into")


SPARSE_BY_NATURE = (
    *("vegas_points_line", "vegas_opening_line", "vegas_line_move", "mates_line_move", "line_decayed_4"),
    "avg_points_vs_opponent",
)
"""Features that are NULL for many: books line a part of the players, and not every opponent was met before."""


class QualitySettings(Section):
    """What a build of the feature table must look like to become current; shares are 0-1 (docs/quality.md)."""

    min_rows: int = Field(1000, ge=1, description="constant columns and distributions are judged from so many rows")
    min_values: int = Field(30, ge=2, description="fewer values than this may be equal by chance")
    min_pairs: int = Field(100, ge=2, description="NULL shares and rows held against earlier ones: at least so many")
    max_out_of_range: float = Field(0.8, ge=0, le=1, description="share of values outside the feature's range")
    ranges: dict[str, tuple[float, float]] = Field(
        default_factory=dict, description="the plausible range of a feature whose definition bounds it less"
    )
    established_games: int = Field(
        20, ge=1, description="games this season from which a player's values should be known"
    )
    max_null_share: float = Field(0.2, ge=0, le=1, description="of a feature, in rows of established players")
    max_null_share_of: dict[str, float] = Field(
        default_factory=lambda: dict.fromkeys(SPARSE_BY_NATURE, 1.0),
        description="the same, feature by feature",
    )
    max_filled_share: float = Field(0.3, ge=0, le=1, description="values in rows without history, where NULL is due")
    max_null_change: float = Field(0.3, ge=0, le=1, description="of a feature's NULL share, up or down")
    min_distinct_ratio: float = Field(0.4, ge=0, le=1, description="distinct values now over then, as many rows")
    max_mode_rise: float = Field(0.3, ge=0, le=1, description="of the most common value's share")
    max_psi_same_dates: float = Field(0.1, gt=0, description="shift of a feature against the same dates as they stood")
    max_psi_same_stage: float = Field(0.7, gt=0, description="shift against earlier dates of this stage, beyond chance")
    accumulating: tuple[str, ...] = Field(
        ("games_vs_opponent",), description="features that grow with what was ingested: not held against other dates"
    )
    max_outside: float = Field(0.25, ge=0, le=1, description="share of values outside what was seen then")
    min_agreement: float = Field(0.9, ge=-1, le=1, description="correlation with the same rows as they stood")
    min_continuity: float = Field(0.8, ge=0, le=1, description="a feature with less of it then is not judged by it")
    max_continuity_fall: float = Field(0.4, ge=0, le=2, description="of the correlation with the player's row before")
    max_frozen_rise: float = Field(
        0.4, ge=0, le=1, description="of the share of values equal to the player's row before"
    )
    max_repeated: float = Field(
        0.5, ge=0, le=1, description="share of values the player had at this stage a season ago"
    )
    max_association_change: float = Field(
        0.25, ge=0, le=2, description="of a feature's correlation with another, beyond chance"
    )
    max_lost_share: float = Field(
        0.3, ge=0, le=1, description="a feature known in more of the rows then may not be gone"
    )
    max_population_change: float = Field(0.25, ge=0, le=1, description="of a population's share of the rows")
    min_active_share: float = Field(0.4, ge=0, le=1, description="played and early among the rows with a result")
    min_rows_per_team: float = Field(3, ge=0, description="rows of a team in a game, a date's mean")
    min_expected_per_team: float = Field(3, ge=0, description="expected players of a team in a game, a date's mean")
    min_played_expected: float = Field(0.5, ge=0, le=1, description="share of a date's players that were expected")
    min_expected_played: float = Field(0.3, ge=0, le=1, description="share of a date's expected that played")
    min_slate_players: int = Field(40, ge=1, description="shares of a date are judged from so many players")
    settling_days: int = Field(30, ge=0, description="from a season's opening, when no two seasons are alike")
    sample_dates: int = Field(40, ge=1, description="dates that are read to compare with, evenly spread")
    stage_days: int = Field(10, ge=0, description="days apart that two dates of a season's same stage may be")
    min_stage_dates: int = Field(10, ge=1, description="with fewer dates of the same stage: so many of the nearest")


class TrainingSettings(Section):
    """How models are trained and what they are told about."""

    target: str = Field("points", description="the column that is predicted")
    feature_set: str = "v2_33features"
    population: str = Field("played", description="the rows a model is trained and validated on")
    validation_share: float = Field(0.2, gt=0, lt=1, description="last share of dates, when no dates are given")
    tune_share: float = Field(
        0.1, gt=0, lt=1, description="last share of the training dates: early stopping, intervals"
    )
    embargo_days: int = Field(
        0, ge=0, le=3650, description="nothing is learned of this many days before what is validated or tested"
    )
    window_days: int | None = Field(
        None, ge=2, description="learn from the last so many days before validation or test; null: from all"
    )
    again_share: float = Field(
        0.95,
        gt=0,
        le=1,
        description="share of the feature table at which `train --again-when-complete` goes on",
    )
    again_poll_seconds: float = Field(20.0, ge=0.1, description="how often it looks how far the feature table is")
    min_coverage: float = Field(0.6, ge=0, le=1, description="a feature with fewer values than this share is refused")
    min_coverage_of: dict[str, float] = Field(default_factory=dict, description="the same, feature by feature")
    seed: int = 7
    device: str = "cpu"
    sampler: Literal["tpe", "random"] = Field("tpe", description="how a sweep chooses what to try next")
    pruning: bool = Field(True, description="a sweep ends trials early that are worse than most at the same point")
    sweep_folds: int = Field(3, ge=1, le=50, description="a trial's value is the mean over so many walk-forward folds")
    sweep_share: float = Field(
        0.4, gt=0, lt=1, description="last share of the dates before validation that the folds of a sweep test on"
    )
    study_heartbeat_seconds: int = Field(
        20, ge=1, description="a worker of a study in PostgreSQL silent for three times this long is dead"
    )


class GateSettings(Section):
    """What a challenger must show (docs/registry.md)."""

    min_rows: int = Field(1000, ge=1)
    min_dates: int = Field(20, ge=2)
    margin: float = Field(0.0, ge=0, description="points of MAE that the lower bound of the improvement must exceed")
    level: float = Field(
        0.08,
        gt=0,
        lt=1,
        description="chance that any of ever so many equal challengers passes: the k-th has level/k(k+1)",
    )
    resamples: int = Field(2000, ge=100)
    max_mean_error: float = Field(0.75, gt=0, description="points; a mean system: predicted minus actual, either sign")
    min_share_above: float = Field(0.48, ge=0, le=1, description="a median system: least share of results above it")
    max_share_above: float = Field(0.52, ge=0, le=1, description="a median system: largest share of results above it")
    min_interval_coverage: float = Field(0.76, ge=0, le=1, description="share of results in the 80 % intervals")
    max_interval_coverage: float = Field(0.84, ge=0, le=1)
    min_slice_rows: int = Field(200, ge=2, description="a tier or population with fewer rows is not judged")
    slice_tolerance: float = Field(
        0.05, ge=0, description="points of MAE by which a tier or population may be worse than the champion's"
    )
    slice_tolerance_of: dict[str, float] = Field(
        default_factory=lambda: {"star": 0.1, "early": 0.1},
        description="the same, tier by tier, population by population",
    )
    alone_tolerance: float = Field(
        1.0,
        ge=0,
        description="... by which rows that only the challenger predicts may be worse than a plain guess from the past",
    )
    min_alone_rows: int = Field(50, ge=2, description="with fewer such rows they are not judged")
    too_good: float = Field(0.3, gt=0, description="points of MAE under the line's that mean a leak")
    min_lined_rows: int = Field(300, ge=1, description="with fewer lined rows `too_good` cannot be judged")
    shadow_dates: int = Field(
        0,
        ge=0,
        description="dates that a version in Staging must be graded on beside Production, live, before its turn",
    )
    accept_changed_code: bool = Field(
        False, description="whether a version trained with changes that no commit holds may pass"
    )
    max_latency_ms: float = Field(100.0, gt=0, description="median time of one row's prediction, in a fresh process")
    max_size_mb: float = Field(200.0, gt=0, description="of the model's files")
    seed: int = 7


class RegistrySettings(Section):
    """What is done around a promotion; the webhook's secret is TIPOFF_WEBHOOK_SECRET, which no page prints."""

    proof_seconds: float = Field(
        10.0,
        ge=0,
        le=600,
        description="how long promote and rollback wait for the service to answer with the new",
    )
    services: tuple[str, ...] = Field((), description="addresses of services on other machines, as http://host:3000")
    webhook_url: str | None = Field(None, description="where promotions, refusals and rollbacks are told, signed")
    webhook_attempts: int = Field(4, ge=1, le=20, description="... at once; the next command goes on for a day")
    webhook_timeout_seconds: float = Field(5.0, gt=0, le=60)
    keep_newest: int = Field(10, ge=0, description="`registry prune` keeps the files of so many newest versions")
    keep_days: int = Field(90, ge=0, description="... and of those that moved or were registered within so many days")
    keep_champion_days: int = Field(365, ge=0, description="... and of those in Production within so many days")


class ServingSettings(Section):
    """How the service answers."""

    host: str = "127.0.0.1"
    port: int = Field(3000, ge=1, le=65535)
    poll_seconds: float = Field(1.0, gt=0, le=5, description="how often each worker looks for a promotion")
    max_rows: int = Field(1000, ge=1, description="rows in one request")
    max_body_bytes: int = Field(2_000_000, ge=1000)
    body_seconds: float = Field(10.0, gt=0, description="how long a body may take to arrive")
    max_in_flight: int = Field(64, ge=1, description="predicting requests at once in a worker; one more is a 429")
    max_requests_per_second: float = Field(
        0, ge=0, description="predicting requests of one address to a worker; one more is a 429; 0: no limit"
    )
    log_requests: bool = Field(True, description="a JSON line on stderr for each request but the probes'")


class CoordinatorSettings(Section):
    """How batches run (docs/coordinator.md)."""

    host: str = "127.0.0.1"
    port: int = Field(3001, ge=1, le=65535)
    systems: tuple[str, ...] | None = Field(
        None,
        description="what predicts each slate: systems, production, staging, version:N; null: every system that has a "
        "version, the one in Production first, and Staging",
    )
    workers: int = Field(1, ge=0, le=16, description="threads of the coordinator that predict; more: `tipoff worker`")
    chunk_rows: int = Field(1000, ge=1, description="player-games of one system that a worker claims at once")
    lease_seconds: float = Field(
        30.0, ge=0.5, le=300, description="after so long without a sign its rows are another worker's"
    )
    most_chunk_seconds: float = Field(600.0, gt=0, description="so long at most a worker extends one lease")
    max_attempts: int = Field(3, ge=1, description="a player-game whose prediction fails so often is given up")
    max_claims: int = Field(20, ge=1, description="... and one that was claimed so often and never ended")
    retry_seconds: float = Field(1.0, ge=0, description="before the next try; doubles with each")
    poll_seconds: float = Field(0.5, gt=0, description="how often a worker without work looks for some")
    subscribers: tuple[str, ...] = Field((), description="addresses that are told of events, as https://host/path")
    relay_seconds: float = Field(2.0, gt=0, description="how often events that were not taken are told again")
    reconcile_seconds: float = Field(60.0, gt=0, description="how often the schedule is held against what is there")
    due_minutes: float = Field(120.0, ge=0, description="so long before the first game its date must have a batch")
    most_batch_minutes: float = Field(10.0, gt=0, description="a batch that is open for longer is an alarm")
    max_body_bytes: int = Field(1_000_000, ge=1000)
    body_seconds: float = Field(10.0, gt=0, description="how long a body may take to arrive")
    max_in_flight: int = Field(64, ge=1, description="requests at once; one more is a 429")
    max_requests_per_second: float = Field(0, ge=0, description="of one address; one more is a 429; 0: no limit")
    log_requests: bool = Field(True, description="a JSON line on stderr for each request but the probes'")


SourceKind = Literal[
    "game-logs", "game-lines", "points-lines", "positions", "injuries", "schedule", "shot-zones", "players", "nba-api"
]


class DailySource(Section):
    """Where a day asks for facts: files of one kind, or stats.nba.com for the current season."""

    kind: SourceKind
    path: str | None = None

    @model_validator(mode="after")
    def _has_a_path_where_it_needs_one(self) -> DailySource:
        if (self.path is None) != (self.kind == "nba-api"):
            raise ValueError("a source has a path (a file, or a pattern as drop/*.csv), and nba-api has none")
        return self


class DailySettings(Section):
    """The daily cycle (docs/daily.md)."""

    sources: tuple[DailySource, ...] = Field(
        (), description="what is ingested first, in this order: {kind, path} of files, {kind: nba-api}"
    )
    catch_up_days: int = Field(7, ge=0, le=60, description="missed dates so many days back are run first, in order")
    retrain_days: int | None = Field(
        None, ge=1, description="so many days after its newest version Production's system learns again; null: never"
    )
    at: str | None = Field(
        None,
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="when the coordinator starts the day, New York time, as 10:30; null: it does not",
    )
    retry_minutes: float = Field(30.0, gt=0, description="... and again after so long, until it is done")

    @field_validator("at", mode="before")
    @classmethod
    def _time_that_yaml_took_for_a_number(cls, value: object) -> object:
        """YAML reads 10:30 without quotes as 630, a number to the base of 60."""
        if not isinstance(value, int) or isinstance(value, bool):
            return value
        return f"{value // 60:02d}:{value % 60:02d}"


MonitorAction = Literal["notify", "retrain", "roll_back"]


class MonitorsSettings(Section):
    """When a monitor speaks, how long it waits, and what is then done (docs/monitors.md)."""

    label: Literal["live", "backfill"] = Field("live", description="whose grades are judged; in_sample never")
    degrade_after: int = Field(3, ge=2, description="bad readings in a row until a subject is degraded")
    degrade_after_of: dict[str, int] = Field(default_factory=dict, description="the same, monitor by monitor")
    block_after: int = Field(10, ge=3, description="bad readings in a row until it is blocked")
    heal_after: int = Field(3, ge=1, description="good readings in a row until it is healthy again")
    actions: dict[str, MonitorAction] = Field(
        default_factory=dict, description="what is done where a monitor is degraded, unless its own action is meant"
    )
    may_retrain: bool = Field(False, description="whether an action retrain is carried out and not only told")
    may_roll_back: bool = Field(False, description="the same of roll_back")
    act_again_days: int = Field(7, ge=1, description="days before the same action is carried out again")
    recent_dates: int = Field(7, ge=1, description="latest dates whose rows are held against earlier ones")
    rolling_days: int = Field(28, ge=2, description="days of grades that errors are judged over")
    min_rows: int = Field(50, ge=2, description="feature rows on each side; with fewer nothing is measured")
    min_graded: int = Field(300, ge=2, description="graded predictions; with fewer nothing is measured")
    min_graded_dates: int = Field(7, ge=2, description="... and dates of them")
    level: float = Field(0.99, gt=0.5, lt=1, description="confidence that an error is beyond its limit")
    drift_level: float = Field(0.001, gt=0, lt=0.5, description="false discovery rate over the features of a date")
    min_coverage: float = Field(0.95, ge=0, le=1)
    max_late_dates: int = Field(0, ge=0, description="dates of the schedule without results, or without fresh rows")
    max_ingest_hours: float = Field(36.0, gt=0, description="since the last ingest, while games are played")
    max_psi: float = Field(0.25, gt=0, description="shift of a distribution beyond chance")
    max_null_rise: float = Field(0.3, gt=0, le=1, description="of a feature's NULL share")
    max_mode_rise: float = Field(0.3, gt=0, le=1, description="of the share of a feature's most common value")
    max_share_off: float = Field(0.05, gt=0, lt=0.5, description="a median system: share of results above it off 0.5")
    max_mean_error: float = Field(0.75, gt=0, description="points, either sign; a mean system")
    max_gap_to_line: float = Field(0.25, ge=0, description="points of MAE above the line's, lined rows")
    max_gap_to_average: float = Field(0.05, ge=0, description="points of MAE above a plain average's, same rows")
    too_good: float = Field(0.3, gt=0, description="points of MAE under the line's that mean a leak")
    max_interval_off: float = Field(0.04, gt=0, lt=0.2, description="share of results in the 80 % intervals off 0.8")
    max_model_dates: int = Field(75, ge=1, description="game dates since the last that the model has seen")
    heartbeat_hours: dict[str, float] = Field(
        default_factory=lambda: {"day": 36.0, "day.train": 1080.0, "reconcile": 1.0},
        description="how long a job that ran once may be silent; day stands for day.predict too",
    )
    max_waiting_minutes: float = Field(60.0, gt=0, description="how long a row or an event may wait")


class AlertsSettings(Section):
    """Who is told of alarms and milestones (docs/alerts.md); the webhook's secret is TIPOFF_WEBHOOK_SECRET."""

    webhook_url: str | None = Field(None, description="where they are told, signed, besides alerts.log in the home")
    webhook_attempts: int = Field(4, ge=1, le=20, description="... at once; the next call goes on")
    webhook_timeout_seconds: float = Field(5.0, gt=0, le=60)
    stalled_minutes: float = Field(30.0, gt=0, description="a backfill that writes nothing for so long has stalled")


class Settings(Section):
    """Everything that can be set, one section a concern."""

    features: FeatureSettings = FeatureSettings()
    quality: QualitySettings = QualitySettings()
    training: TrainingSettings = TrainingSettings()
    gate: GateSettings = GateSettings()
    registry: RegistrySettings = RegistrySettings()
    serving: ServingSettings = ServingSettings()
    coordinator: CoordinatorSettings = CoordinatorSettings()
    daily: DailySettings = DailySettings()
    monitors: MonitorsSettings = MonitorsSettings()
    alerts: AlertsSettings = AlertsSettings()


def load_settings() -> Settings:
    """The settings in force.

    Raises UsageError naming every unknown key and every value out of its range, with the place it came from.
    """
    return _validate(*_gather())


def explain_settings() -> list[tuple[str, Any, str]]:
    """Every setting in force as (section.key, plain value, where it came from)."""
    values, sources = _gather()
    settings = _validate(values, sources)
    return [
        (f"{section}.{key}", value, sources.get((section, key), "default"))
        for section, fields in settings.model_dump().items()
        for key, value in fields.items()
    ]


def _gather() -> tuple[dict[str, dict[str, Any]], dict[tuple[str, str], str]]:
    values: dict[str, dict[str, Any]] = {}
    sources: dict[tuple[str, str], str] = {}
    _refuse_strangers()
    for section in Settings.model_fields:
        mapping, place = conf_mapping(f"{section}.yaml")
        values[section] = dict(mapping)
        sources |= {(section, key): place for key in mapping}
    for variable, text in sorted(os.environ.items()):
        name = variable.removeprefix("TIPOFF_").lower()
        section, separator, key = name.partition("__")
        if name == variable.lower() or not separator:
            continue
        values.setdefault(section, {})[key] = parse_yaml(text, variable)
        sources[section, key] = variable
    return values, sources


def _refuse_strangers() -> None:
    """Raises UsageError for a file in TIPOFF_CONF that is none of ours: its settings would be passed over.

    A conf/ in the working folder may be somebody else's.
    """
    sections = sorted(f"{section}.yaml" for section in Settings.model_fields)
    found = (path.name for path in own_folder().glob("*.y*ml")) if os.environ.get("TIPOFF_CONF") else ()
    strangers = sorted(set(found) - set(sections))
    if strangers:
        raise UsageError(
            f"TIPOFF_CONF holds {', '.join(strangers)}, which nothing reads.",
            remedy=f"Its files are called {', '.join(sections)}.",
        )


def _validate(values: dict[str, dict[str, Any]], sources: dict[tuple[str, str], str]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(_tell(fault, sources) for fault in error.errors())
        raise UsageError(f"Settings refused: {faults}.", remedy="`tipoff config` names every setting.") from error


def _tell(fault: Any, sources: dict[tuple[str, str], str]) -> str:
    """'gate.min_rows = 0: Input should be ... (conf/gate.yaml)'."""
    name, said = ".".join(map(str, fault["loc"])), str(fault["msg"])
    if fault["type"] == "extra_forbidden":
        said = "there is no such setting" if len(fault["loc"]) > 1 else "there is no such section"
    place = next((place for (section, key), place in sources.items() if (section, key) == fault["loc"][:2]), None)
    return f"{name} = {fault['input']!r}: {said}" + (f" ({place})" if place else "")
