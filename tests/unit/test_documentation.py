"""What is written down matches what there is."""

import importlib.util
import re
import tomllib
import unicodedata
from pathlib import Path
from urllib.parse import unquote

import pytest

from workers.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `CAPQ_(\w+)` \| (.+?) \|", (ROOT / "docs" / "configuration.md").read_text(), re.M)
    documented = {name.lower(): default.strip("`") for name, default in rows}
    assert set(documented) == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, int | float):
            assert float(documented[name]) == field.default
        elif field.default_factory is None and field.default:
            assert documented[name] == field.default


def _prose(page: Path) -> str:
    """Return a page without its code, in which a `#` is no heading and brackets are no link."""
    text = re.sub(r"^( *)(```+|~~~+).*?^ *\2 *$", "", page.read_text(), flags=re.M | re.S)
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", lambda code: code[0].replace("](", "] ("), text)


def _links(page: Path) -> list[str]:
    prose = _prose(page)
    found = re.findall(r"\]\(<?([^)\s>]+)>?(?:\s+[\"'][^)]*)?\)", prose)
    found += re.findall(r"^ *\[[^\]]+\]: +<?([^\s>]+)", prose, re.M)
    return [target for target in found if not re.match(r"\w+:", target)]


def _anchors(page: Path) -> set[str]:
    """Return the names of a page's headings, as GitHub and as Python-Markdown make them."""
    prose = _prose(page)
    anchors = set(re.findall(r"""(?:id|name)=["']([^"']+)["']|\{ *#([\w-]+)""", prose))
    names = {name for pair in anchors for name in pair if name}
    for slug in (_github, _markdown):
        headings = [slug(_plain(line)) for line in re.findall(r"^#{1,6} +(.+?) *#*$", prose, re.M)]
        numbered = "-{}" if slug is _github else "_{}"
        names |= {
            heading
            + (numbered.format(headings[:index].count(heading)) if heading in headings[:index] else "")
            for index, heading in enumerate(headings)
        }
    return names


def _plain(heading: str) -> str:
    return re.sub(r"\{ *#.*\}$|[`*]|!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip()


def _github(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _markdown(heading: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_only).strip().lower())


def _broken(page: Path) -> list[str]:
    """Return a page's links that lead nowhere: to no file, or to no heading of a page."""
    broken = []
    for link in _links(page):
        target, _, anchor = link.partition("#")
        path = page.parent / unquote(target) if target else page
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in _anchors(path)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    assert _broken(page) == []


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "LICENSE").touch()
    (tmp_path / "docs" / "other.md").write_text(
        "# Über `capq x`: a, b & c\n## Two\n## Two\n### Named {#mine}\n```bash\n# no heading\n```\n"
    )
    page = tmp_path / "docs" / "page.md"
    right = ["other.md", "other.md#two", "other.md#two-1", "other.md#two_1", "other.md#mine", "../LICENSE"]
    right += ["other.md#über-capq-x-a-b--c", "other.md#uber-capq-x-a-b-c", "#here", "https://a.b/c#d"]
    wrong = ["gone.md", "gone.md#two", "other.md#three", "other.md#no-heading", "#there", "../other.md"]
    links = "".join(f"a [link]({link}) and\n" for link in (*right, *wrong))
    page.write_text(f"# Here\n{links}[titled](gone.png 'a title')\n[one]: gone.txt\n`[code](gone)`\n")
    assert _broken(page) == [*wrong, "gone.png", "gone.txt"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_imports_and_modules_on_a_page_exist(page: Path) -> None:
    text = page.read_text()
    for statement in re.findall(
        r"^[> ]*(from (?:captcha_core|workers|cli)[\w.]* import [\w, ]+)", text, re.M
    ):
        exec(statement, {})
    for module in re.findall(r"python3? -m ((?:captcha_core|workers|cli)[\w.]*)", text):
        assert importlib.util.find_spec(module), module


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
