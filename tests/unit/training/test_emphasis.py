from collections import Counter

import numpy as np
import pydantic
import pytest

from captcha_core.errors import TrainingError
from captcha_core.spec import Spec
from captcha_core.training import Emphasis, EmphasisedTexts, Rendered

SPEC = Spec.make(width=64, height=32, lengths=(2, 4), charset="0123456789", look={"font_sizes": (20, 24)})


def source(**fields):
    return EmphasisedTexts(SPEC, 3, Emphasis(**({"characters": "08", "until": 600} | fields)))


def test_the_characters_take_their_share_of_the_places():
    texts = source(share=0.5).batch(0, 600)[1]
    seen = Counter("".join(texts))
    # Half of all places, and a fifth of the other half.
    assert 0.55 < (seen["0"] + seen["8"]) / seen.total() < 0.65
    assert 0.4 < seen["0"] / (seen["0"] + seen["8"]) < 0.6
    assert {len(text) for text in texts} == {2, 3, 4}


def test_after_its_end_the_images_are_the_specs_own():
    images, texts = source().batch(550, 100)
    own_images, own_texts = Rendered(SPEC, 3).batch(550, 100)
    assert texts[50:] == own_texts[50:]
    assert (images[50:] == own_images[50:]).all()
    assert texts[:50] != own_texts[:50]
    assert source().held_out(20)[1] == Rendered(SPEC, 3).held_out(20)[1]


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_a_stream_does_not_depend_on_how_it_is_cut(cut):
    whole = source().batch(8100, 200), source().batch(520, 160)
    for (images, texts), begin in zip(whole, (8100, 520), strict=True):
        parts = [
            source().batch(at, min(cut, begin + len(texts) - at))
            for at in range(begin, begin + len(texts), cut)
        ]
        assert [text for _, each in parts for text in each] == texts
        assert (np.concatenate([each for each, _ in parts]) == images).all()


def test_what_cannot_be_emphasised_is_refused():
    with pytest.raises(TrainingError, match="XZ"):
        source(characters="0ZX")
    with pytest.raises(TrainingError, match="seed"):
        EmphasisedTexts(SPEC, 1 << 62, Emphasis(characters="0", until=1))
    for wrong in ({"characters": ""}, {"share": 0}, {"share": 1.5}, {"until": 0}):
        with pytest.raises(pydantic.ValidationError):
            source(**wrong)


def test_the_record_says_so():
    assert source().describe()["emphasis"] == {"characters": "08", "share": 0.25, "until": 600}
