import json
import random

import pytest

from captcha_core.codecs.answer import Answer
from captcha_core.evaluation import Evaluation, Mistake, Rate
from captcha_core.evaluation.alignment import align_characters
from captcha_core.evaluation.evaluation import MISTAKES


def reading(text, confidence=0.9):
    return Answer(text, confidence, (confidence,) * len(text))


PAIRS = [
    ("AB0", reading("AB0", 0.97)),
    ("AB0", reading("ABO", 0.55)),  # 0 read as O
    ("XYZ", reading("XZ", 0.30)),  # Y left out
    ("QQ", reading("QQW", 0.85)),  # W too many
    ("AAA", Answer.failed("damaged")),
]


def test_figures_of_a_case_counted_by_hand():
    result = Evaluation.count(PAIRS)
    assert (result.images, result.right, result.unreadable, result.edits) == (5, 1, 1, 3)
    assert result.accuracy.value == 0.2
    assert (result.character_accuracy.right, result.character_accuracy.count) == (9, 11)
    assert [(rate.right, rate.count) for rate in result.by_position()] == [(4, 4), (3, 4), (2, 3)]
    assert result.confusions() == [("", "W", 1), ("0", "O", 1), ("Y", "", 1)]
    by_character = result.by_character()
    assert (by_character["0"].right, by_character["0"].count) == (1, 2)
    assert by_character["Y"].value == 0


def test_where_case_is_ignored_all_texts_are_counted_in_lower_case():
    pairs = [("aB", reading("Ab")), ("aB", reading("AC")), ("Q", Answer.failed("damaged"))]
    names = ["a.png", "b.png", "c.png"]
    strict, folded = (Evaluation.count(pairs, names, ignore_case=ignored) for ignored in (False, True))
    assert (strict.right, folded.right, folded.edits, folded.unreadable) == (0, 1, 1, 1)
    assert folded.confusions() == [("b", "c", 1)]
    assert folded.mistakes == (Mistake("b.png", "ab", "ac", 0.9),)


def test_confusion_matrix():
    matrix = Evaluation.count(PAIRS).confusion_matrix("0ABOQWXYZ")
    assert matrix.sum() == 12
    assert matrix[0, 0] == 1
    assert matrix[0, 3] == 1
    assert matrix[7, 9] == 1
    assert matrix[9, 5] == 1
    assert matrix.trace() == 9


def test_calibration_error_by_hand():
    pairs = [("A", reading("A", 0.95)), ("A", reading("B", 0.95)), ("A", reading("A", 0.62))]
    # two at 0.95, half right: gap 0.45 × 2; one at 0.62, right: gap 0.38
    assert Evaluation.count(pairs).calibration_error() == pytest.approx((0.9 + 0.38) / 3, abs=1e-6)


def test_reliability_by_hand():
    bins = Evaluation.count(PAIRS).reliability_curve()
    assert [(interval.low, interval.high) for interval in bins] == [
        (0.3, 0.35),
        (0.55, 0.6),
        (0.85, 0.9),
        (0.95, 1.0),
    ]
    assert [interval.confidence for interval in bins] == [0.3, 0.55, 0.85, 0.97]
    assert [(interval.accuracy.right, interval.accuracy.count) for interval in bins] == [
        (0, 1),
        (0, 1),
        (0, 1),
        (1, 1),
    ]


def test_the_surest_mistakes_are_kept_with_their_images():
    evaluation = Evaluation.count(PAIRS, ["a.png", "b.png", "c.png", "d.png", "e.png"])
    assert evaluation.mistakes == (
        Mistake("d.png", "QQ", "QQW", 0.85),
        Mistake("b.png", "AB0", "ABO", 0.55),
        Mistake("c.png", "XYZ", "XZ", 0.3),
    )
    assert evaluation.summary()["mistakes"][0] == {
        "image": "d.png", "true": "QQ", "read": "QQW", "confidence": 0.85
    }  # fmt: skip
    assert Evaluation.count(PAIRS).mistakes == ()


