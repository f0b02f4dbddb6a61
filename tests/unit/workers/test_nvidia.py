"""The figures of NVIDIA devices, asked of a library with the driver's functions."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = """
#include <string.h>
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned int gpu, memory; } utilization;
static char devices[2];
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
  if (index > 1) return 2;
  *device = devices + index;
  return 0;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
  *device = devices + 1;
  return strcmp(uuid, "GPU-1");
}
int nvmlDeviceGetMemoryInfo(void *device, memory *info) {
  info->total = 80ULL << 30;
  info->used = (1ULL + ((char *)device - devices)) << 30;
  return 0;
}
int nvmlDeviceGetUtilizationRates(void *device, utilization *rates) {
  rates->gpu = 25 * (1 + (unsigned int)((char *)device - devices));
  return 0;
}
"""
ASK = """
from workers.process import nvidia
for family in nvidia.families():
    for sample in family.samples:
        print(sample.name, *sample.labels.values(), sample.value)
"""


def _ask(folder: Path, **environment: str) -> list[str]:
    kept = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    result = subprocess.run(
        [sys.executable, "-c", ASK],
        env=kept | {"LD_LIBRARY_PATH": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.splitlines()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.c").write_text(LIBRARY)
    target = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", folder / "driver.c", "-o", target], check=True)
    return folder


def test_each_device_tells_its_memory_and_use(library: Path) -> None:
    total = 80 << 30
    assert _ask(library) == [
        f"capq_device_memory_bytes cuda:0 used {1 << 30}",
        f"capq_device_memory_bytes cuda:0 total {total}",
        f"capq_device_memory_bytes cuda:1 used {2 << 30}",
        f"capq_device_memory_bytes cuda:1 total {total}",
        "capq_device_utilization_ratio cuda:0 0.25",
        "capq_device_utilization_ratio cuda:1 0.5",
    ]


@pytest.mark.parametrize(
    ("visible", "uses"), [("1", [0.5]), ("GPU-1", [0.5]), ("1,0", [0.5, 0.25]), ("-1", [])]
)
def test_only_the_devices_of_the_worker_are_told(library: Path, visible: str, uses: list[float]) -> None:
    lines = _ask(library, CUDA_VISIBLE_DEVICES=visible)
    told = [float(line.split()[-1]) for line in lines if "utilization" in line]
    assert told == uses
