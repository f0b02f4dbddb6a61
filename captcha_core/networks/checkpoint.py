"""Checkpoints: a network's weights and everything needed to read an image with them.

A checkpoint is a folder of two files: ``model.safetensors`` (weights, and never a pickle) and
``model.json`` (a `Model`). Beside them may lie what was exported from it, and a report
(`report_files`). Only `Checkpoint.network` needs PyTorch, and only weights need numpy.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pydantic

from .. import networks
from ..errors import (
    CapqError,
    CheckpointError,
    DamagedCheckpointError,
    ForeignOutputError,
    MissingExtraError,
    OutputExistsError,
    StorageError,
    TrainingError,
    first_fault,
)
from ..images.resize_rules import STRETCHED, ResizeRule
from ..storage import AnyPath, as_path, check_reachable, new_folder, stands, whole
from . import Problem, report_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import torch
    from torch import nn

    from ..codecs.codec import Codec

WEIGHTS_FILE = "model.safetensors"
MODEL_FILE = "model.json"
DEFAULT = "lepture-170x80"
FILES = (MODEL_FILE, WEIGHTS_FILE, "model.onnx", "model.int8.onnx", "model.pt2")  # with those of `exporting`
GREY_RULE = "pillow-luma"  # names `images.pixels.luma`
MAX_WEIGHTS = 1 << 30
MAX_JSON = 16 << 20

Weights: TypeAlias = "dict[str, npt.NDArray[Any]]"


class _Part(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class Scaling(_Part):
    """How bytes become the network's input: (byte / 255 - mean) / std."""

    mean: float = 0.5
    std: pydantic.PositiveFloat = 0.5


class Model(_Part):
    """The contents of ``model.json``.

    Attributes
    ----------
    architecture, settings
        What `networks.build` takes.
    problem
        Charset, lengths, input size and channels.
    scaling, grey_rule, resize_rule
        How an image becomes the network's input.
    trained_on_resized
        Whether it was trained on images that were resized to its input size, so that it reads
        images of other sizes as well.
    temperature
        What its logits are divided by before they become probabilities (`calibration`).
    training
        How the network came to be: plan, command, history, figures; free-form JSON.
    weights_bytes, weights_sha256
        Size and digest of ``model.safetensors``.
    digest
        SHA-256 over all other fields, the weights' digest among them; over `temperature` and
        `trained_on_resized` only where they are not 1 and false, so that a checkpoint from before
        there were such fields keeps its digest.
    """

    format: Literal[1] = 1
    architecture: str
    settings: dict[str, Any]
    problem: Problem
    scaling: Scaling = Scaling()
    grey_rule: str = GREY_RULE
    resize_rule: ResizeRule = STRETCHED
    trained_on_resized: bool = False
    temperature: pydantic.PositiveFloat = 1.0
    training: dict[str, Any] = {}
    weights_bytes: int = 0
    weights_sha256: str = ""
    digest: str = ""

    def expected_digest(self) -> str:
        """Return the digest that the other fields give."""
        added_later = {"temperature": 1, "trained_on_resized": False}
        left_out = {"digest", *(name for name, usual in added_later.items() if getattr(self, name) == usual)}
        parts = self.model_dump(mode="json", exclude=left_out)
        canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def codec(self) -> "Codec":
        return networks.codec(self.architecture, self.problem, self.temperature)


@dataclass(frozen=True)
class Checkpoint:
    """A model and its weights, in memory, and the folder they were read from."""

    model: Model
    weights: Weights
    folder: AnyPath | None = None

    @property
    def codec(self) -> "Codec":
        return self.model.codec

    def network(self) -> "nn.Module":
        """Build the network with these weights, in evaluation mode on the CPU.

        Raises
        ------
        CheckpointError
            When the weights do not fit the architecture that the model names.
        """
        import torch

        try:
            with torch.device("meta"):  # takes no memory, whatever the settings ask for
                self._check_shapes(self._built().state_dict())
            network = self._built()
            network.load_state_dict({name: torch.from_numpy(array) for name, array in self.weights.items()})
        except TrainingError as error:
            raise CheckpointError(f"the checkpoint names a network that cannot be built: {error}") from None
        except RuntimeError as error:
            reason = str(error).replace("\n\t", " ")[:300]
            raise CheckpointError(f"the checkpoint's weights do not fit its network: {reason}") from None
        return network.eval()

    def _built(self) -> "nn.Module":
        return networks.build(self.model.architecture, self.model.problem, self.model.settings)

    def _check_shapes(self, tensors: "Mapping[str, torch.Tensor]") -> None:
        for name, tensor in tensors.items():
            shape = self.weights[name].shape if name in self.weights else ()
            if name not in self.weights or shape != tuple(tensor.shape):
                raise CheckpointError(
                    f"the checkpoint's weights do not fit its network: {name} has the shape {shape}, "
                    f"not {tuple(tensor.shape)}"
                )


