"""Bad input: what a fuzzer has found once, and some random changes of whole inputs each time."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

FINDINGS = Path(__file__).parents[1] / "fuzz" / "findings"
IN_PROCESS = [name for name in TARGETS if name not in ("options", "onnx")]  # these have tests of their own


@pytest.mark.parametrize(
    "path", sorted(FINDINGS.glob("*/*")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_what_was_found_once_is_refused_now(path: Path) -> None:
    TARGETS[path.parent.name].run(path.read_bytes())


@pytest.mark.parametrize("name", IN_PROCESS)
def test_whole_inputs_pass(name: str) -> None:
    for seed in TARGETS[name].seeds():
        TARGETS[name].run(seed)


@pytest.mark.parametrize("name", IN_PROCESS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@example(data=b"", seed=0, changes=0)
@given(data=st.binary(max_size=200), seed=st.integers(0, 1 << 32), changes=st.integers(0, 4))
def test_bad_input_is_refused(name: str, data: bytes, seed: int, changes: int) -> None:
    target, rng = TARGETS[name], random.Random(seed)
    if changes:
        data = rng.choice(target.seeds())
    for _ in range(changes):
        data = target.mutate(data, rng)
    target.run(data)
