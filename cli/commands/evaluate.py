"""`capq evaluate`."""

import functools
import io
import json
from typing import Any

import click

from captcha_core.codecs.figures import percent_text
from captcha_core.codecs.options import Decoding
from captcha_core.codecs.restrictions import missing_characters
from captcha_core.datasets import Dataset, LabelledFolder, LabelOptions, lookup, open_labelled
from captcha_core.errors import CheckpointError, counted
from captcha_core.evaluation import Evaluation
from captcha_core.networks import Problem
from captcha_core.networks.checkpoint import Model
from captcha_core.reports import canvas
from captcha_core.reports.evaluation import confidence, confusions
from captcha_core.reports.mistakes import mistakes_sheet
from captcha_core.spec import Spec
from captcha_core.storage import MarkedFile, absolute, as_path
from captcha_core.storage.overlap import check_apart
from workers.kinds.evaluate import EvaluateRequest, batch_count, evaluation
from workers.ledger.job import Job
from workers.ledger.ledger import Ledger

from ..job.session import session
from ..job.submission import detach_option, run
from ..options.checkpoint import checkpoint_option, resolve_checkpoint
from ..options.decoding import (
    beam_option,
    charset_option,
    check_beam,
    ignore_case_option,
    length_option,
)
from ..options.labels import describe_labels, label_pattern_option, show_labels
from ..options.overwrite import overwrite_option
from ..terminal import interval, json_option, note, print_table, say, say_faults, share

_WORST = 5
_FIGURES = "evaluation.json"
_MISTAKES = "mistakes.png"
_PICTURES = ("confusions.png", "confidence.png", _MISTAKES, _FIGURES)


@click.command()
@click.argument("dataset")
@checkpoint_option
@length_option
@beam_option
@charset_option
@ignore_case_option
@label_pattern_option
@click.option(
    "--pictures",
    metavar="DIR",
    help="Draw confusions, confidence and the mistakes into a folder, beside all figures as JSON.",
)
@overwrite_option
@detach_option
@json_option
def evaluate(  # noqa: PLR0913 (one argument an option)
    *,
    dataset: str,
    name: str,
    lengths: tuple[int, int] | None,
    beam: int | None,
    charset: str | None,
    ignore_case: bool,
    label_pattern: str,
    pictures: str | None,
    overwrite: bool,
    detach: bool,
    as_json: bool,
) -> None:
    """Measure how well a network reads labelled images, on the gpu workers.

    DATASET is what `capq generate` made, or a folder of your own labelled images; of a folder
    that is divided, the images for testing. Shares come with their 95 % intervals; --json has
    every figure, the confusions among them.

    \b
    capq evaluate dataset --checkpoint model
    capq evaluate ./labelled --pictures report
    """
    if pictures and detach:
        raise click.UsageError("--pictures are drawn when the job has ended: leave --detach out")
    if overwrite and not pictures:
        raise click.UsageError("--overwrite is for --pictures")
    url = absolute(dataset)
    checkpoint, model = resolve_checkpoint(name)
    check_beam(model, beam)
    decoding = Decoding.checked(
        model.problem, lengths=lengths, beam=beam, charset=charset, ignore_case=ignore_case
    )
    label_options = LabelOptions(pattern=label_pattern, split="test")
    images = open_labelled(url, label_options)
    show_labels(images)
    if isinstance(images, Dataset):
        _check_fits(url, images.plan.spec, model, ignore_case=ignore_case)
        _check_lengths(url, images.plan.spec, decoding)
        _check_charset(url, images.plan.spec, decoding)
    files: dict[str, MarkedFile] = {}
    if pictures:
        canvas.require_matplotlib()
        check_apart([pictures], [url, *([checkpoint] if as_path(checkpoint).is_dir() else [])], "evaluation")
        files = _files(pictures, " ".join((url, model.digest, decoding.options)), overwrite=overwrite)
    total = batch_count(images)
    with session() as ledger:
        write_pictures = (
            functools.partial(_write_pictures, ledger, images, _compared_charset(model, decoding), files)
            if pictures
            else None
        )
        request = EvaluateRequest(
            dataset=url,
            images=len(images),
            checkpoint=checkpoint,
            digest=model.digest,
            decoding=decoding,
            labels=label_options,
            labelling=describe_labels(images),
        )
        run(
            ledger,
            "evaluate",
            request,
            total=total,
            detach=detach,
            as_json=as_json,
            show=show,
            after=write_pictures,
        )


def _check_fits(dataset: str, spec: Spec, model: Model, *, ignore_case: bool) -> None:
    """Refuse a generated dataset that the network cannot read: its figures would mean nothing."""
    problem = Problem.from_spec(spec)
    if model.trained_on_resized:
        problem = problem.model_copy(update={"size": model.problem.size})  # images of any size
    reasons = model.problem.misfits(problem, ignore_case=ignore_case)
    if reasons:
        raise CheckpointError(
            f"this network cannot read {dataset}: {'; '.join(reasons)}. Train one: capq train {dataset}"
        )


