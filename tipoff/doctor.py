"""Whether everything that tipoff stands on is well: each check asks the real thing, and names what mends it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import httpx
import sqlalchemy as sa

from contracts.errors import TipoffError
from contracts.tables import games, player_games
from features.feature_sets import load_feature_set
from features.table.rows import current_build, stale_dates
from monitoring.alarms import standing_alarms
from registry.history import verify_history
from registry.stages import Stage
from registry.versions import production
from serving.live import load_live
from serving.whereabouts import addresses

if TYPE_CHECKING:
    from tipoff.wiring import Wiring

LEAST_FREE_BYTES = 1_000_000_000
ASK_SECONDS = 3.0


class Health(StrEnum):
    """How a part is: well; to_do, where nobody has made it yet; broken."""

    WELL = "well"
    TO_DO = "to_do"
    BROKEN = "broken"


@dataclass(frozen=True)
class Check:
    """What was asked of one part, what it answered, and the command that mends it (None: nothing to mend)."""

    name: str
    health: Health
    detail: str
    remedy: str | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"health": str(self.health)}


Answer = tuple[Health, str, str | None]
"""Health, detail, remedy."""


def examine(wiring: Wiring, now: Callable[[str], None] = lambda _: None) -> list[Check]:
    """Every check, in the order in which the parts stand on each other; `now` is told each one's name as it begins.

    One that cannot be asked is broken, and says why; the others are asked all the same.
    """
    checks: dict[str, Callable[[Wiring], Answer]] = {
        "disk": _disk,
        "database": _database,
        "raw facts": _raw_facts,
        "feature table": _feature_table,
        "promotion history": _history,
        "MLflow": _mlflow,
        "Production": _production,
        "services": _services,
        "alarms": _alarms,
    }
    found = []
    for name, ask in checks.items():
        now(name)
        found.append(_ask(name, ask, wiring))
    return found


def _ask(name: str, ask: Callable[[Wiring], Answer], wiring: Wiring) -> Check:
    started = time.perf_counter()
    try:
        health, detail, remedy = ask(wiring)
    except TipoffError as error:
        health, detail, remedy = Health.BROKEN, error.message, error.remedy
    except (sa.exc.SQLAlchemyError, OSError) as error:
        health, detail, remedy = Health.BROKEN, str(error).splitlines()[0], "The message says what does not answer."
    return Check(name, health, detail, remedy, round(time.perf_counter() - started, 3))


def _disk(wiring: Wiring) -> Answer:
    free = shutil.disk_usage(wiring.home.root).free
    detail = f"{free / 1e9:,.1f} GB are free under {wiring.home.root}."
    if free < LEAST_FREE_BYTES:
        return Health.BROKEN, detail, "Free at least 1 GB there: `tipoff features prune` and `tipoff registry prune`."
    return Health.WELL, detail, None


def _database(wiring: Wiring) -> Answer:
    with wiring.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            said = connection.execute(sa.text("PRAGMA quick_check(1)")).scalar_one()
            if said != "ok":
                return Health.BROKEN, f"The database is damaged: {said}.", "Bring back a copy of the file."
        connection.execute(sa.text("SELECT 1"))
    return Health.WELL, f"{wiring.engine.url.render_as_string(hide_password=True)} answers, newest migration.", None


def _raw_facts(wiring: Wiring) -> Answer:
    with wiring.engine.connect() as connection:
        n, latest = connection.execute(sa.select(sa.func.count(), sa.func.max(player_games.c.game_date))).one()
        if latest is None:
            return Health.TO_DO, "Nothing is ingested.", "tipoff ingest simulated"
        to_come = connection.scalar(sa.select(sa.func.min(games.c.game_date)).where(games.c.game_date > latest))
    coming = f"the next game is on {to_come}" if to_come else "no coming game is known"
    return Health.WELL, f"{n:,} player-games up to {latest}; {coming}.", None


def _feature_table(wiring: Wiring) -> Answer:
    feature_set = load_feature_set(wiring.settings.training.feature_set)
    build = current_build(wiring.engine, feature_set)
    if build is None:
        return Health.TO_DO, f"{feature_set.name} is not built.", "tipoff features backfill"
    stale = stale_dates(wiring.engine, feature_set, wiring.settings)
    if stale:
        detail = f"{len(stale)} dates of {feature_set.name} are stale or missing, {min(stale)} to {max(stale)}."
        return Health.TO_DO, detail, "tipoff features backfill"
    return Health.WELL, f"Build {build.build_id} of {feature_set.name} is complete and fresh.", None


def _history(wiring: Wiring) -> Answer:
    breaks = verify_history(wiring.engine)
    if breaks:
        return Health.BROKEN, f"The chain breaks at {len(breaks)} places.", "tipoff registry history --verify"
    return Health.WELL, "The chain of hashes holds.", None


def _mlflow(wiring: Wiring) -> Answer:
    from registry.repair import repair  # MLflow takes seconds to import

    differing = repair(wiring.engine, wiring.home, dry_run=True)
    if differing:
        return Health.BROKEN, f"It shows {len(differing)} things otherwise than the history.", "tipoff registry repair"
    return Health.WELL, "It answers, and shows what the history says.", None


def _production(wiring: Wiring) -> Answer:
    version = production(wiring.engine)
    if version is None:
        return Health.TO_DO, "No version is in Production.", "tipoff train, then tipoff promote"
    live = load_live(version, Stage.PRODUCTION, wiring.home)
    n = len(live.model.metadata.golden_rows)
    return Health.WELL, f"Version {version.version} ({version.system}) loads; {n} golden rows hold.", None


def _services(wiring: Wiring) -> Answer:
    version = production(wiring.engine)
    found = [*addresses(wiring.home), *wiring.settings.registry.services]
    if not found:
        return Health.TO_DO, "No service runs over this home.", "tipoff serve"
    faults = [fault for address in found if (fault := _fault_of(address, version.sha256 if version else None))]
    if faults:
        return Health.BROKEN, "; ".join(faults) + ".", "Its /readyz says why."
    return Health.WELL, f"{', '.join(found)} answers with the version in Production.", None


def _fault_of(address: str, sha256: str | None) -> str | None:
    """Why the service there is not well; None: it is."""
    try:
        ready = httpx.get(f"{address}/readyz", timeout=ASK_SECONDS)
        told = ready.json()
    except (httpx.HTTPError, ValueError) as error:
        return f"{address} does not answer: {type(error).__name__}"
    if ready.status_code != 200 or told.get("status") != "ready":
        said = told.get("reason") or told.get("error", {}).get("message")
        return f"{address} is not ready: {said}"
    return None if told.get("model_sha256") == sha256 else f"{address} answers with another version than Production"


def _alarms(wiring: Wiring) -> Answer:
    standing = standing_alarms(wiring.engine)
    if standing:
        told = "; ".join(
            f"{each['name']} {each['subject']} since {each['raised_at']:%Y-%m-%d %H:%M}" for each in standing
        )
        return Health.BROKEN, f"{len(standing)} alarms stand: {told}.", standing[0]["remedy"]
    return Health.WELL, "No alarm stands.", None
