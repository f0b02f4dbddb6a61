"""Command lines for `capq`, run in this process and in a folder of their own, without a Redis."""

import contextlib
import functools
import os
import random
import tempfile
from pathlib import Path

import click
from click.testing import CliRunner

from . import seeds as inputs
from .mutation import mutate_bytes

# capq reads its settings once a process, when the first command is imported: from here on nobody listens.
os.environ.update(CAPQ_REDIS_URL="redis://127.0.0.1:1/0", CAPQ_METRICS_HOST="127.0.0.1", COLUMNS="100")

_END = b"\0"
_VALUES = (
    "",
    "0",
    "1",
    "-1",
    "3",
    "1e999",
    "nan",
    "inf",
    "4-6",
    "6-4",
    "-",
    "--",
    "a.png",
    "images",
    "dataset",
    "labels.csv",
    "empty",
    "x.tar",
    "x.zip",
    "x.txt",
    "spec.json",
    "model",
    "out.csv",
    "out.jsonl",
    "out.parquet",
    "out.html",
    "new",
    "lepture-170x80",
    "medley",
    "default",
    "alnum",
    "é",
    "*.png",
    "[",
    "(?P<label>x",
    "names",
    "txt",
    "10s",
    "8GB",
    "ctc",
)
_SLOW = ("train", "export", "medley")  # these are tried on wrong use alone


def seeds() -> list[bytes]:
    """Command lines that make sense."""
    lines = (
        "generate --shards 1 --per-shard 2 --out new",
        "preview --spec default --count 2 --out new.png",
        "verify dataset",
        "train images --labels labels.csv --out new --max-time 1s",
        "solve a.png --checkpoint model",
        "solve-dir images --out out.csv --checkpoint model --labels names",
        "solve-dir x.zip --out out.csv",
        "evaluate dataset --checkpoint model",
        "models model --json",
        "plot model --out new.png",
        "jobs --limit 3",
        "status generate-000000",
        "wait generate-000000",
        "cancel x",
        "retry x",
        "result x",
        "worker cpu",
        "workers",
        "local status",
        "models",
        "preview dataset --out new.png",
        "--version",
        "generate --help",
    )
    return [_END.join(word.encode() for word in line.split()) for line in lines]


def run(data: bytes) -> None:
    """Run one; a traceback, an unknown exit code or a second line of error is a finding."""
    words = [word.decode("utf-8", "surrogateescape") for word in data.split(_END)]
    if any(_leaves_the_folder(word) for word in words) or _is_slow(words):
        return
    from cli.main import main

    with _working_folder():
        result = CliRunner().invoke(main, words, prog_name="capq", standalone_mode=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 1, 2), result.exit_code
    if result.exit_code == 2:
        errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
        assert len(errors) == 1 or "Usage: " in result.output, result.output


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Exchange, add or leave out words: options of the command and values."""
    words = data.split(_END)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(words) + 1)
        match rng.randrange(5):
            case 0 if len(words) > 1:
                del words[at % len(words)]
            case 1:
                words.insert(at, rng.choice(_VALUES).encode())
            case 2:
                words.insert(
                    at, rng.choice(_options(words[0].decode("utf-8", "replace")) or _VALUES).encode()
                )
            case 3:
                words[at % len(words)] = rng.choice(_VALUES).encode()
            case _:
                changed = mutate_bytes(words[at % len(words)], rng).replace(_END, b"")
                words[at % len(words)] = changed
    return _END.join(words)


@functools.cache
def _options(command: str) -> tuple[str, ...]:
    from cli.main import main

    assert isinstance(main, click.Group)
    found = main.get_command(click.Context(main), command)
    return tuple(name for parameter in found.params for name in parameter.opts) if found else ()


def _leaves_the_folder(word: str) -> bool:
    value = word.rpartition("=")[2]
    return value.startswith(("/", "~")) or ".." in word or ":" in word or "\\" in word


def _is_slow(words: list[str]) -> bool:
    """Tell whether a command would do much, rather than refuse: large numbers, trainings, exports."""
    large = any(word.isdecimal() and len(word) > 3 for word in words)
    return large or "export" in words or ("preview" in words and "medley" in words)


@contextlib.contextmanager
def _working_folder():  # type: ignore[no-untyped-def]
    """Make the folder anew for each command, so that none meets what another has left."""
    with tempfile.TemporaryDirectory(prefix="capq-fuzz-") as name:
        folder = Path(name)
        _fill(folder)
        before = Path.cwd()
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _fill(folder: Path) -> None:
    from .targets import small_checkpoint

    for below in ("images", "empty", "model", "dataset"):
        (folder / below).mkdir()
    for name in ("a.png", "images/AB_1.png", "images/CD_2.png"):
        (folder / name).write_bytes(inputs.images()[0])
    (folder / "labels.csv").write_text("file_name,text\nAB_1.png,0\nCD_2.png,1\n")
    (folder / "x.tar").write_bytes(inputs.tars()[0])
    (folder / "x.zip").write_bytes(inputs.zips()[0])
    (folder / "x.txt").write_text("a.png\nnone.png\n")
    (folder / "spec.json").write_bytes(inputs.specs()[-1])
    model, weights = small_checkpoint()
    (folder / "model" / "model.json").write_bytes(model)
    (folder / "model" / "model.safetensors").write_bytes(weights)
    for name, data in inputs.dataset_files().items():
        (folder / "dataset" / name).write_bytes(data)
