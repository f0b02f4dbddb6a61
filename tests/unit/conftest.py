"""Small networks of each kind, with random weights and a spec to render."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from captcha_core import exporting, networks
from captcha_core.networks import Problem, checkpoint
from captcha_core.spec import Spec

SPECS = {
    "ctc": Spec.make(width=80, height=40, lengths=(1, 3), charset="ABC"),
    "heads": Spec.make(width=80, height=40, lengths=(1, 3), charset="ABC"),
    "vgg": Spec.make(width=90, height=80, lengths=2, charset="01"),
}


def _save(folder: Path, name: str, *, with_spec: bool = True) -> Path:
    import torch  # not by the tests that do without these networks

    torch.manual_seed(3)
    spec = SPECS[name]
    settings = {} if name == "vgg" else {"channels": (4, 8, 8, 8)}
    problem = Problem.from_spec(spec, 3 if name == "vgg" else 1)
    network = networks.build(name, problem, settings)
    for _ in range(3):  # so that the batch norms' statistics are not the identity
        network(torch.rand(4, problem.channels, problem.size[1], problem.size[0]) * 3)
    model = checkpoint.Model(
        architecture=name,
        settings=settings,
        problem=problem,
        scaling=checkpoint.Scaling(mean=0.4, std=0.3),
        training={"source": {"kind": "rendered", "spec": spec.model_dump(mode="json")}} if with_spec else {},
    )
    checkpoint.save(folder, model, {key: tensor.numpy() for key, tensor in network.state_dict().items()})
    return folder


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ctc checkpoint's folder with both ONNX files; not to be changed."""
    folder = _save(tmp_path_factory.mktemp("exported") / "net", "ctc")
    for form in ("onnx", "onnx-int8"):
        exporting.export(checkpoint.load(folder), form, images=40)
    return folder


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., checkpoint.Checkpoint]:
    """Save a network of a kind to ``net`` and load it."""
    return lambda name, **options: checkpoint.load(_save(tmp_path / "net", name, **options))


@pytest.fixture
def own(exported: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(exported, tmp_path / "net"))
