"""ONNX files of capq: their header, and the digest by which damage is detected.

The file's metadata hold one entry, ``capq``: a `Header` as JSON, which tells how to decode the
network's logits. The last bytes are a second entry, the SHA-256 of all bytes before it. Writing
it needs no ONNX library: Protocol Buffers allow an entry to be appended to a serialised message.
"""

import hashlib
from typing import Literal

import pydantic

from ..errors import NotExportedError, StorageError, UnusableExportError
from ..storage import AnyPath

FP32_FILE = "model.onnx"
INT8_FILE = "model.int8.onnx"
KEY = "capq"
INPUT, OUTPUT = "images", "logits"
MAX_BYTES = 1 << 30

_SEAL_KEY = b"capq.sha256"
_DIGEST_LENGTH = 64


class Header(pydantic.BaseModel):
    """How to use an exported network without capq.

    Attributes
    ----------
    checkpoint
        Digest of the checkpoint that it was exported from.
    precision
        Precision of the weights and the arithmetic.
    decoding
        ``ctc``: class 0 is the blank, class k + 1 character k of the charset; merge runs, drop
        blanks. ``positions``: class k is character k at each position; where lengths vary, the
        class after the last character fills the rest.
    charset, lengths
        The characters in the network's order; least and greatest length of a text.
    size, channels
        Width, height and channels of the uint8 images (N, height, width, channels).
    grey_rule, resize_rule
        Names of the rules by which images are converted to grey and fitted to `size`.
    temperature
        What to divide the logits by before the softmax, for calibrated probabilities. The
        likeliest classes stay the same. 1 in files that were written before this field existed.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    checkpoint: str
    precision: Literal["fp32", "int8"]
    decoding: Literal["ctc", "positions"]
    charset: str
    lengths: tuple[int, int]
    size: tuple[int, int]
    channels: int
    grey_rule: str
    resize_rule: str
    temperature: pydantic.PositiveFloat = 1.0


def seal(body: bytes) -> bytes:
    """Return a serialised ONNX model with the digest of its bytes appended."""
    return body + _digest_entry(hashlib.sha256(body).hexdigest())


def read(path: AnyPath) -> bytes:
    """Return the bytes of a sealed ONNX file.

    Raises
    ------
    NotExportedError
        When there is none.
    UnusableExportError
        When a byte of it has changed since it was written, or it is no network of capq.
    StorageError
        When it cannot be read just now.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnusableExportError(f"{path} is over {MAX_BYTES:,} bytes: it is no network of capq")
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotExportedError(f"no {path}") from None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from None
    body = data[: -len(_digest_entry("0" * _DIGEST_LENGTH))]
    if seal(body) != data:
        raise UnusableExportError(f"{path} is damaged, or no network that capq exported")
    return data


def check_belongs(path: AnyPath, header: str, digest: str) -> None:
    """Check that an ONNX file was made from the checkpoint of this digest.

    Parameters
    ----------
    header
        The metadata entry `KEY`, empty if there is none.

    Raises
    ------
    UnusableExportError
        When it was exported from another checkpoint or by another version of capq.
    """
    try:
        checkpoint = Header.model_validate_json(header).checkpoint
    except pydantic.ValidationError:
        raise UnusableExportError(f"{path} is from another version of capq") from None
    if checkpoint != digest:
        raise UnusableExportError(
            f"{path} was made from another network ({checkpoint[:12]}, not {digest[:12]})"
        )


def _digest_entry(digest: str) -> bytes:
    """Return an entry of metadata_props, field 14 of an ONNX ModelProto: key and value with their lengths."""
    value = digest.encode()
    pair = b"\x0a" + bytes([len(_SEAL_KEY)]) + _SEAL_KEY + b"\x12" + bytes([len(value)]) + value
    return b"\x72" + bytes([len(pair)]) + pair
