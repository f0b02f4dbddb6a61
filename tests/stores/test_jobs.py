"""Jobs of all kinds whose inputs and outputs are in a store, on machines that share no folder."""

import signal
from typing import Any

import pytest

from captcha_core.datasets import Dataset
from captcha_core.networks import checkpoint
from captcha_core.storage import as_path
from captcha_core.tables.formats import read_table
from captcha_core.training import state
from tests.conftest import Capq, wait_until

from .conftest import Machines
from .object_store import BUCKET

pytestmark = [pytest.mark.stores, pytest.mark.timeout(900)]

SET, IMAGES, MODEL = (f"s3://{BUCKET}/{name}" for name in ("set", "images", "model"))
TRAINING = ("--max-images", 256, "--batch", 32)


def _generate(capq: Capq) -> None:
    capq("generate", "--shards", 4, "--per-shard", 20, "--out", SET)


def _unpack(bucket: Any) -> dict[str, str]:
    """Put a dataset's images into a folder of the store, and return their texts."""
    texts = {}
    for number, sample in enumerate(Dataset.open(SET)):
        below = f"{'ab'[number % 2]}/" if number < 20 else ""
        name = f"{below}{sample.text}_{number}.{sample.extension}"
        bucket.pipe_file(f"{BUCKET}/images/{name}", sample.image)
        texts[name] = sample.text
    return texts


def _names(bucket: Any, below: str) -> list[str]:
    return sorted(path.removeprefix(f"{BUCKET}/{below}/") for path in bucket.find(f"{BUCKET}/{below}"))


def test_a_dataset_and_what_is_read_of_it(here: Capq, staffed: Machines, bucket: Any) -> None:
    _generate(here)
    here("verify", SET)
    texts = _unpack(bucket)
    table = f"s3://{BUCKET}/t.csv"
    here("solve-dir", IMAGES, "--recursive", "--out", table, "--labels", "names")
    rows = {row.path: row for row in read_table(table)}
    assert {path: row.label for path, row in rows.items()} == texts
    assert sum(row.text == row.label for row in rows.values()) > len(texts) * 0.9
    assert not [name for name in _names(bucket, "") if ".parts" in name]
    again = here.json(
        "solve-dir", IMAGES, "--recursive", "--out", f"s3://{BUCKET}/t.csv", "--labels", "names"
    )
    assert again["counts"]["kept"] == len(texts)
    assert here.json("evaluate", SET)["summary"]["images"] == 80
    assert staffed.files() == []


def test_a_list_of_urls(here: Capq, bucket: Any) -> None:
    _generate(here)
    names = [name for name in _unpack(bucket) if "/" not in name][:5]
    lines = [f"{IMAGES}/{name}\n" for name in (*names, "none.jpg")]
    bucket.pipe_file(f"{BUCKET}/list.txt", "".join(lines).encode())
    here("solve-dir", f"s3://{BUCKET}/list.txt", "--out", f"s3://{BUCKET}/l.csv", code=None)
    rows = list(read_table(f"s3://{BUCKET}/l.csv"))
    assert [row.path for row in rows] == [line.strip() for line in lines]
    assert [bool(row.error) for row in rows] == [False] * 5 + [True]
    assert here.json("solve", rows[0].path)[0]["text"] == rows[0].text


def test_a_training_and_what_is_made_of_it(here: Capq, staffed: Machines, bucket: Any) -> None:
    _generate(here)
    here("train", SET, "--out", MODEL, *TRAINING)
    model = checkpoint.load(MODEL).model
    assert not _names(bucket, "model.run")
    assert "already" in here("train", SET, "--out", MODEL, *TRAINING, code=2).stderr
    assert here.json("models", MODEL)[0]["digest"] == model.digest
    assert here.json("evaluate", SET, "--checkpoint", MODEL)["summary"]["images"] == 80
    here("export", MODEL, "--images", 20, "--dataset", SET)
    assert here.json("models", MODEL)[0]["exported"] == ["onnx"]
    _unpack(bucket)
    here("solve-dir", IMAGES, "--checkpoint", MODEL, "--out", f"s3://{BUCKET}/t.csv")
    here("plot", MODEL, "--out", f"s3://{BUCKET}/curves.svg")
    here("train", SET, "--out", f"{MODEL}-2", *TRAINING, "--init", MODEL)
    assert checkpoint.load(f"{MODEL}-2").model.training["plan"]["initial"] == MODEL
    here("train", SET, "--out", MODEL, *TRAINING, "--seed", 1, "--overwrite")
    assert checkpoint.load(MODEL).model.digest != model.digest
    assert "model.onnx" not in _names(bucket, "model")  # of the checkpoint that was replaced
    assert staffed.files() == []


def test_another_machine_goes_on_with_a_training(machines: Machines, bucket: Any) -> None:
    """A worker is killed within a slice; one that has nothing of it goes on from the state in the store."""
    cpu, first, command = machines("cpu"), machines("gpu-1"), machines("command")
    cpu.start("worker", "cpu", "--processes", "1", log=cpu.folder / "worker.log")
    _generate(command)
    worker = first.start("worker", "gpu", "--processes", "1", log=first.folder / "worker.log")
    command("train", SET, "--out", MODEL, "--max-images", 1024, "--batch", 32, "--detach")
    run = as_path(f"{MODEL}.run")
    wait_until(lambda: state.steps(run), "a state in the store")
    worker.send_signal(signal.SIGKILL)
    second = machines("gpu-2")
    second.start("worker", "gpu", "--processes", "1", log=second.folder / "worker.log")
    job = command.json("jobs")[0]["id"]
    command("wait", job)
    training = checkpoint.load(MODEL).model.training
    assert training["images"] == 1024
    assert not _names(bucket, "model.run")


def test_a_training_that_was_cancelled_is_resumed(here: Capq, bucket: Any) -> None:
    _generate(here)
    here("train", SET, "--out", MODEL, "--max-images", 1024, "--batch", 32, "--detach")
    run = as_path(f"{MODEL}.run")
    wait_until(lambda: state.steps(run), "a state in the store")
    job = here.json("jobs")[0]["id"]
    here("cancel", job)
    assert "did not end" in here("train", SET, "--out", MODEL, *TRAINING, code=2).stderr
    assert "going on after" in here("train", "--resume", "--out", MODEL).stderr
    assert checkpoint.load(MODEL).model.training["images"] == 1024
    assert not _names(bucket, "model.run")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("solve-dir", IMAGES, "--watch", "--out", "t.csv"), "needs a folder of this machine"),
        (("train", SET, "--tensorboard", f"s3://{BUCKET}/events", "--out", MODEL), "not a URL"),
        (("solve-dir", IMAGES, "--out", f"{IMAGES}/t.csv"), "lies in the input"),
        (("verify", f"s3://{BUCKET}/none"), "no dataset"),
        (("models", f"s3://{BUCKET}/none"), "no checkpoint"),
    ],
)
def test_what_a_store_cannot_do_is_refused_in_a_line(
    machines: Machines, bucket: Any, arguments: tuple[str, ...], says: str
) -> None:
    bucket.pipe_file(f"{BUCKET}/images/AB12_1.png", b"x")
    refusal = machines("command")(*arguments, code=2).stderr
    assert says in refusal
