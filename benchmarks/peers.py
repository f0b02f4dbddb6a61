"""What the benchmarks of readers share: images by upstream itself, and other makers' readers.

Peers come from the package registry with ``pip install '.[benchmarks]'``:

ddddocr (MIT)
    Its default and its beta model, one image a call: it reads no batches. What it says is put
    in capitals where the images have no small letters. `set_ranges` is left alone: since 1.6 it
    drops other characters after reading instead of choosing among the allowed ones, so 0-9A-Z
    loses what was read as small letters, and 0-9A-Za-z changes nothing. The reader "best of
    0-9a-z" chooses among the allowed ones by the probabilities that it reports, which is slow.
captcha-whisperer (MIT)
    In batches of 16, the fastest here. Its published decoder never emits its class 0, the
    digit 0; the reader "0 decoded" takes its logits and decodes all of its classes.
"""

import functools
import multiprocessing
import secrets
import string
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from captcha.image import ImageCaptcha
from PIL import Image

from captcha_core import networks
from captcha_core.codecs.answer import Answer
from captcha_core.evaluation import Evaluation
from captcha_core.images import files
from captcha_core.networks import Problem, checkpoint

CHARSET = string.digits + string.ascii_uppercase
SIZE = (170, 80)
LENGTH = 4
WHISPERER_BATCH = 16
LOOP_BATCH = 128

Read = Callable[[Sequence[Path]], list[str]]


@dataclass(frozen=True)
class Reader:
    """A way to read images, which a process of its own can open.

    Attributes
    ----------
    name
        As the tables show it.
    opener
        Called with the number of threads and `arguments`; gives a function from paths to texts.
    """

    name: str
    opener: Callable[..., Read]
    arguments: tuple[Any, ...] = ()

    def open(self, threads: int) -> Read:
        return self.opener(threads, *self.arguments)


def peers() -> list[Reader]:
    """Return the other makers' readers."""
    return [
        Reader("ddddocr", ddddocr, (False,)),
        Reader("ddddocr beta", ddddocr, (True,)),
        Reader("ddddocr, best of 0-9a-z", ddddocr_restricted, (False,)),
        Reader("captcha-whisperer", captcha_whisperer),
        Reader("captcha-whisperer, 0 decoded", captcha_whisperer_with_zero),
    ]


def ddddocr(threads: int, beta: bool, capitals: bool = True) -> Read:
    reader = _ddddocr(threads, beta)
    case = str.upper if capitals else str
    return lambda paths: [case(reader.classification(path.read_bytes())) for path in paths]


def ddddocr_restricted(threads: int, beta: bool) -> Read:
    reader = _ddddocr(threads, beta)
    charset = reader.get_charset()
    allowed = CHARSET + string.ascii_lowercase
    classes = [0] + [charset.index(character) for character in allowed]

    def read(path: Path) -> str:
        found = reader.classification(path.read_bytes(), probability=True)["probabilities"]
        columns = np.asarray(found).reshape(-1, len(charset))[:, classes].argmax(1)
        return _collapsed(columns.tolist(), blank=0, characters=" " + allowed.upper())

    return lambda paths: [read(path) for path in paths]


def captcha_whisperer(threads: int) -> Read:
    from captcha_whisperer import CaptchaRecognizer
    from captcha_whisperer.preprocess import preprocess_bytes

    reader = CaptchaRecognizer(threads=threads)

    def read(paths: Sequence[Path]) -> list[str]:
        return [
            found["text"]
            for some in _chunks(paths, WHISPERER_BATCH)
            for found in reader.recognize_batch([preprocess_bytes(path.read_bytes()) for path in some])
        ]

    return read


def captcha_whisperer_with_zero(threads: int) -> Read:
    import captcha_whisperer as package
    from captcha_whisperer.preprocess import preprocess_bytes

    with _onnxruntime_threads(threads) as session_of:
        session = session_of(str(package.default_model_path()), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def read(paths: Sequence[Path]) -> list[str]:
        texts = []
        for some in _chunks(paths, WHISPERER_BATCH):
            inputs = np.concatenate([preprocess_bytes(path.read_bytes()) for path in some])
            columns = session.run(None, {name: inputs})[0].argmax(2).T
            texts += [_collapsed(row, package.BLANK_INDEX, package.LABELS) for row in columns.tolist()]
        return texts

    return read


def ours(threads: int, name: str, engine: str) -> Read:
    """Read with `Solver`, decoding on as many threads as the network runs on."""
    from captcha_core.solving.solver import Solver

    solver = Solver.load(name, "cpu", engine)
    return lambda paths: [reading.text for reading in solver.solve(paths, threads=threads)]


def ours_by_sample(threads: int) -> Read:
    """Read as `capq solve-dir` does by itself: each call's images are a set of their own to choose by."""
    from captcha_core.solving.solver import Solver

    def read(paths: Sequence[Path]) -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that no network is sure
            solver = Solver.for_images(paths, "cpu")
        return [reading.text for reading in solver.solve(paths, threads=threads)]

    return read


def pytorch_loop(threads: int, name: str) -> Read:
    """Read as a short script would: open, convert, stack, run the network, decode; one after the other."""
    import torch

    torch.set_num_threads(threads)
    found = checkpoint.load(name)
    network, codec = found.network(), found.codec
    mode, scaling = "L" if found.model.problem.grey else "RGB", found.model.scaling

    @torch.inference_mode()
    def read(paths: Sequence[Path]) -> list[str]:
        texts = []
        for some in _chunks(paths, LOOP_BATCH):
            pixels = np.stack([np.atleast_3d(np.asarray(Image.open(path).convert(mode))) for path in some])
            inputs = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255)
            texts += codec.decode(network((inputs - scaling.mean) / scaling.std).numpy()).texts()
        return texts

    return read


