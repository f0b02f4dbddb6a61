import numpy as np
import pytest

from captcha_core.codecs.ctc import CtcCodec
from captcha_core.codecs.positions import PositionCodec
from captcha_core.evaluation import Evaluation
from captcha_core.training import calibration

CHARSET = "ABCDEF"


def drawn(count, factor, seed=0):
    """Logits of a network whose calibrated ones are multiplied by `factor`, and true texts.

    The true texts are drawn from the calibrated probabilities, so that these are right by making.
    """
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2.5, (count, 3, len(CHARSET)))
    gumbel = rng.gumbel(size=logits.shape)
    places = (logits + gumbel).argmax(2)  # a draw from the softmax
    texts = ["".join(CHARSET[place] for place in row) for row in places.tolist()]
    return (factor * logits).astype(np.float32), texts


def error(codec, logits, texts):
    return Evaluation.count(zip(texts, codec.decode(logits).answers(), strict=True)).calibration_error()


@pytest.mark.parametrize("factor", [0.5, 2.0, 4.0])
def test_the_temperature_undoes_too_much_and_too_little_confidence(factor):
    plain = PositionCodec(CHARSET, (3, 3))
    logits, texts = drawn(3000, factor)
    found = calibration.fit(logits, plain, texts)
    assert found == pytest.approx(factor, rel=0.1)
    logits, texts = drawn(4000, factor, seed=1)
    tempered = PositionCodec(CHARSET, (3, 3), found)
    assert error(tempered, logits, texts) < 0.03
    assert error(tempered, logits, texts) < error(plain, logits, texts) / 2


def test_a_calibrated_network_keeps_its_confidences():
    logits, texts = drawn(3000, 1)
    assert calibration.fit(logits, PositionCodec(CHARSET, (3, 3)), texts) == pytest.approx(1, abs=0.1)


def test_a_ctc_network_too_sure_of_itself_is_calibrated():
    rng = np.random.default_rng(0)
    codec = CtcCodec(CHARSET, (1, 3))
    logits = rng.normal(0, 0.5, (4000, 6, codec.classes)).astype(np.float32)
    texts = ["".join(rng.choice(list(CHARSET), 3)) for _ in range(4000)]
    for row, text in enumerate(texts):
        for place, character in enumerate(text):
            shown = character if rng.random() > 0.15 else rng.choice(list(CHARSET))
            logits[row, 2 * place, CHARSET.index(shown) + 1] += rng.normal(12, 3)
            logits[row, 2 * place + 1, 0] += 12
    found = calibration.fit(logits[:2000], codec, texts[:2000])
    assert found > 1.3
    tempered = CtcCodec(CHARSET, (1, 3), found)
    assert error(tempered, logits[2000:], texts[2000:]) < error(codec, logits[2000:], texts[2000:]) / 2


def test_few_images_say_nothing_and_no_fault_says_little():
    codec = PositionCodec(CHARSET, (3, 3))
    logits, texts = drawn(calibration.FEWEST - 1, 4)
    assert calibration.fit(logits, codec, texts) == 1
    assert calibration.fit(np.zeros((0, 0, 0), np.float32), codec, []) == 1
    sure, _ = drawn(200, 40)  # 98 % on average, and all come true
    assert 0.7 < calibration.fit(sure, codec, codec.decode(sure).texts()) < 1


def test_logits_held_at_once_are_bounded():
    assert calibration.enough(21 * 37) == 4000
    assert calibration.enough(64 * 1025) * 64 * 1025 * 4 <= 1 << 27
