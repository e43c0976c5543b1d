"""Watching with hands: the monitors look at a date, and what they want done is done where the settings let them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

from contracts.errors import TipoffError, UnavailableError
from contracts.jobs import DONE, age_seconds, job_run, latest_run
from monitoring.watch import Action, Watched, watch
from registry.versions import production
from tipoff.proof import PAUSE_SECONDS, ask, default_address, known_addresses

if TYPE_CHECKING:
    from tipoff.wiring import Wiring

ACTOR = "monitors"
BY_HAND = {"retrain": "tipoff train", "roll_back": "tipoff rollback"}
"""The commands of a person who does what the monitors may not."""


@dataclass(frozen=True)
class Deed:
    """What became of the actions of one kind: done now, or why not."""

    kind: str
    subjects: Sequence[str]
    is_done: bool
    is_failed: bool
    detail: str


def look(wiring: Wiring, game_date: date) -> Watched:
    """Every monitor's look at `game_date`, the running services asked."""
    return watch(wiring.engine, wiring.settings, game_date, service=partial(ask_services, wiring))


def ask_services(wiring: Wiring) -> Mapping[str, str | None]:
    """What every known service answers with: sha256, 'none', or None where it does not answer.

    Where none is known the default address is asked, and left out where nobody answers. A promotion needs seconds to
    arrive: services that differ from the registry are asked again for `registry.proof_seconds`.
    """
    live = production(wiring.engine)
    wanted = live.sha256 if live is not None else "none"
    ends = time.monotonic() + wiring.settings.registry.proof_seconds
    known = known_addresses(wiring)
    while True:
        answers = {address: ask(address) for address in known or [default_address(wiring)]}
        if all(sha256 in (wanted, None) for sha256 in answers.values()) or time.monotonic() >= ends:
            break
        time.sleep(PAUSE_SECONDS)
    return {address: sha256 for address, sha256 in answers.items() if known or sha256 is not None}


def carry_out(wiring: Wiring, watched: Watched) -> list[Deed]:
    """Do what the monitors want done, each kind once: notify is done by the alarm itself.

    Retraining and rolling back need `monitors.may_retrain` and `monitors.may_roll_back`, and are not done again within
    `monitors.act_again_days`. A new version stays a challenger: the gate decides about it.
    """
    limits = wiring.settings.monitors
    kinds = (("retrain", limits.may_retrain, _retrain), ("roll_back", limits.may_roll_back, _roll_back))
    deeds = []
    for kind, may, do in kinds:
        wanted = [action for action in watched.actions if action.kind == kind]
        if wanted:
            deeds.append(_deed(wiring, kind, wanted, watched.game_date, partial(do, wiring, wanted) if may else None))
    return deeds


def _deed(wiring: Wiring, kind: str, wanted: Sequence[Action], game_date: date, do: Callable[[], str] | None) -> Deed:
    subjects = [f"{action.monitor} {action.subject}" for action in wanted]
    if do is None:
        why = f"monitors.may_{kind} is false: `{BY_HAND[kind]}` does it"
        return Deed(kind, subjects, is_done=False, is_failed=False, detail=why)
    last = latest_run(wiring.engine, kind, state=DONE)
    pause = timedelta(days=wiring.settings.monitors.act_again_days)
    if last is not None and age_seconds(last["started_at"]) < pause.total_seconds():
        why = f"it was done at {last['started_at']:%Y-%m-%d %H:%M} UTC, and not again for {pause.days} days"
        return Deed(kind, subjects, is_done=False, is_failed=False, detail=why)
    try:
        with job_run(wiring.engine, kind, game_date) as run:
            run.detail = told = do()
    except TipoffError as error:
        return Deed(kind, subjects, is_done=False, is_failed=True, detail=str(error))
    return Deed(kind, subjects, is_done=True, is_failed=False, detail=told)


def _retrain(wiring: Wiring, wanted: Sequence[Action]) -> str:
    """Train Production's system once more on all that is known, registered; says which version came of it.

    Raises UnavailableError where nothing is in Production.
    """
    from training.train import TrainRequest, train

    live = production(wiring.engine)
    if live is None:
        raise UnavailableError("No version is in Production.", remedy="Train and promote one: `tipoff train`.")
    request = TrainRequest(live.system, live.feature_set, wiring.settings.training.population)
    why = ", ".join(f"{action.monitor} {action.subject}" for action in wanted)
    tags = {"started_by": ACTOR, "because_of": why}
    made = train(wiring.engine, wiring.home, wiring.settings, request, tags=tags)
    return f"trained version {made.model_version} ({made.system}); `tipoff promote --version {made.model_version}`"


def _roll_back(wiring: Wiring, wanted: Sequence[Action]) -> str:
    """The version before is in Production again, and the services answered with it."""
    from tipoff.aftermath import follow
    from tipoff.moving_back import move_back

    version = move_back(wiring, reason="; ".join(action.why for action in wanted), actor=ACTOR)
    proof = follow(wiring, version, is_move=True).proof
    return f"{version.title} is back in Production. {proof or ''}".strip()
