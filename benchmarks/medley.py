"""Measure the generator medley: images a second, and how its characters stand out.

python benchmarks/medley.py [SPEC]
"""

import argparse
import time

import numpy as np

from captcha_core.rendering import open_renderer
from captcha_core.rendering.medley.readability import contrasts, ink_on_the_edge
from captcha_core.rendering.medley.renderer import MedleyRenderer
from captcha_core.spec import load

_CHUNK, _ROUNDS = 50, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", nargs="?", default="medley")
    parser.add_argument("--count", type=int, default=1000, help="images")
    options = parser.parse_args()
    spec = load(options.spec)
    for engine in ("numba", "pillow"):
        renderer = open_renderer(spec, engine)
        assert isinstance(renderer, MedleyRenderer)
        print(f"{engine:8} {speed(renderer, options.count):8,.0f} images/s with all glyphs drawn")
    print_readability(renderer, options.count)


def speed(renderer: MedleyRenderer, count: int) -> float:
    """Return images a second: the least time of several rounds for each few images.

    On a busy machine that comes nearest to what an idle core does.
    """
    starts = range(0, count, _CHUNK)
    least = dict.fromkeys(starts, float("inf"))
    for _ in range(_ROUNDS):
        for start in starts:
            before = time.process_time()
            renderer.batch(0, 0, start, _CHUNK)
            least[start] = min(least[start], time.process_time() - before)
    return len(starts) * _CHUNK / sum(least.values())


def print_readability(renderer: MedleyRenderer, count: int) -> None:
    levels: list[float] = []
    edges = []
    for number in range(count):
        image, text, tracing = renderer.trace(1, 0, number)
        levels += contrasts(image, tracing, len(text))
        edges.append(ink_on_the_edge(tracing))
    for limit in (8, 15, 25, 40):
        share = np.mean(np.array(levels) < limit)
        print(f"{share:8.2%} of characters differ from their ground by under {limit}")
    print(f"{np.mean(np.array(edges) > 0):8.2%} of images have ink on the outermost pixels")


if __name__ == "__main__":
    main()
