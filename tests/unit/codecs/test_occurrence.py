"""What occurs in the texts of a set, estimated from probabilities that are often wrong."""

import numpy as np
import pytest

from captcha_core.codecs import ctc_paths
from captcha_core.codecs.codec import softmax
from captcha_core.codecs.ctc import CtcCodec
from captcha_core.codecs.masking import masked
from captcha_core.codecs.occurrence import length_range, occurring

CHARSET = "0123456789OIl"
CONFUSED = {"0": "O", "1": "l"}  # each taken for the other in every third image


def _logits(texts: list[str], columns: int = 20, seed: int = 1) -> np.ndarray:
    """Outputs of a network that reads CHARSET, two columns a character, and confuses some: (N, T, C)."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 0.3, (len(texts), columns, len(CHARSET) + 1))
    logits[:, :, ctc_paths.BLANK] += 6
    for row, text in enumerate(texts):
        for position, character in enumerate(text):
            column = 3 * position + 1
            logits[row, column, ctc_paths.BLANK] -= 8
            logits[row, column, CHARSET.index(character) + 1] += 6
            if character in CONFUSED:
                other = CHARSET.index(CONFUSED[character]) + 1
                logits[row, column, other] += 5 + 1.5 * (random.random() < 1 / 3)
    return logits.astype(np.float32)


def _texts(charset: str, lengths: tuple[int, int], count: int, seed: int = 2) -> list[str]:
    random = np.random.default_rng(seed)
    return [
        "".join(random.choice(list(charset), random.integers(lengths[0], lengths[1] + 1)))
        for _ in range(count)
    ]


def test_characters_and_lengths_that_do_not_occur_are_left_out_though_some_are_read() -> None:
    codec = CtcCodec(CHARSET, (3, 6))
    texts = _texts("0123456789", (5, 5), 200)
    logits = _logits(texts)
    assert any("O" in text for text in codec.decode(logits).texts())
    occurrence = codec.occurrence(logits)
    assert (occurrence.charset, occurrence.lengths) == ("0123456789", (5, 5))
    narrowed = masked(codec, occurrence.charset, ignore_case=False)
    assert narrowed.decode(logits, lengths=occurrence.lengths).texts() == texts


def test_what_occurs_is_kept_though_it_is_confused() -> None:
    codec = CtcCodec(CHARSET, (3, 6))
    occurrence = codec.occurrence(_logits(_texts(CHARSET, (3, 5), 200)))
    assert (occurrence.charset, occurrence.lengths) == (CHARSET, (3, 5))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_few_images_leave_no_character_out(count: int) -> None:
    codec = CtcCodec(CHARSET, (3, 6))
    occurrence = codec.occurrence(_logits(_texts("0123456789", (5, 5), count)))
    assert (occurrence.charset, occurrence.lengths) == (CHARSET, (3, 6))


def test_only_allowed_lengths_and_characters_are_estimated() -> None:
    codec = CtcCodec(CHARSET, (3, 6))
    logits = _logits(_texts("23456789", (5, 5), 200))
    assert codec.occurrence(logits, lengths=(3, 4)).lengths in {(4, 4), (3, 4)}
    digits = masked(codec, "0123456789", ignore_case=False).occurrence(logits)
    assert digits.charset == "23456789"


def test_a_class_is_left_out_only_where_its_absence_is_no_chance() -> None:
    certain = np.eye(4)[np.repeat([0, 1, 2], 4)]
    assert occurring(certain).tolist() == [True] * 4  # 2 of 12 could well be none
    assert occurring(np.tile(certain, (20, 1))).tolist() == [True, True, True, False]
    assert length_range(np.tile(certain, (20, 1)), 3) == (3, 5)


def test_the_probability_of_lengths_is_that_of_all_texts_of_that_length() -> None:
    probabilities = softmax(np.random.default_rng(3).normal(0, 2, (5, 4, 3)))
    of_length = ctc_paths.length_probability(probabilities, 4)
    codes = [[-1, -1], *([a, -1] for a in (0, 1)), *([a, b] for a in (0, 1) for b in (0, 1))]
    for length in (0, 1, 2):
        texts = [code for code in codes if sum(c >= 0 for c in code) == length]
        expected = sum(ctc_paths.text_probability(probabilities, np.array([text] * 5)) for text in texts)
        np.testing.assert_allclose(of_length[:, length], expected, rtol=1e-5)
    np.testing.assert_allclose(of_length.sum(1), 1, rtol=1e-5)
