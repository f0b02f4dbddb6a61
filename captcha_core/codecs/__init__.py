"""Codecs: they encode texts as classes, compute the loss, and decode logits to texts.

`answer` and `options` import no numpy.
"""
