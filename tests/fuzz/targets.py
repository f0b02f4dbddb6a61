"""What is fuzzed: each target takes any bytes, and lets through what capq does not raise on purpose.

A target catches the errors that its part of capq documents. Whatever else leaves it is a finding.
"""

import contextlib
import functools
import hashlib
import itertools
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydantic

from captcha_core.datasets import Dataset, open_labelled, tar
from captcha_core.errors import CapqError, ImageError
from captcha_core.images.decoding import decode, read_size
from captcha_core.images.resize_rules import PADDED, STRETCHED
from captcha_core.inputs import find_source
from captcha_core.inputs.labels import open_labels
from captcha_core.labels import find_labels
from captcha_core.networks import checkpoint
from captcha_core.networks.checkpoint import MODEL_FILE, WEIGHTS_FILE, Model
from captcha_core.rendering import open_renderer
from captcha_core.spec import load
from captcha_core.storage import Folder
from captcha_core.tables.formats import read_table

from . import seeds
from .mutation import Mutator, mutate_bytes, mutate_json, mutate_json_lines, mutate_tar

_SMALL = 4096  # pixels of a spec that is rendered
_MOST_ROWS = 1000


@dataclass(frozen=True)
class Target:
    """What takes the bytes, whole inputs to begin with, and how these are changed."""

    run: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    mutate: Mutator = mutate_bytes


@functools.cache
def _folder() -> Path:
    """A folder in memory where there is one, that ends with this process."""
    memory = Path("/dev/shm")
    folder = tempfile.mkdtemp(prefix="capq-fuzz-", dir=memory if os.access(memory, os.W_OK) else None)
    import atexit

    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@contextlib.contextmanager
def _file(name: str, data: bytes) -> Iterator[Path]:
    """Write one input to a folder of its own; its path is new each time, as for a reader that caches."""
    folder = Path(tempfile.mkdtemp(dir=_folder()))
    (folder / name).write_bytes(data)
    try:
        yield folder / name
    finally:
        shutil.rmtree(folder)


def image(data: bytes) -> None:
    """Decode an image in each way that reading and training do."""
    for size, grey, rule in (
        (None, False, STRETCHED),
        ((40, 20), True, STRETCHED),
        ((30, 24), False, PADDED),
    ):
        with contextlib.suppress(ImageError):
            pixels = decode(data, size, grey=grey, rule=rule)
            assert pixels.dtype == np.uint8
            assert pixels.shape[2] == (1 if grey else 3)
            assert size is None or pixels.shape[:2] == size[::-1]
    with contextlib.suppress(ImageError):
        read_size(data)


def _archive(name: str, data: bytes, labels: str = "") -> None:
    with _file(name, data) as path, contextlib.suppress(CapqError):
        source = find_source(str(path), label=labels)
        entries = list(itertools.islice(source.open().entries(), _MOST_ROWS))
        items = list(source.open().items(entries))
        assert len(items) == len(entries)
        assert all(isinstance(item, bytes | ImageError) for item in items)


def tar_file(data: bytes) -> None:
    """List and read a tar file, with labels beside the images and without, and as a shard."""
    _archive("x.tar", data)
    _archive("x.tar", data, labels="txt")
    with contextlib.suppress(CapqError):
        list(tar.read(data, "x.tar"))
    with _file("x.tar", data) as path, contextlib.suppress(CapqError):
        list(itertools.islice(iter(open_labelled(str(path))), 10))


def zip_file(data: bytes) -> None:
    """List and read a zip file."""
    _archive("x.zip", data)


def path_list(data: bytes) -> None:
    """List the images that a text file names, and look for them."""
    _archive_names = [line for line in data.split(b"\n") if line.startswith((b"/", b"~")) or b".." in line]
    with _file("x.txt", data) as path, contextlib.suppress(CapqError):
        if _archive_names:
            return
        source = find_source(str(path))
        for entry in itertools.islice(source.open().entries(), 100):
            source.open().modified(entry)


def label_file(data: bytes) -> None:
    """Find the labels of two images beside a label file; the first byte says which of the formats it has."""
    names = sorted(seeds.LABEL_FILES)
    name = names[(data[0] if data else 0) % len(names)]
    content = data[1:]
    with _file(name, content) as path:
        for image_name in ("a.png", "b.png"):
            (path.parent / image_name).write_bytes(b"")
        with contextlib.suppress(CapqError):
            labels = find_labels(Folder(str(path.parent)))
            assert {pair[0] for pair in labels.pairs} <= {"a.png", "b.png"}
            json.dumps(labels.describe())
        if name.endswith((".csv", ".txt")):
            with contextlib.suppress(CapqError):
                source = find_source(str(path.parent))
                label = open_labels(str(path), source.open().entries)
                for entry in source.open().entries():
                    label(entry)


