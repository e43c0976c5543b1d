"""The BentoML service: `bentoml serve serving.service:TipoffService`.

BentoML runs the workers and answers /livez, /readyz and /metrics; everything else is the mounted application. The
supervising process imports this module too and needs none of what a worker does: a worker imports that when it starts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import anyio.to_thread
import bentoml
from starlette.applications import Starlette

from serving.door import Door

if TYPE_CHECKING:
    from serving.slot import SlotState


@asynccontextmanager
async def _in_room(app: Starlette) -> AsyncIterator[None]:
    from serving.app import furnish
    from serving.room import close_room, open_room

    room = await anyio.to_thread.run_sync(open_room)
    furnish(app, room)
    try:
        yield
    finally:
        await anyio.to_thread.run_sync(close_room, room)


app = Starlette(lifespan=_in_room)


def _state() -> SlotState:
    state: SlotState = app.state.room.desk.slot.state()
    return state


@bentoml.service(logging={"access": {"enabled": False}})
@bentoml.asgi_app(app, path="/")
class TipoffService:
    """Predictions before tip-off from the version in Production."""

    def __is_ready__(self) -> bool:
        """Whether Production is resolved and its golden rows come out to the bit, now."""
        return bool(app.state.room.desk.slot.prove().is_answering)

    def __is_alive__(self) -> bool:
        """Whether the thread that follows the registry lives; without it a restart is due."""
        return bool(app.state.room.desk.slot.is_following)


cast(Any, TipoffService).add_asgi_middleware(Door, state=_state)
