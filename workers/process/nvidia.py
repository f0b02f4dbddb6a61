"""NVIDIA devices as their driver's library sees them: a worker's parent asks it, and never loads PyTorch."""

import ctypes
import functools
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric

log = logging.getLogger(__name__)

_LIBRARY = "libnvidia-ml.so.1"
_OK = 0


class _Memory(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in ("total", "free", "used")]


class _Utilization(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint) for name in ("gpu", "memory")]


@functools.cache
def _library() -> Any:
    """Return the driver's library, ready to be asked; None where there is none."""
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    if library.nvmlInit_v2() != _OK:
        log.warning("the NVIDIA driver's library does not answer: no figures of devices are served")
        return None
    return library


def families() -> Iterator[Metric]:
    """Yield the metrics of the devices that this worker may use."""
    library = _library()
    if library is None:
        return
    memory = GaugeMetricFamily(
        "capq_device_memory_bytes", "Memory of a device, of all programs", labels=["device", "state"]
    )
    use = GaugeMetricFamily(
        "capq_device_utilization_ratio",
        "Share of the last moments in which a device computed",
        labels=["device"],
    )
    for index, handle in enumerate(_devices(library)):
        device = f"cuda:{index}"
        sizes, shares = _Memory(), _Utilization()
        if library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(sizes)) == _OK:
            memory.add_metric([device, "used"], sizes.used)
            memory.add_metric([device, "total"], sizes.total)
        if library.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(shares)) == _OK:
            use.add_metric([device], shares.gpu / 100)
    yield memory
    yield use


def _devices(library: Any) -> Iterator[ctypes.c_void_p]:
    """Yield the devices in the order in which CUDA numbers them for this process."""
    for named in _visible(library):
        handle = ctypes.c_void_p()
        ask: Callable[..., int] = library.nvmlDeviceGetHandleByIndex_v2
        argument: Any = int(named) if named.isdecimal() else named.encode()
        if not named.isdecimal():
            ask = library.nvmlDeviceGetHandleByUUID
        if ask(argument, ctypes.byref(handle)) == _OK:
            yield handle


def _visible(library: Any) -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in map(str.strip, visible.split(",")) if name and name != "-1"]
    count = ctypes.c_uint()
    library.nvmlDeviceGetCount_v2(ctypes.byref(count))
    return [str(index) for index in range(count.value)]
