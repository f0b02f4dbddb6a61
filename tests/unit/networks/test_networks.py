import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError

from captcha_core import networks
from captcha_core.errors import TrainingError
from captcha_core.networks import Problem
from captcha_core.networks.ctc import columns_needed
from captcha_core.networks.layers import fold_batch_norms
from captcha_core.spec import Spec


def problem(**fields):
    return Problem(
        **({"charset": "alnum-upper", "lengths": (4, 4), "size": (170, 80), "channels": 1} | fields)
    )


def parameters(network):
    return sum(each.numel() for each in network.parameters())


@pytest.mark.parametrize(
    "module", ["networks", "networks.checkpoint", "codecs.codec", "evaluation", "training", "training.plan"]
)
def test_torch_is_not_imported_before_it_is_needed(module):
    code = f"import sys, captcha_core.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_default_network_is_the_measured_one():
    network = networks.build("ctc", problem())
    assert parameters(network) == 343_973
    assert network(torch.zeros(2, 1, 80, 170)).shape == (2, 21, 37)


def test_vgg_is_the_origins():
    network = networks.build("vgg", problem(channels=3))
    assert network.head.in_features == 1536
    assert parameters(network) == 1_393_584
    assert network(torch.zeros(2, 3, 80, 170)).shape == (2, 4, 36)


TASKS = [
    ((160, 60), "digits", (4, 4)),
    ((91, 77), "01", (1, 2)),
    ((240, 130), "alnum", (4, 6)),
    ((90, 200), "A", (3, 3)),
]
# vgg has no room on images of fewer than 76 rows
COMBINATIONS = [
    (name, *task) for name in networks.ARCHITECTURES for task in TASKS if name != "vgg" or task[0][1] >= 76
]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("name", "size", "charset", "lengths"), COMBINATIONS)
def test_any_size_charset_and_length(name, channels, size, charset, lengths):
    task = problem(size=size, charset=charset, lengths=lengths, channels=channels)
    network = networks.build(name, task).eval()
    codec = networks.codec(name, task)
    logits = network(torch.rand(3, channels, size[1], size[0]))
    assert logits.shape[::2] == (3, codec.classes)
    texts = codec.decode(logits.detach().numpy()).texts()
    assert all(lengths[0] <= len(text) <= lengths[1] and set(text) <= set(task.charset) for text in texts)


@pytest.mark.parametrize("size", [(8, 8), (16, 16), (64, 9), (33, 32)])
def test_small_images_have_room_for_one_character(size):
    network = networks.build("ctc", problem(size=size, lengths=(1, 1)))
    assert network(torch.zeros(2, 1, size[1], size[0])).shape[1] >= 1


def test_columns_get_finer_where_the_longest_text_needs_them():
    wide, long = problem(size=(160, 60), lengths=(4, 4)), problem(size=(160, 60), lengths=(4, 12))
    assert networks.build("ctc", wide).trunk.columns == 20
    network = networks.build("ctc", long)
    assert network.trunk.columns == 39 >= columns_needed(long)
    assert network(torch.zeros(1, 1, 60, 160)).shape[1] == 39


def test_texts_too_long_for_the_width_are_refused_with_what_to_do():
    with pytest.raises(TrainingError, match=r"give 15 columns.*8 characters need 15|wider images"):
        networks.build("ctc", problem(size=(64, 32), lengths=(9, 9)))
    with pytest.raises(TrainingError, match="column=4"):
        networks.build("ctc", problem(size=(64, 32), lengths=(6, 6)), {"column": 8})


@pytest.mark.parametrize(("name", "size"), [("ctc", (7, 40)), ("heads", (40, 7)), ("vgg", (170, 75))])
def test_images_too_small_are_refused(name, size):
    with pytest.raises(TrainingError, match="too small"):
        networks.build(name, problem(size=size, lengths=(1, 1)))


def test_unknown_names_and_settings_are_named():
    with pytest.raises(TrainingError, match="ctc, heads, vgg"):
        networks.build("resnet", problem())
    with pytest.raises(TrainingError, match="'depth' of network ctc"):
        networks.build("ctc", problem(), {"depth": 3})


def test_settings_change_the_size():
    small = networks.build("ctc", problem(), {"channels": (8, 16, 24, 32), "blocks": 0, "context": 1})
    assert parameters(small) < 40_000


def test_a_problem_checks_itself():
    assert Problem.from_spec(Spec(), 3) == problem(channels=3)
    for wrong in [
        {"charset": "AAB"},
        {"lengths": (3, 2)},
        {"lengths": (0, 2)},
        {"channels": 2},
        {"size": (0, 9)},
    ]:
        with pytest.raises(ValidationError):
            problem(**wrong)


@pytest.mark.parametrize("name", ["ctc", "heads"])
def test_folding_batch_norm_changes_rounding_only(name):
    network = networks.build(name, problem(size=(64, 32), lengths=(2, 2)))
    for _ in range(3):
        network(torch.randn(8, 1, 32, 64) * 2 + 1)  # so that the running statistics are not the identity
    network.eval()
    images = torch.randn(4, 1, 32, 64)
    with torch.no_grad():
        before = network(images)
        after = fold_batch_norms(network)(images)
    assert not any(isinstance(each, torch.nn.BatchNorm2d) for each in network.modules())
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)
