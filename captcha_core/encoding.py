"""Image files: JPEG and PNG bytes that depend on the pixels and the spec alone."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from .spec import Spec


def encode(image: npt.NDArray[np.uint8], spec: Spec) -> bytes:
    """Encode an image as the spec asks.

    Parameters
    ----------
    image
        uint8 of shape (height, width, 3), RGB.
    """
    buffer = io.BytesIO()
    if spec.image_format == "jpeg":
        Image.fromarray(image).save(buffer, "JPEG", quality=spec.quality, subsampling="4:2:0")
    else:
        Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
