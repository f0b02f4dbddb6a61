import itertools
import math

import numpy as np
import pytest
import torch

from captcha_core.codecs import ctc_beam, ctc_paths
from captcha_core.codecs.codec import codes_to_texts, log_softmax
from captcha_core.codecs.ctc import CtcCodec
from captcha_core.codecs.positions import PositionCodec
from captcha_core.errors import CheckpointError, LabelError


def collapsed(path):
    return tuple(key for key, _ in itertools.groupby(path) if key)


def random_logits(count, steps, classes, seed=0, scale=3.0):
    return np.random.default_rng(seed).normal(0, scale, (count, steps, classes)).astype(np.float32)


def logits_of(paths, classes):
    """Logits that are nearly certain of each path."""
    logits = np.full((len(paths), len(paths[0]), classes), -20.0, np.float32)
    for row, path in enumerate(paths):
        logits[row, range(len(path)), path] = 20
    return logits


def test_encode_pads_and_orders_as_the_charset():
    codec = CtcCodec("XAB", (1, 3))
    assert codec.encode(["AB", "X", "BXA"]).tolist() == [[1, 2, -1], [0, -1, -1], [2, 0, 1]]


@pytest.mark.parametrize("text", ["", "AAAA", "AZ"])
def test_encode_refuses_what_cannot_be_learnt(text):
    with pytest.raises(LabelError, match="network"):
        CtcCodec("AB", (1, 3)).encode([text])


def test_spell_is_the_inverse_of_encode_beyond_ascii():
    charset = "0Aß漢😀"
    texts = ["漢", "😀ß", "A0漢😀"]
    assert codes_to_texts(charset, CtcCodec(charset, (1, 4)).encode(texts)) == texts


def test_ctc_collapses_runs_and_keeps_repeats_parted_by_a_blank():
    paths = [[1, 1, 0, 1, 2, 2], [0, 0, 3, 3, 3, 0], [1, 2, 1, 2, 0, 0]]
    decoded = CtcCodec("ABC", (1, 4)).decode(logits_of(paths, 4))
    assert decoded.texts() == ["AAB", "C", "ABAB"]
    assert decoded.confidence == pytest.approx([1, 1, 1], abs=1e-6)
    first = decoded.answers()[0]
    assert first.error is None
    assert first.characters == pytest.approx((1, 1, 1), abs=1e-6)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 2), (2, 3), (1, 3), (3, 3)])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_best_path_of_a_length_is_the_brute_force_one(low, high, classes):
    steps = 5
    logs = log_softmax(random_logits(12, steps, classes, seed=low * 10 + high))
    paths = [p for p in itertools.product(range(classes), repeat=steps) if low <= len(collapsed(p)) <= high]
    decoded = ctc_paths.best_path_of_length(logs, low, high)
    for row in range(len(logs)):
        scores = [logs[row, range(steps), p].sum() for p in paths]
        best = paths[int(np.argmax(scores))]
        assert tuple(decoded[row]) == best, (row, max(scores))


def test_best_paths_do_not_depend_on_how_rows_are_chunked():
    logs = log_softmax(random_logits(50, 9, 5))
    whole = ctc_paths.best_path_of_length(logs, 3, 4)
    assert (ctc_paths.best_path_of_length(logs, 3, 4, cells=1) == whole).all()


def test_confidence_is_the_sum_over_all_alignments():
    classes, steps = 3, 5
    logits = random_logits(20, steps, classes, scale=1.5)
    decoded = CtcCodec("AB", (1, 3)).decode(logits)
    probabilities = np.exp(log_softmax(logits)).astype(float)
    for row, codes in enumerate(decoded.codes):
        text = tuple(int(code) + 1 for code in codes if code >= 0)
        total = sum(
            probabilities[row, range(steps), path].prod()
            for path in itertools.product(range(classes), repeat=steps)
            if collapsed(path) == text
        )
        assert decoded.confidence[row] == pytest.approx(total, rel=1e-5)


def test_every_decoded_text_has_an_allowed_length():
    for lengths in [(1, 1), (4, 4), (2, 6)]:
        decoded = CtcCodec("ABCDE", lengths).decode(random_logits(300, 13, 6, scale=1))
        assert all(lengths[0] <= len(text) <= lengths[1] for text in decoded.texts())
        assert ((decoded.confidence >= 0) & (decoded.confidence <= 1)).all()


def test_greedy_decoding_stands_where_its_length_is_allowed():
    logits = random_logits(200, 9, 4, scale=2)
    free, narrow = CtcCodec("ABC", (1, 9)).decode(logits), CtcCodec("ABC", (3, 5)).decode(logits)
    same = [(a, b) for a, b in zip(free.texts(), narrow.texts(), strict=True) if 3 <= len(a) <= 5]
    assert same
    assert all(a == b for a, b in same)


