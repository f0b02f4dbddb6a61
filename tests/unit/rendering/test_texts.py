from captcha_core.rendering import texts
from captcha_core.rendering.randomness import random_words
from captcha_core.spec import Spec


def _texts(spec: Spec, count: int = 4000) -> list[str]:
    return texts.codes_to_texts(spec.charset, texts.draw_codes(spec, random_words(3, 0, 0, count)))


def test_lengths_and_characters_all_come_up() -> None:
    spec = Spec.make(lengths="4-6", charset="alnum")
    drawn = _texts(spec)
    assert {len(text) for text in drawn} == {4, 5, 6}
    assert set("".join(drawn)) == set(spec.charset)


def test_distinct_texts_never_repeat_a_character() -> None:
    drawn = _texts(Spec.make(distinct=True))
    assert all(len(set(text)) == 4 for text in drawn)


def test_repeats_come_up_as_often_as_chance_has_it() -> None:
    drawn = _texts(Spec())
    share = sum(len(set(text)) < 4 for text in drawn) / len(drawn)
    assert 0.12 < share < 0.20  # 1 - 36·35·34·33 / 36**4 = 0.158


def test_a_shuffle_of_the_whole_charset_is_a_permutation() -> None:
    spec = Spec.make(charset="ABCDEF", lengths=6, distinct=True)
    drawn = _texts(spec, 2000)
    assert {"".join(sorted(text)) for text in drawn} == {"ABCDEF"}
    assert len(set(drawn)) > 600  # of 720
