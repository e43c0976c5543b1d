"""What the monitors want done is done where the settings let it, once, and everything is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from contracts.database import open_database
from contracts.home import Home
from contracts.jobs import latest_run
from contracts.ports import free_port
from contracts.settings import MonitorsSettings, RegistrySettings, ServingSettings, Settings
from monitoring.watch import Action, Watched
from registry.versions import list_versions, production
from tipoff.watching import ask_services, carry_out
from tipoff.wiring import Wiring

pytestmark = [
    pytest.mark.slow,  # a retraining, and versions that prove themselves in processes of their own
    pytest.mark.filterwarnings("ignore:.*AnyType.*:UserWarning"),  # MLflow of itself
]

DAY = date(2024, 1, 10)
ALLOWED = MonitorsSettings(may_retrain=True, may_roll_back=True)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, built: Path, inside_at: Callable[..., Any]) -> Path:
    """A home with version 1 (season_average) and then version 2 (last_10_average) in Production."""
    home = tmp_path_factory.mktemp("watching") / "home"
    home.mkdir()
    shutil.copy(built, home / "tipoff.db")
    shell = inside_at(home)
    for version, system in enumerate(("season_average", "last_10_average"), start=1):
        shell.done("train", "--system", system)
        shell.done("promote", "--version", str(version), "--override", "--reason", "a league too small for the gate")
    return home


@pytest.fixture
def wire_at(lived: Path, tmp_path: Path) -> Any:
    """wire_at(monitors settings) -> the parts over a copy of that home."""
    made = []

    def wire(monitors: MonitorsSettings) -> Wiring:
        shutil.copytree(lived, tmp_path / "home")
        home = Home(
            tmp_path / "home", f"sqlite:///{tmp_path / 'home/tipoff.db'}", f"sqlite:///{tmp_path / 'home/mlflow.db'}"
        )
        settings = Settings(
            monitors=monitors,
            registry=RegistrySettings(proof_seconds=0.2),
            serving=ServingSettings(port=free_port()),
        )
        made.append(open_database(home.database_url))
        return Wiring(home, settings, made[-1])

    yield wire
    for engine in made:
        engine.dispose()


def watched(*kinds: Any) -> Watched:
    actions = [Action(kind, "bias", "last_10_average v2", "bias is degraded") for kind in kinds]
    return Watched(DAY, [], {}, [], actions, {})


def test_nothing_is_done_unless_the_settings_say_so(wire_at: Any) -> None:
    wiring = wire_at(MonitorsSettings())
    deeds = carry_out(wiring, watched("notify", "retrain", "roll_back"))
    assert [(deed.kind, deed.is_done, deed.is_failed) for deed in deeds] == [
        ("retrain", False, False),
        ("roll_back", False, False),
    ]
    assert "monitors.may_roll_back is false" in deeds[1].detail
    assert production(wiring.engine).version == 2
    assert len(list_versions(wiring.engine)) == 2


def test_a_roll_back_brings_the_version_before_back_and_is_not_done_twice(wire_at: Any) -> None:
    wiring = wire_at(ALLOWED)
    (deed,) = carry_out(wiring, watched("roll_back", "roll_back"))
    assert (deed.is_done, production(wiring.engine).version) == (True, 1)
    (again,) = carry_out(wiring, watched("roll_back"))
    assert (again.is_done, production(wiring.engine).version) == (False, 1)
    assert "not again for 7 days" in again.detail


def test_a_retraining_makes_a_challenger_and_leaves_production_to_the_gate(wire_at: Any) -> None:
    wiring = wire_at(ALLOWED)
    (deed,) = carry_out(wiring, watched("retrain"))
    assert deed.is_done, deed.detail
    newest = list_versions(wiring.engine)[-1]
    assert (newest.version, newest.system) == (3, "last_10_average")
    assert production(wiring.engine).version == 2
    assert latest_run(wiring.engine, "retrain")["state"] == "done"


def test_an_action_that_fails_is_said_and_tried_again(engine: Any, tmp_path: Path) -> None:
    """Nothing is in Production: there is no way back."""
    wiring = Wiring(Home(tmp_path, "", ""), Settings(monitors=ALLOWED), engine)
    for _ in range(2):
        (deed,) = carry_out(wiring, watched("roll_back"))
        assert (deed.is_done, deed.is_failed) == (False, True)
        assert latest_run(engine, "roll_back")["state"] == "failed"


def test_where_no_service_is_known_none_is_missed(wire_at: Any) -> None:
    assert ask_services(wire_at(MonitorsSettings())) == {}


def test_a_service_that_should_run_and_is_silent_is_told(wire_at: Any) -> None:
    wiring = wire_at(MonitorsSettings())
    address = f"http://127.0.0.1:{free_port()}"
    registry = wiring.settings.registry.model_copy(update={"services": (address,)})
    wiring = Wiring(wiring.home, wiring.settings.model_copy(update={"registry": registry}), wiring.engine)
    assert ask_services(wiring) == {address: None}
