from captcha_core.codecs.options import Decoding
from captcha_core.networks import checkpoint
from workers.process import models


def test_a_network_is_loaded_once_however_it_is_decoded() -> None:
    digest = checkpoint.describe(checkpoint.find("alnum-170x80")).digest
    plain = models.solver("alnum-170x80", digest, Decoding())
    held = models.solver("alnum-170x80", digest, Decoding(lengths=(5, 5), beam=8))
    digits = models.solver("alnum-170x80", digest, Decoding(charset="01", ignore_case=True))
    assert held.engine is plain.engine is digits.engine
    assert (plain.lengths, plain.beam) == ((4, 6), None)
    assert (held.lengths, held.beam) == ((5, 5), 8)
    assert (plain.charset, plain.ignore_case) == (None, False)
    assert (digits.charset, digits.ignore_case) == ("01", True)
