"""The dashboard asks for what there is, and the documentation explains all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from citydip_rag.library import Library
from citydip_rag.server.app import create_app

DOCS = Path(__file__).resolve().parents[2] / "docs"
WORD = re.compile(r"\b(?:citydip(?!_rag)|process|python)_[a-z0-9_]+\b")
LABEL = re.compile(r"(\w+)=~?\"|by \(([^)]*)\)|\{\{(\w+)\}\}")
OF_PROMETHEUS = {"instance", "le"}
"""Labels that a scrape adds, and that histograms have."""


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((DOCS / "grafana" / "citydip.json").read_text("utf-8"))
    return read


@pytest.fixture(scope="module")
def exported(library: Library) -> dict[str, set[str]]:
    """Every metric by the name it is asked by, and its labels."""
    metrics = create_app(library).state.observer.metrics
    text, _ = metrics.exposition("")
    names: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text.decode()):
        if family.name.endswith("_created"):  # which nobody asks for
            continue
        suffixes = {
            "counter": ["_total"],
            "histogram": ["_bucket", "_sum", "_count"],
            "info": ["_info"],
        }
        labels = {label for sample in family.samples for label in sample.labels}
        for suffix in suffixes.get(family.type, [""]):
            name = family.name if family.name.endswith(suffix) else family.name + suffix
            names[name] = labels | labels_of(metrics, family.name)
    return names


def labels_of(metrics: Any, family: str) -> set[str]:
    """Labels of a metric that has no sample yet."""
    return {
        label
        for metric in vars(metrics).values()
        if getattr(metric, "_name", "") == family
        for label in metric._labelnames
    }


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]


def test_every_expression_asks_for_what_is_exported(
    dashboard: dict[str, Any], exported: dict[str, set[str]]
) -> None:
    for expression, legend in expressions(dashboard):
        names = WORD.findall(expression)
        assert names, expression
        known = set.union(OF_PROMETHEUS, *(exported[name] for name in names))
        for found in LABEL.findall(expression + legend):
            for label in re.split(r",\s*", "".join(found)):
                assert label in known, f"{label} in {expression}"
        assert expression.count("(") == expression.count(")")
        assert 'instance=~"$instance"' in expression


def test_counters_are_asked_for_their_rate_alone(dashboard: dict[str, Any]) -> None:
    for expression, _ in expressions(dashboard):
        for name in re.findall(r"\w+_(?:total|bucket)\b", expression):
            before = re.findall(rf"(\w+)\({name}", expression)
            assert before
            assert set(before) <= {"rate", "increase"}, expression


def test_panels_have_units_titles_and_places_of_their_own(dashboard: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in panels(dashboard):
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)


def test_every_metric_of_ours_is_on_the_dashboard_and_explained(
    dashboard: dict[str, Any], exported: dict[str, set[str]]
) -> None:
    page = (DOCS / "observing.md").read_text(encoding="utf-8")
    asked = {name for expression, _ in expressions(dashboard) for name in WORD.findall(expression)}

    def stem(name: str) -> str:
        return re.sub(r"_(bucket|sum|count)$", "", name)

    ours = {stem(name) for name in exported if name.startswith("citydip_")}
    assert ours == {stem(name) for name in asked if name.startswith("citydip_")}
    assert ours == {stem(name) for name in WORD.findall(page) if name.startswith("citydip_")}


def test_alerts_ask_for_what_is_exported(exported: dict[str, set[str]]) -> None:
    page = (DOCS / "observing.md").read_text(encoding="utf-8")
    rules = re.findall(r"^\s+expr: (.*)$", page, re.MULTILINE)
    assert len(rules) >= 5
    for rule in rules:
        for name in WORD.findall(rule):
            assert name in exported, rule
