"""The page, the alerting rules and the dashboard name metrics that there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pantry_tui.monitoring.exposition_names import DEFINITIONS
from pantry_tui.monitoring.exposition_reference import with_table

DOCS = Path(__file__).parents[3] / "docs"
RULES = DOCS / "prometheus" / "alerts.yml"
DASHBOARD = DOCS / "prometheus" / "dashboard.json"
NAMES = {definition.name for definition in DEFINITIONS}
LABELS = {definition.name: {*definition.labels, "instance", "job"} for definition in DEFINITIONS}


def named(expression: str) -> set[str]:
    """The metrics of this program that an expression names."""
    return set(re.findall(r"\bpantry_\w+", expression))


def queries() -> list[str]:
    """The expressions of the dashboard."""
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return found + [each["query"] for each in dashboard["templating"]["list"] if each["type"] == "query"]


def test_the_page_has_every_metric() -> None:
    page = (DOCS / "metrics.md").read_text()

    assert with_table(page) == page
    assert all(f"`{name}`" in page for name in NAMES)


def test_the_rules_name_what_there_is() -> None:
    found = named(RULES.read_text())

    assert found <= NAMES
    assert len(found) > 8


def test_the_dashboard_names_what_there_is() -> None:
    found = {name for query in queries() for name in named(query)}

    assert found <= NAMES
    assert len(found) > 15


def test_the_dashboard_selects_by_labels_that_there_are() -> None:
    for query in queries():
        for name, selector in re.findall(r"(pantry_\w+)\{([^}]*)\}", query):
            assert set(re.findall(r"(\w+)=", selector)) <= LABELS[name]


def test_the_dashboard_has_a_place_for_everything() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    taken = [
        (panel["gridPos"]["x"] + column, panel["gridPos"]["y"] + row)
        for panel in panels
        for column in range(panel["gridPos"]["w"])
        for row in range(panel["gridPos"]["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(taken)) == len(taken)
    assert max(column for column, _ in taken) < 24


@pytest.mark.parametrize("expressions", ["rules", "dashboard"])
def test_promtool_understands_every_expression(expressions: str, tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    rules = RULES
    if expressions == "dashboard":
        rules = tmp_path / "rules.yml"
        asked = [query for query in queries() if not query.startswith("label_values")]
        groups = [{"name": "dashboard", "rules": [{"record": f"r{n}", "expr": query} for n, query in enumerate(asked)]}]
        rules.write_text(json.dumps({"groups": groups}))  # JSON is YAML
    outcome = subprocess.run([promtool, "check", "rules", rules], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
