"""ONNX in 8-bit integers: static quantisation (Jacob et al., 2018) of the trunk by onnxruntime.

Weights have one scale a channel and 7 bits: on x86 processors without VNNI the sum of two
products of 8 bits overflows, silently, and a file must read the same wherever it is taken.
Activations have 8 bits and the range they were seen in. Both ends stay in float32, at no
cost in time. The first convolution, because rounding the pixels made the logits' error three times
as large (0.54 against 0.16, root mean square) and changed 11 texts of 5,000 instead of 2; the head,
because it is a hundredth of the work, and its rounding moved logits by 2.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime import quantization

from ..engines import onnx_file

_BATCH = 50
_HEAD = ("MatMul", "Gemm", "Softmax")  # the trunk ends before the first of these


def quantise(model: onnx.ModelProto, images: npt.NDArray[np.uint8]) -> onnx.ModelProto:
    """Return an int8 form of a float32 model.

    Parameters
    ----------
    images
        uint8 (N, H, W, C) to take the activations' ranges from; some hundreds are enough.
    """
    names = [node.name for node in model.graph.node]
    kinds = [node.op_type for node in model.graph.node]
    stem = kinds.index("Conv") + 1 if "Conv" in kinds else 0
    head = next((index for index, kind in enumerate(kinds) if kind in _HEAD), len(names))
    with tempfile.TemporaryDirectory() as folder, _quiet():
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantization.quantize_static(
            source,
            target,
            _Batches(images),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=names[:stem] + names[head:],
        )
        quantised = onnx.load(target)
    del quantised.metadata_props[:]
    return quantised


class _Batches(quantization.CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, images: npt.NDArray[np.uint8]) -> None:
        self._parts = iter([images[start : start + _BATCH] for start in range(0, len(images), _BATCH)])

    def get_next(self) -> dict[str, Any] | None:
        part = next(self._parts, None)
        return None if part is None else {onnx_file.INPUT: part}


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the advice to prepare a model first, which `onnx_fp32` has done."""
    log = logging.getLogger()
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
