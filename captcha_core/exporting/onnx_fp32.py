"""ONNX in float32, traced by `torch.export`."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import torch

from ..engines import onnx_file
from ..networks.checkpoint import Checkpoint
from .byte_input import ByteInput, example

OPSET = 18


def convert(checkpoint: Checkpoint) -> onnx.ModelProto:
    """Return a checkpoint's network as an ONNX model without a header, any number of images a batch."""
    with _quiet():
        program = torch.onnx.export(
            ByteInput.from_checkpoint(checkpoint),
            (example(checkpoint),),
            dynamo=True,
            opset_version=OPSET,
            input_names=[onnx_file.INPUT],
            output_names=[onnx_file.OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    if program is None:  # pragma: no cover  (only without dynamo)
        raise RuntimeError("torch.onnx.export returned no program")
    model = program.model_proto
    _strip_annotations(model)
    return onnx.shape_inference.infer_shapes(model)


def _strip_annotations(model: onnx.ModelProto) -> None:
    """Drop the exporter's notes on where each node came from: half of a small network's file."""
    for part in (model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    del model.graph.value_info[:]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks on its own internals and on packages it does not need off the screen."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        log.setLevel(level)
