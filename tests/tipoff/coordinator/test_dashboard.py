"""The dashboard for Grafana: of the shape that Grafana reads, and every query asks for what /metrics exports."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from serving.metrics import Metrics as ServiceMetrics
from tipoff.coordinator.gauges import Gauges
from tipoff.coordinator.metrics import Metrics

PATH = Path(__file__).resolve().parents[3] / "docs" / "grafana" / "tipoff.json"

OF_PROMETHEUS = {"le", "job", "instance"}


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    return json.loads(PATH.read_text(encoding="utf-8"))


@pytest.fixture
def exported(engine) -> dict[str, set[str]]:
    """Every name in the text of the two /metrics -> its labels."""
    found: dict[str, set[str]] = {}
    for metrics in (Metrics(Gauges(engine, (), lambda: 1.0)), ServiceMetrics()):
        labels = {}
        for collector in list(metrics._registry._collector_to_names):
            for family in collector.collect():
                labels[family.name] = set(getattr(collector, "_labelnames", None) or getattr(family, "_labelnames", ()))
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", metrics.text().decode(), re.MULTILINE):
            suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            for suffix in suffixes:
                found[name + suffix] = labels.get(name.removesuffix("_total"), set())
    return found


def lost(given: Any, read: Any, place: str = "") -> list[str]:
    """The places of what `read` has not kept of `given`; what it added, the defaults, does not count."""
    if isinstance(given, dict) and isinstance(read, dict):
        return [spot for key, value in given.items() for spot in lost(value, read.get(key), f"{place}/{key}")]
    if isinstance(given, list) and isinstance(read, list) and len(given) == len(read):
        return [spot for i, pair in enumerate(zip(given, read, strict=True)) for spot in lost(*pair, f"{place}/{i}")]
    return [] if given == read else [place]


def read_by_grafanas_types(dashboard: dict[str, Any]) -> Any:
    """The dashboard after a way through the types that Grafana generates from its published schema, and back."""
    plugins.register_default_plugins()
    made = Dashboard.from_json(json.loads(json.dumps(dashboard)))
    return json.loads(JSONEncoder().encode(made))


def charts(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in charts(dashboard) for target in panel["targets"]]


def test_grafanas_published_schema_knows_every_key_of_it(dashboard):
    assert lost(dashboard, read_by_grafanas_types(dashboard)) == []
    panels = [panel | {"colour": "red"} for panel in dashboard["panels"][:2]]
    strange = dashboard | {"titel": "Tipoff", "panels": panels}
    assert lost(strange, read_by_grafanas_types(strange)) == ["/panels/0/colour", "/panels/1/colour", "/titel"]


def test_every_panel_says_what_it_shows(dashboard):
    for panel in dashboard["panels"]:
        assert panel["type"] in ("row", "stat", "timeseries", "table")
    for panel in charts(dashboard):
        assert panel["description"], f"{panel['title']} does not say what it shows"
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs) > 0


def test_panels_have_numbers_and_places_of_their_own(dashboard):
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        is_below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert is_beside or is_below, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_every_query_names_only_metrics_that_metrics_exports(dashboard, exported):
    asked = queries(dashboard)
    asked += [variable["query"] for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    for query in asked:
        names = set(re.findall(r"\btipoff_\w+", query))
        assert names, f"{query} asks for nothing of ours"
        assert names <= set(exported), f"{query}: {names - set(exported)}"


def test_every_label_in_a_query_is_one_of_its_metrics(dashboard, exported):
    for query in queries(dashboard):
        names = re.findall(r"\btipoff_\w+", query)
        known = OF_PROMETHEUS.union(*(exported[name] for name in names))
        used = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", query))
        for grouped in re.findall(r"\b(?:by|without|ignoring|on)\s*\(([^)]*)\)", query):
            used |= {label.strip() for label in grouped.split(",")}
        assert used <= known, f"{query}: {used - known}"


def test_a_query_of_another_name_would_be_found(dashboard, exported):
    assert "tipoff_ledger_rows" in exported
    assert "tipoff_ledger_row" not in exported
    assert "tipoff_request_seconds_bucket" in exported
    assert exported["tipoff_ledger_rows"] == {"state"}
    assert exported["tipoff_requests_total"] == {"endpoint", "status"}


def test_every_gauge_of_the_coordinator_is_on_the_dashboard(dashboard, exported):
    told = " ".join(queries(dashboard))
    absent = [name for name in exported if name not in told and not name.endswith(("_created", "_sum", "_count"))]
    assert absent == ["tipoff_build_info", "tipoff_swaps_total"]
