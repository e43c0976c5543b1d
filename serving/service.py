"""The BentoML service: `bentoml serve serving.service:TipoffService`.

BentoML runs the workers and answers /livez and /readyz; the door stands before it and answers everything else. The
supervising process imports this module too and needs none of what a worker does: a worker imports that when it starts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import bentoml
from starlette.applications import Starlette

from contracts.settings import load_settings
from serving.address import default_port
from serving.door import Door

if TYPE_CHECKING:
    from serving.app import Endpoints
    from serving.slot import Slot


@asynccontextmanager
async def _in_room(app: Starlette) -> AsyncIterator[None]:
    from serving.app import Endpoints
    from serving.room import close_room, open_room

    room = await anyio.to_thread.run_sync(open_room)
    app.state.front = Endpoints(room)
    try:
        yield
    finally:
        await anyio.to_thread.run_sync(close_room, room)


app = Starlette(lifespan=_in_room)
"""Mounted for its lifespan alone: what BentoML starts and ends with a worker."""


def _front() -> Endpoints:
    front: Endpoints = app.state.front
    return front


def _slot() -> Slot:
    return _front().room.desk.slot


class _Fronted(bentoml.Service):  # type: ignore[misc]  # the vendor ships no types
    """A BentoML service with the door before it, so that a prediction passes none of BentoML's own layers."""

    def to_asgi(self, is_main: bool = True) -> Door:
        """The worker's ASGI application."""
        return Door(super().to_asgi(is_main=is_main), _front)


_SETTINGS = load_settings().serving
_CONFIG: dict[str, Any] = {
    "workers": 1,
    "http": {"host": _SETTINGS.host, "port": default_port(_SETTINGS)},  # what `bentoml serve` takes when not told
    "logging": {"access": {"enabled": False}},  # the door logs
    "metrics": {"enabled": False},  # the door counts; BentoML would keep a counter for every path that is made up
}


@bentoml.service(service_class=_Fronted, **_CONFIG)
@bentoml.asgi_app(app, path="/")
class TipoffService:
    """Predictions before tip-off from the version in Production."""

    def __is_ready__(self) -> bool:
        """Whether Production is resolved and its golden rows come out to the bit, now."""
        return bool(_slot().prove().is_answering)

    def __is_alive__(self) -> bool:
        """Whether the thread that follows the registry lives; without it a restart is due."""
        return bool(_slot().is_following)
