"""What is written down matches what there is."""

import re
import tomllib
from pathlib import Path

import yaml

from workers.settings import Settings

ROOT = Path(__file__).parents[2]


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `CAPQ_(\w+)` \| (.+?) \|", (ROOT / "docs" / "configuration.md").read_text(), re.M)
    documented = {name.lower(): default.strip("`") for name, default in rows}
    assert set(documented) == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, int | float):
            assert float(documented[name]) == field.default
        elif field.default_factory is None and field.default:
            assert documented[name] == field.default


def test_links_between_pages_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = "bash tests/run.sh"
    assert f"\n{command}\n" in (ROOT / "README.md").read_text()
    assert f"\n{command}\n" in (ROOT / ".ci" / "run").read_text()


def test_every_dependency_has_a_lower_bound_and_is_pinned_for_ci() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [
        each for name, group in project["optional-dependencies"].items() if name != "s3" for each in group
    ]
    wanted = [each for each in project["dependencies"] + extras if not each.startswith("capq[")]
    assert all(">=" in each for each in wanted)
    pins = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    assert {re.split(r"[\[>]", each)[0].lower() for each in wanted} <= pins


def test_compose_uses_settings_that_exist_and_ports_that_are_scraped() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = compose["services"]
    assert {"redis", "cpu-worker", "gpu-worker", "prometheus"} <= set(services)
    for service in services.values():
        for variable in service.get("environment", {}):
            if variable.startswith("CAPQ_"):
                assert variable.removeprefix("CAPQ_").lower() in Settings.model_fields
    (scrape,) = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())[
        "scrape_configs"
    ]
    (found,) = scrape["dns_sd_configs"]
    assert set(found["names"]) <= set(services)
    for name in found["names"]:
        assert services[name]["environment"]["CAPQ_METRICS_PORT"] == str(found["port"])
        assert (ROOT / services[name]["build"]["dockerfile"]).is_file()
        target = services[name]["build"]["target"]
        assert f" AS {target}\n" in (ROOT / "deploy" / "Dockerfile").read_text()
