"""What the coordinator takes and gives over HTTP: strict bodies, as the prediction service's."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from serving.schemas import Body, GameId, PlayerId, SystemName

BatchId = Annotated[str, Field(min_length=1, max_length=100, description="as 2024-03-01-r1")]
Reason = Annotated[str, Field(min_length=1, max_length=500)]


class StartRequest(Body):
    """POST /start."""

    game_date: date = Field(description="the league's date (America/New_York)")


class StartResponse(BaseModel):
    """The batch of the date: a new one, the one that is open, or the one that ended about the same inputs."""

    batch_id: str
    expected: int = Field(description="player-games, each counted once a system")


class CompleteRequest(Body):
    """POST /complete: how one player-game ended."""

    batch_id: BatchId
    player_id: PlayerId
    game_id: GameId
    system: SystemName
    state: Literal["predicted", "skipped", "failed"]
    reason: Reason | None = None


class CompleteResponse(BaseModel):
    """The row has ended so."""

    batch_id: str
    state: str
    changed: bool = Field(description="false: it was said before")


class EventResponse(BaseModel):
    """POST /events: the event is kept."""

    outcome: Literal["taken", "duplicate", "ignored"]
    detail: str | None = Field(description="why it counts for nothing, or what the date still waits for")
    batch_id: str | None = Field(description="the batch of its date, once all five builders are complete")


class PlayerState(BaseModel):
    """One row of the ledger."""

    player_id: int
    game_id: str
    system: str
    state: Literal["waiting", "claimed", "predicted", "skipped", "failed"]
    reason: str | None
    detail: str | None
    revision: int


class StatusResponse(BaseModel):
    """GET /status."""

    batch_id: str
    game_date: date
    revision: int
    state: Literal["open", "done"]
    expected: int
    waiting: int
    claimed: int
    predicted: int
    skipped: int
    failed: int
    coverage: float = Field(ge=0, le=1)
    shortfall: str | None = Field(description="why a system's coverage is too low")
    reasons: dict[str, int] = Field(description="rows skipped or failed, by reason")
    systems: dict[str, Any]
    started_at: str
    ended_at: str | None
    players: list[PlayerState]


class Liveness(BaseModel):
    """GET /livez, /readyz: 200."""

    status: str
