"""Accuracy on sets of images that others made: at sight, and after training on few labels.

    pip install '.[all,benchmarks]'
    python benchmarks/looks.py DIR [--only at-sight] [--csv looks.csv] [--plot looks.png]

DIR holds a folder for each set, with `train` and `test` in it: images, and their labels as
`capq train` takes them, such as a labels.csv of file names and texts. All networks and other
readers are measured on the test images; only `capq train` learns from the others.

At sight: capq by itself (a set's images, without their labels, choose the network and which
characters and lengths occur), the shipped networks (and each --checkpoint), ddddocr's default and
its beta model, and captcha-whisperer, as published and with the digit 0 decoded. What is not
installed is left out.

After training: `capq train` on subsets of the labels, drawn with a seed, a smaller one within
a larger one, once from a network (--init) and once from nothing, each within --seconds.

The figures are shares of whole images with their 95 % intervals (Wilson), case folded; where a
set's labels have capitals and small letters, a row counts exact texts too. Each is appended
to --results at once, and an interrupted run goes on there: what has been measured under the
same conditions is not measured again.
"""

import argparse
import os
from pathlib import Path

import looks_plot
from labelled_sets import find_sets
from looks_at_sight import measure_at_sight
from looks_tables import print_better, print_tables, write_csv
from looks_training import ALL, measure_trained
from measurements import Measurements

from captcha_core.networks import checkpoint
from captcha_core.reports import canvas

AT_SIGHT, TRAINED = "at-sight", "trained"
GENERAL = "general"  # the network to start from, where it is shipped


def main() -> None:
    options = arguments()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # before any process imports PyTorch
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    sets = find_sets(options.folder, options.sets)
    measurements = Measurements(options.results)
    tables, failed = [], 0
    if options.only != TRAINED:
        tables.append(measure_at_sight(sets, options, measurements))
    if options.only != AT_SIGHT:
        trained, failed = measure_trained(sets, options, measurements)
        tables += trained
    print_tables(sets, tables, measurements)
    if options.only != TRAINED:
        print_better("ddddocr", sets, tables[0], measurements)
    if options.csv:
        write_csv(options.csv, sets, tables, measurements)
    if options.plot:
        options.plot.write_bytes(canvas.encode(looks_plot.figure(sets, tables, measurements), options.plot))
    if failed:
        raise SystemExit(f"trainings that failed, for the reasons above: {failed}")


def arguments() -> argparse.Namespace:
    initial = GENERAL if GENERAL in checkpoint.shipped() else checkpoint.DEFAULT
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--only", choices=(AT_SIGHT, TRAINED))
    parser.add_argument("--sets", nargs="+", metavar="NAME", help="of the folders, these alone")
    parser.add_argument(
        "--labels",
        nargs="+",
        type=label_count,
        default=["25", "50", "100", "200", ALL],
        metavar=f"N|{ALL}",
        help="how many to learn from",
    )
    parser.add_argument("--checkpoint", nargs="+", default=[], help="more networks to read with at sight")
    parser.add_argument("--init", default=initial, metavar="CHECKPOINT", help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=280, help="of a training; default: %(default)s")
    parser.add_argument(
        "--train", default="", help="options of `capq train`; default: its recipe for few labels"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the subsets and the trainings")
    parser.add_argument("--threads", type=int, default=2, help="and cores, for all; default: %(default)s")
    parser.add_argument("--results", type=Path, default=Path("looks.jsonl"), help="default: %(default)s")
    parser.add_argument("--csv", type=Path, help="file to write the figures to")
    parser.add_argument("--plot", type=Path, help="picture to draw, .png or .svg; needs matplotlib")
    options = parser.parse_args()
    if options.plot:
        canvas.require_matplotlib()
        canvas.check_format(options.plot)
    return options


def label_count(value: str) -> str:
    if value != ALL and int(value) < 1:
        raise ValueError(value)
    return value


if __name__ == "__main__":
    main()
