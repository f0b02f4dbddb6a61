"""One job after another of a kind, each brought to its end by the commands a user would give, and audited."""

import contextlib
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from captcha_core.datasets import Dataset, Plan
from captcha_core.datasets.verification import verify
from captcha_core.networks import checkpoint
from captcha_core.spec import Spec
from captcha_core.storage.whole import leftover_of

from .cluster import Cluster

_PYTHON = (sys.executable, "-m", "cli")

_HUNG_SECONDS = 300.0  # without a unit that ends
_LOOK_SECONDS = 5.0
_PAUSE_SECONDS = 1.0
_CODES = (0, 1, 2, 130, -signal.SIGKILL, -signal.SIGINT)  # SIGINT before Python has begun
_JOB = re.compile(r"capq wait ([a-z]+-[0-9a-f]{10})")

SHARDS, PER_SHARD, SEEDS = 16, 600, 2
IMAGES, BATCH = 1200, 96
TRAINED = 960
NETWORK = "lepture-170x80"


@dataclass
class Ending:
    """How a command ended."""

    code: int
    output: str
    errors: str


@dataclass
class Lane:
    """The jobs of one kind, one after another.

    Attributes
    ----------
    command
        The command that is running now, for the faults that hit commands.
    jobs, commands, leftovers
        How many jobs were brought to their end, by how many commands, and how many temporary files
        of killed writers lay beside what they made.
    findings
        What the audits found wrong.
    """

    cluster: Cluster
    seed: int
    ended: threading.Event = field(default_factory=threading.Event)
    command: subprocess.Popen[str] | None = None
    jobs: int = 0
    commands: int = 0
    leftovers: int = 0
    findings: list[str] = field(default_factory=list)

    kind = ""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._moved_at = time.monotonic()
        self._progress: dict[str, tuple[object, ...]] = {}
        self.folder = self.cluster.outputs / self.kind

    def prepare(self) -> None:
        """Do one job undisturbed, which the others are compared with."""

    def arguments(self) -> list[object]:
        """Return the command of the next job."""
        raise NotImplementedError

    def audit(self, job: dict[str, Any]) -> Iterator[str]:
        """Yield what is wrong with what an ended job made."""
        raise NotImplementedError

    def run(self) -> None:
        while not self.ended.is_set():
            self.do_one()

    def do_one(self) -> None:
        """Do one job to its end, audit it, and remove what it made."""
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            job = self._to_its_end(self.arguments())
            if job["done"] != job["total"] or job["dead"]:
                self.note(f"{job['id']}: {job['done']} of {job['total']} done, {job['dead']} dead")
            for finding in self.audit(job):
                self.note(f"{job['id']}: {finding}")
            self.jobs += 1
        except Exception as error:  # noqa: BLE001 (whatever goes wrong is a finding, and the soak goes on)
            self.note(f"{type(error).__name__}: {error}")
            self._give_up()

    def _give_up(self) -> None:
        """Cancel what is open, so that the next job is not disturbed by this one."""
        for job_id in self._progress:
            self.cluster.capq("cancel", job_id, code=None)

    def note(self, finding: str) -> None:
        self.findings.append(finding)
        print(f"FINDING {self.kind}: {finding}", flush=True)  # noqa: T201

    def files(self, folder: Path) -> list[str]:
        """Return the names below a folder; temporary files of killed writers are counted instead."""
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        whole = [name for name in names if not any(map(leftover_of, Path(name).parts))]
        self.leftovers += len(names) - len(whole)
        return whole

    def _to_its_end(self, command: list[object]) -> dict[str, Any]:
        """Give commands as a user would until one of them says that the job is done."""
        self._moved_at = time.monotonic()
        arguments = command
        while True:
            ending = self._call(arguments)
            if "Traceback" in ending.errors:
                self.note(f"{arguments}: a traceback\n{ending.errors[-1500:]}")
            if ending.code not in _CODES:
                self.note(f"{arguments}: exit code {ending.code}\n{ending.errors[-500:]}")
            if ending.code == 0 and ending.output.strip():
                return dict(json.loads(ending.output))
            time.sleep(_PAUSE_SECONDS)  # as a user takes before the next command
            arguments = self._next(command, arguments, ending)

    def _call(self, arguments: list[object]) -> Ending:
        self.commands += 1
        capq = self.cluster.capq
        self.command = subprocess.Popen(
            [*_PYTHON, *map(str, arguments), "--json"],
            env=capq.env | {"PYTHONFAULTHANDLER": "1"}, cwd=capq.folder,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while True:
            try:
                output, errors = self.command.communicate(timeout=_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                self._check_progress()
            else:
                return Ending(self.command.returncode, output, errors)

    def _check_progress(self) -> None:
        """Raise TimeoutError when the kind's open jobs have not moved for long; their command is killed."""
        with contextlib.suppress(redis.RedisError):
            jobs = [job for job in self.cluster.ledger.active() if job.kind == self.kind]
            progress = {job.id: (job.state, job.published, job.done, job.dead) for job in jobs}
            if progress != self._progress:
                self._progress, self._moved_at = progress, time.monotonic()
        if time.monotonic() - self._moved_at > _HUNG_SECONDS and self.command:
            self.command.send_signal(signal.SIGABRT)  # has it print where it is
            _, errors = self.command.communicate()
            raise TimeoutError(f"hung: {self._progress}, {self.command.args}\n{errors[-3000:]}")

    def _next(self, command: list[object], arguments: list[object], ending: Ending) -> list[object]:
        """Return what a user would type next."""
        if ending.code == 1 and ending.output.strip():
            return ["retry", json.loads(ending.output)["id"]]
        job = _JOB.search(ending.errors)
        if job and (ending.code == 2 or self.random.random() < 0.5):
            return ["wait", job[1]]
        if "retry" in map(str, arguments) and "no failed units" in ending.errors:
            return ["wait", *arguments[1:]]
        return command

    def interrupt(self, number: signal.Signals) -> bool:
        """Send a signal to the command that is running; False when there is none."""
        if self.command is None or self.command.poll() is not None:
            return False
        self.command.send_signal(number)
        return True


class Generate(Lane):
    kind = "generate"

    def prepare(self) -> None:
        self._digests = {}
        for seed in range(SEEDS):
            plan = Plan(spec=Spec(), shards=SHARDS, per_shard=PER_SHARD, seed=seed)
            self._digests[seed] = _make(self.cluster.capq.folder / f"reference-{seed}", plan).sha256

    def arguments(self) -> list[object]:
        self._seed = self.random.randrange(SEEDS)
        options = ("--shards", SHARDS, "--per-shard", PER_SHARD, "--seed", self._seed)
        return ["generate", *options, "--out", self.folder]

    def audit(self, job: dict[str, Any]) -> Iterator[str]:
        dataset = Dataset.open(str(self.folder))
        if dataset.sha256 != self._digests[self._seed]:
            yield "another digest than the undisturbed dataset"
        yield from (f"shard {verdict.shard}: {verdict.fault}" for verdict in verify(dataset) if verdict.fault)
        names = [name for name in self.files(self.folder) if not name.startswith(".capq/shard-")]
        expected = [f"shard-{shard:06d}.tar" for shard in range(SHARDS)]
        if names != sorted(["README.md", "dataset.json", *expected]):
            yield f"stray files: {names}"


class Solve(Lane):
    kind = "solve"

    def prepare(self) -> None:
        self._images = self.cluster.capq.folder / "images"
        self._images.mkdir()
        plan = Plan(spec=Spec(), shards=1, per_shard=IMAGES, seed=9)
        for sample in Dataset.begin(str(self.cluster.capq.folder / "for-reading"), plan).render(0, 0, IMAGES):
            (self._images / f"{sample.key}.{sample.extension}").write_bytes(sample.image)
        self.folder.mkdir(exist_ok=True)
        self._to_its_end(self.arguments())
        self._table = (self.folder / "table.csv").read_bytes()

    def arguments(self) -> list[object]:
        self.folder.mkdir(exist_ok=True)
        options = ("--checkpoint", NETWORK, "--batch", BATCH)
        return ["solve-dir", self._images, *options, "--out", self.folder / "table.csv"]

    def audit(self, job: dict[str, Any]) -> Iterator[str]:
        table = (self.folder / "table.csv").read_bytes()
        if table != self._table:
            yield f"another table: {len(table.splitlines())} lines, not {len(self._table.splitlines())}"
        if self.files(self.folder) != [".table.csv.capq", "table.csv"]:
            yield f"stray files: {self.files(self.folder)}"


class Evaluate(Lane):
    kind = "evaluate"

    def prepare(self) -> None:
        self._dataset = self.cluster.capq.folder / "labelled"
        _make(self._dataset, Plan(spec=Spec(), shards=8, per_shard=100, seed=5))
        self._summary = self._to_its_end(self.arguments())["summary"]

    def arguments(self) -> list[object]:
        return ["evaluate", self._dataset, "--checkpoint", NETWORK]

    def audit(self, job: dict[str, Any]) -> Iterator[str]:
        if job["summary"] != self._summary:
            yield f"another evaluation: {job['summary']}"


class Train(Lane):
    kind = "train"

    def prepare(self) -> None:
        self._dataset = self.cluster.capq.folder / "small"
        spec = Spec.make(width=64, height=32, lengths=2, charset="digits")
        _make(self._dataset, Plan(spec=spec, shards=2, per_shard=250))

    def arguments(self) -> list[object]:
        self.folder.mkdir(exist_ok=True)
        options = ("--max-images", TRAINED, "--batch", 16)
        return ["train", self._dataset, *options, "--out", self.folder / "m"]

    def audit(self, job: dict[str, Any]) -> Iterator[str]:
        trained = checkpoint.load(self.folder / "m").model
        if trained.training["images"] < TRAINED:
            yield f"{trained.training['images']} images"
        if (self.folder / "m.run").exists():
            yield f"m.run is left: {self.files(self.folder / 'm.run')}"

    def _next(self, command: list[object], arguments: list[object], ending: Ending) -> list[object]:
        if "--resume" in ending.errors and "--resume" not in arguments:
            return [*command, "--resume"]
        if "--overwrite" in ending.errors:  # its job has ended well meanwhile
            jobs = (job for job in self.cluster.ledger.jobs() if job.kind == self.kind)
            return ["wait", next(jobs).id]
        return super()._next(command, arguments, ending)


def _make(folder: Path, plan: Plan) -> Dataset:
    dataset = Dataset.begin(str(folder), plan)
    for shard in range(plan.shards):
        dataset.write_shard(shard)
    return dataset.finish()


KINDS = (Generate, Solve, Evaluate, Train)
