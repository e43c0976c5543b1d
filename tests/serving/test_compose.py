"""compose.yaml names only what there is: stages, commands and their options, variables, volumes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.database import parse_address
from tests.serving.dockerfile import read_stages

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
READ_BY_US = re.compile(r'"(PORT|TIPOFF_[A-Z_]+|MLFLOW_[A-Z_]+)"')
OF_POSTGRES = {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"}


def test_service_mlflow_and_postgresql_are_there_and_listen_on_loopback_alone():
    assert {"service", "mlflow", "database"} <= set(SERVICES)
    published = [port for each in SERVICES.values() for port in each.get("ports", [])]
    assert published == ["127.0.0.1:5000:5000", "127.0.0.1:3000:3000"]


def test_every_image_is_a_stage_of_the_dockerfile_or_a_version_of_postgresql():
    stages = read_stages(PROJECT / "Dockerfile")
    for name, each in SERVICES.items():
        if "build" in each:
            assert each["build"]["target"] in stages, name
        else:
            assert re.fullmatch(r"postgres:\d+", each["image"]), name


def test_whom_a_service_waits_for_and_what_it_keeps_is_declared():
    for each in SERVICES.values():
        for other, wanted in each.get("depends_on", {}).items():
            assert wanted["condition"] != "service_healthy" or "healthcheck" in SERVICES[other]
        for volume in each.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"]
        for config in each.get("configs", []):
            assert config["source"] in COMPOSE["configs"]


def test_every_variable_is_one_that_somebody_reads():
    ours = {
        found
        for package in ("contracts", "serving", "registry", "training", "tipoff")
        for path in (PROJECT / package).rglob("*.py")
        for found in READ_BY_US.findall(path.read_text())
    }
    for name, each in SERVICES.items():
        read = OF_POSTGRES if name == "database" else ours | {"MLFLOW_DISABLE_TELEMETRY"}
        assert set(each.get("environment", {})) <= read, name


def test_the_addresses_are_those_of_the_services():
    told = {name: re.sub(r"\$\{[^}]*\}", "word", value) for name, value in COMPOSE["x-addresses"].items()}
    assert parse_address(told["TIPOFF_DATABASE_URL"]).host in SERVICES
    assert told["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
    command = SERVICES["mlflow"]["command"]
    assert "--port=5000" in command
    store = next(part.partition("=")[2] for part in command if part.startswith("--backend-store-uri"))
    database = parse_address(re.sub(r"\$\{[^}]*\}", "word", store)).database
    assert COMPOSE["configs"]["mlflow_database"]["content"] == f"CREATE DATABASE {database}"


def test_mlflow_answers_to_the_name_that_the_others_call_it_by():
    allowed = next(part for part in SERVICES["mlflow"]["command"] if part.startswith("--allowed-hosts="))
    assert "mlflow:5000" in allowed.partition("=")[2].split(",")


@pytest.mark.parametrize("name", ["mlflow", "tools"])
def test_every_command_and_option_exists(name):
    program, *rest = SERVICES[name]["command"]
    words = [part for part in rest if not part.startswith("-")]
    options = [part.partition("=")[0] for part in rest if part.startswith("-")]
    asked = [sys.executable, "-m", program, *words, "--help"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert all(option in said for option in options)


def test_no_password_is_written_down():
    text = (PROJECT / "compose.yaml").read_text()
    given = re.findall(r"(?:PASSWORD|TOKEN): (.*)", text) + re.findall(r"://tipoff:(\$\{[^}]*\}|[^@]*)@", text)
    assert given
    assert all(value.startswith("${") and ":?" in value for value in given)
