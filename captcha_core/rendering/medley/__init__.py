"""The generator ``medley``: every image another look, drawn from a distribution.

An image's way: `texts` draws its text; `layout` poses the glyphs and makes the image
around them; `colours` and `grounds` give it a palette and a background; `clutter` comes
under and over the text; `bends` bend it; `finish` wears the image and fits it to the
spec's size. `composition` puts these together, `renderer` draws batches.
"""
