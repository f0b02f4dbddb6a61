import io

import pytest
from PIL import Image

from captcha_core.networks import checkpoint
from cli.options.checkpoint import warn_of_size


def picture(size):
    buffer = io.BytesIO()
    Image.new("L", size).save(buffer, "PNG")
    return buffer.getvalue()


def _of_one_size() -> list[str]:
    models = {name: checkpoint.describe(checkpoint.find(name)) for name in checkpoint.shipped()}
    return [name for name, model in models.items() if not model.trained_on_resized]


@pytest.mark.parametrize("name", _of_one_size())
def test_shipped_networks_of_one_size_warn_of_sizes_that_they_were_not_trained_for(capsys, name):
    model = checkpoint.describe(checkpoint.find(name))
    warn_of_size(picture(model.problem.size), model)
    assert capsys.readouterr().err == ""
    warn_of_size(picture((100, 30)), model)
    assert "which it was not trained for" in capsys.readouterr().err


def test_a_network_that_was_trained_on_resized_images_warns_of_none(capsys):
    model = checkpoint.describe(checkpoint.default()).model_copy(update={"trained_on_resized": True})
    warn_of_size(picture((100, 30)), model)
    assert capsys.readouterr().err == ""
