"""Run the fault suite and print what became of each fault, as a Markdown table.

``python -m tests.faults [--outcomes FILE] [PYTEST ARGUMENTS]``; with a file, a run adds to the table of
those before it, so that the suite can be run in parts.
"""

import argparse
import sys
from pathlib import Path

import pytest

from .outcomes import Outcomes


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--outcomes", type=Path, metavar="FILE", help="add to the table that this file keeps")
    options, arguments = parser.parse_known_args()
    outcomes = Outcomes()
    named = [argument for argument in arguments if Path(argument.partition("::")[0]).exists()]
    folder = [] if named else [str(Path(__file__).parent)]
    try:
        return int(pytest.main(["-m", "", *folder, *arguments], plugins=[outcomes]))
    finally:  # what an interrupted run has found out counts as well
        if options.outcomes:
            outcomes.merge(options.outcomes)
        sys.stdout.write(outcomes.markdown() + "\n")


if __name__ == "__main__":
    sys.exit(main())