def save(
    folder: str | AnyPath,
    model: Model,
    weights: Weights,
    *,
    overwrite: bool = True,
    report: Mapping[str, bytes] | None = None,
) -> Model:
    """Write a checkpoint aside and move it to `folder`, a path or an fsspec URL.

    Parameters
    ----------
    overwrite
        Replace another checkpoint that is there, with all that was exported from it. The same one
        may always be there.
    report
        Further files by name, as `report_files.read` gives them.

    Returns
    -------
    The model with its sizes and digests filled in.

    Raises
    ------
    OutputExistsError
        When a checkpoint is there that is not to be replaced.
    ForeignOutputError
        When anything else is there than a checkpoint, or more.
    StorageError
        When it cannot be written.
    """
    model, data = _serialised(model, weights)

    def check(path: AnyPath) -> None:
        check_output(path, overwrite=overwrite, digest=model.digest)

    with new_folder(as_path(folder), MODEL_FILE, check=check) as aside:
        _write_files(aside, model, data)
        for name, content in (report or {}).items():
            (aside / name).write_bytes(content)
    return model


def write(folder: Path, model: Model, weights: Weights) -> Model:
    """Write a checkpoint's two files into a folder that nobody reads yet; returns as `save` does."""
    model, data = _serialised(model, weights)
    _write_files(folder, model, data)
    return model


def check_output(folder: AnyPath, *, overwrite: bool, digest: str = "") -> None:
    """Check that a checkpoint may be written to a folder, as `save` does.

    Parameters
    ----------
    overwrite
        Whether another checkpoint may be there.
    digest
        Of the checkpoint that may be there in any case.

    Raises
    ------
    OutputExistsError
        When a checkpoint is there that is not to be replaced.
    ForeignOutputError
        When anything else is there than a checkpoint, or more, or a file where a folder is needed.
    StorageError
        When nothing can be written there.
    """
    if not stands(folder):
        check_reachable(folder)
        return
    foreign = _foreign(folder)
    if foreign:
        raise ForeignOutputError(f"{folder} is not a checkpoint of capq alone: {foreign}")
    if not overwrite and _model(folder).digest != digest:
        raise OutputExistsError(f"{folder} holds a checkpoint already")


def _foreign(folder: AnyPath) -> str:
    """Say what makes a folder more, or anything else, than a checkpoint; empty where nothing does."""
    if folder.is_symlink() or not folder.is_dir():
        return f"it is a {'link' if folder.is_symlink() else 'file'}"
    paths: list[AnyPath] = list(folder.iterdir())
    for path in sorted(paths, key=str):
        if path.is_symlink() or not path.is_file() or not _is_ours(path):
            return f"it holds {path.name}"
    try:
        _model(folder)
    except (OSError, pydantic.ValidationError):
        return f"it has no {MODEL_FILE} that this version can read"
    return ""


def _is_ours(path: AnyPath) -> bool:
    named = path.name in FILES or whole.leftover_of(path.name) in FILES
    return named or report_files.is_report(path)


def _serialised(model: Model, weights: Weights) -> tuple[Model, bytes]:
    """Return a model with sizes and digests filled in, and the content of its weights' file."""
    import numpy as np

    data = _safetensors().save({name: np.asarray(array, order="C") for name, array in weights.items()})
    sums = {"weights_bytes": len(data), "weights_sha256": hashlib.sha256(data).hexdigest()}
    model = model.model_copy(update=sums)
    return model.model_copy(update={"digest": model.expected_digest()}), data


