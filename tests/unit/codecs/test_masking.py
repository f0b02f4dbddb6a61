"""Masks and ignored case, compared with enumerations of all outputs of the network."""

import itertools
import math
from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pytest

from captcha_core.codecs.codec import Codec
from captcha_core.codecs.ctc import CtcCodec
from captcha_core.codecs.masking import MaskedCodec, masked
from captcha_core.codecs.positions import PositionCodec
from captcha_core.errors import CheckpointError

Floats = npt.NDArray[np.float32]

CHARSET = "1aAbB"
LENGTHS = (1, 3)
# What each character of the network is read as, and those that are left out.
RESTRICTIONS = [
    ("bA", False, {"A": "A", "b": "b"}),
    ("1", False, {"1": "1"}),
    (None, True, {"1": "1", "a": "a", "A": "a", "b": "b", "B": "b"}),
    ("B1", True, {"1": "1", "b": "B", "B": "B"}),
]
KINDS: list[tuple[type[Codec], int]] = [(CtcCodec, 5), (PositionCodec, 3)]


def _logits(count: int, steps: int, classes: int, scale: float = 2.0) -> Floats:
    return np.random.default_rng(7).normal(0, scale, (count, steps, classes)).astype(np.float32)


def _spelt(labels: Iterable[str], kind: type[Codec]) -> str | None:
    """Return the text that one label a step spells; None where a character stands past a text's end."""
    if kind is CtcCodec:
        return "".join(label for label, _ in itertools.groupby(labels))
    text = "".join(labels)
    return text if "".join(itertools.takewhile(bool, labels)) == text else None


def _probabilities(
    logits: Floats, kind: type[Codec], read_as: dict[str, str], temperature: float = 1.0
) -> dict[str, float]:
    """Return the probability of every text of an allowed length, summed over all that may spell it.

    Parameters
    ----------
    logits
        (T, C), of one image.
    read_as
        What each character of `CHARSET` is read as; those left out have no probability.
    """
    labels = [read_as.get(character) for character in CHARSET]
    labels = ["", *labels] if kind is CtcCodec else [*labels, ""]  # the blank, or the end of the text
    weights = np.exp(logits.astype(float) / temperature)
    weights[:, [label is None for label in labels]] = 0
    weights /= weights.sum(1, keepdims=True)
    steps = [
        [(label, weight) for label, weight in zip(labels, row, strict=True) if label is not None]
        for row in weights
    ]
    probabilities: Counter[str] = Counter()
    for path in itertools.product(*steps):
        text = _spelt([label for label, _ in path], kind)
        if text is not None and LENGTHS[0] <= len(text) <= LENGTHS[1]:
            probabilities[text] += math.prod(weight for _, weight in path)
    return probabilities


@pytest.mark.parametrize(("charset", "ignore_case", "read_as"), RESTRICTIONS)
@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.5])
@pytest.mark.parametrize(("kind", "steps"), KINDS)
def test_probabilities_are_those_of_an_enumeration(
    kind: type[Codec],
    steps: int,
    temperature: float,
    charset: str | None,
    ignore_case: bool,
    read_as: dict[str, str],
) -> None:
    network = kind(CHARSET, LENGTHS, temperature)
    codec = masked(network, charset, ignore_case=ignore_case)
    assert isinstance(codec, MaskedCodec)
    logits = _logits(4, steps, network.classes)
    decoded = codec.decode(logits)
    for row, answer in enumerate(decoded.answers()):
        expected = _probabilities(logits[row], kind, read_as, temperature)
        assert answer.confidence == pytest.approx(expected[answer.text], rel=1e-4)
        texts = list(expected)
        rows = np.repeat(logits[row : row + 1], len(texts), 0)
        measured = codec.probability(rows, codec.codec.encode(texts))
        np.testing.assert_allclose(measured, [expected[text] for text in texts], rtol=1e-4)
        assert measured.sum() <= 1 + 1e-6


@pytest.mark.parametrize(("charset", "ignore_case", "read_as"), RESTRICTIONS)
@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("lengths", [None, (2, 2), (2, 3)])
@pytest.mark.parametrize(("kind", "steps"), KINDS)
def test_a_wide_beam_and_positions_find_the_most_probable_text(
    kind: type[Codec],
    steps: int,
    lengths: tuple[int, int] | None,
    temperature: float,
    charset: str | None,
    ignore_case: bool,
    read_as: dict[str, str],
) -> None:
    network = kind(CHARSET, LENGTHS, temperature)
    codec = masked(network, charset, ignore_case=ignore_case)
    logits = _logits(6, steps, network.classes, scale=1.0)
    low, high = lengths or LENGTHS
    for row, answer in enumerate(codec.decode(logits, beam=60, lengths=lengths).answers()):
        # The text of a network with positions is the likeliest one at the temperature 1.
        scale = temperature if kind is CtcCodec or ignore_case else 1.0
        expected = _probabilities(logits[row], kind, read_as, scale)
        best = max((text for text in expected if low <= len(text) <= high), key=expected.__getitem__)
        assert answer.text == best
        assert len(answer.characters) == len(answer.text)


