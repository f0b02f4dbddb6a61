"""Training from a dataset larger than the memory it may take, on a real gpu worker."""

import json

from tests.conftest import Capq, start_worker


def test_a_set_larger_than_its_memory_is_streamed_and_learnt(capq: Capq) -> None:
    capq.env["CAPQ_TRAINING_MEMORY"] = "1MB"  # the images decoded take 4.3 MB
    start_worker(capq)
    start_worker(capq, "gpu", 1)
    options = ("--width", 60, "--height", 60, "--length", 1, "--charset", "01", "--per-shard", 100)
    capq("generate", "--shards", 12, *options, "--out", capq.folder / "data")
    trained = capq.json(
        "train", capq.folder / "data", "--max-images", 1200, "--batch", 24, "--out", capq.folder / "model"
    )
    assert trained["state"] == "done"
    assert trained["summary"]["accuracy"] > 0.8
    record = json.loads((capq.folder / "model" / "model.json").read_text())["training"]
    assert (record["source"]["kind"], record["source"]["images"]) == ("streamed", 1200)
    assert record["images"] == 1200
