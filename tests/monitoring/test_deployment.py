"""What Prometheus knows of a deployment is what the ledger and the files say, though a worker was killed."""

import re

import pytest
import yaml

from tests.conftest import wait_until

from .conftest import CONFIGURATION, Deployment

pytestmark = [pytest.mark.monitoring, pytest.mark.timeout(900)]  # the first test waits for all jobs

_SELECTOR = re.compile(r"\b((?:kind:)?capq_\w+(?::\w+)?|up)\b(\{[^}]*\})?")


def _rules(file: str) -> list[dict[str, str]]:
    groups = yaml.safe_load((CONFIGURATION / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_images_are_counted_exactly(deployment: Deployment) -> None:
    value = deployment.prometheus.value
    assert value('capq_ledger_images_total{kind="generate"}') == deployment.rendered > 20_000
    assert value('capq_ledger_images_total{kind="train"}') == deployment.trained == 1200
    assert value('capq_ledger_images_total{kind="solve"}') == deployment.solved == 1201
    assert value('capq_ledger_images_unreadable_total{kind="solve"}') == deployment.unreadable == 1


def test_the_ledger_says_the_same(deployment: Deployment) -> None:
    counts: dict[str, int] = {}
    for job in deployment.ledger.jobs():
        counts[job.kind] = counts.get(job.kind, 0) + job.counts.get("images", 0)
    for kind, images in counts.items():
        assert deployment.prometheus.value(f'capq_ledger_images_total{{kind="{kind}"}}') == images


def test_workers_that_live_have_counted_the_rest(deployment: Deployment) -> None:
    value = deployment.prometheus.value
    assert value("sum(capq_images_solved_total)") == deployment.solved
    assert value("sum(capq_images_trained_total)") == deployment.trained
    assert value("sum(capq_images_unreadable_total)") == 1
    assert 0 < value("sum(capq_images_rendered_total)") < deployment.rendered


def test_the_killed_worker_was_replaced_and_its_lease_expired(deployment: Deployment) -> None:
    value = deployment.prometheus.value
    wait_until(lambda: value('capq_workers{queue_name="cpu"}') == 2, "the end of the killed one")
    assert value('capq_workers{queue_name="gpu"}') == 1
    names = {series["metric"]["worker"] for series in deployment.prometheus.query("capq_worker_info")}
    assert len(names) == 3
    assert all(re.fullmatch(r"[cg]pu-[1-3]", name) for name in names)
    assert value('capq_leases_expired_total{kind="generate"}') >= 1
    assert value('capq_ledger_units_total{kind="generate",outcome="dead"}') == 1
    assert value("sum(capq_units)") == 0


@pytest.mark.parametrize("rule", _rules("rules.yml"), ids=lambda rule: rule["record"])
def test_recording_rules_give_data(rule: dict[str, str], deployment: Deployment) -> None:
    assert deployment.prometheus.query(rule["expr"])
    assert deployment.prometheus.query(rule["record"])


@pytest.mark.parametrize("rule", _rules("alerts.yml"), ids=lambda rule: rule["alert"])
def test_what_alerts_look_at_is_there(rule: dict[str, str], deployment: Deployment) -> None:
    selectors = {"".join(found) for found in _SELECTOR.findall(rule["expr"])}
    assert selectors
    for selector in selectors:
        assert deployment.prometheus.query(selector), selector
    deployment.prometheus.query(rule["expr"])


def test_no_alert_fires_that_should_not(deployment: Deployment) -> None:
    firing = deployment.prometheus.query('ALERTS{alertstate="firing"}')
    assert {series["metric"]["alertname"] for series in firing} <= {"CapqUnitsFail"}
