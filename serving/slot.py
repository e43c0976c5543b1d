"""The slot of the live model: follows the registry's Production version, verifies it aside, swaps it in whole."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

import sqlalchemy as sa

from contracts.errors import RefusedError, TipoffError, UnavailableError
from registry.stages import Stage
from registry.versions import ModelVersion, production
from serving.database_file import DatabaseFile
from serving.faults import NoProductionError, NotReadyError
from serving.live import NOT_IN_PRODUCTION, PROMOTE, LiveModel, resolve_version
from systems.model import check_golden_rows

log = logging.getLogger("tipoff.serving")

CACHE_SIZE = 8
RETRY_SECONDS = 30.0
"""How long a version that failed is left alone before it is tried again."""

Loader = Callable[[ModelVersion, Stage], LiveModel]


@dataclass(frozen=True)
class SlotState:
    """Whether the slot answers: status 'ready', 'degraded' (answers from the last good version) or 'not_ready'.

    `code`, `message` and `remedy` say why it is not simply ready; `live` is what answers.
    """

    status: str
    live: LiveModel | None
    code: str | None = None
    message: str | None = None
    remedy: str | None = None

    @property
    def is_answering(self) -> bool:
        """Whether requests for production are answered."""
        return self.status != "not_ready"


class Slot:
    """Holds the live model of one worker; `current` is one reference, replaced whole, so no answer mixes versions.

    Production is what the registry's history says at the latest look, every `poll_seconds`; nothing else decides.
    A version that does not verify never answers: the last good one goes on, and `state` says so. Safe for threads.
    """

    def __init__(
        self,
        engine: sa.Engine,
        model_name: str,
        load: Loader,
        *,
        poll_seconds: float,
        on_swap: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._file = DatabaseFile(engine)
        self.model_name = model_name
        self._load = load
        self._poll_seconds = poll_seconds
        self._on_swap = on_swap
        self._state = SlotState("not_ready", None, "not_ready", "The service has not looked at the registry yet.", None)
        self._failed: tuple[str, float, TipoffError] | None = None
        self._verified: OrderedDict[str, LiveModel] = OrderedDict()
        self._cache_lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="production-slot", daemon=True)

    def start(self) -> None:
        """Look once, then go on looking in a thread."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def look(self) -> None:
        """Bring the slot to what the registry says now; every outcome is in `state`."""
        try:
            self._file.check()
            version = production(self._engine, self.model_name)
        except UnavailableError as error:
            self._degrade("registry_unreachable", error.message, error.remedy)
            return
        except sa.exc.SQLAlchemyError as error:
            self._degrade("registry_unreachable", f"The registry does not answer: {_first_line(error)}.", None)
            return
        if version is None:
            message = NOT_IN_PRODUCTION.format(self.model_name)
            self._state = SlotState("not_ready", None, "no_production", message, PROMOTE)
        else:
            self._follow_to(version)

    def current(self) -> LiveModel:
        """The live model.

        Raises NoProductionError or NotReadyError while there is none.
        """
        state = self.state()
        if state.live is not None and state.is_answering:
            return state.live
        kind = NoProductionError if state.code == "no_production" else NotReadyError
        raise kind(state.message or "The service is not ready.", remedy=state.remedy)

    def resolve(self, system: str) -> LiveModel:
        """The model that `system` names; production is the slot's own, any other is loaded once and kept.

        Raises NoProductionError, NotReadyError, UnknownSystemError, or NotReadyError for one that does not verify.
        """
        if system == "production":
            return self.current()
        version, stage = resolve_version(self._engine, self.model_name, system)
        try:
            return self._verify(version, stage)
        except TipoffError as error:
            raise NotReadyError(error.message, remedy=error.remedy) from error

    @property
    def is_following(self) -> bool:
        """Whether the thread that looks at the registry lives, or was stopped on purpose, or is yet to start."""
        return self._thread.ident is None or self._thread.is_alive() or self._stop.is_set()

    def state(self) -> SlotState:
        """What the slot answers with, and why not where it does not."""
        if not self.is_following:
            message = "The thread that follows the registry has died; the log says why."
            return SlotState("not_ready", None, "not_ready", message, "Start the service again.")
        return self._state

    def prove(self) -> SlotState:
        """The state after the live model predicted its golden rows once more, to the bit."""
        state = self.state()
        if state.live is None:
            return state
        try:
            check_golden_rows(state.live.model)
        except RefusedError as error:
            return SlotState("not_ready", None, "not_ready", error.message, error.remedy)
        return state

    def _follow(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            self.look()

    def _follow_to(self, version: ModelVersion) -> None:
        live = self._state.live
        if live is not None and (live.version.version, live.version.sha256) == (version.version, version.sha256):
            self._state = SlotState("ready", live)
            return
        if self._was_tried(version):
            return
        try:
            self._state = SlotState("ready", self._verify(version, Stage.PRODUCTION))
            self._failed = None
            self._tell_swap(live, version)
        except TipoffError as error:
            self._failed = (version.sha256, time.monotonic(), error)
            what = f"Version {version.version} is in Production and does not load: {error.message}"
            self._degrade("not_ready", what, error.remedy)

    def _tell_swap(self, before: LiveModel | None, version: ModelVersion) -> None:
        self._on_swap()
        said = {"model_version": version.version, "model_sha256": version.sha256, "system": version.system}
        was = f"version {before.version.version}" if before is not None else "none"
        log.info("%s answers now, before it %s", version.title, was, extra={"told": said})

    def _was_tried(self, version: ModelVersion) -> bool:
        if self._failed is None or self._failed[0] != version.sha256:
            return False
        return time.monotonic() - self._failed[1] < RETRY_SECONDS

    def _degrade(self, code: str, message: str, remedy: str | None) -> None:
        """The last good model goes on answering, if there is one."""
        live = self._state.live
        if message != self._state.message:
            log.error("%s", message, extra={"told": {"code": code}})
        self._state = SlotState("degraded" if live else "not_ready", live, code, message, remedy)

    def _verify(self, version: ModelVersion, stage: Stage) -> LiveModel:
        """From the verified ones, else loaded; with its present stage."""
        key = f"{version.version}:{version.sha256}"
        with self._cache_lock:
            known = self._verified.get(key)
        live = replace(known, stage=stage) if known is not None else self._load(version, stage)
        with self._cache_lock:
            self._verified[key] = live
            self._verified.move_to_end(key)
            while len(self._verified) > CACHE_SIZE:
                self._verified.popitem(last=False)
        return live


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