def test_kept_mistakes_are_bounded_and_the_same_however_the_images_are_cut():
    rng = random.Random(2)
    pairs = [
        ("A", reading("B" if rng.random() < 0.7 else "A", rng.choice((0.5, rng.random()))))
        for _ in range(500)
    ]
    names = [f"{number:03d}" for number in range(500)]
    whole = Evaluation.count(pairs, names)
    assert len(whole.mistakes) == MISTAKES
    parts = [Evaluation.count(pairs[at : at + 60], names[at : at + 60]) for at in range(0, 500, 60)]
    assert sum(reversed(parts), start=Evaluation()) == whole
    wrong = sorted((reading.confidence for truth, reading in pairs if truth != reading.text), reverse=True)
    assert [each.confidence for each in whole.mistakes] == pytest.approx(wrong[:MISTAKES], abs=1e-6)


def test_rejection_by_hand():
    rows = {threshold: (kept, among) for threshold, kept, among in Evaluation.count(PAIRS).rejection_curve()}
    kept, among = rows[0.5]
    assert (kept.right, kept.count) == (3, 5)
    assert (among.right, among.count) == (1, 3)
    kept, among = rows[0.95]
    assert (kept.right, among.value) == (1, 1.0)
    assert rows[0.99][1].value is None


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    # R: binom::binom.confint(x, n, methods = "wilson")
    [
        (0, 10, 0.0, 0.2775328),
        (5, 10, 0.2365931, 0.7634069),
        (10, 10, 0.7224672, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_wilson_intervals(right, count, low, high):
    assert Rate(right, count).interval == pytest.approx((low, high), abs=5e-5)


def test_nothing_has_no_accuracy():
    empty = Evaluation()
    assert empty.accuracy.value is None
    assert empty.accuracy.interval == (0.0, 1.0)
    assert empty.calibration_error() is None
    json.dumps(empty.summary())


def test_parts_add_up_to_the_whole():
    rng = random.Random(0)
    pairs = []
    for _ in range(200):
        truth = "".join(rng.choices("AB01", k=rng.randint(1, 4)))
        text = "".join(rng.choices("AB01", k=rng.randint(1, 4)))
        pairs.append((truth, reading(text if rng.random() < 0.5 else truth, rng.random())))
    parts = Evaluation()
    for start in range(0, 200, 37):
        parts += Evaluation.count(pairs[start : start + 37])
    assert parts == Evaluation.count(pairs)
    assert parts.summary() == Evaluation.count(pairs).summary()
    assert json.loads(json.dumps(parts.summary()))["images"] == 200


@pytest.mark.parametrize(
    ("truth", "text", "steps"),
    [
        ("AB", "BA", [(0, "A", "B"), (1, "B", "A")]),  # equal lengths pair place by place
        ("ABC", "AC", [(0, "A", "A"), (1, "B", ""), (2, "C", "C")]),
        ("AC", "ABC", [(0, "A", "A"), (1, "", "B"), (1, "C", "C")]),
        ("A", "", [(0, "A", "")]),
        ("", "", []),
    ],
)
def test_alignment(truth, text, steps):
    assert list(align_characters(truth, text)) == steps


def test_alignment_is_as_short_as_edit_distance():
    def distance(a, b):
        if not a or not b:
            return len(a) + len(b)
        same = distance(a[1:], b[1:]) + (a[0] != b[0])
        return min(same, distance(a[1:], b) + 1, distance(a, b[1:]) + 1)

    rng = random.Random(1)
    for _ in range(100):
        a, b = ("".join(rng.choices("AB", k=rng.randint(0, 5))) for _ in "ab")
        if len(a) != len(b):
            steps = list(align_characters(a, b))
            assert sum(true != read for _, true, read in steps) == distance(a, b)
            assert "".join(true for _, true, _ in steps) == a
            assert "".join(read for _, _, read in steps) == b


def test_counts_survive_json() -> None:
    evaluation = Evaluation.count(
        [("AB", reading("AB", 0.9)), ("AB", reading("A", 0.4)), ("C", Answer.failed("no image"))],
        ["1", "2", "3"],
    )
    assert len(evaluation.mistakes) == 1
    again = Evaluation.from_json(evaluation.to_json())
    assert again == evaluation
    assert (again + evaluation).summary() == (evaluation + evaluation).summary()


def test_the_keys_of_its_json_stay_whatever_its_fields_are_called() -> None:
    keys = "images right unreadable edits seen matched pairs bins bins_right bins_confidence kept kept_right"
    assert list(json.loads(Evaluation.count(PAIRS).to_json())) == [*keys.split(), "mistakes"]
