"""The whole path on the embedded runtime, typed as a user types it."""

import csv
import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from captcha.image import ImageCaptcha

from captcha_core.datasets import Dataset
from captcha_core.rendering import open_renderer
from captcha_core.rendering.encoding import encode
from captcha_core.spec import Spec
from tests.conftest import Capq, ListedReading, ledger_of, wait_until


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Images by the library ``captcha`` itself, among them files that are no images."""
    folder = tmp_path_factory.mktemp("upstream")
    writer = ImageCaptcha(170, 80)
    labels = {}
    for number in range(300):
        text = "".join(
            Spec().charset[(number * step + 5 * place) % 36] for place, step in enumerate((1, 7, 11, 13))
        )
        labels[f"{number:04d}.png"] = text
        writer.write(text, str(folder / f"{number:04d}.png"))
    return folder, labels


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_read_row_by_row_in_file_order(
    embedded: Capq, upstream: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder, labels = upstream
    out = tmp_path / "texts.csv"
    job = embedded.json("solve-dir", folder, "--out", out, "--batch", 64)
    assert (job["state"], job["done"], job["counts"]["images"]) == ("done", 5, 300)
    rows = _rows(out)
    assert [row["path"] for row in rows] == sorted(labels)
    assert sum(row["text"] == labels[row["path"]] for row in rows) >= 270
    assert all(0 < float(row["confidence"]) <= 1 for row in rows)
    # The table, and what it is of; nothing of the work is left.
    assert sorted(path.name for path in tmp_path.iterdir()) == [".texts.csv.capq", "texts.csv"]


def test_what_is_no_image_gets_a_row_that_says_so(
    embedded: Capq, upstream: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder, labels = upstream
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for name in list(labels)[:3]:
        (mixed / name).write_bytes((folder / name).read_bytes())
    (mixed / "0000a.png").write_text("I am text")
    (mixed / "0001a.png").write_bytes((folder / "0001.png").read_bytes()[:700])
    (mixed / "0001b.png").write_bytes(b"")
    (mixed / "0001c.png").symlink_to(tmp_path / "nowhere.png")
    (mixed / "notes.txt").write_text("skipped")
    result = embedded("solve-dir", mixed, "--out", tmp_path / "r.jsonl")
    assert "4 could not be read" in result.stdout
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [row["path"] for row in rows] == [
        "0000.png",
        "0000a.png",
        "0001.png",
        "0001a.png",
        "0001b.png",
        "0001c.png",
        "0002.png",
    ]
    assert [bool(row["error"]) for row in rows] == [False, True, False, True, True, True, False]
    assert all(bool(row["text"]) != bool(row["error"]) for row in rows)


def test_images_of_another_size_are_brought_to_the_networks(embedded: Capq, tmp_path: Path) -> None:
    look = {"font_sizes": (84, 100, 112)}
    spec = Spec.make(width=340, height=160, lengths=4, charset="alnum-upper", image_format="png", look=look)
    pixels, _ = open_renderer(spec).batch(3, 0, 0, 1)
    (tmp_path / "big.png").write_bytes(encode(pixels[0], spec))
    named = ("solve", tmp_path / "big.png", "--checkpoint", "lepture-170x80")
    assert "340×160 and this network reads 170×80" in embedded(*named).stderr
    chosen = embedded("solve", tmp_path / "big.png").stderr
    assert chosen.startswith("lepture-170x80: 1 of 1 sample image (1 resized to 170×80)")
    (reading,) = embedded.json("solve", tmp_path / "big.png")
    assert len(reading["text"]) == 4
    assert reading["error"] is None


def test_generate_train_evaluate_and_solve_with_ones_own_network(embedded: Capq, tmp_path: Path) -> None:
    options = ("--width", 60, "--height", 60, "--length", 1, "--charset", "01", "--per-shard", 400)
    embedded("generate", "--shards", 3, *options, "--out", tmp_path / "data")
    embedded("generate", "--shards", 1, *options, "--seed", 1, "--out", tmp_path / "fresh")
    trained = embedded.json(
        "train", tmp_path / "data", "--max-images", 8000, "--batch", 32, "--out", tmp_path / "model"
    )
    assert trained["state"] == "done"
    assert trained["summary"]["accuracy"] > 0.9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "fresh", "model"]
    found = embedded.json("evaluate", tmp_path / "fresh", "--checkpoint", tmp_path / "model")
    assert found["summary"]["images"] == 400
    assert found["summary"]["accuracy"]["value"] > 0.9
    history = json.loads((tmp_path / "model" / "model.json").read_text())["training"]
    assert "capq train" in history["command"]
    first = next(iter(Dataset.open(str(tmp_path / "fresh"))))
    (tmp_path / "one.jpg").write_bytes(first.image)
    (reading,) = embedded.json("solve", tmp_path / "one.jpg", "--checkpoint", tmp_path / "model")
    assert reading["text"] in ("0", "1")


def test_a_training_run_that_was_cancelled_resumes_where_it_was(embedded: Capq, tmp_path: Path) -> None:
    out = tmp_path / "model"
    job = embedded(
        "train", "--spec", "default", "--max-images", 1_000_000, "--out", out, "--detach"
    ).stdout.strip()
    ledger = ledger_of(embedded)
    wait_until(lambda: ledger.get(job).done >= 1, "a first slice")
    embedded("train", "--spec", "default", "--out", out, "--resume", code=2)  # it is training now
    embedded("cancel", job)
    assert "--resume" in embedded("train", "--spec", "default", "--out", out, code=2).stderr
    again = embedded("train", "--spec", "default", "--out", out, "--resume", "--detach")
    assert "going on after" in again.stderr
    embedded("cancel", again.stdout.strip())


def test_the_same_seed_gives_the_same_dataset(embedded: Capq, tmp_path: Path) -> None:
    def digest(name: str, *more: object) -> str:
        job = embedded.json("generate", "--shards", 3, "--per-shard", 10, "--out", tmp_path / name, *more)
        return str(job["summary"]["sha256"])

    first = digest("a", "--seed", 3)
    assert digest("b", "--seed", 3) == first
    assert digest("a", "--seed", 3) == first
    assert digest("c", "--seed", 4) != first


def test_an_unfinished_reading_goes_on_with_what_is_missing(
    embedded: Capq, upstream: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder, labels = upstream
    images = shutil.copytree(folder, tmp_path / "images")
    paths = [images / name for name in sorted(labels)]
    out = tmp_path / "r.csv"
    first = ListedReading(embedded, "--out", out, "--batch", 50)
    first.list(*paths[:120])
    job = wait_until(lambda: _job_of(embedded, out), "the job")
    ledger = ledger_of(embedded)
    wait_until(lambda: ledger.get(job).done == 2, "two batches")
    first.process.send_signal(signal.SIGINT)
    assert "goes on with what is left" in first.end()
    assert first.process.returncode == 130
    assert not out.exists()
    for path in paths[:100]:  # read already: who goes on asks for them no more
        path.unlink()
    again = ListedReading(embedded, "--out", out, "--batch", 50)
    again.list(*paths)
    output = again.end()
    assert again.process.returncode == 0, output
    rows = _rows(out)
    assert [row["path"] for row in rows] == list(map(str, paths))
    assert not any(row["error"] for row in rows)
    assert sum(row["text"] == labels[Path(row["path"]).name] for row in rows) >= 270


def _job_of(capq: Capq, out: Path) -> str | None:
    jobs = capq.json("jobs")
    return next((job["id"] for job in jobs if job["request"].get("out") == str(out)), None)


def test_commands_bring_the_runtime_up_and_tell_of_it(embedded: Capq) -> None:
    embedded("local", "start")
    status = embedded.json("local", "status")
    assert status["pid"]
    assert "redis" in status["children"]
    for pid in (status["pid"], *status["children"].values()):
        os.kill(pid, 0)


def test_a_killed_runtime_comes_back_with_its_jobs(tmp_path: Path, embedded: Capq) -> None:
    own = Capq(embedded.env | {"CAPQ_HOME": str(tmp_path / "home")}, tmp_path)
    try:
        job = own.json("generate", "--shards", 1, "--per-shard", 5, "--out", tmp_path / "d")["id"]
        status = own.json("local", "status")
        os.kill(status["pid"], 9)
        wait_until(lambda: not _alive(status["children"]["cpu"]), "the worker to end with its supervisor")
        assert own.json("status", job)["state"] == "done"
        assert own.json("local", "status")["pid"] != status["pid"]
    finally:
        own("local", "stop")
    assert own.json("local", "status")["pid"] is None


def test_an_idle_runtime_ends_by_itself(tmp_path: Path, embedded: Capq) -> None:
    own = Capq(embedded.env | {"CAPQ_HOME": str(tmp_path / "home"), "CAPQ_IDLE_SECONDS": "0.5"}, tmp_path)
    own("jobs")
    wait_until(lambda: own.json("local", "status")["pid"] is None, "the runtime to end")
    assert own("jobs").returncode == 0
    own("local", "stop")


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
