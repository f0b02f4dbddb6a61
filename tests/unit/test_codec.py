import itertools
import math

import numpy as np
import pytest
import torch

from captcha_core import ctc_paths
from captcha_core.codec import CtcCodec, PositionCodec, log_softmax, spell
from captcha_core.errors import LabelError


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
    assert spell(charset, CtcCodec(charset, (1, 4)).encode(texts)) == texts


def test_ctc_collapses_runs_and_keeps_repeats_parted_by_a_blank():
    paths = [[1, 1, 0, 1, 2, 2], [0, 0, 3, 3, 3, 0], [1, 2, 1, 2, 0, 0]]
    decoded = CtcCodec("ABC", (1, 4)).decode(logits_of(paths, 4))
    assert decoded.texts() == ["AAB", "C", "ABAB"]
    assert decoded.confidence == pytest.approx([1, 1, 1], abs=1e-6)
    first = decoded.readings()[0]
    assert first.error is None
    assert first.characters == pytest.approx((1, 1, 1), abs=1e-6)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 2), (2, 3), (1, 3), (3, 3)])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_best_path_of_a_length_is_the_brute_force_one(low, high, classes):
    steps = 5
    logs = log_softmax(random_logits(12, steps, classes, seed=low * 10 + high))
    paths = [p for p in itertools.product(range(classes), repeat=steps) if low <= len(collapsed(p)) <= high]
    found = ctc_paths.best_of_length(logs, low, high)
    for row in range(len(logs)):
        scores = [logs[row, range(steps), p].sum() for p in paths]
        best = paths[int(np.argmax(scores))]
        assert tuple(found[row]) == best, (row, max(scores))


def test_best_paths_do_not_depend_on_how_rows_are_chunked(monkeypatch):
    logs = log_softmax(random_logits(50, 9, 5))
    whole = ctc_paths.best_of_length(logs, 3, 4)
    monkeypatch.setattr(ctc_paths, "_CELLS", 1)
    assert (ctc_paths.best_of_length(logs, 3, 4) == whole).all()


def test_confidence_is_the_sum_over_all_alignments():
    classes, steps = 3, 5
    logits = random_logits(20, steps, classes, scale=1.5)
    decoded = CtcCodec("AB", (1, 3)).decode(logits)
    probabilities = np.exp(log_softmax(logits)).astype(float)
    for row, codes in enumerate(decoded.codes):
        wanted = tuple(int(code) + 1 for code in codes if code >= 0)
        total = sum(
            probabilities[row, range(steps), path].prod()
            for path in itertools.product(range(classes), repeat=steps)
            if collapsed(path) == wanted
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


def test_weights_weigh_the_loss():
    for codec, steps in [(CtcCodec("AB", (2, 2)), 5), (PositionCodec("ABC", (2, 2)), 2)]:
        logits, codes = torch.from_numpy(random_logits(2, steps, 3)), codec.encode(["AB", "BA"])
        first, second = (codec.loss(logits[i : i + 1], codes[i : i + 1]) for i in (0, 1))
        weighted = codec.loss(logits, codes, np.array([3, 1], np.float32))
        assert float(weighted) == pytest.approx(float(3 * first + second) / 4, rel=1e-5)


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
        assert len(decoded.readings()[row].characters) == len(text)


@pytest.mark.parametrize("codec", [CtcCodec("AB", (1, 2)), PositionCodec("AB", (1, 2))])
def test_an_empty_batch_decodes_to_nothing(codec):
    assert (
        codec.decode(np.zeros((0, 4, 3), np.float32)[:, : 4 if isinstance(codec, CtcCodec) else 2]).readings()
        == []
    )
