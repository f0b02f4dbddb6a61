"""Training: a unit is a slice, and each slice starts the next."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pydantic

from captcha_core.images.resize_rules import ResizeRule
from captcha_core.networks import Problem
from captcha_core.spec import Spec
from captcha_core.training.emphasis import Emphasis

from ..app import GPU
from ..ledger.job import Job
from ..ledger.ledger import Ledger
from ..settings import settings
from .base import Context, Kind, Outcome, Request

if TYPE_CHECKING:
    from captcha_core.training import RunFolder, Source

_SLICE_LIMIT = 3 * 3600.0


class DatasetSource(Request):
    """Labelled images: a generated dataset or a folder."""

    kind: Literal["dataset"] = "dataset"
    url: str
    held_out: float = 0.1


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


class Train(Kind[TrainRequest]):
    units = "slices"
    queue = GPU
    command = "train"
    counted_as = "trained"
    sequential = True
    output_field = "out"
    request_type = TrainRequest

    def prepare(self) -> None:
        from captcha_core.training import slices  # noqa: F401

    def run(self, request: TrainRequest, job: Job, unit: int, context: Context) -> Outcome:
        # Here, so that a worker that only renders never loads torch.
        from captcha_core.networks import devices
        from captcha_core.training import RunFolder, TrainingPlan, compilation
        from captcha_core.training.events import SliceEvents
        from captcha_core.training.loop import Progress
        from captcha_core.training.slices import Runtime, train_slice

        from ..process.models import device

        plan = TrainingPlan.model_validate(request.plan)
        run = RunFolder(Path(request.run), request.token)
        guarded = RunFolder(run.path, run.token, check_lease=context.check_lease)
        torch_device = devices.choose(device())
        latest = {"step": request.from_step, "seen": request.from_images, "accuracy": None} | job.latest
        images_before = request.from_images + job.counts.get("images", 0)
        events = SliceEvents(Path(request.events), latest["step"], images_before) if request.events else None

        def report(progress: Progress) -> None:
            if events and progress.step:
                events.note(progress)
            # The step stays the one a lost slice would start again from.
            context.show(
                latest
                | {
                    "seen": progress.images,
                    "spent": progress.spent,
                    "loss": progress.loss,
                    "speed": progress.speed,
                }
            )

        with devices.limited_threads(settings().training_threads if torch_device.type == "cpu" else 0):
            result = train_slice(
                guarded,
                plan,
                images(request.source.model_dump_json(), plan.problem, plan.resize_rule, plan.seed, run),
                from_step=latest["step"],
                max_seconds=settings().slice_seconds,
                stop=context.cancelled,
                report=report,
                runtime=Runtime(
                    torch_device, compilation.pays(torch_device), record={"command": request.command}
                ),
            )
        context.check()
        if events:
            events.write(result, plan)
        return Outcome(
            counts={"images": result.images - images_before},
            latest={
                "step": result.step,
                "seen": result.images,
                "spent": result.spent,
                "loss": result.loss,
                "accuracy": result.accuracy,
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
        if job.dead:
            return summary | {"run": request.run}
        from captcha_core.networks import checkpoint
        from captcha_core.training.run_folder import CHECKPOINT, RunFolder

        run = RunFolder(Path(request.run), request.token)
        trained = checkpoint.load(run.path / CHECKPOINT)
        run.check()  # after loading: what was another run's by then is not published
        context.check_lease()
        model = checkpoint.save(request.out, trained.model, trained.weights, overwrite=request.overwrite)
        trial = {"trial": model.training["trial"]} if "trial" in model.training else {}
        return summary | trial | {"digest": model.digest, "architecture": model.architecture}

    def tidy(self, request: TrainRequest) -> None:
        from captcha_core.training.run_folder import RunFolder

        RunFolder(Path(request.run), request.token).remove()

    def time_limit(self, request: TrainRequest) -> float:
        # A slice may begin with decoding a whole set, and with compiling; no figure of the plan bounds them.
        return _SLICE_LIMIT + 10 * settings().slice_seconds

    def fraction(self, job: Job) -> float | None:
        spent: float | None = job.latest.get("spent")
        return spent

    def share_before(self, job: Job) -> float:
        return float(job.request.get("from_spent", 0.0))  # of a job from before there was one

    def figures(self, job: Job) -> dict[str, str]:
        latest = job.latest
        shown = {}
        if latest.get("speed"):
            shown["training at"] = f"{latest['speed']:,.0f} images/s"
        if latest.get("loss") is not None:
            shown["loss"] = f"{latest['loss']:.4f}"
        if latest.get("accuracy") is not None:
            shown["accuracy"] = f"{latest['accuracy']:.2%}"
        return shown


@functools.lru_cache(maxsize=1)
def images(source: str, problem: Problem, rule: ResizeRule, seed: int, run: "RunFolder") -> "Source":
    """Return the images that a source's JSON names, kept from one slice of a run to the next."""
    from captcha_core import training

    parsed: DatasetSource | SpecSource = _SOURCE.validate_json(source)
    if isinstance(parsed, SpecSource):
        if parsed.emphasis:
            return training.EmphasisedTexts(parsed.spec, seed, parsed.emphasis)
        return training.Rendered(parsed.spec, seed)
    return training.labelled_images(
        parsed.url,
        seed,
        size=problem.size,
        rule=rule,
        grey=problem.grey,
        held_out=parsed.held_out,
        memory=settings().training_memory,
        run=run,
    )


_SOURCE: pydantic.TypeAdapter[DatasetSource | SpecSource] = pydantic.TypeAdapter(DatasetSource | SpecSource)
