"""What the coordinator refuses, by what a caller would do about it; each has the HTTP status that tells it.

UnknownBatchError (404)      no batch of that id or date
UnknownPlayerGameError (404) the batch does not expect that player-game of that system
OtherStateError (409)        it has ended in another state
NoPredictionError (422)      it is called predicted and no prediction of it is stored
"""

from __future__ import annotations

from contracts.errors import RefusedError, UsageError


class UnknownBatchError(UsageError):
    """There is no such batch."""

    code = "unknown_batch"
    status = 404


class UnknownPlayerGameError(UsageError):
    """The batch has no such row."""

    code = "unknown_player_game"
    status = 404


class OtherStateError(RefusedError):
    """The row has ended in another state."""

    code = "other_state"
    status = 409


class NoPredictionError(RefusedError):
    """Nothing is stored of what is called predicted."""

    code = "no_prediction"
    status = 422
