"""What a process loads, seen by importing for real; for the order of packages see `test_layers`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import clean_environment

ROOT = Path(__file__).parents[2]


def _loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    unmeasured = {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_START"}
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env=unmeasured,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return set(answer.stdout.split())


def _modules(package: str) -> list[str]:
    files = (path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py"))
    return sorted(".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files)


def test_the_library_knows_nothing_of_celery_redis_or_click() -> None:
    loaded = _loaded_after("\n".join(f"import {name}" for name in _modules("captcha_core")))
    assert "torch" in loaded
    assert not loaded & {"celery", "kombu", "redis", "click", "workers", "cli"}


def test_a_render_worker_and_the_command_line_do_without_torch() -> None:
    loaded = _loaded_after(
        "import workers.units.tasks, workers.process.launch, workers.kinds, workers.embedded\n"
        "assert len(list(workers.kinds.KINDS.values())) == 4"
    )
    assert "celery" in loaded
    assert not loaded & {"torch", "cli"}
    commands = "\n".join(f"import {name}" for name in _modules("cli") if not name.endswith("__main__"))
    assert "torch" not in _loaded_after(commands)


def test_the_command_line_of_solve_dir_does_without_numpy_and_pillow() -> None:
    loaded = _loaded_after(
        "import cli.main, cli.commands.solve_dir, workers.kinds\nworkers.kinds.KINDS['solve']"
    )
    assert "celery" in loaded
    assert not loaded & {"numpy", "PIL", "simplejpeg", "kornia_rs"}


def test_the_health_check_of_a_container_loads_nothing_that_takes_time() -> None:
    loaded = _loaded_after("import workers.process.health")
    assert "workers" in loaded
    assert not loaded & {"celery", "kombu", "redis", "pydantic", "captcha_core", "json", "logging"}


def test_commands_about_jobs_load_neither_specs_nor_what_reads() -> None:
    script = (
        "import sys, cli.main, cli.commands.jobs, cli.commands.steering\n"
        "print({'captcha_core.spec', 'captcha_core.solving'} & set(sys.modules))\n"
        "import captcha_core as core\n"
        "print(core.Spec is core.spec.Spec, core.presets is core.spec.presets)"
    )
    command = [sys.executable, "-c", script]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout == "set()\nTrue True\n"


def test_options_are_checked_against_a_checkpoint_without_numpy() -> None:
    loaded = _loaded_after(
        "from captcha_core.codecs.options import Decoding\n"
        "from captcha_core.networks import checkpoint\n"
        "problem = checkpoint.describe(checkpoint.find('alnum-170x80')).problem\n"
        "Decoding.checked(problem, lengths=(5, 5), beam=4, charset='01', ignore_case=True)"
    )
    assert not loaded & {"numpy", "PIL", "torch"}


@pytest.mark.parametrize(
    "package",
    [
        "codecs",
        "evaluation",
        "images",
        "inputs",
        "networks",
        "reports",
        "solving",
        "spec",
        "storage",
        "tables",
    ],
)
def test_a_package_of_the_library_is_imported_without_numpy_pillow_and_torch(package: str) -> None:
    assert not _loaded_after(f"import captcha_core.{package}") & {"numpy", "PIL", "torch"}


@pytest.mark.parametrize("package", ["datasets", "engines", "exporting", "rendering", "training"])
def test_a_package_of_the_library_is_imported_without_torch(package: str) -> None:
    assert "torch" not in _loaded_after(f"import captcha_core.{package}")


def test_enqueueing_does_not_turn_on_prometheus_multiprocess_mode() -> None:
    script = (
        "import os, cli.commands.generate, cli.commands.solve_dir\n"
        "assert 'PROMETHEUS_MULTIPROC_DIR' not in os.environ"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, env=clean_environment())
