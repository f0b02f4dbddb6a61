"""Exporting: a checkpoint's network as one file, checked against the original on real images.

Every form takes uint8 images (N, H, W, C) of the checkpoint's size and gives logits; its
metadata say how to decode them (`onnx_file.Header`).
"""

import importlib.util
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .. import engines
from ..codecs.ctc import CtcCodec
from ..engines import onnx_file
from ..errors import CheckpointError, MissingExtraError, TrainingError
from ..networks.checkpoint import Checkpoint

if TYPE_CHECKING:
    from ..engines import Engine
    from .comparison import Comparison
    from .sample import LabelledImages

TORCH_EXPORT = "torch-export"
FILES = engines.FILES | {TORCH_EXPORT: "model.pt2"}
NEEDED = {
    engines.ONNX: ("torch", "onnx", "onnxruntime", "onnxscript"),
    engines.ONNX_INT8: ("torch", "onnx", "onnxruntime", "onnxscript"),
    TORCH_EXPORT: ("torch",),
}

_CALIBRATION = 1000
_TOLERANCE = 1e-3  # of the largest logit, in float32


@dataclass(frozen=True)
class Export:
    """A file that was written, and how it compares.

    Attributes
    ----------
    bytes
        Size of the file.
    calibration
        Images that the ranges of int8 were taken from, none of them compared on.
    """

    path: Path
    format: str
    bytes: int
    calibration: int
    comparison: "Comparison"


def export(
    found: Checkpoint,
    format_name: str,
    path: Path | None = None,
    *,
    images: int = 4000,
    dataset: str | None = None,
) -> Export:
    """Write a checkpoint's network to a file once it reads as the original does.

    In float32 no logit may differ by more than rounding; of int8 the comparison tells the cost.

    Parameters
    ----------
    format_name
        One of `FILES`.
    path
        Absent, the file goes beside the weights, where `engines` look for ONNX.
    images
        How many to compare on, as far as a dataset has them. For int8, a quarter as many
        more, at most 1,000, to calibrate with.
    dataset
        As `sample.draw` takes it.

    Raises
    ------
    CheckpointError
        When the file cannot be written, there are no images to check it with, or it does not
        read as the original.
    DatasetError, LabelError
        When the dataset cannot be read.
    TrainingError
        When there is no such format.
    MissingExtraError
        When a library that exports is not installed.
    """
    if format_name not in FILES:
        raise TrainingError(f"unknown format {format_name!r}: use one of {', '.join(FILES)}")
    if not all(importlib.util.find_spec(module) for module in NEEDED[format_name]):
        raise MissingExtraError(f"exporting as {format_name}", "export")
    target = path or _beside(found, format_name)
    from . import sample

    calibration = min(_CALIBRATION, images // 4) if format_name == engines.ONNX_INT8 else 0
    calibrating, compared = sample.draw(found, images + calibration, dataset).split(calibration)
    data = _serialised(found, format_name, calibrating)
    comparison = _written(found, format_name, target, data, compared)
    return Export(target, format_name, len(data), len(calibrating.texts), comparison)


def header(found: Checkpoint, precision: Literal["fp32", "int8"]) -> onnx_file.Header:
    """Return what an exported network says of itself."""
    model = found.model
    return onnx_file.Header(
        checkpoint=model.digest,
        precision=precision,
        decoding="ctc" if isinstance(found.codec, CtcCodec) else "positions",
        charset=model.problem.charset,
        lengths=model.problem.lengths,
        size=model.problem.size,
        channels=model.problem.channels,
        grey_rule=model.grey_rule,
        resize_rule=model.resize_rule,
        temperature=model.temperature,
    )


def _beside(found: Checkpoint, format_name: str) -> Path:
    if found.folder is None:
        raise CheckpointError("this checkpoint is in memory alone: save it, or name a file to write")
    return found.folder / FILES[format_name]


def _serialised(found: Checkpoint, format_name: str, calibrating: "LabelledImages") -> bytes:
    if format_name == TORCH_EXPORT:
        from . import program

        return program.serialise(found, header(found, "fp32"))
    from . import onnx_fp32, onnx_int8

    model = onnx_fp32.convert(found)
    about = header(found, "fp32")
    if format_name == engines.ONNX_INT8:
        model, about = onnx_int8.quantise(model, calibrating.images), header(found, "int8")
    model.metadata_props.add(key=onnx_file.KEY, value=about.model_dump_json())
    model.producer_name = "capq"
    return onnx_file.seal(model.SerializeToString(deterministic=True))


def _written(
    found: Checkpoint, format_name: str, target: Path, data: bytes, compared: "LabelledImages"
) -> "Comparison":
    """Write aside, load and compare what was written, and move it into place."""
    from .comparison import compare

    aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(data)
        reference = engines.load(found, "cpu", engines.TORCH)
        comparison = compare(reference, _engine(found, format_name, aside), found.codec, compared)
        if format_name != engines.ONNX_INT8:
            _check(comparison)
        aside.replace(target)
    except OSError as error:
        raise CheckpointError(
            f"cannot write {target} ({error.strerror}): name another file with --out"
        ) from None
    finally:
        aside.unlink(missing_ok=True)
    return comparison


def _engine(found: Checkpoint, format_name: str, path: Path) -> "Engine":
    if format_name == TORCH_EXPORT:
        from .program import ProgramEngine

        return ProgramEngine(path)
    from ..engines.onnx_engine import OnnxEngine

    return OnnxEngine(path, found.model.digest, format_name)


def _check(comparison: "Comparison") -> None:
    allowed = _TOLERANCE * comparison.largest_logit
    if not comparison.largest_difference <= allowed:  # NaN is no agreement either
        raise CheckpointError(
            f"the exported network does not read as the original (a logit differs by "
            f"{comparison.largest_difference:.3g}, allowed {allowed:.3g}), so nothing was written: "
            "export with the versions of torch and onnxruntime in constraints.txt"
        )
