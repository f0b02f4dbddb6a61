"""Prometheus' own tool checks the configuration and runs the rules' tests."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "monitoring.md"

needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is in Debian's package prometheus"
)


def _promtool(*arguments: str) -> str:
    result = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def _alerts() -> list[dict[str, str]]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@needs_promtool
def test_the_configuration_is_sound() -> None:
    _promtool("check", "config", "prometheus.yml")


@needs_promtool
def test_the_rules_are_sound() -> None:
    _promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yml", "alerts.yml")


@needs_promtool
def test_alerts_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in _promtool("test", "rules", "tests/alerts.yml")


@pytest.mark.parametrize("alert", [rule["alert"] for rule in _alerts()])
def test_each_alert_has_a_case_for_either(alert: str) -> None:
    tests = yaml.safe_load((FOLDER / "tests" / "alerts.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"] if case["alertname"] == alert]
    assert any(case.get("exp_alerts") for case in cases)
    assert any(not case.get("exp_alerts") for case in cases)


@pytest.mark.parametrize("alert", [rule["alert"] for rule in _alerts()])
def test_each_alert_is_documented(alert: str) -> None:
    assert f"`{alert}`" in DOCUMENTATION.read_text()


def test_rules_use_documented_metrics_alone() -> None:
    documented = set(re.findall(r"`(capq_\w+)`", DOCUMENTATION.read_text()))
    rules = (FOLDER / "rules.yml").read_text() + (FOLDER / "alerts.yml").read_text()
    used = set(re.findall(r"(?<![:\w])capq_\w+(?![:\w])", rules))
    assert {name.removesuffix("_bucket") for name in used} <= documented
