"""Networks that standardise their images: brightness and contrast do not matter, exported or not."""

from pathlib import Path

import numpy as np
import pytest
import torch

from captcha_core import networks
from captcha_core.exporting.byte_input import ByteInput
from captcha_core.networks import Problem, checkpoint

PROBLEM = Problem(charset="0123456789", lengths=(3, 5), size=(96, 32))


@pytest.fixture
def loaded(tmp_path: Path) -> checkpoint.Checkpoint:
    torch.manual_seed(0)
    settings = networks.checked_settings("ctc", {"standardise": True}).model_dump(mode="json")
    network = networks.build("ctc", PROBLEM, settings)
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    model = checkpoint.Model(architecture="ctc", settings=settings, problem=PROBLEM)
    checkpoint.save(tmp_path / "model", model, weights)
    return checkpoint.load(tmp_path / "model")


def test_brightness_and_contrast_do_not_matter(loaded: checkpoint.Checkpoint) -> None:
    images = torch.rand(4, 1, 32, 96)
    with torch.no_grad():
        logits = loaded.network()(images)
        assert torch.allclose(loaded.network()(images * 0.5 - 0.3), logits, atol=1e-2)
        assert not torch.allclose(loaded.network()(images.flip(3)), logits, atol=1e-2)


def test_a_flat_image_gives_finite_logits(loaded: checkpoint.Checkpoint) -> None:
    with torch.no_grad():
        assert torch.isfinite(loaded.network()(torch.ones(1, 1, 32, 96))).all()


def test_bytes_in_give_the_same_logits(loaded: checkpoint.Checkpoint) -> None:
    images = np.random.default_rng(1).integers(0, 256, (4, 32, 96, 1), dtype=np.uint8)
    scaling = loaded.model.scaling
    inputs = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        expected = loaded.network()((inputs - scaling.mean) / scaling.std)
        assert torch.allclose(
            ByteInput.from_checkpoint(loaded)(torch.from_numpy(images)), expected, atol=1e-3
        )
