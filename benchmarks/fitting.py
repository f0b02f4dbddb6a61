"""Two ways to fit images of mixed sizes to a network: stretched, or scaled with their aspect and padded.

    pip install '.[all]'
    python benchmarks/fitting.py [--images 3000] [--max-images 40000] [--sizes 72x24,100x30,…]

Renders labelled images of the look `lepture` at several sizes and aspects, a tenth of which is
held out, and trains the same small network on the others once with each rule and input size.
Whichever reads the held-out images better is what `capq train` should take for such folders.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from captcha_core.images.resize_rules import PADDED, STRETCHED, ResizeRule
from captcha_core.rendering import open_renderer
from captcha_core.spec import Spec
from captcha_core.training import TrainingPlan, choose_input, labelled_images, read_problem, slices

SIZES = "72x24,100x30,99x36,120x60,160x60,200x50,280x80"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=3000, help="labelled images")
    parser.add_argument("--max-images", type=int, default=40_000, help="images to train on, with repeats")
    parser.add_argument("--sizes", default=SIZES, help="widths and heights of the images")
    options = parser.parse_args()
    sizes = [tuple(map(int, size.split("x"))) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        draw(images, options.images, sizes)
        size = choose_input(str(images)).size
        wider = (size[0] * 5 // 4 // 8 * 8, size[1])
        print(f"{options.images:,} images of {options.sizes}, {options.max_images:,} trained on")
        for rule, input_size in ((STRETCHED, size), (PADDED, size), (PADDED, wider)):
            started = time.perf_counter()
            run = Path(folder) / f"{rule}-{input_size[0]}"
            accuracy = train(images, run, rule, input_size, options.max_images)
            seconds = time.perf_counter() - started
            print(f"{rule:24} {input_size[0]}×{input_size[1]}: {accuracy:.1%} in {seconds:.0f} s", flush=True)


def draw(folder: Path, count: int, sizes: list[tuple[int, ...]]) -> None:
    """Write images by `lepture`, as many of each size, named by their text."""
    folder.mkdir()
    for number, (width, height) in enumerate(sizes):
        fonts = [max(8, round(height * share)) for share in (0.55, 0.65, 0.75)]
        look = {"font_sizes": fonts}
        spec = Spec.make(width=width, height=height, charset="digits", lengths=(4, 5), look=look)
        pixels, texts = open_renderer(spec).batch(number, 0, 0, count // len(sizes))
        for index, (image, text) in enumerate(zip(pixels, texts, strict=True)):
            Image.fromarray(np.squeeze(image)).save(folder / f"{text}_{number}_{index:05d}.png")


def train(images: Path, run: Path, rule: ResizeRule, size: tuple[int, int], count: int) -> float:
    """Train a small network and return its share of held-out images read without a fault."""
    plan = TrainingPlan.make(
        problem=read_problem(str(images), size=size).model_dump(),
        settings={"channels": (16, 32, 48, 64), "context": 1},
        resize_rule=rule,
        augmentation={},
        images=count,
    )
    source = labelled_images(str(images), size=size, rule=rule)
    result = slices.train_slice(run, plan, source)
    return result.accuracy or 0.0


if __name__ == "__main__":
    main()
