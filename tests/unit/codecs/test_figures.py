import pytest

from captcha_core.codecs.figures import percent_text, probability_text


@pytest.mark.parametrize(
    ("value", "probability", "percent"),
    [
        (0.91314, "0.9131", "91.31%"),
        (0.999993, "0.999993", "99.9993%"),
        (0.99998, "0.99998", "99.998%"),
        (0.9999, "0.9999", "99.99%"),
        (1.0, "1.0000", "100.00%"),
        (1 - 2**-53, "1.0000", "100.00%"),
        (0.0, "0.0000", "0.00%"),
        (0.00002, "0.00002", "0.002%"),
        (0.5, "0.5000", "50.00%"),
    ],
)
def test_what_is_neither_nothing_nor_certain_is_never_shown_so(value, probability, percent):
    assert probability_text(value) == probability
    assert percent_text(value) == percent


@pytest.mark.parametrize("nines", range(1, 12))
def test_no_number_of_nines_becomes_one(nines):
    assert float(probability_text(1 - 10**-nines)) < 1
    assert percent_text(1 - 10**-nines) != "100.00%"
