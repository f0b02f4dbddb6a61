"""``python -m tests.fuzz [TARGET …] [--inputs N] [--seconds S]``: look for inputs that capq does not refuse.

With the package atheris the search is guided by the coverage of capq's code; without it, inputs are
changed at random. Each finding is written to a file, with the traceback that it gave; the command
ends with 1 when there was one.
"""

import argparse
import contextlib
import hashlib
import importlib.util
import io
import random
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LONGEST = 1 << 17


class Recorder:
    """Runs a target on inputs, counts them, and keeps one input for each place that fails."""

    def __init__(self, run: object, folder: Path) -> None:
        self._run = run
        self._folder = folder
        self._places: set[str] = set()
        self.count = 0

    def __call__(self, data: bytes) -> None:
        self.count += 1
        started = time.monotonic()
        try:
            self._run(data)  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001  (whatever leaves a target is a finding)
            self._note(data, error, traceback.format_exc())
        seconds = time.monotonic() - started
        if seconds > 10:
            self._note(data, TimeoutError(f"{seconds:.0f} s"), f"took {seconds:.1f} s")

    @property
    def findings(self) -> int:
        return len(self._places)

    def _note(self, data: bytes, error: BaseException, text: str) -> None:
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if str(ROOT) in frame.filename]
        place = f"{type(error).__name__} {own[-1].filename}:{own[-1].lineno}" if own else repr(error)[:80]
        if place in self._places:
            return
        self._places.add(place)
        name = hashlib.sha256(place.encode()).hexdigest()[:12]
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{name}.input").write_bytes(data)
        (self._folder / f"{name}.txt").write_text(text, errors="backslashreplace")
        sys.stderr.write(f"finding {name}: {place}\n")


def _guided(name: str, inputs: int, seconds: int, findings: Path) -> int:
    """Search with atheris; does not return, since libFuzzer ends the process."""
    import atheris

    # Its line for each module that it instruments is not shown.
    with contextlib.redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["captcha_core"]):
        from .targets import TARGETS
    target = TARGETS[name]
    recorder = Recorder(target.run, findings)
    rng = random.Random()

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        rng.seed(seed)
        changed = target.mutate(data, rng) if rng.random() < 0.7 else atheris.Mutate(data, len(data) + 1)
        return bytes(changed)[:most]

    with tempfile.TemporaryDirectory(prefix="capq-corpus-") as corpus:
        for number, seed in enumerate(target.seeds()):
            (Path(corpus) / str(number)).write_bytes(seed)
        arguments = [
            f"-runs={inputs}",
            f"-max_total_time={seconds}",
            f"-max_len={_LONGEST}",
            "-rss_limit_mb=6000",
            "-timeout=60",
            f"-artifact_prefix={findings}/",
            "-verbosity=0",
            "-print_final_stats=1",
        ]
        findings.mkdir(parents=True, exist_ok=True)
        atheris.Setup([sys.argv[0], *arguments, corpus], recorder, custom_mutator=mutate)
        atheris.Fuzz()  # ends the process; the figures are libFuzzer's
    return recorder.findings


def _unguided(name: str, inputs: int, seconds: int, findings: Path) -> int:
    from .targets import TARGETS

    target = TARGETS[name]
    recorder = Recorder(target.run, findings)
    rng = random.Random(name)
    pool = target.seeds()
    end = time.monotonic() + seconds
    while recorder.count < inputs and time.monotonic() < end:
        data = rng.choice(pool)
        for _ in range(rng.choice((1, 1, 2, 3))):
            data = target.mutate(data, rng)
        recorder(data[:_LONGEST])
    sys.stderr.write(f"{name}: {recorder.count:,} inputs, {recorder.findings} findings\n")
    return recorder.findings


def _search(options: argparse.Namespace) -> int:
    """Run one target in this process."""
    guided = importlib.util.find_spec("atheris") is not None and not options.unguided
    search = _guided if guided else _unguided
    with contextlib.chdir(tempfile.mkdtemp(prefix="capq-fuzz-cwd-")):
        return search(options.targets[0], options.inputs, options.seconds, options.findings.absolute())


def _search_each(options: argparse.Namespace, names: list[str]) -> int:
    """Run each target in a process of its own: a fault in native code ends that one alone."""
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write("atheris is not installed: inputs are changed at random, unguided by coverage\n")
    failed = []
    for name in names:
        command = [
            sys.executable,
            "-m",
            "tests.fuzz",
            name,
            "--here",
            "--inputs",
            str(options.inputs),
            "--seconds",
            str(options.seconds),
            "--findings",
            str(options.findings / name),
        ]
        if options.unguided:
            command.append("--unguided")
        status = subprocess.run(command, check=False, cwd=ROOT).returncode
        if status or list((options.findings / name).glob("*")):
            failed.append(name)
    if failed:
        sys.stderr.write(f"findings of {', '.join(failed)}: see {options.findings}\n")
    return int(bool(failed))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all of them when absent")
    parser.add_argument("--inputs", type=int, default=10_000, help="of each target (10,000)")
    parser.add_argument("--seconds", type=int, default=180, help="at the most for each target (180)")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="folder (fuzz-findings)")
    parser.add_argument("--unguided", action="store_true", help="without atheris, though it is there")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        return int(bool(_search(options)))
    from .targets import TARGETS

    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}: there are {', '.join(TARGETS)}")
    options.findings = options.findings.absolute()
    return _search_each(options, options.targets or list(TARGETS))


if __name__ == "__main__":
    sys.exit(main())
