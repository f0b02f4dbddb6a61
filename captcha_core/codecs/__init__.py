"""Codecs: they encode texts as classes, compute the loss, and decode logits to texts.

`answer`, `options` and `restrictions` import no numpy.
"""
