"""The optimiser: Muon for the layers between pixels and head, AdamW for all else."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from .plan import OptimiserName

_MOMENTUM = 0.95
_RATIO = 0.75  # root mean square of a Muon step, as a share of the learning rate
_STEPS = 5
_QUINTIC = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """Steps along the orthogonalised momentum of matrices (Jordan et al., 2024).

    A convolution counts as a matrix of (outputs, inputs × kernel). Every direction of the
    gradient gets the same length, so rare distinctions, such as 0 against O, are learnt as
    fast as frequent ones. The step is scaled to a fixed root mean square, as in Moonlight
    (Liu et al., 2025), so that it shares its learning rate with AdamW.

    `torch.optim.Muon` takes matrices only and works in bfloat16, which most CPUs lack.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step."""
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter.grad
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum = state["momentum"]
                momentum.lerp_(gradient, 1 - _MOMENTUM)
                direction = orthogonalised(gradient.lerp(momentum, _MOMENTUM).flatten(1))
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                scale = _RATIO * max(direction.shape) ** 0.5
                parameter.add_(direction.view_as(parameter), alpha=-group["lr"] * scale)


def orthogonalised(matrix: torch.Tensor) -> torch.Tensor:
    """Bring all singular values of a matrix near 1: a quintic Newton-Schulz iteration in float32."""
    a, b, c = _QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    wide: torch.Tensor = matrix.T if tall else matrix
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(_STEPS):
        square = wide @ wide.T
        wide = a * wide + (b * square + c * square @ square) @ wide
    return wide.T if tall else wide


class Optimiser:
    """Both optimisers of a network under one learning rate, with a state that has names.

    Parameters
    ----------
    name
        ``adamw`` takes all parameters; ``muon`` leaves it vectors and the head.
    """

    def __init__(self, name: OptimiserName, network: nn.Module, rate: float, weight_decay: float) -> None:
        named = dict(network.named_parameters())
        inner = {
            key: parameter for key, parameter in named.items() if name == "muon" and _is_inner(key, parameter)
        }
        rest = {key: parameter for key, parameter in named.items() if key not in inner}
        groups = [
            {"params": [p for p in rest.values() if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in rest.values() if p.ndim <= 1], "weight_decay": 0.0},  # norms and biases
        ]
        fused = next(network.parameters()).device.type != "mps"
        self._parts = [
            _Part(torch.optim.AdamW(groups, lr=rate, fused=fused), rest, ("exp_avg", "exp_avg_sq"))
        ]
        if inner:
            self._parts.append(_Part(Muon(inner.values(), rate, weight_decay), inner, ("momentum",)))

    def step(self, rate: float) -> None:
        """Take one step at a learning rate, and drop the gradients."""
        for part in self._parts:
            for group in part.optimiser.param_groups:
                group["lr"] = rate
            part.optimiser.step()
            part.optimiser.zero_grad(set_to_none=True)

    def tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield what one step hands to the next, as ``moment/parameter`` and a tensor."""
        for part in self._parts:
            for moment in part.moments:
                for name, parameter in part.named.items():
                    if parameter in part.optimiser.state:
                        yield f"{moment}/{name}", part.optimiser.state[parameter][moment]

    def restore(self, tensors: Mapping[str, torch.Tensor], step: int) -> None:
        """Load what `tensors` gave after `step` steps.

        Raises
        ------
        KeyError
            When one is missing.
        RuntimeError
            When one has another shape.
        """
        for part in self._parts:
            for name, parameter in part.named.items():
                state = {"step": torch.tensor(float(step), device=parameter.device)}
                for moment in part.moments:
                    fresh = torch.empty_like(parameter, requires_grad=False)
                    state[moment] = fresh.copy_(tensors[f"{moment}/{name}"])
                part.optimiser.state[parameter] = state


@dataclass(frozen=True)
class _Part:
    optimiser: torch.optim.Optimizer
    named: Mapping[str, nn.Parameter]
    moments: tuple[str, ...]


def _is_inner(name: str, parameter: nn.Parameter) -> bool:
    return parameter.ndim > 1 and not name.startswith("head.")