def _label_seeds() -> list[bytes]:
    names = sorted(seeds.LABEL_FILES)
    return [bytes([names.index(name)]) + data for name in names for data in seeds.LABEL_FILES[name]]


def _mutate_labels(data: bytes, rng: random.Random) -> bytes:
    name = sorted(seeds.LABEL_FILES)[(data[0] if data else 0) % len(seeds.LABEL_FILES)]
    by_ending = {".json": mutate_json, ".jsonl": mutate_json_lines}
    mutate = by_ending.get(Path(name).suffix, mutate_bytes)
    return data[:1] + mutate(data[1:], rng)


def spec(data: bytes) -> None:
    """Load a spec, and render an image of it where that is quick."""
    with _file("spec.json", data) as path, contextlib.suppress(CapqError):
        loaded = load(str(path))
        assert loaded.digest
        if loaded.generator == "lepture" and loaded.width * loaded.height <= _SMALL:
            next(iter(open_renderer(loaded, "pillow").batch(0, 0, 1)), None)


@functools.cache
def small_checkpoint() -> tuple[bytes, bytes]:
    """A network of few weights: model.json and model.safetensors."""
    from captcha_core.networks import Problem, build

    problem = Problem(charset="01", lengths=(1, 1), size=(40, 20))
    settings = {"channels": [2, 2, 2, 2], "blocks": 0, "context": 0}
    network = build("ctc", problem, settings)
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.write(Path(folder), Model(architecture="ctc", settings=settings, problem=problem), weights)
        return (Path(folder) / MODEL_FILE).read_bytes(), (Path(folder) / WEIGHTS_FILE).read_bytes()


def _sealed(model: bytes, weights: bytes) -> bytes:
    """Give a model.json the digests that it should have, as whoever wants it loaded would."""
    try:
        fields = json.loads(model)
        fields |= {"weights_bytes": len(weights), "weights_sha256": hashlib.sha256(weights).hexdigest()}
        digest = Model.model_validate(fields).expected_digest()
        return json.dumps(fields | {"digest": digest}).encode()
    except (ValueError, TypeError, RecursionError):
        return model


def _load_checkpoint(model: bytes, weights: bytes) -> None:
    with _file(MODEL_FILE, model) as path, contextlib.suppress(CapqError):
        (path.parent / WEIGHTS_FILE).write_bytes(weights)
        loaded = checkpoint.load(path.parent)
        assert loaded.codec
        loaded.network()


def model_json(data: bytes) -> None:
    """Load a checkpoint with this model.json, as it is and with matching digests, and build its network."""
    weights = small_checkpoint()[1]
    _load_checkpoint(data, weights)
    _load_checkpoint(_sealed(data, weights), weights)


def safetensors(data: bytes) -> None:
    """Load a checkpoint with these weights, and build its network."""
    _load_checkpoint(_sealed(small_checkpoint()[0], data), data)


def _mutate_safetensors(data: bytes, rng: random.Random) -> bytes:
    size = int.from_bytes(data[:8], "little")
    if size > len(data) - 8 or rng.random() < 0.3:
        return mutate_bytes(data, rng)
    header = mutate_json(data[8 : 8 + size], rng)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]


