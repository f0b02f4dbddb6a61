import numpy as np
import pytest
import torch

from captcha_core import networks
from captcha_core.networks import Problem
from captcha_core.training.optimiser import Muon, Optimiser, orthogonalised

PROBLEM = Problem(charset="0123", lengths=(1, 2), size=(48, 24))


@pytest.mark.parametrize("shape", [(16, 16), (8, 40), (40, 8)])
def test_all_directions_of_a_gradient_count_alike(shape):
    generator = torch.Generator().manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(shape[0], min(shape), generator=generator))
    right, _ = torch.linalg.qr(torch.randn(shape[1], min(shape), generator=generator))
    lengths = torch.logspace(0, -1, min(shape))  # from 1 down to a tenth
    found = torch.linalg.svdvals(orthogonalised(left * lengths @ right.T))
    assert found.min() > 0.6
    assert found.max() < 1.3


def test_the_orthogonalised_keeps_rows_and_columns_apart():
    matrix = torch.randn(6, 20, generator=torch.Generator().manual_seed(1))
    found = orthogonalised(matrix)
    # What is left of U S V' with S near 1 points the same way as the matrix.
    assert float((found * matrix).sum()) > 0
    assert torch.allclose(orthogonalised(matrix.T), found.T, atol=1e-5)


def test_a_step_has_the_same_size_whatever_the_scale_of_the_gradient():
    moved = []
    for scale in (1e-3, 1e3):
        weight = torch.nn.Parameter(torch.zeros(16, 4, 3, 3))
        weight.grad = scale * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2))
        Muon([weight], lr=0.01, weight_decay=0).step()
        moved.append(weight.detach())
    assert torch.allclose(moved[0], moved[1], rtol=1e-3, atol=1e-6)
    assert 0.005 < float(moved[0].square().mean().sqrt()) < 0.01


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_restored_it_goes_on_to_the_same_bits(name):
    def network():
        torch.manual_seed(0)
        return networks.build("ctc", PROBLEM, {"channels": (4, 8, 8, 8)})

    def learn(net, optimiser, steps):
        for step in steps:
            torch.manual_seed(step)
            net(torch.randn(4, 1, 24, 48)).square().mean().backward()
            optimiser.step(0.01 / (1 + step))

    whole, cut = network(), network()
    learn(whole, Optimiser(name, whole, 0.01, 0.01), range(6))
    first = Optimiser(name, cut, 0.01, 0.01)
    learn(cut, first, range(3))
    saved = {key: tensor.clone() for key, tensor in first.tensors()}
    second = Optimiser(name, cut, 0.01, 0.01)
    second.restore(saved, 3)
    learn(cut, second, range(3, 6))
    for key, tensor in whole.state_dict().items():
        assert torch.equal(tensor, cut.state_dict()[key]), key
    with pytest.raises(KeyError):
        second.restore(dict(list(saved.items())[1:]), 3)


def test_muon_leaves_the_head_and_all_vectors_to_adamw():
    network = networks.build("ctc", PROBLEM, {"channels": (4, 8, 8, 8)})
    network(torch.randn(2, 1, 24, 48)).square().mean().backward()
    optimiser = Optimiser("muon", network, 0.01, 0.01)
    optimiser.step(0.01)
    by_muon = {key.removeprefix("momentum/") for key, _ in optimiser.tensors() if key.startswith("momentum/")}
    shapes = {key: tensor.ndim for key, tensor in network.named_parameters()}
    assert by_muon == {key for key, ndim in shapes.items() if ndim > 1 and not key.startswith("head.")}
    assert len(by_muon) < len(shapes)
    assert all(np.isfinite(tensor.numpy()).all() for _, tensor in optimiser.tensors())
