"""The settings: frozen, typed, unknown keys refused; defaults here, then conf/, then TIPOFF_SECTION__KEY."""

from __future__ import annotations

import os
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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
    nba_stats_url: str = Field("https://stats.nba.com/stats", description="where `tipoff ingest nba-api` asks")
    nba_stats_pause_seconds: float = Field(0.7, ge=0, description="between two requests; doubles after each fault")
    nba_stats_attempts: int = Field(5, ge=1)
    nba_stats_timeout_seconds: float = Field(30.0, gt=0)
    constant_column_min_rows: int = Field(1000, ge=1, description="builds of this size fail on a constant column")


class TrainingSettings(Section):
    """How models are trained and what they are told about."""

    target: str = Field("points", description="the column that is predicted")
    feature_set: str = "v2_33features"
    population: str = Field("played", description="the rows a model is trained and validated on")
    validation_share: float = Field(0.2, gt=0, lt=1, description="last share of dates, when no dates are given")
    tune_share: float = Field(
        0.1, gt=0, lt=1, description="last share of the training dates: early stopping, intervals"
    )
    min_coverage: float = Field(0.6, ge=0, le=1, description="a feature with fewer values than this share is refused")
    min_coverage_of: dict[str, float] = Field(default_factory=dict, description="the same, feature by feature")
    seed: int = 7
    device: str = "cpu"


class GateSettings(Section):
    """What a challenger must show."""

    min_rows: int = Field(1000, ge=1)
    min_dates: int = Field(20, ge=2)
    margin: float = Field(0.0, ge=0, description="points of MAE that the lower bound of the improvement must exceed")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="one-sided confidence of the improvement")
    resamples: int = Field(2000, ge=100)
    max_mean_error: float = Field(0.75, gt=0, description="points; predicted minus actual, either sign")
    min_share_above: float = Field(0.48, ge=0, le=1, description="a median system: least share of results above it")
    max_share_above: float = Field(0.52, ge=0, le=1, description="a median system: largest share of results above it")
    too_good: float = Field(0.3, gt=0, description="points of MAE under the line's that mean a leak")
    min_lined_rows: int = Field(300, ge=1, description="with fewer lined rows `too_good` cannot be judged")
    seed: int = 7


class ServingSettings(Section):
    """How the service answers."""

    host: str = "127.0.0.1"
    port: int = Field(3000, ge=1, le=65535)
    poll_seconds: float = Field(1.0, gt=0, le=5, description="how often each worker looks for a promotion")
    max_rows: int = Field(1000, ge=1, description="rows in one request")
    max_body_bytes: int = Field(2_000_000, ge=1000)
    body_seconds: float = Field(10.0, gt=0, description="how long a body may take to arrive")
    max_in_flight: int = Field(64, ge=1, description="predicting requests at once in a worker; one more is a 429")


class MonitoringSettings(Section):
    """When a monitor speaks."""

    min_coverage: float = Field(0.95, ge=0, le=1)


class Settings(Section):
    """Everything that can be set, one section a concern."""

    features: FeatureSettings = FeatureSettings()
    training: TrainingSettings = TrainingSettings()
    gate: GateSettings = GateSettings()
    serving: ServingSettings = ServingSettings()
    monitors: MonitoringSettings = MonitoringSettings()


def load_settings() -> Settings:
    """The settings in force.

    Raises UsageError naming every unknown key and every value out of its range, with the place it came from.
    """
    return _validate(*_gather())


def explain_settings() -> list[tuple[str, Any, str]]:
    """Every setting in force as (section.key, value, where it came from)."""
    values, sources = _gather()
    settings = _validate(values, sources)
    return [
        (f"{section}.{key}", value, sources.get((section, key), "default"))
        for section, fields in settings
        for key, value in fields
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