def _check_lengths(dataset: str, spec: Spec, decoding: Decoding) -> None:
    """Refuse lengths that leave out texts of a generated dataset: those would all count as wrong."""
    low, high = spec.lengths
    if decoding.lengths and not decoding.lengths[0] <= low <= high <= decoding.lengths[1]:
        raise CheckpointError(
            f"{dataset} has texts that --length leaves out: give {Decoding(lengths=spec.lengths).options}, "
            "or leave the option out"
        )


def _check_charset(dataset: str, spec: Spec, decoding: Decoding) -> None:
    """Refuse a charset that leaves out characters of a generated dataset: they would all count as wrong."""
    if decoding.charset:
        missing = missing_characters(spec.charset, decoding.charset, ignore_case=decoding.ignore_case)
        if missing:
            raise CheckpointError(
                f"{dataset} has characters that --charset leaves out, {missing!r}: leave the option out"
            )


def _compared_charset(model: Model, decoding: Decoding) -> str:
    """Return the characters that texts and labels have when they are compared."""
    characters = decoding.charset or model.problem.charset
    return "".join(dict.fromkeys(map(str.casefold, characters))) if decoding.ignore_case else characters


def _files(folder: str, subject: str, *, overwrite: bool) -> dict[str, MarkedFile]:
    """Return the files that are to be written, by name, once it is sure that they may be."""
    files = {
        name: MarkedFile(str(as_path(folder) / name), "evaluation", subject, overwrite) for name in _PICTURES
    }
    for file in files.values():
        file.check()
    return files


def _write_pictures(
    ledger: Ledger, images: Dataset | LabelledFolder, charset: str, files: dict[str, MarkedFile], job: Job
) -> None:
    """Write an ended job's pictures and figures, if it has results."""
    if not job.summary:
        return
    totals = evaluation(ledger, job.id)
    foreign = {character for pair in totals.character_pairs for character in pair} - set(charset)
    charset += "".join(sorted(foreign))
    for name, figure in (
        ("confusions.png", confusions(totals, charset)),
        ("confidence.png", confidence(totals)),
    ):
        files[name].write(canvas.encode(figure, name))
    if totals.mistakes:
        mistaken = lookup.read_images(images, (mistake.image for mistake in totals.mistakes))
        buffer = io.BytesIO()
        mistakes_sheet(totals.mistakes, mistaken).save(buffer, "PNG")
        files[_MISTAKES].write(buffer.getvalue())
    else:
        files[_MISTAKES].remove()  # of an earlier evaluation
    figures = job.summary | {"confusions": _all_confusions(totals)}
    files[_FIGURES].write(json.dumps(figures, indent=1, ensure_ascii=False).encode())
    note(f"pictures: {as_path(files[_FIGURES].path).parent}")


def _all_confusions(totals: Evaluation) -> list[dict[str, Any]]:
    return [{"true": true, "read": read, "count": count} for true, read, count in totals.confusions(None)]


def show(job: Job) -> None:
    """Print the results of an evaluation."""
    summary = job.summary
    say(f"{counted(summary['images'], 'image')} of {summary['dataset']}")
    print_table(
        ("", "share", "95 % interval", "right", "of"),
        [
            _row("whole images", summary["accuracy"]),
            _row("characters", summary["characters"]),
            *(_row(f"  at place {i}", rate) for i, rate in enumerate(summary["by_position"], start=1)),
            *(
                _row(f"  of {character}", rate)
                for character, rate in _least_accurate(summary["by_character"])
            ),
        ],
    )
    if summary["unreadable"]:
        say(f"{counted(summary['unreadable'], 'image')} could not be decoded: counted as wrong")
    say_faults(summary["confusions"])
    _show_confidence(summary)


def _show_confidence(summary: dict[str, Any]) -> None:
    if summary["calibration_error"] is None:
        return
    say(f"calibration error: {percent_text(summary['calibration_error'])} between confidence and accuracy")
    print_table(
        ("if confidence is", "images kept", "of these right", "95 % interval"),
        [
            (
                f"{row['threshold']:g} or more",
                percent_text(row["kept"]),
                share(row["accuracy"]),
                interval(row["accuracy"]),
            )
            for row in summary["rejection"]
        ],
    )


def _least_accurate(by_character: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the characters that are read right least often, without those that always are."""
    faulty = [(character, rate) for character, rate in by_character.items() if rate["right"] < rate["count"]]
    return sorted(faulty, key=lambda item: float(item[1]["value"]))[:_WORST]


def _row(name: str, rate: dict[str, Any]) -> tuple[str, str, str, int, int]:
    return name, share(rate), interval(rate), rate["right"], rate["count"]