@pytest.mark.parametrize(("charset", "ignore_case", "read_as"), RESTRICTIONS)
@pytest.mark.parametrize("lengths", [None, (1, 1), (3, 3)])
@pytest.mark.parametrize("beam", [None, 3])
@pytest.mark.parametrize(("kind", "steps"), KINDS)
def test_no_other_characters_and_lengths_are_read(
    kind: type[Codec],
    steps: int,
    beam: int | None,
    lengths: tuple[int, int] | None,
    charset: str | None,
    ignore_case: bool,
    read_as: dict[str, str],
) -> None:
    network = kind(CHARSET, LENGTHS)
    codec = masked(network, charset, ignore_case=ignore_case)
    low, high = lengths or LENGTHS
    answers = codec.decode(_logits(300, steps, network.classes), beam=beam, lengths=lengths).answers()
    assert {character for answer in answers for character in answer.text} == set(read_as.values())
    assert all(low <= len(answer.text) <= high for answer in answers)
    assert all(0 <= value <= 1 for answer in answers for value in (answer.confidence, *answer.characters))


def test_a_letter_is_read_where_only_its_two_cases_together_outweigh_the_blank() -> None:
    network = CtcCodec("cC", (1, 2))
    logits = np.log([[[0.4, 0.3, 0.3], [0.98, 0.01, 0.01], [0.1, 0.1, 0.8]]]).astype(np.float32)
    assert network.decode(logits).texts() == ["C"]
    answer = masked(network, None, ignore_case=True).decode(logits).answers()[0]
    assert answer.text == "cc"
    assert answer.characters == pytest.approx((0.6, 0.9), rel=1e-5)


def test_more_than_two_characters_may_differ_in_case_alone() -> None:
    codec = masked(PositionCodec("Σσxς", (1, 1)), None, ignore_case=True)
    logits = np.log([[[0.2, 0.2, 0.35, 0.25]]]).astype(np.float32)
    answer = codec.decode(logits).answers()[0]
    assert (answer.text, answer.confidence) == ("Σ", pytest.approx(0.65, rel=1e-5))


@pytest.mark.parametrize(("kind", "steps"), KINDS)
def test_a_mask_leaves_the_choice_of_texts_free_of_the_temperature(kind: type[Codec], steps: int) -> None:
    plain = masked(kind("ABC", LENGTHS), "AB", ignore_case=False)
    tempered = masked(kind("ABC", LENGTHS, 3.7), "AB", ignore_case=False)
    logits = _logits(2000, steps, 4, scale=1.0)
    first = kind.first_character
    logits[:, :, first] = np.nextafter(logits[:, :, first + 1], np.float32(9))  # the larger by one bit
    before, after = plain.decode(logits), tempered.decode(logits)
    assert (before.codes == after.codes).all()
    assert not np.allclose(before.confidence, after.confidence)


@pytest.mark.parametrize("kind", [CtcCodec, PositionCodec])
def test_where_nothing_is_left_out_the_networks_own_codec_is_used(kind: type[Codec]) -> None:
    upper = kind("AB1", LENGTHS)
    assert masked(upper, None, ignore_case=False) is upper
    assert masked(upper, "1AB", ignore_case=False) is upper
    assert masked(upper, None, ignore_case=True) is upper


@pytest.mark.parametrize(("kind", "steps"), KINDS)
def test_the_spelling_of_a_network_of_one_case_can_be_chosen(kind: type[Codec], steps: int) -> None:
    network = kind("AB1", LENGTHS)
    logits = _logits(50, steps, network.classes)
    lower = masked(network, "1ab", ignore_case=True).decode(logits)
    assert lower.texts() == [text.lower() for text in network.decode(logits).texts()]
    np.testing.assert_allclose(lower.confidence, network.decode(logits).confidence, rtol=1e-5)


@pytest.mark.parametrize("kind", [CtcCodec, PositionCodec])
def test_characters_that_the_network_does_not_read_are_named(kind: type[Codec]) -> None:
    with pytest.raises(CheckpointError, match="reads AB1, and not 'ab'"):
        masked(kind("AB1", LENGTHS), "1ab", ignore_case=False)
    with pytest.raises(CheckpointError, match="and not 'é'"):
        masked(kind("AB1", LENGTHS), "aé", ignore_case=True)
    with pytest.raises(CheckpointError, match="and not ''"):
        masked(kind("AB1", LENGTHS), "", ignore_case=True)


@pytest.mark.parametrize(("kind", "steps"), KINDS)
def test_an_empty_batch_stays_empty(kind: type[Codec], steps: int) -> None:
    network = kind(CHARSET, LENGTHS)
    empty = _logits(0, steps, network.classes)
    assert masked(network, "a", ignore_case=True).decode(empty, beam=2).answers() == []
