"""Networks trained on images that are not of their input size, from the folder to the answer."""

import numpy as np
import pytest
import torch
from PIL import Image

from captcha_core.images.resize_rules import PADDED, STRETCHED
from captcha_core.networks import checkpoint
from captcha_core.rendering import open_renderer
from captcha_core.solving.solver import Solver
from captcha_core.spec import Spec
from captcha_core.training import InMemory, Streamed, TrainingPlan, choose_input, labelled_images, slices

SIZES = {
    "72x24": [(72, 24)],
    "100x30": [(100, 30)],
    "440x80": [(440, 80)],
    "mixed": [(72, 24), (100, 30), (120, 80), (440, 80)],
}
CPU = slices.Runtime(torch.device("cpu"))


def labelled(folder, sizes, count=40):
    """Write readable digits at several sizes."""
    renderer = open_renderer(Spec.make(charset="01", lengths=(1, 3)))
    images, texts = renderer.batch(5, 0, 0, count)
    for number, (image, text) in enumerate(zip(images, texts, strict=True)):
        picture = Image.fromarray(np.squeeze(image)).resize(sizes[number % len(sizes)])
        picture.save(folder / f"{text}_{number:03d}.png")
    return str(folder)


def trained(url, run, memory=0, **fields):
    chosen = choose_input(url)
    plan = TrainingPlan.make(
        problem={"charset": "01", "lengths": (1, 3), "size": chosen.size},
        settings={"channels": (4, 8, 8, 8)},
        resize_rule=chosen.rule,
        trained_on_resized=chosen.resized,
        batch=8,
        images=24,
        validation=4,
        **fields,
    )
    source = labelled_images(url, size=chosen.size, rule=chosen.rule, memory=memory)
    result = slices.train_slice(run, plan, source, runtime=CPU)
    assert result.finished
    return source, checkpoint.load(result.checkpoint)


@pytest.mark.parametrize("memory", [0, 1])
@pytest.mark.parametrize("kind", SIZES)
def test_every_size_trains_and_reads_as_it_trained(tmp_path, kind, memory):
    (tmp_path / "images").mkdir()
    url = labelled(tmp_path / "images", SIZES[kind])
    source, loaded = trained(url, tmp_path / "run", memory)
    assert isinstance(source, Streamed if memory else InMemory)
    assert loaded.model.resize_rule == (PADDED if kind == "mixed" else STRETCHED)
    assert loaded.model.trained_on_resized == (kind != "440x80")
    assert loaded.model.problem.size[1] >= 64
    solver = Solver.load(tmp_path / "run" / "checkpoint", "cpu", "torch")
    paths = sorted((tmp_path / "images").iterdir())
    answers = solver.solve(paths)
    assert [answer.error for answer in answers] == [None] * len(paths)
    assert not any(answer.resized for answer in answers)
    seen = {pixels.tobytes() for pixels in source.batch(0, 36)[0]} | {
        pixels.tobytes() for pixels in source.held_out(4)[0]
    }
    assert {solver.decode(path).tobytes() for path in paths} == seen


@pytest.mark.parametrize("name", ["heads", "vgg"])
def test_other_networks_train_on_mixed_sizes(tmp_path, name):
    (tmp_path / "images").mkdir()
    url = labelled(tmp_path / "images", SIZES["mixed"])
    chosen = choose_input(url, name)
    problem = {"charset": "01", "lengths": (1, 3), "size": chosen.size}
    plan = TrainingPlan.make(
        architecture=name, problem=problem, resize_rule=chosen.rule, batch=4, images=4, validation=2
    )
    source = labelled_images(url, size=chosen.size, rule=chosen.rule)
    assert slices.train_slice(tmp_path / "run", plan, source, runtime=CPU).finished


def test_a_network_for_one_size_says_where_an_image_was_resized(tmp_path):
    (tmp_path / "images").mkdir()
    trained(labelled(tmp_path / "images", SIZES["440x80"]), tmp_path / "run")
    solver = Solver.load(tmp_path / "run" / "checkpoint", "cpu", "torch")
    answers = solver.solve([np.zeros((80, 440), np.uint8), np.zeros((40, 440), np.uint8)])
    assert [answer.resized for answer in answers] == [False, True]


def test_a_start_from_a_network_of_another_size_keeps_all_its_trunk(tmp_path):
    from captcha_core import networks
    from captcha_core.training.initial import start_from

    (tmp_path / "images").mkdir()
    url = labelled(tmp_path / "images", SIZES["100x30"])
    shipped = checkpoint.find("lepture-170x80")
    chosen = choose_input(url, initial=checkpoint.describe(shipped))
    problem = {"charset": "0123456789", "lengths": (4, 4), "size": chosen.size}
    plan = TrainingPlan.make(problem=problem, initial=str(shipped), images=1)
    network = networks.build(plan.architecture, plan.problem, plan.settings)
    assert start_from(network, plan, shipped) == []