class Pool:
    """Processes that each have a reader open.

    Parameters
    ----------
    processes, threads
        How many, and the threads that each may use.
    """

    def __init__(self, reader: Reader, processes: int, threads: int) -> None:
        self._processes = processes
        self._pool = ProcessPoolExecutor(
            processes, multiprocessing.get_context("spawn"), initializer=_open, initargs=(reader, threads)
        )

    def read(self, paths: Sequence[Path]) -> list[str]:
        """Read images, in their order: whole with one process, else in eight parts for each."""
        parts = 1 if self._processes == 1 else 8 * self._processes
        some = _chunks(paths, max(1, -(-len(paths) // parts)))
        return [text for texts in self._pool.map(_read, some) for text in texts]

    def close(self) -> None:
        self._pool.shutdown()


def random_vgg(folder: Path) -> Path:
    """Save the origin's network with random weights: as fast as a trained one."""
    problem = Problem(charset=CHARSET, lengths=(LENGTH, LENGTH), size=SIZE, channels=3)
    weights = {name: tensor.numpy() for name, tensor in networks.build("vgg", problem).state_dict().items()}
    model = checkpoint.Model(
        architecture="vgg", settings=networks.checked_settings("vgg", {}).model_dump(), problem=problem
    )
    checkpoint.save(folder, model, weights)
    return folder


@contextmanager
def labelled_images(
    folder: Path | None, count: int, image_format: str = "png", processes: int = 1
) -> Iterator[list[Path]]:
    """Yield `count` images whose names begin with their texts, in an order that tells nothing.

    Parameters
    ----------
    folder
        Images made earlier, TEXT_anything.png; without, fresh ones by upstream in a temporary
        folder.
    """
    if folder is not None:
        if not folder.is_dir():
            raise SystemExit(f"no folder {folder}: leave --images out for fresh ones")
        found = sorted(path for path in folder.iterdir() if path.suffix in files.EXTENSIONS)
        if len(found) < count:
            raise SystemExit(f"{folder} has {len(found):,} images: give a --count of that at most")
        np.random.default_rng(0).shuffle(found)  # by name they would be sorted by text
        yield found[:count]
        return
    with tempfile.TemporaryDirectory() as made:
        share = [count // processes + (place < count % processes) for place in range(processes)]
        draw = functools.partial(_draw, made, image_format)
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
            yield [path for some in pool.map(draw, range(processes), share) for path in some]


def _draw(folder: str, image_format: str, part: int, count: int) -> list[Path]:
    upstream = ImageCaptcha(*SIZE)
    paths = []
    for number in range(count):
        text = "".join(secrets.choice(CHARSET) for _ in range(LENGTH))
        path = Path(folder) / f"{text}_{part}{number:06d}.{image_format}"
        upstream.write(text, str(path), format=image_format)
        paths.append(path)
    return paths


def truth(path: Path) -> str:
    return path.name.partition("_")[0]


def scored(truths: Sequence[str], texts: Sequence[str]) -> Evaluation:
    """Compare texts with the truth; their confidence is not looked at."""
    return Evaluation.count((true, Answer(text, 0.0, ())) for true, text in zip(truths, texts, strict=True))


def _ddddocr(threads: int, beta: bool) -> Any:
    from ddddocr import DdddOcr

    with _onnxruntime_threads(threads):
        return DdddOcr(show_ad=False, beta=beta)


@contextmanager
def _onnxruntime_threads(threads: int) -> Iterator[Any]:
    """Give sessions opened here that many threads: ddddocr has no setting, and a thread a core disturbs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    kept = onnxruntime.InferenceSession
    onnxruntime.InferenceSession = functools.partial(kept, sess_options=options)
    try:
        yield onnxruntime.InferenceSession
    finally:
        onnxruntime.InferenceSession = kept


def _collapsed(columns: Sequence[int], blank: int, characters: str) -> str:
    """Read a CTC path: runs merged, blanks dropped."""
    return "".join(characters[each] for each, _ in groupby(columns) if each != blank)


def _chunks(paths: Sequence[Path], size: int) -> Iterator[Sequence[Path]]:
    return (paths[start : start + size] for start in range(0, len(paths), size))


_opened: list[Read] = []


def _open(reader: Reader, threads: int) -> None:
    _opened.append(reader.open(threads))


def _read(paths: Sequence[Path]) -> list[str]:
    return _opened[0](paths)