@functools.cache
def _small_onnx() -> bytes:
    """A network of one layer with the header of the small checkpoint."""
    import onnx
    from onnx import TensorProto, helper

    from captcha_core.engines import onnx_file

    graph = helper.make_graph(
        [helper.make_node("Cast", [onnx_file.INPUT], [onnx_file.OUTPUT], to=TensorProto.FLOAT)],
        "g",
        [helper.make_tensor_value_info(onnx_file.INPUT, TensorProto.UINT8, ["n", 2, 3])],
        [helper.make_tensor_value_info(onnx_file.OUTPUT, TensorProto.FLOAT, ["n", 2, 3])],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    header = onnx_file.Header(
        checkpoint="0" * 64,
        precision="fp32",
        decoding="ctc",
        charset="01",
        lengths=(1, 1),
        size=(3, 2),
        channels=1,
        grey_rule="pillow-luma",
        resize_rule="stretched",
    )
    helper.set_model_props(model, {onnx_file.KEY: header.model_dump_json()})
    assert onnx.checker
    return bytes(model.SerializeToString())


def onnx_network(data: bytes) -> None:
    """Load an ONNX file as it is, and with a matching digest, and run one batch."""
    from captcha_core.engines import onnx_file
    from captcha_core.engines.onnx_engine import OnnxEngine

    for content in (data, onnx_file.seal(data)):
        with _file("model.onnx", content) as path, contextlib.suppress(CapqError):
            OnnxEngine(path, "0" * 64, "onnx").logits(np.zeros((2, 2, 3), np.uint8))


def table(data: bytes) -> None:
    """Read a table of results; the first byte says in which format."""
    suffix = ("csv", "jsonl", "parquet")[(data[0] if data else 0) % 3]
    with _file(f"t.{suffix}", data[1:]) as path, contextlib.suppress(CapqError):
        for _ in itertools.islice(read_table(str(path)), _MOST_ROWS):
            pass


def _tables() -> list[bytes]:
    from captcha_core.tables.formats import open_table
    from captcha_core.tables.row import Row

    contents = []
    with tempfile.TemporaryDirectory() as folder:
        for number, suffix in enumerate(("csv", "jsonl", "parquet")):
            path = Path(folder) / f"t.{suffix}"
            with open_table(str(path)) as writer:
                writer.write([Row(path="a.png", text="AB", confidence=0.5), Row(path="b.png", error="no")])
            contents.append(bytes([number]) + path.read_bytes())
    return contents


def dataset_index(data: bytes) -> None:
    """Open a dataset whose index is this file, and read its samples."""
    with _file("dataset.json", data) as path, contextlib.suppress(CapqError):
        (path.parent / "shard-000000.tar").write_bytes(seeds.tars()[3])
        opened = Dataset.open(str(path.parent))
        list(itertools.islice(iter(opened), 10))


def _indexes() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        seeds.dataset(Path(folder))
        return [(Path(folder) / "dataset.json").read_bytes()]


def request(data: bytes) -> None:
    """Validate a job's request as the workers do, for each kind."""
    from workers.kinds import KINDS

    for name in KINDS:
        with contextlib.suppress(pydantic.ValidationError, CapqError):
            KINDS[name].request_type.model_validate_json(data)


def _requests() -> list[bytes]:
    from captcha_core.datasets import Plan
    from captcha_core.spec import Spec
    from workers.kinds.evaluate import EvaluateRequest
    from workers.kinds.generate import GenerateRequest
    from workers.kinds.solve import SolveRequest
    from workers.kinds.train import SpecSource, TrainRequest

    requests = (
        GenerateRequest(plan=Plan(spec=Spec(), shards=1, per_shard=1), out="d"),
        SolveRequest(out="r.csv", checkpoint="c"),
        EvaluateRequest(dataset="d", images=1, checkpoint="c", digest="0"),
        TrainRequest(plan={}, source=SpecSource(spec=Spec()), run="m.run", out="m"),
    )
    return [made.model_dump_json().encode() for made in requests]


def options(data: bytes) -> None:
    """Give a command line to `capq`, in this process."""
    from . import command_line

    command_line.run(data)


def _mutate_command_line(data: bytes, rng: random.Random) -> bytes:
    from . import command_line

    return command_line.mutate(data, rng)


def _command_lines() -> list[bytes]:
    from . import command_line

    return command_line.seeds()


TARGETS: dict[str, Target] = {
    "image": Target(image, seeds.images),
    "tar": Target(tar_file, seeds.tars, mutate_tar),
    "zip": Target(zip_file, seeds.zips),
    "list": Target(path_list, lambda: [b"a.png\nb/c.png\n\xff\xfe.png\n"]),
    "labels": Target(label_file, _label_seeds, _mutate_labels),
    "spec": Target(spec, seeds.specs, mutate_json),
    "model": Target(model_json, lambda: [small_checkpoint()[0]], mutate_json),
    "safetensors": Target(safetensors, lambda: [small_checkpoint()[1]], _mutate_safetensors),
    "onnx": Target(onnx_network, lambda: [_small_onnx()]),
    "table": Target(table, _tables),
    "dataset": Target(dataset_index, _indexes, mutate_json),
    "request": Target(request, _requests, mutate_json),
    "options": Target(options, _command_lines, _mutate_command_line),
}
"""By name; each is one run of ``python -m tests.fuzz NAME``."""
