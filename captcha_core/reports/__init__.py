"""Pictures of a training and of an evaluation, by matplotlib (the extra ``plots``).

`canvas` has what the figures share, `training` and `evaluation` the figures, `mistakes` the
contact sheet of faults, which does without matplotlib.
"""
