"""Images a second of upstream and of both engines, on one core and on two.

    python benchmarks/render.py [--width 170] [--height 80] [--lengths 4 5] [--rounds 7]

All contenders take turns in every round, so that other load falls on all of them alike;
the figures are medians over the rounds, and the ratios are what counts.
"""

import argparse
import io
import itertools
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable

from captcha.image import ImageCaptcha

from captcha_core.rendering import Engine, open_renderer, warm
from captcha_core.rendering.encoding import encode
from captcha_core.spec import Spec

ENCODINGS = ("none", "jpeg", "png")
SEED = 1


def main() -> None:
    options = arguments()
    warm()
    for length in options.lengths:
        spec = Spec.make(width=options.width, height=options.height, lengths=length)
        report(spec, measured(spec, options))
    scaling(Spec.make(width=options.width, height=options.height, lengths=options.lengths[0]), options)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=int, default=170)
    parser.add_argument("--height", type=int, default=80)
    parser.add_argument("--lengths", type=int, nargs="+", default=[4, 5])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=1024, help="of the numba engine in a round")
    parser.add_argument("--core", type=int, default=0)
    return parser.parse_args()


def upstream(spec: Spec, encoding: str) -> Callable[[int], None]:
    """Draw with the library itself, and save as its users do, at the spec's quality."""
    generator = ImageCaptcha(spec.width, spec.height)
    _, labels = open_renderer(spec, "pillow").batch(SEED, 0, 0, 64)

    def draw(count: int) -> None:
        for text in itertools.islice(itertools.cycle(labels), count):
            image = generator.generate_image(text)
            if encoding == "jpeg":
                image.save(io.BytesIO(), "JPEG", quality=spec.quality)
            elif encoding == "png":
                image.save(io.BytesIO(), "PNG")

    return draw


def ours(spec: Spec, engine: Engine, encoding: str) -> Callable[[int], None]:
    renderer = open_renderer(spec, engine)
    renderer.batch(SEED, 1, 0, 64)
    encoded = spec.replaced(image_format=encoding) if encoding != "none" else spec

    def draw(count: int) -> None:
        images, _ = renderer.batch(SEED, 0, 0, count)
        if encoding != "none":
            for image in images:
                encode(image, encoded)

    return draw


def measured(spec: Spec, options: argparse.Namespace) -> dict[tuple[str, str], float]:
    """Return the median seconds an image, by contender and encoding."""
    os.sched_setaffinity(0, {options.core})
    contenders: dict[tuple[str, str], tuple[Callable[[int], None], int]] = {}
    for encoding in ENCODINGS:
        contenders["upstream", encoding] = upstream(spec, encoding), options.images // 16
        contenders["pillow", encoding] = ours(spec, "pillow", encoding), options.images // 16
        contenders["numba", encoding] = ours(spec, "numba", encoding), options.images
    seconds: dict[tuple[str, str], list[float]] = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, (draw, count) in contenders.items():
            start = time.perf_counter()
            draw(count)
            seconds[name].append((time.perf_counter() - start) / count)
    return {name: statistics.median(values) for name, values in seconds.items()}


def report(spec: Spec, seconds: dict[tuple[str, str], float]) -> None:
    print(f"\n{spec.width}×{spec.height}, {spec.lengths[0]} characters, one core: images a second\n")
    print(f"{'':10}" + "".join(f"{encoding:>20}" for encoding in ENCODINGS))
    for contender in ("upstream", "pillow", "numba"):
        cells = []
        for encoding in ENCODINGS:
            ratio = seconds["upstream", encoding] / seconds[contender, encoding]
            cells.append(f"{1 / seconds[contender, encoding]:,.0f} ({ratio:.1f} ×)")
        print(f"{contender:10}" + "".join(f"{cell:>20}" for cell in cells))


def busy(spec: Spec, core: int, count: int, rounds: int, results: "multiprocessing.Queue[float]") -> None:
    os.sched_setaffinity(0, {core})
    draw = ours(spec, "numba", "jpeg")
    rates = []
    for _ in range(rounds):
        start = time.perf_counter()
        draw(count)
        rates.append(count / (time.perf_counter() - start))
    results.put(statistics.median(rates))


def scaling(spec: Spec, options: argparse.Namespace) -> None:
    """Compare one process with two, each on a core of its own."""
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    cores = sorted(os.sched_getaffinity(0))[:2]
    rates = []
    for used in (cores[:1], cores):
        results: multiprocessing.Queue[float] = multiprocessing.get_context("spawn").Queue()
        processes = [
            multiprocessing.get_context("spawn").Process(
                target=busy, args=(spec, core, options.images, options.rounds, results)
            )
            for core in used
        ]
        for process in processes:
            process.start()
        rates.append(sum(results.get() for _ in processes))
        for process in processes:
            process.join()
    print("\nnumba with JPEG, images a second:")
    print(f"1 process {rates[0]:,.0f}, {len(cores)} processes {rates[1]:,.0f}, {rates[1] / rates[0]:.2f} ×")


if __name__ == "__main__":
    main()
