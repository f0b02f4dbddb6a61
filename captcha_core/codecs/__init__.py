"""Codecs: texts to classes, a network's outputs to texts, and the loss in between.

`answer` and `options` need no numpy.
"""