def _write_files(folder: Path, model: Model, data: bytes) -> None:
    (folder / WEIGHTS_FILE).write_bytes(data)
    (folder / MODEL_FILE).write_text(model.model_dump_json(indent=1) + "\n", encoding="utf-8")


def load(name_or_path: str | AnyPath | None = None) -> Checkpoint:
    """Read a checkpoint and check every byte of it.

    Parameters
    ----------
    name_or_path
        As `find` takes it; the default network when absent.

    Raises
    ------
    CheckpointError
        When it is missing, damaged, changed by hand, or of a newer format.
    StorageError
        When it cannot be read just now.
    MissingExtraError
        When safetensors is not installed.
    """
    folder = default() if name_or_path is None else find(name_or_path)
    model = describe(folder)
    data = _weights_bytes(folder, model)
    safetensors = _safetensors()
    try:
        weights = safetensors.load(data)
    except Exception as error:  # noqa: BLE001  (safetensors raises its own type, and others on odd headers)
        raise DamagedCheckpointError(f"{folder / WEIGHTS_FILE} is no safetensors file ({error})") from None
    return Checkpoint(model, weights, folder)


def describe(folder: AnyPath) -> Model:
    """Read and check ``model.json`` alone.

    Raises
    ------
    CheckpointError
        When it is missing, damaged, changed by hand, or of a newer format.
    StorageError
        When it cannot be read just now.
    """
    path = folder / MODEL_FILE
    try:
        if path.stat().st_size > MAX_JSON:
            raise CheckpointError(f"{path} is over {MAX_JSON:,} bytes: it is no checkpoint of capq")
        model = _model(folder)
    except OSError as error:
        raise _unreadable(path, error) from error
    except pydantic.ValidationError as error:
        raise DamagedCheckpointError(
            f"{path} is damaged or from another version of capq ({first_fault(error)})"
        ) from None
    if model.architecture not in networks.ARCHITECTURES:
        raise CheckpointError(f"{path} names the network {model.architecture!r}, which capq does not have")
    if model.digest != model.expected_digest():
        raise DamagedCheckpointError(f"{path} was changed or damaged: its digest does not match")
    return model


def _unreadable(path: AnyPath, error: OSError) -> CapqError:
    missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
    kind = CheckpointError if missing else StorageError
    return kind(f"cannot read {path}: {error.strerror or error}")


def _model(folder: AnyPath) -> Model:
    return Model.model_validate_json((folder / MODEL_FILE).read_bytes())


def find(name_or_path: str | AnyPath) -> AnyPath:
    """Return the folder of a checkpoint: a path, an fsspec URL, or the name of one shipped with the package.

    Raises
    ------
    CheckpointError
        When there is neither; the message lists the shipped ones.
    """
    path = as_path(name_or_path)
    if (path / MODEL_FILE).is_file():
        return path
    if isinstance(name_or_path, str) and name_or_path in shipped():
        return _shipped_folder() / name_or_path
    names = ", ".join(shipped()) or "none"
    raise CheckpointError(
        f"no checkpoint at {name_or_path}: it is neither a folder with {MODEL_FILE} "
        f"nor a shipped name ({names})"
    )


def default() -> AnyPath:
    """Return the folder of the shipped network for upstream's default look."""
    return find(DEFAULT)


def shipped() -> list[str]:
    """Return the names of the checkpoints that come with the package."""
    folder = _shipped_folder()
    return sorted(path.parent.name for path in folder.glob(f"*/{MODEL_FILE}")) if folder.is_dir() else []


def _shipped_folder() -> Path:
    return Path(str(resources.files("captcha_core"))) / "weights"


def _weights_bytes(folder: AnyPath, model: Model) -> bytes:
    path = folder / WEIGHTS_FILE
    try:
        size = path.stat().st_size
        if size != model.weights_bytes or size > MAX_WEIGHTS:
            raise DamagedCheckpointError(f"{path} has {size:,} bytes, not {model.weights_bytes:,}")
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    if hashlib.sha256(data).hexdigest() != model.weights_sha256:
        raise DamagedCheckpointError(f"{path} is damaged: its digest does not match")
    return data


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise MissingExtraError("reading and writing networks", "torch") from None
    return safetensors.numpy
