"""The dashboard for Grafana: of the shape that Grafana reads, and every query asks for what /metrics exports."""

from __future__ import annotations

import json
import os
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from serving.metrics import Metrics as ServiceMetrics
from tipoff.coordinator.gauges import Gauges
from tipoff.coordinator.metrics import Metrics

PATH = Path(__file__).resolve().parents[3] / "docs" / "grafana" / "tipoff.json"

KEYS = {
    "dashboard": "id uid title description revision gnetId tags timezone editable graphTooltip time timepicker "
    "fiscalYearStartMonth liveNow weekStart refresh schemaVersion version panels templating annotations links snapshot",
    "panel": "id type title description datasource gridPos fieldConfig options targets transformations pluginVersion "
    "interval transparent links repeat repeatDirection maxDataPoints timeFrom timeShift libraryPanel",
    "row": "id type title collapsed datasource gridPos panels repeat",
    "defaults": "displayName description unit decimals min max mappings thresholds color links noValue custom",
    "query": "refId datasource expr legendFormat instant range format exemplar hide interval editorMode",
    "variable": "type name label hide skipUrlSync description query datasource current multi options refresh sort "
    "includeAll allValue regex",
}
"""The keys that Grafana's published schema allows (grafana-foundation-sdk, jsonschema/dashboard.jsonschema.json): no
others. GRAFANA_DASHBOARD_SCHEMA names its file for the whole check."""

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


def allowed(part: str) -> set[str]:
    return set(KEYS[part].split())


def charts(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in charts(dashboard) for target in panel["targets"]]


def test_it_has_the_published_shape(dashboard):
    assert set(dashboard) <= allowed("dashboard")
    assert {"schemaVersion", "templating", "annotations", "panels", "title"} <= set(dashboard)
    assert isinstance(dashboard["schemaVersion"], int)
    assert dashboard["graphTooltip"] in (0, 1, 2)
    for panel in dashboard["panels"]:
        assert set(panel) <= (allowed("row") if panel["type"] == "row" else allowed("panel")), panel["title"]
        assert panel["type"] in ("row", "stat", "timeseries", "table")
    for panel in charts(dashboard):
        assert set(panel["fieldConfig"]) == {"defaults", "overrides"}
        assert set(panel["fieldConfig"]["defaults"]) <= allowed("defaults"), panel["title"]
        assert panel["description"], f"{panel['title']} does not say what it shows"
        assert all(set(target) <= allowed("query") for target in panel["targets"])
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs) > 0
    assert all(set(variable) <= allowed("variable") for variable in dashboard["templating"]["list"])


def test_panels_have_numbers_and_places_of_their_own(dashboard):
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        is_below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert is_beside or is_below, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_the_whole_published_schema_holds_where_it_is_at_hand(dashboard):
    path = os.environ.get("GRAFANA_DASHBOARD_SCHEMA")
    if not path:
        pytest.skip("GRAFANA_DASHBOARD_SCHEMA names no copy of Grafana's dashboard.jsonschema.json")
    schemas = pytest.importorskip("jsonschema_rs")
    schemas.validator_for(json.loads(Path(path).read_text(encoding="utf-8"))).validate(dashboard)


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
