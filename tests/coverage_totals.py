"""Print what the last run under coverage.py reached: each package, and the modules under 80 %.

    python tests/coverage_totals.py

Lines and branches count alike. Data files of all the processes are combined first.
"""

import json
import tempfile
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import coverage

LEAST = 80.0
ROOT = Path(__file__).parents[1]
PACKAGES = ("captcha_core", "workers", "cli")


def measured() -> dict[str, dict[str, Any]]:
    """Return coverage.py's summary of each module's file."""
    measurement = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    measurement.combine()
    measurement.get_data().touch_files(_modules(measurement.get_option("run:omit")))
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        measurement.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    # Tests run copies of the code too, whose files lie elsewhere.
    return {path: file["summary"] for path, file in files.items() if not Path(path).is_absolute()}


def _modules(omitted: Any) -> list[str]:
    """Return all files of the packages: what no process imported counts as not run."""
    paths = [str(path) for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return [path for path in paths if not any(fnmatch(path, pattern) for pattern in omitted)]


def package(path: str) -> str:
    """Return the package of a module's file, to the second level."""
    return ".".join(Path(path).parent.parts[:2])


def share(summaries: list[dict[str, Any]]) -> float:
    """Return the percentage of lines and branches that ran."""
    ran = sum(summary["covered_lines"] + summary["covered_branches"] for summary in summaries)
    there = sum(summary["num_statements"] + summary["num_branches"] for summary in summaries)
    return 100 * ran / there if there else 100.0


def main() -> None:
    modules = measured()
    packages = defaultdict(list)
    for path, summary in modules.items():
        packages[package(path)].append(summary)
    print("\nLines and branches that the tests ran")
    for name, summaries in sorted(packages.items()):
        print(f"{share(summaries):6.1f} %  {name}")
    print(f"{share(list(modules.values())):6.1f} %  in all")
    low = sorted((share([summary]), path) for path, summary in modules.items() if share([summary]) < LEAST)
    print(f"Modules under {LEAST:g} %: {len(low) or 'none'}")
    for percent, path in low:
        print(f"{percent:6.1f} %  {path}")


if __name__ == "__main__":
    main()
