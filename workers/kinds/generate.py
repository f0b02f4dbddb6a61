"""Dataset generation: a unit is a shard."""

from typing import Any

from captcha_core import rendering
from captcha_core.datasets import Dataset, Plan

from ..app import CPU
from ..ledger.job import Job
from ..ledger.ledger import Ledger
from .base import Context, Kind, Outcome, Request


class GenerateRequest(Request):
    """Attributes: the dataset's plan, and the path or URL of its folder."""

    plan: Plan
    out: str


class Generate(Kind[GenerateRequest]):
    units = "shards"
    queue = CPU
    command = "generate"
    counted_as = "rendered"
    output_field = "out"
    request_type = GenerateRequest

    def run(self, request: GenerateRequest, job: Job, unit: int, context: Context) -> Outcome:
        dataset = Dataset.resume(request.out, request.plan)
        # Both engines draw the same pixels, so nobody need wait for the faster one to be compiled.
        engine: rendering.Engine = "pillow" if rendering.needs_compiling() else "auto"
        record = dataset.write_shard(unit, context.check, engine)
        return Outcome(counts={"images": record.images, "bytes": record.bytes})

    def finish(self, request: GenerateRequest, job: Job, ledger: Ledger, context: Context) -> dict[str, Any]:
        if job.dead:
            return {"out": request.out, "shards": job.done}
        unfinished = Dataset.resume(request.out, request.plan)
        context.check_lease()
        dataset = unfinished.finish()
        return {
            "out": request.out,
            "shards": len(dataset.index.shards),
            "images": dataset.index.images,
            "bytes": dataset.index.bytes,
            "spec_digest": dataset.index.spec_digest,
            "sha256": dataset.sha256,
            "card": dataset.has_card(),
        }

    def images_a_unit(self, request: GenerateRequest) -> int:
        return request.plan.per_shard
