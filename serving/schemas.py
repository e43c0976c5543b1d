"""What the service takes and gives: strict bodies that refuse unknown keys, texts for numbers, NaN and Infinity."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, model_validator

SYSTEM_PATTERN = r"^(production|staging|version:[1-9][0-9]{0,8}|[a-z][a-z0-9_]{0,63})$"

GameId = Annotated[str, Field(pattern=r"^[0-9]{10}$", description="ten digits, as 0022300001")]
PlayerId = Annotated[int, Field(ge=1, le=2**31 - 1)]
Value = Annotated[float, Field(ge=-1e15, le=1e15)]
Line = Annotated[float, Field(gt=0, le=500, description="in the target's unit")]
SystemName = Annotated[
    str, Field(pattern=SYSTEM_PATTERN, description="production, staging, version:N, or the name of a system")
]


class Body(BaseModel):
    """A body of a request: nothing is coerced, nothing unknown is let through."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class Row(Body):
    """One player-game: by ids (the stored feature row), or by features (an absent name counts as missing)."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["player_id", "game_id"]}, {"required": ["features"]}]}
    )

    player_id: PlayerId | None = None
    game_id: GameId | None = None
    features: dict[str, Value | None] | None = None
    line: Line | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Row:
        by_ids = self.player_id is not None or self.game_id is not None
        if by_ids == (self.features is not None):
            raise ValueError("give either player_id and game_id, or features")
        if by_ids and (self.player_id is None or self.game_id is None):
            raise ValueError("player_id and game_id belong together")
        return self

    @property
    def key(self) -> tuple[str, int] | None:
        """(game_id, player_id) of a row by ids, None of a row by features."""
        return None if self.game_id is None or self.player_id is None else (self.game_id, self.player_id)


class PredictRequest(Body):
    """POST /predict."""

    rows: list[Row] = Field(min_length=1)
    system: SystemName = "production"
    feature_set_hash: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="refused (422) unless it is the model's"
    )


class ExplainRequest(Body):
    """POST /explain: one row."""

    row: Row
    system: SystemName = "production"
    top: int = Field(10, ge=1, le=100, description="how many features to name")


class PredictBatchRequest(Body):
    """POST /predict-batch: the slate of a date."""

    game_date: date = Field(description="the league's date (America/New_York)")
    system: SystemName = "production"


class RowError(BaseModel):
    """Why one row has no prediction."""

    code: str = Field(description="unknown_player, no_features, stale_features or not_predictable")
    message: str


@dataclass(slots=True, kw_only=True)
class Answer:
    """One row's prediction, or its error; the fields of the model are there in both cases."""

    player_id: int | None = None
    game_id: str | None = None
    predicted_points: Annotated[float | None, Field(description="in the target's unit")] = None
    interval: Annotated[tuple[float, float] | None, Field(description="80 %: [low, high]")] = None
    line: Annotated[float | None, Field(description="as given, else as known at the cut-off")] = None
    over_probability: Annotated[
        Annotated[float, Field(ge=0, le=1)] | None, Field(description="where a line is given or known")
    ] = None
    missing: Annotated[list[str], Field(description="features without a value")] = field(default_factory=list)
    out_of_range: Annotated[list[str], Field(description="features outside their declared range; used as they are")] = (
        field(default_factory=list)
    )
    target: str
    system: str
    model_version: int
    model_sha256: str
    stage: str
    feature_set: str
    build_id: Annotated[int | None, Field(description="the build of the feature row; null for a row by features")] = (
        None
    )
    error: RowError | None = None


class Lineage(BaseModel):
    """What a version was made of, as its files say."""

    git_commit: str | None
    dataset_sha256: str
    training_samples: int
    seed: int
    hyperparameters: dict[str, Any]
    created_at: str
    artifact_uri: str


class ModelCard(BaseModel):
    """GET /model: the version that answers, and what it is made of."""

    status: str = Field(description="ready, or degraded: Production names a version that does not load")
    reason: str | None = None
    model_name: str
    version: int
    stage: str
    system: str
    sha256: str
    target: str
    estimates: str = Field(description="median or mean of the result's distribution")
    feature_set: str
    feature_set_hash: str
    features: list[str] = Field(description="what the model reads, in order")
    accepted_features: list[str] = Field(description="what a row by features may name")
    build_id: int = Field(description="the build it was trained on")
    population: str
    train_from: date | None
    train_to: date | None = Field(description="last date the model has seen, tuning included")
    metrics: Any
    library_versions: dict[str, str]
    run_id: str
    registered_at: datetime
    lineage: Lineage


class Readiness(BaseModel):
    """GET /readyz, 200: production is answered."""

    status: str = Field(description="ready, or degraded: the last good version goes on, and `reason` says why")
    model_version: int | None = None
    model_sha256: str | None = None
    reason: str | None = None
    remedy: str | None = None


class Liveness(BaseModel):
    """GET /livez, 200."""

    status: str = "alive"


class PredictResponse(BaseModel):
    """The answers, in the order of the rows; all from one model version."""

    predictions: list[Answer]


class PredictBatchResponse(BaseModel):
    """The slate's answers."""

    game_date: date
    expected: int
    predicted: int
    predictions: list[Answer]


class Contribution(BaseModel):
    """What one feature moved."""

    feature: str
    value: float | None
    contribution: float = Field(description="in the target's unit; above 0: towards a higher prediction")


@dataclass(slots=True, kw_only=True)
class Explanation(Answer):
    """A prediction and what moved it, the strongest first."""

    base: Annotated[float | None, Field(description="the prediction before any feature moved it")] = None
    contributions: list[Contribution] = field(default_factory=list)
    rest: Annotated[
        float | None,
        Field(description="what the features not named moved; base + contributions + rest = predicted_points"),
    ] = None


class ExplainResponse(RootModel[Explanation]):
    """The explained answer."""


class ErrorDetail(BaseModel):
    """What went wrong, where, and what mends it."""

    code: str
    message: str
    field: str | None = Field(None, description="as rows.0.features.pace_score")
    remedy: str | None = None


class ErrorBody(BaseModel):
    """Every answer that is not 2xx."""

    error: ErrorDetail


def first_fault(error: ValidationError) -> tuple[str | None, str]:
    """The field of the first fault (as `rows.0.line`; None for the body itself), and all faults in one line."""
    faults: list[Any] = list(error.errors(include_url=False, include_input=False, include_context=False))
    told = [_tell(fault) for fault in faults[:10]]
    more = len(faults) - len(told)
    return _field(faults[0]), "; ".join(told) + (f"; and {more} more" if more else "")


def _tell(fault: Any) -> str:
    field = _field(fault)
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{field}: {message}" if field else message


def _field(fault: Any) -> str | None:
    return ".".join(str(part) for part in fault["loc"]) or None
