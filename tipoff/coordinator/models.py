"""The models of a process that predicts: each fetched and proved once, then kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import sqlalchemy as sa

from contracts.home import REGISTERED_MODEL, Home
from registry.versions import ModelVersion, get_version, stage_of
from serving.live import LiveModel, load_live

MOST_MODELS = 32

Loader = Callable[[int], LiveModel]


class Models:
    """Gives the verified model of a version; safe for threads: two that ask at once load it once."""

    def __init__(self, engine: sa.Engine, home: Home, model_name: str = REGISTERED_MODEL) -> None:
        self._engine = engine
        self._home = home
        self._model_name = model_name
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, LiveModel] = OrderedDict()

    def get(self, number: int) -> LiveModel:
        """The model of version `number`; what its answers say of its stage is where it stood when it was loaded.

        Raises what serving.live.load_live raises, and UsageError where there is no such version.
        """
        version = get_version(self._engine, number, self._model_name)
        with self._lock:
            live = self._kept.get(version.sha256)
            if live is None or live.version != version:
                live = self._kept[version.sha256] = self._load(version)
            self._kept.move_to_end(version.sha256)
            while len(self._kept) > MOST_MODELS:
                self._kept.popitem(last=False)
        return live

    def _load(self, version: ModelVersion) -> LiveModel:
        stage = stage_of(self._engine, version.version, self._model_name)
        return load_live(version, stage, self._home)