def test_ctc_loss_is_the_negative_log_of_the_confidence():
    codec = CtcCodec("AB", (2, 2))
    logits = random_logits(6, 7, 3)
    decoded = codec.decode(logits)
    expected = -np.log(decoded.confidence) / 2  # per character
    loss = codec.loss(torch.from_numpy(logits), decoded.codes)
    assert float(loss) == pytest.approx(expected.mean(), rel=1e-4)


def test_positions_of_fixed_length_have_no_end_class():
    codec = PositionCodec("ABC", (2, 2))
    assert codec.classes == 3
    decoded = codec.decode(logits_of([[0, 2], [1, 1]], 3))
    assert decoded.texts() == ["AC", "BB"]


def test_positions_take_the_likeliest_text_of_an_allowed_length():
    codec = PositionCodec("AB", (1, 3))
    logits = random_logits(50, 3, codec.classes)
    decoded = codec.decode(logits)
    logs = log_softmax(logits)
    for row, text in enumerate(decoded.texts()):
        best, score = "", -math.inf
        for length in (1, 2, 3):
            for letters in itertools.product("AB", repeat=length):
                classes = ["AB".index(letter) for letter in letters] + [2] * (3 - length)
                value = float(logs[row, range(3), classes].sum())
                if value > score:
                    best, score = "".join(letters), value
        assert text == best
        assert decoded.confidence[row] == pytest.approx(math.exp(score), rel=1e-4)
        assert len(decoded.answers()[row].characters) == len(text)


@pytest.mark.parametrize("codec", [CtcCodec("AB", (1, 2)), PositionCodec("AB", (1, 2))])
def test_an_empty_batch_decodes_to_nothing(codec):
    assert (
        codec.decode(np.zeros((0, 4, 3), np.float32)[:, : 4 if isinstance(codec, CtcCodec) else 2]).answers()
        == []
    )


def chances(logs, low, high):
    """The probability of every text of `low` to `high` characters, by brute force."""
    steps, classes = logs.shape
    paths = np.array(list(itertools.product(range(classes), repeat=steps)))
    probabilities = {}
    for path, chance in zip(
        paths.tolist(), np.exp(logs.astype(float)[range(steps), paths].sum(1)), strict=True
    ):
        text = collapsed(path)
        if low <= len(text) <= high:
            probabilities[text] = probabilities.get(text, 0) + chance
    return probabilities


def classes_of(codes):
    return tuple(int(code) + 1 for code in codes if code >= 0)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 2), (1, 3), (3, 3), (2, 5)])
@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_a_wide_beam_finds_the_most_probable_text(low, high, scale):
    logs = log_softmax(random_logits(4, 5, 4, seed=high, scale=scale))
    found_codes = ctc_beam.search(logs, low, high, 300)
    for row, codes in zip(logs, found_codes, strict=True):
        probabilities = chances(row, low, high)
        assert probabilities[classes_of(codes)] == pytest.approx(max(probabilities.values()), rel=1e-9)


def test_beams_of_one_character_find_repeats_with_blanks_between():
    logs = log_softmax(random_logits(20, 7, 2, scale=1))
    assert (ctc_beam.search(logs, 4, 4, 2) == 0).all()


def test_beams_do_not_depend_on_how_rows_are_chunked():
    logs = log_softmax(random_logits(30, 9, 5, scale=1))
    whole = ctc_beam.search(logs, 3, 4, 6)
    assert (ctc_beam.search(logs, 3, 4, 6, cells=1) == whole).all()


def test_the_most_probable_text_is_not_that_of_the_likeliest_path():
    # Blank, blank, B is the likeliest path; AB has more paths, A-B, AAB and -AB among them.
    logits = np.log([[0.4, 0.35, 0.25], [0.4, 0.35, 0.25], [0.1, 0.2, 0.7]]).astype(np.float32)[None]
    codec = CtcCodec("AB", (1, 2))
    assert codec.decode(logits).texts() == ["B"]
    assert codec.decode(logits, beam=8).texts() == ["AB"]


def test_a_beam_never_makes_a_text_less_probable_and_a_wide_one_makes_it_the_best():
    logits = random_logits(30, 5, 4, scale=1)
    codec = CtcCodec("ABC", (2, 4))
    plain, narrow, wide = codec.decode(logits), codec.decode(logits, beam=1), codec.decode(logits, beam=99)
    assert (narrow.confidence >= plain.confidence).all()
    assert (wide.confidence >= narrow.confidence).all()
    assert wide.texts() != plain.texts()
    for row, reading in enumerate(wide.answers()):
        best = max(chances(log_softmax(logits)[row], 2, 4).values())
        assert reading.confidence == pytest.approx(best, rel=1e-5)
        assert len(reading.characters) == len(reading.text)
        assert all(0 < each <= 1 for each in reading.characters)


