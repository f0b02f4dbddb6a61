import io
import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from captcha_core import networks
from captcha_core.errors import CheckpointError, ImageError, SpecError, TrainingError
from captcha_core.networks import Problem, checkpoint, devices
from captcha_core.solving.solver import Solver

SIZE = (48, 24)


def make(folder, name="ctc", channels=1, size=SIZE):
    torch.manual_seed(3)
    settings = {} if name == "vgg" else {"channels": (4, 8, 8, 8)}
    problem = Problem(charset="ABC", lengths=(1, 3), size=size, channels=channels)
    network = networks.build(name, problem, settings)
    for _ in range(3):
        network(torch.rand(4, channels, size[1], size[0]))
    weights = {key: tensor.numpy() for key, tensor in network.state_dict().items()}
    checkpoint.save(folder, checkpoint.Model(architecture=name, settings=settings, problem=problem), weights)
    return folder


@pytest.fixture(scope="module")
def solver(tmp_path_factory):
    return Solver.load(make(tmp_path_factory.mktemp("grey")), "cpu")


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)


def as_file(array, kind="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def test_every_kind_of_input_reads_alike(solver, picture, tmp_path):
    data = as_file(picture)
    (tmp_path / "a.png").write_bytes(data)
    grey = np.asarray(Image.fromarray(picture).convert("L"))
    items = [
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        data,
        Image.fromarray(picture),
        picture,
        grey,
        grey[..., None],
    ]
    readings = solver.solve(items)
    assert len({reading.text for reading in readings}) == 1
    assert all(reading.confidence == pytest.approx(readings[0].confidence, rel=1e-4) for reading in readings)
    assert readings[0].error is None
    assert len(readings[0].characters) == len(readings[0].text)


def test_a_folded_network_reads_as_the_plain_one(solver):
    images = np.random.default_rng(1).integers(0, 256, (16, SIZE[1], SIZE[0]), dtype=np.uint8)
    scaled = devices.normalised(devices.upload(images[..., None], torch.device("cpu")), 0.5, 0.5)
    with torch.no_grad():
        logits = solver.checkpoint.network()(scaled).numpy()
    plain = solver.checkpoint.codec.decode(logits).answers()
    for one, other in zip(plain, solver.read(images), strict=True):
        assert one.text == other.text
        assert one.confidence == pytest.approx(other.confidence, rel=1e-3)


def test_wrong_files_get_a_reading_with_their_error(solver, picture, tmp_path):
    good = as_file(picture)
    (tmp_path / "empty.png").touch()
    items = [
        good,
        b"",
        b"not an image",
        good[: len(good) // 2],
        tmp_path / "missing.png",
        tmp_path / "empty.png",
        tmp_path,
        "nul\0name",
        np.zeros((2, 3, 4, 5), np.uint8),
        np.zeros((24, 48), np.float32),
        np.zeros((24, 48, 2), np.uint8),
        np.zeros((0, 48), np.uint8),
        good,
    ]
    readings = solver.solve(items)
    assert [reading.error is None for reading in readings] == [True, *[False] * 11, True]
    assert readings[0] == readings[-1]
    assert all(
        (reading.text, reading.confidence, reading.characters) == ("", 0.0, ()) for reading in readings[1:-1]
    )
    assert "missing.png" in readings[4].error


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_pictures_of_any_mode_and_size(solver, mode):
    reading = solver.solve([Image.new(mode, (61, 17))])[0]
    assert reading.error is None
    assert 1 <= len(reading.text) <= 3


def test_order_holds_across_batches(solver):
    images = [np.random.default_rng(n).integers(0, 256, (24, 48), dtype=np.uint8) for n in range(23)]
    images[7] = np.zeros((1, 1, 1, 1), np.uint8)
    whole = solver.solve(images)
    for batch in (1, 4, 23):
        parts = solver.solve(images, batch=batch, threads=3)
        assert [reading.text for reading in parts] == [reading.text for reading in whole]
        assert [reading.error for reading in parts] == [reading.error for reading in whole]


def test_a_stream_does_not_read_far_ahead(solver):
    taken = itertools.count()
    endless = (np.full((24, 48), next(taken) % 256, np.uint8) for _ in itertools.count())
    stream = solver.stream(endless, batch=2)
    for _ in range(5):
        assert next(stream).error is None
    stream.close()
    assert next(taken) <= 10


def test_nothing_reads_as_nothing(solver):
    assert solver.solve([]) == []
    assert solver.read(np.zeros((0, 24, 48), np.uint8)) == []


def test_read_refuses_arrays_of_another_form(solver):
    with pytest.raises(ImageError, match="images are 47×24, and this network reads 48×24"):
        solver.read(np.zeros((1, 24, 47), np.uint8))
    with pytest.raises(ImageError, match="uint8"):
        solver.read(np.zeros((1, 24, 48), np.float32))


@pytest.mark.parametrize(("name", "size"), [("heads", SIZE), ("vgg", (80, 80))])
def test_colour_networks_read_grey_and_colour(tmp_path, name, size):
    solver = Solver.load(make(tmp_path, name, 3, size), "cpu")
    grey = np.random.default_rng(0).integers(0, 256, (2, size[1], size[0]), dtype=np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=3)
    assert [r.text for r in solver.read(grey)] == [r.text for r in solver.read(colour)]
    assert solver.solve([as_file(colour[0])])[0].text == solver.read(colour)[0].text


def test_what_cannot_be_loaded():
    with pytest.raises(CheckpointError):
        Solver.load("/nowhere")
    with pytest.raises(TrainingError, match="no device 'nonsense'"):
        devices.choose("nonsense")


@pytest.mark.parametrize("name", ["ctc", "heads"])
def test_a_known_length_and_a_beam_decide_how_texts_are_decoded(tmp_path, picture, name):
    folder = make(tmp_path, name)
    arrays = np.random.default_rng(1).integers(0, 256, (40, SIZE[1], SIZE[0]), dtype=np.uint8)
    for lengths in ((1, 1), (2, 3)):
        readings = Solver.load(folder, "cpu", lengths=lengths).read(arrays)
        assert all(lengths[0] <= len(reading.text) <= lengths[1] for reading in readings)
    plain, searched = (Solver.load(folder, "cpu", beam=beam).read(arrays) for beam in (None, 30))
    for before, after in zip(plain, searched, strict=True):
        assert after.confidence >= before.confidence
    assert (plain == searched) == (name == "heads")  # the likeliest text of positions needs no search
    with pytest.raises(CheckpointError, match="1 to 3 characters, and cannot be held to 4:"):
        Solver.load(folder, "cpu", lengths=(4, 4))
    with pytest.raises(ValueError, match="1 or more"):
        Solver.load(make(tmp_path / "doubtful"), "cpu", beam=0).read(arrays)


@pytest.mark.parametrize(("name", "left_out", "charset"), [("ctc", "A", "CB"), ("heads", "C", "BA")])
def test_a_charset_leaves_the_other_characters_out(tmp_path, name, left_out, charset):
    folder = make(tmp_path, name)
    arrays = np.random.default_rng(1).integers(0, 256, (40, SIZE[1], SIZE[0]), dtype=np.uint8)
    free = Solver.load(folder, "cpu")
    some = Solver.load(folder, "cpu", charset=charset, lengths=(2, 3))
    assert left_out in "".join(answer.text for answer in free.read(arrays))
    answers = some.read(arrays)
    assert set("".join(answer.text for answer in answers)) <= set(charset)
    assert all(2 <= len(answer.text) <= 3 and 0 < answer.confidence <= 1 for answer in answers)
    lower = Solver.load(folder, "cpu", charset=charset.lower(), ignore_case=True, lengths=(2, 3)).read(arrays)
    assert [answer.text for answer in lower] == [answer.text.lower() for answer in answers]
    with pytest.raises(CheckpointError, match="reads ABC, and not 'DEFGH"):
        Solver.load(folder, "cpu", charset="upper")
    with pytest.raises(SpecError, match="repeats 'A'"):
        Solver.load(folder, "cpu", charset="AA")
