"""Training: a unit is a slice, and each slice starts the next."""

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pydantic

from captcha_core import machine
from captcha_core.codecs.figures import percent_text
from captcha_core.errors import DivergedError, MissingExtraError
from captcha_core.images.resize_rules import ResizeRule
from captcha_core.inputs import Source as Inputs
from captcha_core.labels import LabelOptions
from captcha_core.networks import Problem
from captcha_core.spec import Spec
from captcha_core.storage import as_path
from captcha_core.training.emphasis import Emphasis

from ..app import GPU
from ..ledger.job import Job
from ..ledger.ledger import Ledger
from ..settings import settings
from .base import Context, Kind, Outcome, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from captcha_core.training import RunFolder, Source, TrainingPlan
    from captcha_core.training.loop import Progress
    from captcha_core.training.slices import Runtime, SliceResult

_SLICE_LIMIT = 3 * 3600.0


class DatasetSource(Request):
    """Labelled images: a generated dataset or a folder.

    Attributes
    ----------
    labels
        How the labels of a folder's images are looked for.
    labelling
        How they were found when the job was created, and what was left out, for its summary.
    """

    kind: Literal["dataset"] = "dataset"
    url: str
    held_out: float = 0.1
    labels: LabelOptions = LabelOptions()
    labelling: dict[str, Any] = pydantic.Field(default_factory=dict)


class SpecSource(Request):
    """Fresh images, rendered as training goes on."""

    kind: Literal["spec"] = "spec"
    spec: Spec
    emphasis: Emphasis | None = None


class TrainRequest(Request):
    """What to train.

    Attributes
    ----------
    plan
        A `captcha_core.training.TrainingPlan`, as JSON.
    source
        Where the images come from.
    run
        Folder of the run's states.
    token
        Of the run: a folder of another run is neither written to nor tidied. Empty for a run from
        before there were tokens.
    out
        Folder the finished checkpoint goes to.
    overwrite
        Whether it may take the place of another checkpoint.
    from_step, from_images, from_spent
        Where the job takes the run up, the last as a share of its budget; 0 for a new one.
    command
        Kept in the checkpoint's training record.
    events
        Folder of the run's TensorBoard events; none are written when empty.
    options
        What the command line asked for, by the names of its parameters; empty in a run from before
        they were kept.
    unlabelled
        Images without labels, for the plan's rounds of self-training.
    """

    plan: dict[str, Any]
    source: DatasetSource | SpecSource = pydantic.Field(discriminator="kind")
    run: str
    token: str = ""
    out: str
    overwrite: bool = False
    from_step: int = 0
    from_images: int = 0
    from_spent: float = 0.0
    command: str = ""
    events: str = ""
    options: dict[str, Any] = pydantic.Field(default_factory=dict)
    unlabelled: Inputs | None = None


