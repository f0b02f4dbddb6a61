"""Every query of the Grafana dashboard returns data from a Prometheus that watched real jobs.

They are asked for the whole time that the deployment ran, as Grafana asks.
"""

import json
import re
import time
import urllib.parse
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from captcha_core import machine

from .conftest import Deployment, Prometheus

pytestmark = pytest.mark.monitoring

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards" / "capq.json"
NO_DEVICE = "nvidia" not in machine.accelerator_driver()


@cache
def _dashboard() -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return dashboard


def _queries() -> list[Any]:
    """Return the queries with their panels' titles, of panels, variables and annotations."""
    queries = [
        (f"{panel['title']}-{target['refId']}", target["expr"])
        for panel in _dashboard()["panels"]
        for target in panel.get("targets", [])
    ]
    return [pytest.param(expression, id=title) for title, expression in queries]


def _filled(expression: str) -> str:
    """Return a query as Grafana sends it: all values of each variable, and an interval of some scrapes."""
    expression = expression.replace("$__rate_interval", "30s").replace("$__range", "10m")
    return re.sub(r"\$\w+", ".*", expression)


def _series(prometheus: Prometheus, expression: str) -> list[dict[str, Any]]:
    """Return the series of the last ten minutes, a value each two seconds."""
    now = time.time()
    arguments = {"query": expression, "start": now - 600, "end": now, "step": 2}
    url = f"http://127.0.0.1:{prometheus.port}/api/v1/query_range?{urllib.parse.urlencode(arguments)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return list(json.load(answer)["data"]["result"])


def _has_numbers(series: list[dict[str, Any]]) -> bool:
    return any(value != "NaN" for line in series for _, value in line["values"])


@pytest.mark.parametrize("expression", _queries())
def test_a_panels_query_returns_data(expression: str, deployment: Deployment) -> None:
    series = _series(deployment.prometheus, _filled(expression))
    if "capq_device_" in expression and NO_DEVICE:
        assert series == []
        pytest.skip("there is no NVIDIA device here: Prometheus took the query, and has nothing")
    if "capq_redis_memory_max_bytes > 0" in expression:
        assert series == []  # this Redis has no limit
        return
    assert _has_numbers(series), expression


@pytest.mark.parametrize(
    "variable", _dashboard()["templating"]["list"], ids=lambda variable: variable["name"]
)
def test_a_variable_has_values(variable: dict[str, Any], deployment: Deployment) -> None:
    call = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
    assert call
    series = deployment.prometheus.query(f"count by ({call[2]}) ({call[1]})")
    assert all(line["metric"][call[2]] for line in series)
    assert series


def test_the_heat_maps_have_as_many_units_as_were_done(deployment: Deployment) -> None:
    total = deployment.prometheus.value('sum(capq_unit_duration_seconds_bucket{le="+Inf"})')
    assert total == deployment.prometheus.value("sum(capq_unit_duration_seconds_count)") > 0
