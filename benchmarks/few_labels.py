"""How far 1,040 labelled images go: a network for a generator that no shipped network has seen.

    pip install '.[all,benchmarks]'
    python benchmarks/few_labels.py [--labelled 1040] [--held-out 3000] [--max-images 100000]

Images by `wheezy.captcha`, drawn as its own example
does: 200×75, five characters of 0-9A-Z with repeats, warped, rotated and moved, under a curve
and noise, as JPEG. `capq train` learns from the labelled ones, a tenth of which it holds out
for itself, once from the shipped network and once from nothing; then both read images that
training never saw. The font is Liberation Mono Bold (Debian's fonts-liberation), whose 0 has
a dot; --font takes another.
"""

import argparse
import json
import random
import string
import tempfile
import time
from pathlib import Path

from command import Capq
from wheezy.captcha import image as wheezy

from cli.terminal import interval, share

_CHARACTERS = string.digits + string.ascii_uppercase


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labelled", type=int, default=1040)
    parser.add_argument("--held-out", type=int, default=3000)
    parser.add_argument("--max-images", type=int, default=100_000, help="images to train on, with repeats")
    parser.add_argument("--font", default="LiberationMono-Bold.ttf")
    parser.add_argument("--rate", default="0.004")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        draw(folder / "labelled", options.labelled, 1, options.font)
        draw(folder / "held-out", options.held_out, 2, options.font)
        capq = Capq(folder)
        try:
            begun = {
                "from lepture-170x80": ("--init", "lepture-170x80"),
                "from nothing": (),
            }
            print(f"{options.labelled:,} labelled images; accuracy on {options.held_out:,} others")
            for name, start in begun.items():
                started = time.perf_counter()
                out = str(folder / name.replace(" ", "-"))
                capq(
                    *("train", str(folder / "labelled"), *start, "--augment", "--rate", options.rate),
                    *("--max-images", str(options.max_images), "--out", out),
                )
                minutes = (time.perf_counter() - started) / 60
                printed = capq("evaluate", str(folder / "held-out"), "--checkpoint", out, "--json")
                found = json.loads(printed)["summary"]["accuracy"]
                right = f"{share(found)} ({interval(found)})"
                print(f"{name:20} {right}  trained in {minutes:.1f} min, the whole command")
        finally:
            capq("local", "stop")


def draw(folder: Path, count: int, seed: int, font: str) -> None:
    """Write images by wheezy.captcha, named by their text."""
    folder.mkdir()
    random.seed(seed)
    letters = wheezy.text(fonts=[font], drawings=[wheezy.warp(), wheezy.rotate(), wheezy.offset()])
    parts = [wheezy.background(), letters, wheezy.curve(), wheezy.noise(), wheezy.smooth()]
    picture = wheezy.captcha(drawings=parts, width=200, height=75)
    for number in range(count):
        text = "".join(random.choices(_CHARACTERS, k=5))
        picture(text).save(folder / f"{text}_{number:05d}.jpg", "JPEG", quality=75)


if __name__ == "__main__":
    main()