class Train(Kind[TrainRequest]):
    units = "slices"
    queue = GPU
    command = "train"
    counted_as = "trained"
    sequential = True
    output_field = "out"
    request_type = TrainRequest

    def prepare(self) -> None:
        if not machine.installed("torch"):
            raise MissingExtraError("training, on each gpu worker,", "torch")
        from captcha_core.training import slices  # noqa: F401

    def run(self, request: TrainRequest, job: Job, unit: int, context: Context) -> Outcome:
        # Here, so that a worker that only renders never loads torch.
        from captcha_core.networks import devices
        from captcha_core.training import RunFolder, TrainingPlan, compilation
        from captcha_core.training.events import SliceEvents
        from captcha_core.training.loop import Progress
        from captcha_core.training.slices import Runtime

        from ..process import metrics
        from ..process.models import device

        plan = TrainingPlan.model_validate(request.plan)
        run = RunFolder(as_path(request.run), request.token)
        guarded = RunFolder(run.path, run.token, check_lease=context.check_lease)
        torch_device = devices.choose(device())
        latest = {"step": request.from_step, "seen": request.from_images, "accuracy": None} | job.latest
        images_before = request.from_images + job.counts.get("images", 0)
        steps_before = images_before if request.unlabelled else latest["step"]  # steps of rounds start anew
        events = SliceEvents(Path(request.events), steps_before, images_before) if request.events else None

        def report(progress: Progress) -> None:
            if events and progress.step:
                events.note(progress)
            # The step stays the one a lost slice would start again from.
            reached = {"seen": progress.images, "spent": progress.spent}
            figures = {"loss": progress.loss, "speed": progress.speed} if progress.speed else {}
            context.show(latest | reached | figures)
            if progress.step:
                metrics.training_at(progress.loss, progress.rate, progress.speed)

        with devices.limited_threads(settings().training_threads if torch_device.type == "cpu" else 0):
            runtime = Runtime(
                torch_device, compilation.pays(torch_device), record={"command": request.command}
            )
            try:
                result = _train(request, guarded, plan, latest["step"], context, report, runtime)
            except DivergedError:
                metrics.training_diverged()
                raise
        metrics.slice_ended(result.loss, result.accuracy)
        context.check()
        if events:
            # Within rounds, the share of the run that is done tells no rate.
            events.write(replace(result, loss=None) if request.unlabelled else result, plan)
        return Outcome(
            counts={"images": result.images - images_before},
            latest={
                "step": result.step,
                "seen": result.images,
                "spent": result.spent,
                "loss": result.loss,
                "accuracy": result.accuracy,
                "round": result.round,
            },
            total=unit + 1 if result.finished else None,
        )

    def finish(self, request: TrainRequest, job: Job, ledger: Ledger, context: Context) -> dict[str, Any]:
        latest = job.latest
        summary = {
            "out": request.out,
            "images": latest.get("seen", 0),
            "loss": latest.get("loss"),
            "accuracy": latest.get("accuracy"),
        }
        if isinstance(request.source, DatasetSource) and request.source.labelling:
            summary["labels"] = request.source.labelling
        if job.dead:
            return summary | {"run": request.run}
        from captcha_core.networks import checkpoint, report_files
        from captcha_core.training import findings
        from captcha_core.training.run_folder import CHECKPOINT, RunFolder

        run = RunFolder(as_path(request.run), request.token)
        trained = checkpoint.load(run.path / CHECKPOINT)
        result = findings.read(run.path, trained.model, request.out)
        report = report_files.read(run.path / CHECKPOINT)
        run.check()  # after loading: what was another run's by then is not published
        context.check_lease()
        replaced = request.overwrite or not as_path(request.out).exists()  # with the checkpoint it was of
        result.check(overwrite=replaced)
        model = checkpoint.save(
            request.out, trained.model, trained.weights, overwrite=request.overwrite, report=report
        )
        result.publish(overwrite=replaced)
        trial = {"trial": model.training["trial"]} if "trial" in model.training else {}
        left_out = {"left_out": model.training["source"].get("left_out", {"count": 0, "first": {}})}
        figures = {
            "digest": model.digest,
            "architecture": model.architecture,
            "report": sorted(report),
        }
        return summary | result.figures | trial | left_out | figures

    def tidy(self, request: TrainRequest) -> None:
        from captcha_core.training.run_folder import RunFolder

        RunFolder(as_path(request.run), request.token).remove()

    def time_limit(self, request: TrainRequest) -> float:
        # A slice may begin with decoding a whole set, and with compiling; no figure of the plan bounds them.
        return _SLICE_LIMIT + 10 * settings().slice_seconds

    def fraction(self, job: Job) -> float | None:
        spent: float | None = job.latest.get("spent")
        return spent

    def share_before(self, job: Job) -> float:
        return float(job.request.get("from_spent", 0.0))  # of a job from before there was one

    def images_at_work(self, job: Job) -> int:
        if job.state.closed:
            return 0
        seen = int(job.latest.get("seen", 0)) - int(job.request.get("from_images", 0))
        return max(0, seen - job.counts.get("images", 0))

    def figures(self, job: Job) -> dict[str, str]:
        latest = job.latest
        shown = {}
        if job.request.get("unlabelled"):
            shown["round"] = str(latest.get("round", 0))
        if latest.get("speed"):
            shown["training at"] = f"{latest['speed']:,.0f} images/s"
        if latest.get("loss") is not None:
            shown["loss"] = f"{latest['loss']:.4f}"
        if latest.get("accuracy") is not None:
            shown["accuracy"] = percent_text(latest["accuracy"])
        return shown


def _train(
    request: TrainRequest,
    run: "RunFolder",
    plan: "TrainingPlan",
    from_step: int,
    context: Context,
    report: "Callable[[Progress], None]",
    runtime: "Runtime",
) -> "SliceResult":
    """Do one slice: of the run, or of its rounds where there are unlabelled images."""
    from captcha_core.training import rounds, slices

    source = images(request.source.model_dump_json(), plan.problem, plan.resize_rule, plan.seed, run)
    seconds, stop = settings().slice_seconds, context.cancelled
    if request.unlabelled is not None:
        return rounds.train_slice(
            run, plan, source, request.unlabelled, seconds, stop=stop, report=report, runtime=runtime
        )
    return slices.train_slice(
        run, plan, source, from_step, seconds, stop=stop, report=report, runtime=runtime
    )


@functools.lru_cache(maxsize=1)
def images(source: str, problem: Problem, rule: ResizeRule, seed: int, run: "RunFolder") -> "Source":
    """Return the images that a source's JSON names, kept from one slice of a run to the next."""
    from captcha_core import training
    from captcha_core.datasets import open_labelled

    parsed: DatasetSource | SpecSource = _SOURCE.validate_json(source)
    if isinstance(parsed, SpecSource):
        if parsed.emphasis:
            return training.EmphasisedTexts(parsed.spec, seed, parsed.emphasis)
        return training.Rendered(parsed.spec, seed)
    return training.labelled_images(
        open_labelled(parsed.url, parsed.labels),
        seed,
        size=problem.size,
        rule=rule,
        grey=problem.grey,
        held_out=parsed.held_out,
        memory=settings().training_memory,
        run=run,
    )


_SOURCE: pydantic.TypeAdapter[DatasetSource | SpecSource] = pydantic.TypeAdapter(DatasetSource | SpecSource)
