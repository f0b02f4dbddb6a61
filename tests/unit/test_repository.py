"""What a repository keeps beside its code: versions, the changelog, hooks and templates."""

import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path

import yaml

import captcha_core

ROOT = Path(__file__).parents[2]
RELEASE = re.compile(r"\[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d\d-\d\d")


def _version_without_metadata(folder: Path) -> str:
    """Ask a clone that was never installed: its code, and all installed packages but capq."""
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("capq", "__editable__")):
            (folder / entry.name).symlink_to(entry)
    (folder / "captcha_core").symlink_to(ROOT / "captcha_core")
    script = (
        f"import sys; sys.path.append({str(folder)!r}); import captcha_core; print(captcha_core.__version__)"
    )
    command = [sys.executable, "-I", "-S", "-c", script]  # without the site-packages that know capq
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_the_version_is_that_of_the_installed_package() -> None:
    assert captcha_core.__version__ == metadata.version("capq")


def test_a_clone_that_is_not_installed_has_an_unknown_version(tmp_path: Path) -> None:
    assert _version_without_metadata(tmp_path) == "0+unknown"


def test_the_command_line_shows_the_same_version() -> None:
    command = [sys.executable, "-m", "cli", "--version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout == f"capq, version {captcha_core.__version__}\n"


def test_the_changelog_has_dated_releases_newest_first_and_the_version_of_the_project() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == "[Unreleased]"
    releases = [RELEASE.fullmatch(heading) for heading in headings[1:]]
    assert all(releases), headings
    numbers = [tuple(int(number) for number in match.groups()) for match in releases if match]
    assert numbers == sorted(numbers, reverse=True)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    number = tuple(int(part) for part in version.split(".")[:3])
    # Between releases the version is a development version of the next one.
    assert number > numbers[0] if ".dev" in version else number == numbers[0]


def test_the_changelog_sorts_its_entries_by_the_kinds_of_keep_a_changelog() -> None:
    kinds = re.findall(r"^### (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert kinds
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_pre_commit_runs_the_checks_of_ci_and_fetches_nothing() -> None:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    hooks = repositories[0]["hooks"]
    assert {hook["language"] for hook in hooks} <= {"system", "pygrep"}
    commands = [hook["entry"] for hook in hooks if hook["language"] == "system"]
    ci = (ROOT / ".ci" / "run").read_text()
    checks = re.findall(r"^\.venv/bin/(?:ruff check|ruff format|mypy)", ci, re.M)
    assert len(checks) == 3
    for check in checks:
        assert any(command.startswith(check) for command in commands), check


def test_every_issue_form_has_fields_to_fill_in() -> None:
    folder = ROOT / ".github" / "ISSUE_TEMPLATE"
    assert {path.name for path in folder.iterdir()} == {
        "bug.yml",
        "feature.yml",
        "question.yml",
        "config.yml",
    }
    for name in ("bug.yml", "feature.yml", "question.yml"):
        form = yaml.safe_load((folder / name).read_text())
        assert {"name", "description", "body"} <= set(form)
        fields = [field["id"] for field in form["body"] if field["type"] != "markdown"]
        assert fields
        assert len(fields) == len(set(fields))
    assert "capq --version" in (folder / "bug.yml").read_text()
