"""The Grafana dashboard fits what it stands on: the data source, the rules, and the metrics there are.

`deploy/grafana/check-schema.sh` checks it against Grafana's own types, with a network. That its queries
return data is in tests/monitoring.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "capq.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
QUERIES = [(panel["title"], target) for panel in PANELS for target in panel.get("targets", [])]
BUILT_IN = {"__rate_interval", "__range", "__interval"}


def test_panels_lie_beside_each_other_and_have_names_of_their_own() -> None:
    cells = [
        (column, line)
        for panel in PANELS
        for column in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for line in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(column for column, _ in cells) < 24
    for name in ("id", "title"):
        assert len({panel[name] for panel in PANELS}) == len(PANELS)


def test_all_ask_the_data_source_that_is_provisioned() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "capq.yml").read_text())[
        "datasources"
    ]
    expected = {"type": source["type"], "uid": source["uid"]}
    variables = DASHBOARD["templating"]["list"]
    for asking in (*PANELS, *variables, *DASHBOARD["annotations"]["list"], *(query for _, query in QUERIES)):
        if asking.get("type") != "row":
            assert asking["datasource"] == expected
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in compose


def test_compose_mounts_what_there_is_where_the_provider_looks() -> None:
    mounts = dict(
        mount.split(":")[:2]
        for mount in yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"][
            "volumes"
        ]
    )
    folders = {path: target for path, target in mounts.items() if path.startswith("./")}
    assert len(folders) == 2
    assert all((ROOT / path).is_dir() for path in folders)
    (provider,) = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "capq.yml").read_text())[
        "providers"
    ]
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]


@pytest.mark.parametrize(
    ("title", "query"), QUERIES, ids=[f"{title}-{query['refId']}" for title, query in QUERIES]
)
def test_a_query_names_metrics_rules_and_variables_that_exist(title: str, query: dict[str, Any]) -> None:
    documented = set(re.findall(r"`((?:kind:)?capq_[\w:]+)`", (ROOT / "docs" / "monitoring.md").read_text()))
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text())["groups"]
    recorded = {rule["record"] for group in rules for rule in group["rules"]}
    names = re.findall(r"\b(?:kind:)?capq_[\w:]+", query["expr"])
    assert names
    for name in names:
        assert re.sub(r"_(bucket|sum|count)$", "", name) in documented | recorded
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]} | BUILT_IN
    assert set(re.findall(r"\$\{?(\w+)", query["expr"])) <= variables


def test_a_panel_has_a_letter_for_each_query() -> None:
    for panel in PANELS:
        letters = [query["refId"] for query in panel.get("targets", [])]
        assert letters == [chr(ord("A") + index) for index in range(len(letters))]
