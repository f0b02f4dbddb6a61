import pytest
from PIL import Image

from captcha_core.datasets import Dataset, Plan
from captcha_core.errors import DatasetError
from captcha_core.images.resize_rules import PADDED, STRETCHED
from captcha_core.networks import checkpoint
from captcha_core.spec import Spec
from captcha_core.training import InputSize, choose_input, read_problem
from captcha_core.training.input_size import suitable_input


def images(folder, *sizes):
    for number, size in enumerate(sizes):
        Image.new("L", size, 200).save(folder / f"{'ABCD'[: 2 + number % 3]}_{number:03d}.png")
    return str(folder)


@pytest.mark.parametrize("size", [(170, 80), (160, 60), (200, 50), (440, 80), (160, 96)])
def test_images_of_one_sensible_size_keep_it(tmp_path, size):
    url = images(tmp_path, *[size] * 3)
    assert choose_input(url) == InputSize(size, STRETCHED, resized=False, reason="")
    assert read_problem(url).size == size


@pytest.mark.parametrize(
    ("own", "size"),
    [
        ((72, 24), (192, 64)),
        ((100, 30), (216, 64)),
        ((400, 200), (128, 64)),
        ((3000, 100), (768, 64)),
        ((30, 300), (56, 64)),  # four characters take 7 columns
    ],
)
def test_images_of_another_size_are_scaled_to_a_sensible_one(own, size):
    assert suitable_input([own] * 9, longest=4) == InputSize(
        size, STRETCHED, resized=True, reason=f"the images are {own[0]}×{own[1]}"
    )


def test_long_texts_get_a_wider_input():
    assert suitable_input([(100, 50)], longest=6).size == (100, 50)
    assert suitable_input([(100, 50)], longest=10).size == (152, 50)
    assert suitable_input([(72, 24)], longest=20).size == (312, 64)


def test_mixed_sizes_are_padded_to_the_aspect_in_their_middle(tmp_path):
    url = images(tmp_path, (54, 36), (72, 24), (99, 36), (100, 30), (440, 80))
    assert choose_input(url) == InputSize(
        (192, 64), PADDED, resized=True, reason="the images are 72×24 to 440×80"
    )


def test_the_order_of_the_images_does_not_matter():
    sizes = [(300, 60), *[(120, 40)] * 30, *[(100, 50)] * 20]
    assert suitable_input(sizes, 4) == suitable_input(sizes[::-1], 4)
    assert suitable_input(sizes, 4).size == (120, 40)


def test_a_few_odd_sizes_among_many_do_not_count():
    chosen = suitable_input([(9, 7), *[(170, 80)] * 19], 4)
    assert (chosen.size, chosen.rule, chosen.resized) == ((170, 80), STRETCHED, True)
    assert chosen.reason == "most images have it, 9×7 to 170×80"


def test_a_start_from_another_network_keeps_its_size_and_rule(tmp_path):
    shipped = checkpoint.describe(checkpoint.find("lepture-170x80"))
    url = images(tmp_path, (160, 60), (160, 60))
    chosen = choose_input(url, initial=shipped)
    assert (chosen.size, chosen.rule, chosen.resized) == ((170, 80), STRETCHED, True)
    padding = shipped.model_copy(update={"resize_rule": PADDED})
    assert choose_input(url, initial=padding).rule == PADDED
    assert choose_input(images(tmp_path, (170, 80), (170, 80)), initial=shipped) == InputSize((170, 80))


def test_a_generated_dataset_has_its_specs_size(tmp_path):
    spec = Spec.make(width=48, height=24, lengths=4, charset="0123", look={"font_sizes": (14, 16)})
    dataset = Dataset.begin(str(tmp_path), Plan(spec=spec, shards=1, per_shard=2))
    dataset.write_shard(0)
    dataset = dataset.finish()
    shipped = checkpoint.describe(checkpoint.find("lepture-170x80"))
    assert choose_input(dataset) == choose_input(dataset, initial=shipped) == InputSize((48, 24))


def test_a_network_that_needs_larger_images_gets_them(tmp_path):
    assert choose_input(images(tmp_path, (100, 30)), "vgg").size == (272, 80)
    assert choose_input(images(tmp_path, (170, 80)), "vgg").size == (170, 80)


def test_what_cannot_be_read_does_not_count(tmp_path):
    images(tmp_path, (100, 30))
    before = choose_input(str(tmp_path))
    (tmp_path / "AB_9.png").write_bytes(b"no image")
    assert choose_input(str(tmp_path)) == before
    for path in tmp_path.iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(DatasetError, match=r"can be read, as AB_\d+\.png: not a PNG"):
        choose_input(str(tmp_path))
    (tmp_path / "labels.csv").write_text("file_name,text\n")
    for read in (choose_input, read_problem):
        with pytest.raises(DatasetError, match="holds no images"):
            read(str(tmp_path))
