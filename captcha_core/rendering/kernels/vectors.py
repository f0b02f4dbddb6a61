"""The few operations that LLVM does not vectorise by itself, written as vector code.

numba has no vector types, so these functions emit LLVM instructions. They do not check bounds:
their callers keep indices inside the arrays.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_BYTE, _WORD = ir.IntType(8), ir.IntType(32)
_DOUBLES, _INTS, _BYTES = (ir.VectorType(kind, 4) for kind in (ir.DoubleType(), _WORD, _BYTE))


def _data(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data


def _broadcast(builder: Any, value: Any) -> Any:
    """Return a vector of four copies of a double."""
    first_lane = builder.insert_element(ir.Constant(_DOUBLES, ir.Undefined), value, _WORD(0))
    return builder.shuffle_vector(
        first_lane, ir.Constant(_DOUBLES, ir.Undefined), ir.Constant(_INTS, [0] * 4)
    )


def _bilinear(
    _: Any, table: Any, m00: Any, m01: Any, m10: Any, m11: Any, right: Any, down: Any
) -> tuple[Any, Any]:
    signature = types.uint32(table, *[types.uint64] * 4, types.float64, types.float64)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = _data(context, builder, signature.args[0], arguments[0])
        corners = []
        for index in arguments[1:5]:
            row = builder.gep(data, [builder.shl(index, ir.IntType(64)(2))])
            corner = builder.load(builder.bitcast(row, _DOUBLES.as_pointer()))
            corner.align = 8
            corners.append(corner)
        across, along = (_broadcast(builder, value) for value in arguments[5:])

        def interpolate(start: Any, end: Any, fraction: Any) -> Any:
            return builder.fadd(start, builder.fmul(builder.fsub(end, start), fraction))

        upper = interpolate(corners[0], corners[1], across)
        lower = interpolate(corners[2], corners[3], across)
        whole = builder.fptosi(interpolate(upper, lower, along), _INTS)
        return builder.bitcast(builder.trunc(whole, _BYTES), _WORD)

    return signature, code


def _copy_4(_: Any, out: Any, to: Any, source: Any, at: Any) -> tuple[Any, Any]:
    signature = types.void(out, types.uint64, source, types.uint64)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointers = [
            builder.bitcast(
                builder.gep(_data(context, builder, signature.args[i], arguments[i]), [arguments[i + 1]]),
                _WORD.as_pointer(),
            )
            for i in (0, 2)
        ]
        value = builder.load(pointers[1])
        value.align = 1
        builder.store(value, pointers[0]).align = 1
        return context.get_dummy_value()

    return signature, code


if TYPE_CHECKING:

    def bilinear(
        table: npt.NDArray[np.float64],
        m00: np.uint64,
        m01: np.uint64,
        m10: np.uint64,
        m11: np.uint64,
        right: float,
        down: float,
    ) -> np.uint32:
        """Interpolate between four rows of a float64 table of shape (rows, 4); pack four bytes.

        Rounds towards 0. Values must be within 0 … 255.
        """

    def copy_4(
        out: npt.NDArray[np.uint8], to: np.uint64, source: npt.NDArray[np.uint8], at: np.uint64
    ) -> None:
        """Copy four bytes between one-dimensional arrays."""

else:
    bilinear = intrinsic(_bilinear)
    copy_4 = intrinsic(_copy_4)
