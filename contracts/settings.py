"""The settings: frozen, typed, unknown keys refused; defaults here, then conf/, then TIPOFF_SECTION__KEY."""

from __future__ import annotations

import importlib.resources
import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.errors import UsageError


class Section(BaseModel):
    """A frozen section that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FeatureSettings(Section):
    """How rows are built."""

    line_cutoff_minutes: int = Field(60, ge=0, description="a points line counts if captured this long before tip-off")
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


def conf_text(name: str) -> tuple[str, str] | None:
    """The text of conf file `name` (as 'gate.yaml' or 'systems/xgboost.yaml') and where it was found.

    TIPOFF_CONF wins over a conf/ in the working folder, which wins over the shipped one; None: no such file.
    """
    override = os.environ.get("TIPOFF_CONF")
    for folder in [Path(override)] if override else [Path("conf")]:
        if (folder / name).is_file():
            return (folder / name).read_text(), str(folder / name)
    shipped = importlib.resources.files("conf").joinpath(*name.split("/"))
    return (shipped.read_text(), f"shipped conf/{name}") if shipped.is_file() else None


def conf_mapping(name: str) -> tuple[dict[str, Any], str]:
    """The mapping in conf file `name` and where it was found; empty where there is no such file.

    Raises UsageError where the file is not a YAML mapping.
    """
    found = conf_text(name)
    if found is None:
        return {}, "default"
    text, place = found
    try:
        value = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise UsageError(f"{place} is not YAML: {error}.") from error
    if not isinstance(value, dict):
        raise UsageError(f"{place} holds {type(value).__name__}, not a mapping of settings.")
    return value, place


def load_settings() -> Settings:
    """The settings in force.

    Raises UsageError naming every unknown key and every value out of its range, with the place it came from.
    """
    values, _ = _gather()
    return _validate(values)


def explain_settings() -> list[tuple[str, Any, str]]:
    """Every setting in force as (section.key, value, where it came from)."""
    values, sources = _gather()
    settings = _validate(values)
    return [
        (f"{section}.{key}", value, sources.get((section, key), "default"))
        for section, fields in settings
        for key, value in fields
    ]


def _gather() -> tuple[dict[str, dict[str, Any]], dict[tuple[str, str], str]]:
    values: dict[str, dict[str, Any]] = {}
    sources: dict[tuple[str, str], str] = {}
    for section in Settings.model_fields:
        mapping, place = conf_mapping(f"{section}.yaml")
        values[section] = dict(mapping)
        sources |= {(section, key): place for key in mapping}
    for variable, text in sorted(os.environ.items()):
        name = variable.removeprefix("TIPOFF_").lower()
        section, separator, key = name.partition("__")
        if name == variable.lower() or not separator:
            continue
        values.setdefault(section, {})[key] = yaml.safe_load(text)
        sources[section, key] = variable
    return values, sources


def _validate(values: dict[str, dict[str, Any]]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))} = {fault['input']!r}: {fault['msg']}" for fault in error.errors()
        )
        raise UsageError(f"Settings refused: {faults}.", remedy="`tipoff config` names every setting.") from error
