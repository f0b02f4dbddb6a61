"""Exporting: a checkpoint's network as one file, checked against the original on real images.

Every form takes uint8 images (N, H, W, C) of the checkpoint's size and gives logits; its
metadata say how to decode them (`onnx_file.Header`).
"""

import importlib.util
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .. import engines
from ..codecs.ctc import CtcCodec
from ..engines import onnx_file
from ..errors import (
    CheckpointError,
    ForeignOutputError,
    MissingExtraError,
    OutputExistsError,
    StorageError,
    TrainingError,
)
from ..networks.checkpoint import Checkpoint
from ..storage import AnyPath, check_reachable, whole_file
from ..storage.overlap import check_apart

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

    path: AnyPath
    format: str
    bytes: int
    calibration: int
    comparison: "Comparison"


def export(
    checkpoint: Checkpoint,
    format_name: str,
    path: AnyPath | None = None,
    *,
    images: int = 4000,
    dataset: str | None = None,
    overwrite: bool = False,
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
    overwrite
        Whether a file at `path` may be replaced that was exported from another checkpoint.

    Raises
    ------
    CheckpointError
        When there are no images to check the file with, or it does not read as the original.
    OverlapError
        When `path` lies in the dataset or in the checkpoint's folder.
    ForeignOutputError
        When a file of another origin stands at `path`.
    OutputExistsError
        When another checkpoint's export stands at `path`, and is not to be replaced.
    StorageError
        When the file cannot be written.
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
    target = path or _file_of(checkpoint, format_name)
    inputs = [url for url in (dataset, checkpoint.folder) if url is not None]
    if path and not (checkpoint.folder and path.absolute() == _file_of(checkpoint, format_name).absolute()):
        check_apart([path], inputs)
    check_output(target, "" if overwrite or path is None else checkpoint.model.digest)
    from . import sample

    calibration = min(_CALIBRATION, images // 4) if format_name == engines.ONNX_INT8 else 0
    calibrating, compared = sample.draw(checkpoint, images + calibration, dataset).split(calibration)
    data = _serialised(checkpoint, format_name, calibrating)
    comparison = _write(checkpoint, format_name, target, data, compared)
    return Export(target, format_name, len(data), len(calibrating.texts), comparison)


def check_output(path: AnyPath, digest: str = "") -> None:
    """Check that an exported network may be written to a file: nothing is there, or another one.

    Parameters
    ----------
    digest
        Of the checkpoint whose export alone may be replaced; empty for any.

    Raises
    ------
    ForeignOutputError
        When anything else is there.
    OutputExistsError
        When the export of another checkpoint is there.
    """
    if not (path.is_symlink() or path.exists()):
        check_reachable(path)
        return
    content = None if path.is_symlink() else _exported_content(path)
    if content is None:
        raise ForeignOutputError(f"{path} is no network that capq exported")
    if digest.encode() not in content:
        raise OutputExistsError(f"{path} was exported from another network")


def _exported_content(path: AnyPath) -> bytes | None:
    """Return the bytes of an intact export that name its checkpoint; None for any other file.

    Of ONNX with a seal these are the whole file, of a program its header.
    """
    if not path.is_file():
        return None
    content = path if isinstance(path, Path) else io.BytesIO(path.read_bytes())
    if zipfile.is_zipfile(content):
        with zipfile.ZipFile(content) as archive:
            names = [name for name in archive.namelist() if name.endswith(f"/extra/{onnx_file.KEY}")]
            return archive.read(names[0]) if names else None
    try:
        return onnx_file.read(path)
    except CheckpointError:
        return None


def header(checkpoint: Checkpoint, precision: Literal["fp32", "int8"]) -> onnx_file.Header:
    """Return what an exported network says of itself."""
    model = checkpoint.model
    return onnx_file.Header(
        checkpoint=model.digest,
        precision=precision,
        decoding="ctc" if isinstance(checkpoint.codec, CtcCodec) else "positions",
        charset=model.problem.charset,
        lengths=model.problem.lengths,
        size=model.problem.size,
        channels=model.problem.channels,
        grey_rule=model.grey_rule,
        resize_rule=model.resize_rule,
        temperature=model.temperature,
    )


def _file_of(checkpoint: Checkpoint, format_name: str) -> AnyPath:
    """Return where `engines` look for an exported file of a checkpoint."""
    if checkpoint.folder is None:
        raise CheckpointError("this checkpoint is in memory alone, and no file to write was named")
    return checkpoint.folder / FILES[format_name]


def _serialised(checkpoint: Checkpoint, format_name: str, calibrating: "LabelledImages") -> bytes:
    if format_name == TORCH_EXPORT:
        from . import program

        return program.serialise(checkpoint, header(checkpoint, "fp32"))
    from . import onnx_fp32, onnx_int8

    model = onnx_fp32.convert(checkpoint)
    metadata = header(checkpoint, "fp32")
    if format_name == engines.ONNX_INT8:
        model, metadata = onnx_int8.quantise(model, calibrating.images), header(checkpoint, "int8")
    model.metadata_props.add(key=onnx_file.KEY, value=metadata.model_dump_json())
    model.producer_name = "capq"
    return onnx_file.seal(model.SerializeToString(deterministic=True))


def _write(
    checkpoint: Checkpoint, format_name: str, target: AnyPath, data: bytes, compared: "LabelledImages"
) -> "Comparison":
    """Write aside, load and compare what was written, and move it to its name."""
    from .comparison import compare

    _create_parent(target)
    with whole_file(str(target)) as file:
        file.write(data)
        file.flush()
        reference = engines.load(checkpoint, "cpu", engines.TORCH)
        exported = _engine(checkpoint, format_name, Path(file.name))
        comparison = compare(reference, exported, checkpoint.codec, compared)
        if format_name != engines.ONNX_INT8:
            _check(comparison)
    return comparison


def _create_parent(target: AnyPath) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror or error}") from error


def _engine(checkpoint: Checkpoint, format_name: str, path: Path) -> "Engine":
    if format_name == TORCH_EXPORT:
        from .program import ProgramEngine

        return ProgramEngine(path)
    from ..engines.onnx_engine import OnnxEngine

    return OnnxEngine(path, checkpoint.model.digest, format_name)


def _check(comparison: "Comparison") -> None:
    allowed = _TOLERANCE * comparison.largest_logit
    if not comparison.largest_difference <= allowed:  # NaN is no agreement either
        raise CheckpointError(
            f"the exported network does not read as the original (a logit differs by "
            f"{comparison.largest_difference:.3g}, allowed {allowed:.3g}), so nothing was written"
        )
