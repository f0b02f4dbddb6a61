"""What a finished run says of its images, beside its checkpoint: two tables, and figures for a summary.

``<out>.suspects.csv`` lists the suspicious labels, ``<out>.unlabelled.csv`` the unlabelled images: what
was read in them, and what of it was kept.
"""

from dataclasses import dataclass
from typing import Any

from ..networks.checkpoint import Model
from ..storage import AnyPath
from . import pseudo_labels, suspects, unlabelled
from .plan import TrainingPlan
from .side_tables import SUSPECTS, UNLABELLED, SideTable

_ALL = "all-"  # as `rounds.ALL`, whose module needs PyTorch
_FIRST = 5  # suspicious labels in a summary


@dataclass(frozen=True)
class Findings:
    """Tables to go beside a checkpoint, and figures for its job's summary."""

    tables: tuple[SideTable, ...]
    figures: dict[str, Any]

    def check(self, *, overwrite: bool) -> None:
        """Check that the tables may be written; raises as `SideTable.check` does."""
        for table in self.tables:
            table.check(overwrite=overwrite)

    def publish(self, *, overwrite: bool) -> None:
        """Write the tables; raises as `SideTable.check` does."""
        for table in self.tables:
            table.publish(overwrite=overwrite)


def read(run: AnyPath, model: Model, out: str) -> Findings:
    """Return what a finished run found.

    Parameters
    ----------
    run
        Its folder.
    model
        Of its checkpoint.
    out
        Where the checkpoint goes.

    Raises
    ------
    TrainingError
        When a file in the folder is damaged or gone.
    StorageError
        When one cannot be read just now.
    """
    table, figures = _suspects(run, model, out)
    if "rounds" not in model.training:
        return Findings((table,), figures)
    read_images, rounds = _rounds(run, model, out)
    return Findings((table, read_images), figures | rounds)


def _suspects(run: AnyPath, model: Model, out: str) -> tuple[SideTable, dict[str, Any]]:
    suspicious = suspects.load(run)
    labels = suspicious.labels if suspicious else ()
    table = SideTable.beside(out, SUSPECTS, [tuple(label.model_dump().values()) for label in labels])
    if suspicious is None:
        return table, {}
    figures = {
        "looked_at": suspicious.looked_at,
        "count": len(labels),
        "first": [label.model_dump() for label in labels[:_FIRST]],
        "trust": model.training.get("plan", {}).get("trust", 1.0),
        "table": str(table.path) if labels else None,
    }
    return table, {"suspects": figures}


def _rounds(run: AnyPath, model: Model, out: str) -> tuple[SideTable, dict[str, Any]]:
    rule = TrainingPlan.model_validate(model.training["plan"]).self_training
    assert rule is not None  # noqa: S101 (its checkpoint has rounds)
    best = model.training["best_round"]
    phase = _ALL if best else ""  # what the network has learnt from, or what did not help it
    table = SideTable.beside(out, UNLABELLED, pseudo_labels.rows(run, phase, rule))
    listing = unlabelled.listing(run)
    reasons = [reason for _, reason in unlabelled.refused(run)]
    unreadable = sum(reason.startswith(unlabelled.UNREADABLE) for reason in reasons)
    figures = {
        "rounds": model.training["rounds"],
        "best_round": best,
        "unlabelled": {
            "images": listing.listed,
            "left_out": listing.listed - len(listing.entries),
            "unreadable": unreadable,
            "duplicates": len(reasons) - unreadable,
            "kept": model.training["kept"],
            "table": str(table.path) if table.has_rows else None,
        },
    }
    return table, figures
