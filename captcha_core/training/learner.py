"""The learner: a network, its optimiser and its moving average, one step at a time."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from .. import networks
from ..codecs.codec import Codec
from ..errors import DivergedError, TrainingError
from ..networks import checkpoint, devices
from . import augmentation, initial
from .data import Images, Weights
from .optimiser import Optimiser
from .plan import TrainingPlan

_CHECK_EVERY = 20  # steps between looks at the loss where looking stalls the device


class Learner:
    """Learns batches; holds everything that one step hands to the next.

    Parameters
    ----------
    resumed
        A state of the run is restored next, so that the plan's initial checkpoint is not needed.

    Attributes
    ----------
    network
        In training mode, on `device`.
    average
        The moving average of the network's parameters and batch statistics, by name.
    best
        The average that `keep_best` kept, by name; empty before.
    """

    def __init__(
        self, plan: TrainingPlan, device: torch.device, *, compiled: bool = False, resumed: bool = False
    ) -> None:
        self.plan = plan
        self.device = device
        self.codec: Codec = networks.codec(plan.architecture, plan.problem)
        torch.manual_seed(plan.seed)
        self.network = networks.build(plan.architecture, plan.problem, plan.settings)
        if plan.initial is not None and not resumed:
            initial.start_from(self.network, plan, plan.initial)
        self._move_to_device()
        self.best: dict[str, torch.Tensor] = {}
        self._forward = torch.compile(self.network) if compiled else self.network
        self._fault = torch.zeros((), dtype=torch.bool, device=device)
        self._since_check = 0

    def _move_to_device(self) -> None:
        """Move the network to the device, and begin optimiser and average there."""
        self.network = devices.to_device(self.network, self.device)
        self.network.train()
        self.average = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self.optimiser = Optimiser(self.plan.optimiser, self.network, self.plan.rate, self.plan.weight_decay)

    def learn(
        self,
        images: Images,
        texts: Sequence[str],
        step: int,
        spent: float,
        weights: Weights | None = None,
    ) -> torch.Tensor:
        """Take one step.

        Parameters
        ----------
        images
            uint8 (N, H, W, channels).
        step
            The number of steps before this one; seeds dropout and augmentation.
        spent
            Share of the budget used up; sets the learning rate.
        weights
            float32 (N,): what each image's loss is multiplied by; None for 1.

        Returns
        -------
        The loss, a scalar on the device.

        Raises
        ------
        DivergedError
            When loss or gradient is not finite: at once on a CPU, within 20 steps elsewhere.
        """
        torch.manual_seed(_mixed(self.plan.seed, step))
        inputs = devices.normalised(
            devices.upload(images, self.device), self.plan.scaling.mean, self.plan.scaling.std
        )
        if self.plan.augmentation is not None:
            inputs = augmentation.apply(inputs, self.plan.augmentation, self.plan.scaling.std)
        with devices.training_precision(self.device):
            logits = self._forward(inputs)
        own = None if weights is None else torch.from_numpy(weights).to(self.device)
        loss = self.codec.loss(logits, self.codec.encode(texts), own)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.plan.clip)
        self._check_finite(loss.detach() + norm)
        self.optimiser.step(self.plan.rate_at(spent))
        self._update_average(step)
        return loss.detach()

    def _check_finite(self, value: torch.Tensor) -> None:
        self._fault |= ~torch.isfinite(value)
        self._since_check += 1
        if self.device.type == "cpu" or self._since_check >= _CHECK_EVERY:
            self.check()

    def check(self) -> None:
        """Raise DivergedError when any step so far had a loss or gradient that is not finite."""
        self._since_check = 0
        if bool(self._fault):
            raise DivergedError(
                "the loss is no longer finite: the learning rate is too high, or the images are not sound; "
                "the last saved state is as it was"
            )

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        share = 1 - self.plan.average_decay(step) if self.plan.average else 1.0
        for name, tensor in self.network.state_dict().items():
            if tensor.is_floating_point():
                self.average[name].lerp_(tensor, share)
            else:
                self.average[name].copy_(tensor)

    def keep_best(self) -> None:
        """Keep the averaged weights as they are now."""
        self.best = {name: tensor.clone() for name, tensor in self.average.items()}

    def averaged(self, *, best: bool = False) -> nn.Module:
        """Return a copy of the network with the averaged weights, in evaluation mode.

        Parameters
        ----------
        best
            Take those that `keep_best` kept, where it did.
        """
        network = networks.build(self.plan.architecture, self.plan.problem, self.plan.settings)
        network.load_state_dict((self.best if best else {}) or self.average)
        return devices.to_device(network, self.device).eval()

    def tensors(self) -> checkpoint.Weights:
        """Return everything that a later `restore` needs, as arrays by name."""
        groups = {"network": self.network.state_dict(), "average": self.average, "best": self.best}
        arrays = {
            f"{group}/{name}": as_array(tensor)
            for group, named in groups.items()
            for name, tensor in named.items()
        }
        return arrays | {name: as_array(tensor) for name, tensor in self.optimiser.tensors()}

    def restore(self, arrays: checkpoint.Weights, step: int) -> None:
        """Load the arrays that `tensors` gave after `step` steps.

        Raises
        ------
        TrainingError
            When they belong to another network.
        """
        try:
            self.network.load_state_dict(_group(arrays, "network"))
            for name, tensor in _group(arrays, "average").items():
                self.average[name].copy_(tensor)
            self.best = {name: tensor.to(self.device) for name, tensor in _group(arrays, "best").items()}
            self.optimiser.restore({name: torch.from_numpy(a) for name, a in arrays.items()}, step)
        except (KeyError, RuntimeError) as error:
            raise TrainingError(f"the saved state belongs to another network ({error})") from None


def as_array(tensor: torch.Tensor) -> npt.NDArray[np.generic]:
    """Copy a tensor to a numpy array in plain row order."""
    array: npt.NDArray[np.generic] = tensor.detach().cpu().contiguous().numpy()
    return array


def _group(arrays: checkpoint.Weights, group: str) -> dict[str, torch.Tensor]:
    prefix = f"{group}/"
    return {
        name.removeprefix(prefix): torch.from_numpy(a)
        for name, a in arrays.items()
        if name.startswith(prefix)
    }


def _mixed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> np.uint64(1))