@pytest.mark.parametrize("high", [1, 2, 4])
def test_aligning_gives_the_likeliest_path_that_spells_a_text(high):
    logs = log_softmax(random_logits(8, 5, 4, scale=1))
    codes = ctc_beam.search(logs, 1, high, 4)
    for row, path, text in zip(logs, ctc_paths.align(logs, codes), codes, strict=True):
        spelling = [p for p in itertools.product(range(4), repeat=5) if collapsed(p) == classes_of(text)]
        scores = [row[range(5), p].sum() for p in spelling]
        assert collapsed(path) == classes_of(text)
        assert row[range(5), path].sum() == pytest.approx(max(scores), rel=1e-6)


@pytest.mark.parametrize("codec", [CtcCodec("ABCD", (2, 5)), PositionCodec("ABCD", (2, 5))])
@pytest.mark.parametrize("lengths", [(2, 2), (3, 4), (5, 5)])
def test_a_known_length_is_kept_to(codec, lengths):
    logits = random_logits(300, 6 if isinstance(codec, CtcCodec) else 5, codec.classes, scale=1)
    for beam in (None, 4):
        readings = codec.decode(logits, beam=beam, lengths=lengths).answers()
        assert all(lengths[0] <= len(each.text) <= lengths[1] for each in readings)
        assert all(len(each.text) == len(each.characters) for each in readings)
    free, held = codec.decode(logits), codec.decode(logits, lengths=lengths)
    same = [(a, b) for a, b in zip(free.texts(), held.texts(), strict=True) if len(a) == len(b)]
    assert same
    assert all(a == b for a, b in same)


@pytest.mark.parametrize("lengths", [(1, 2), (3, 9), (4, 3)])
def test_a_length_that_the_network_does_not_read_is_refused(lengths):
    for codec in (CtcCodec("AB", (2, 5)), PositionCodec("AB", (2, 5))):
        with pytest.raises(CheckpointError, match="2 to 5 characters"):
            codec.decode(random_logits(1, 9, 3), lengths=lengths)


@pytest.mark.parametrize("kind", [CtcCodec, PositionCodec])
@pytest.mark.parametrize("lengths", [(2, 5), (3, 3)])
@pytest.mark.parametrize("temperature", [0.25, 0.7, 1.3, 8.0])
def test_a_temperature_changes_confidences_and_no_text(kind, lengths, temperature):
    plain, tempered = kind("ABCD", lengths), kind("ABCD", lengths, temperature)
    steps = 11 if kind is CtcCodec else lengths[1]
    logits = random_logits(500, steps, plain.classes, seed=1, scale=1.5)
    before, after = plain.decode(logits), tempered.decode(logits)
    assert (after.codes == before.codes).all()
    expected = plain.probability(logits / temperature, before.codes)
    np.testing.assert_allclose(after.confidence, expected, rtol=1e-4)
    assert not np.allclose(after.confidence, before.confidence, rtol=0.01)
    assert (after.characters.mean() > before.characters.mean()) == (temperature < 1)


def test_near_ties_are_not_decided_by_the_temperature():
    logits = random_logits(2000, 9, 4, scale=1)
    logits[:, :, 2] = np.nextafter(logits[:, :, 1], np.float32(9))  # the larger by one bit
    for kind, steps in ((CtcCodec, 9), (PositionCodec, 4)):
        before = kind("ABC", (2, 4)).decode(logits[:, :steps])
        after = kind("ABC", (2, 4), 3.7).decode(logits[:, :steps])
        assert (after.codes == before.codes).all()


@pytest.mark.parametrize("kind", [CtcCodec, PositionCodec])
def test_the_probability_of_what_was_read_is_its_confidence(kind):
    codec = kind("ABC", (1, 4), 1.7)
    logits = random_logits(50, 8 if kind is CtcCodec else 4, codec.classes)
    decoded = codec.decode(logits)
    np.testing.assert_allclose(codec.probability(logits, decoded.codes), decoded.confidence, rtol=1e-5)
    others = codec.probability(logits, codec.encode(["ABC"] * 50))
    assert (others <= 1).all()
    assert others.mean() < decoded.confidence.mean()


def test_a_beam_searches_with_the_temperature():
    logits = random_logits(20, 5, 4, scale=2)
    decoded = CtcCodec("ABC", (1, 4), 2.5).decode(logits, beam=99)
    for row, reading in enumerate(decoded.answers()):
        best = max(chances(log_softmax(logits / 2.5)[row], 1, 4).values())
        assert reading.confidence == pytest.approx(best, rel=1e-5)
