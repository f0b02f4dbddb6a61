"""The order of the packages: each imports only from those below it, read from the source with `ast`."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# From the bottom to the top. What stands in one row does not import from one another.
LAYERS = {
    "captcha_core": [
        ["extras"],
        ["errors", "machine"],
        ["codecs", "images", "spec", "storage"],
        ["evaluation", "labels", "networks", "rendering", "tables"],
        ["engines", "inputs", "reports"],
        ["datasets"],
        ["exporting", "solving", "training"],
        ["inspection"],
        [""],  # the package's own names
    ],
    "workers": [
        ["errors"],
        ["address"],
        ["settings"],
        ["app", "ledger"],
        ["process"],
        ["kinds"],
        ["embedded", "exporter", "units"],
        [""],
    ],
    "cli": [
        ["advice", "terminal"],
        ["checks", "options"],
        ["job"],
        ["top", "training"],
        ["commands"],
        ["main"],
        ["__main__"],
        [""],
    ],
}
BELOW = {"captcha_core": set(), "workers": {"captcha_core"}, "cli": {"captcha_core", "workers"}}
LOOSE = {"captcha_core": 3, "workers": 4, "cli": 4}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {_name(path): path for package in LAYERS for path in (ROOT / package).rglob("*.py")}


def _imports(module: str, nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Yield the modules of ours that some statements of a module import."""
    is_package = MODULES[module].name == "__init__.py"
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            whole = (f"{source}.{alias.name}" for alias in node.names)
            names = [name if name in MODULES else source for name in whole]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] in LAYERS)


def _anywhere(module: str) -> Iterator[str]:
    """Yield what a module imports, inside functions and for type checkers too."""
    return _imports(module, ast.walk(ast.parse(MODULES[module].read_text())))


def _on_import(module: str) -> Iterator[str]:
    """Yield what is imported when a module is."""
    return _imports(module, _executed(ast.parse(MODULES[module].read_text())))


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _executed(child)


def _layer(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def _heights(package: str) -> dict[str, int]:
    return {name: height for height, row in enumerate(LAYERS[package]) for name in row}


def test_imports_are_read_as_python_reads_them() -> None:
    source = """
import captcha_core.spec, json
from ..images import decoding, absent
from . import layers
def later():
    from ..errors import TrainingError
if TYPE_CHECKING:
    from .problem import Problem
class Row:
    import workers
"""
    tree = ast.parse(source)
    first = ["captcha_core.spec", "captcha_core.images.decoding", "captcha_core.images"]
    first += ["captcha_core.networks.layers"]
    late = ["captcha_core.errors", "captcha_core.networks.problem"]
    module = "captcha_core.networks.ctc"
    assert sorted(_imports(module, ast.walk(tree))) == sorted([*first, *late, "workers"])
    assert list(_imports(module, _executed(tree))) == [*first, "workers"]
    assert list(_imports("captcha_core.networks", iter(tree.body[2:3]))) == ["captcha_core.networks.layers"]


@pytest.mark.parametrize("package", LAYERS)
def test_every_package_has_its_place_in_the_order(package: str) -> None:
    layers = {_layer(module) for module in MODULES if module.partition(".")[0] == package}
    assert layers <= set(_heights(package))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_below(module: str) -> None:
    package, own = module.partition(".")[0], _layer(module)
    heights = _heights(package)
    for imported in _anywhere(module):
        other = imported.partition(".")[0]
        if other != package:
            assert other in BELOW[package], f"{module} imports {imported}"
        elif _layer(imported) != own:
            assert heights[_layer(imported)] < heights[own], f"{module} imports {imported}"


def test_there_is_no_import_circle() -> None:
    graph = {module: set(_on_import(module)) - {module} for module in MODULES}
    assert sum(map(len, graph.values())) > len(MODULES)
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize(("package", "most"), LOOSE.items())
def test_few_modules_lie_loose(package: str, most: int) -> None:
    loose = {path.name for path in (ROOT / package).glob("*.py")} - {"__init__.py"}
    assert len(loose) <= most, loose
