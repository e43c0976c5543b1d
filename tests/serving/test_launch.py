"""The launcher says what is wrong before it starts anything."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from contracts.errors import UnavailableError, UsageError
from contracts.home import Home
from contracts.ports import require_free_port
from contracts.settings import ServingSettings, Settings
from serving.address import default_port
from serving.launch import MALLOC_ARENAS, command, environment, find_address, serve
from tests.serving.dockerfile import read_stages

PROJECT = Path(__file__).resolve().parents[2]


def test_a_busy_port_is_named_with_the_way_out(tmp_path):
    home = Home(tmp_path, f"sqlite:///{tmp_path / 'tipoff.db'}", "sqlite:///mlflow.db")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UnavailableError, match=rf"Port {port} .* in use.*--port {port + 1}"):
            serve(home, Settings(), port, "127.0.0.1")


def test_a_port_just_left_is_free():
    with socket.socket() as left:
        left.bind(("127.0.0.1", 0))
        port = left.getsockname()[1]
    require_free_port("127.0.0.1", port, remedy="")


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 0), ("127.0.0.1", 70000), ("no.such.host.invalid", 3000)])
def test_an_impossible_address_is_wrong_usage(host, port):
    with pytest.raises(UsageError):
        find_address(host, port)


def test_a_host_of_another_machine_is_wrong_usage():
    with pytest.raises(UsageError, match=r"192\.0\.2\.1"):
        require_free_port("192.0.2.1", 3999, remedy="")


def test_a_name_becomes_the_address_that_bentoml_wants():
    assert find_address("localhost", 3000)[0] in ("127.0.0.1", "::1")


def test_the_child_gets_absolute_addresses_its_own_state_and_the_users_conf(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    home = Home(tmp_path / "home", "sqlite:///tipoff.db", "http://tracking:5000")
    told = environment(home, 3000)
    assert told["TIPOFF_DATABASE_URL"] == f"sqlite:///{tmp_path / 'tipoff.db'}"
    assert told["MLFLOW_TRACKING_URI"] == "http://tracking:5000"
    assert told["TIPOFF_CONF"] == str(tmp_path / "conf")
    assert told["BENTOML_HOME"].startswith(str(tmp_path / "home"))
    assert told["BENTOML_DO_NOT_TRACK"] == "true"


def test_the_heaps_of_the_child_are_few_unless_the_user_chose_otherwise(tmp_path, monkeypatch):
    home = Home(tmp_path, "sqlite:///tipoff.db", "http://tracking:5000")
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    assert environment(home, 3000)["MALLOC_ARENA_MAX"] == "2"
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    assert environment(home, 3000)["MALLOC_ARENA_MAX"] == "8"


def test_the_image_serves_as_the_command_line_does():
    image = read_stages(PROJECT / "Dockerfile")["service"]
    told = json.loads(str(image.last("CMD")))
    asked = command("127.0.0.1", 3000)
    assert told[told.index("--timeout-keep-alive") + 1] == asked[asked.index("--timeout-keep-alive") + 1]
    assert f"MALLOC_ARENA_MAX={MALLOC_ARENAS}" in str(image.last("ENV")).split()


def test_port_is_taken_from_the_platform_before_the_settings(monkeypatch):
    assert default_port(ServingSettings(port=4000)) == 4000
    monkeypatch.setenv("PORT", "8080")
    assert default_port(ServingSettings(port=4000)) == 8080


@pytest.mark.parametrize("told", ["http", "0", "70000", "-1", "80.0"])
def test_a_port_of_the_platform_that_is_none_is_wrong_usage(told, monkeypatch):
    monkeypatch.setenv("PORT", told)
    with pytest.raises(UsageError, match="PORT is"):
        default_port(ServingSettings())
